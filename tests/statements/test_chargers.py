"""The tour's chargers (S43 to S48, S50, S51): what each card says, and how many can be used now."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from db import stations
from db.rows import Pool
from portal.context import CONFIG
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api

ADA, GRACE = "ada@example.org", "grace@example.org"
HTMX = {"HX_Request": "true"}
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Card:
    """What a driver reads on one card."""

    name: str
    said: str  # the badge
    text: str

    @property
    def word(self) -> str:
        return self.said.partition(",")[0]


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def cards(html: str) -> list[Card]:
    found = []
    for part in re.split(r'<li id="charger-', html)[1:]:
        name = re.search(r"<h3>([^<]*)</h3>", part)
        badge = re.search(
            r'<span class="badge" data-tone="\w+">(.*?)</span>(?!</span>)', part, re.S
        )
        assert name is not None
        assert badge is not None
        said = text_of(part[badge.start() : part.index("</div>", badge.start())])
        found.append(Card(name[1], said, text_of(part.partition("</section>")[0])))
    return found


@pytest.fixture
async def ada(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page:
        yield page


async def charger(
    pool: Pool,
    name: str,
    *,
    seen: timedelta = timedelta(0),
    status: str = "Available",
    kind: str = "CCS",
    kw: float = 50,
) -> int:
    """With one connector, last seen so long ago."""
    async with pool.acquire() as conn:
        made = await build.station(conn, name.replace(" ", "-"), evses=1)
        await conn.execute(
            "update station set name = $2, last_seen_at = $3 where id = $1",
            made.id,
            name,
            datetime.now(UTC) - seen,
        )
        await conn.execute(
            """
            update connector set type = $2, max_power_w = $3, status = $4::connector_status,
                reported = $4::text
            where station_id = $1
            """,
            made.id,
            kind,
            int(kw * 1000),
            status,
        )
    return made.id


async def running(pool: Pool, station_id: int, email: str) -> None:
    account = await pool.fetchval("select id from account where email = $1", email)
    identity = await pool.fetchval("select identity from station where id = $1", station_id)
    async with pool.acquire() as conn:
        of = await stations.get(conn, identity)
        made = await build.session(
            conn,
            of,
            running=True,
            evse=1,
            account_id=account,
            started_at=datetime.now(UTC) - HOUR,
            updated_at=datetime.now(UTC),
            live_wh="1234",
        )
        await conn.execute(
            "update session_live set account_id = $2 where session_id = $1", made.id, account
        )


async def reserve(
    pool: Pool, station_id: int, email: str, start: float, end: float, status: str = "confirmed"
) -> None:
    """Start and end are hours from now."""
    now = datetime.now(UTC)
    await pool.execute(
        """
        insert into reservation (station_id, account_id, starts_at, ends_at, status)
        select $1, id, $3, $4, $5 from account where email = $2
        """,
        station_id,
        email,
        now + start * HOUR,
        now + end * HOUR,
        status,
    )


async def home(page: Browser) -> list[Card]:
    return cards((await page.get("/")).text)


async def pill(page: Browser) -> str:
    return text_of((await page.get("/chargers/online", **HTMX)).text)


async def test_S43_up_to_50_chargers_are_listed(ada: Browser, pool: Pool) -> None:
    await pool.execute(
        """
        insert into station (identity, public_id, name, last_seen_at)
        select 'CP-' || n, 'AAAA' || translate(lpad(n::text, 4, '0'), '01', 'XY'),
            'Bay ' || lpad(n::text, 3, '0'), now()
        from generate_series(1, 53) n
        """
    )

    assert [card.name for card in await home(ada)] == [f"Bay {n:03}" for n in range(1, 51)]


async def test_S43_only_those_that_the_account_may_see(api: Api, ada: Browser, pool: Pool) -> None:
    await add_person(pool, GRACE)
    await charger(pool, "For all")
    club = await charger(pool, "Club")
    gone = await charger(pool, "Gone")
    new = await charger(pool, "New")
    await pool.execute("update station set out_of_service_at = now() where id = $1", gone)
    await pool.execute("update station set registration = 'Pending' where id = $1", new)
    await pool.execute("insert into site (name, is_members_only) values ('Club', true)")
    await pool.execute("update station set site_id = 1 where id = $1", club)
    await pool.execute("insert into site_member select 1, id from account where email = $1", GRACE)

    async with signed_in(api.port, GRACE) as grace:
        assert [card.name for card in await home(grace)] == ["Club", "For all"]
        assert await pill(grace) == "2 available now"
    assert [card.name for card in await home(ada)] == ["For all"]
    assert await pill(ada) == "1 available now"
    public_id = await pool.fetchval("select public_id from station where id = $1", club)
    assert (await ada.get(f"/chargers/{public_id}/card", **HTMX)).status == 404


async def test_S44_the_pill_counts_those_that_can_be_used_right_now(
    ada: Browser, pool: Pool
) -> None:
    await add_person(pool, GRACE)
    await charger(pool, "Free 1")
    await charger(pool, "Free 2", status="Available")
    await charger(pool, "Silent", seen=HOUR)
    await charger(pool, "Broken", status="Faulted")
    await running(pool, await charger(pool, "Busy", status="Occupied"), GRACE)
    await reserve(pool, await charger(pool, "Held"), GRACE, -1, 1)
    mine = await charger(pool, "Mine")
    await reserve(pool, mine, ADA, -1, 1)

    assert await pill(ada) == "3 available now"  # two, and the one that is held for her
    assert sum(card.word == "Online" for card in await home(ada)) == 3
    await pool.execute("update station set last_seen_at = now() - interval '2 hours'")
    assert await pill(ada) == "None available now"


@pytest.mark.parametrize(
    ("entered", "kw", "shown"),
    [
        ("CCS", 150, "CCS · 150 kW"),
        ("cCCS2", 50, "CCS · 50 kW"),
        ("J1772", 7.4, "J1772 · 7.4 kW"),
        ("Type 1", 7.4, "J1772 · 7.4 kW"),
        ("NACS", 250, "NACS · 250 kW"),
        ("Tesla", 120, "NACS · 120 kW"),
        ("CHAdeMO", 62.5, "CHAdeMO · 62.5 kW"),
        ("Type 2", 22, "Type 2 · 22 kW"),
        ("Mennekes", 11, "Type 2 · 11 kW"),
    ],
)
async def test_S45_a_card_has_name_type_power_and_status(
    ada: Browser, pool: Pool, entered: str, kw: float, shown: str
) -> None:
    await charger(pool, "Quay North 1", kind=entered, kw=kw)

    html = (await ada.get("/")).text
    (card,) = cards(html)

    assert (card.name, card.said) == ("Quay North 1", "Online")
    assert shown in card.text
    glyph = {"CCS": "ccs", "J1772": "j1772", "NACS": "nacs", "CHAdeMO": "chademo"}
    assert f"#c-{glyph.get(shown.partition(' · ')[0], 'type2')}" in html


async def test_S46_a_status_is_one_of_four(ada: Browser, pool: Pool) -> None:
    await add_person(pool, GRACE)
    await charger(pool, "1 ready")
    await running(pool, await charger(pool, "2 used", status="Occupied"), GRACE)
    await reserve(pool, await charger(pool, "3 held"), GRACE, -1, 1)
    await charger(pool, "4 silent", seen=HOUR)
    await charger(pool, "5 nearly", seen=timedelta(minutes=59))
    await charger(pool, "6 broken", status="Faulted")

    assert {card.name: card.word for card in await home(ada)} == {
        "1 ready": "Online",
        "2 used": "In use",
        "3 held": "Reserved",
        "4 silent": "Offline",
        "5 nearly": "Online",
        "6 broken": "Offline",
    }


async def test_S46_reserved_is_an_active_or_confirmed_reservation_that_covers_now(
    ada: Browser, pool: Pool
) -> None:
    await add_person(pool, GRACE)
    cases = {
        "confirmed": (-1, 1, "confirmed"),
        "active": (-1, 1, "active"),
        "pending": (-1, 1, "pending"),
        "cancelled": (-1, 1, "cancelled"),
        "completed": (-1, 1, "completed"),
        "later": (0.1, 1, "confirmed"),
        "over": (-2, -0.001, "active"),
    }
    for name, (start, end, status) in cases.items():
        await reserve(pool, await charger(pool, name), GRACE, start, end, status)

    words = {card.name: card.word for card in await home(ada)}

    assert {name for name, word in words.items() if word == "Reserved"} == {"confirmed", "active"}
    assert set(words.values()) == {"Reserved", "Online"}


async def test_S47_offline_goes_before_in_use_before_reserved_before_online(
    ada: Browser, pool: Pool
) -> None:
    await add_person(pool, GRACE)
    everything = await charger(pool, "Everything at once", status="Occupied", seen=HOUR)
    await reserve(pool, everything, GRACE, -1, 1)
    await running(pool, everything, GRACE)

    async def word() -> str:
        (card,) = await home(ada)
        return card.word

    seen = [await word()]
    await pool.execute("update station set last_seen_at = now()")
    seen.append(await word())
    await pool.execute("delete from session_live")
    await pool.execute("update connector set status = 'Available', reported = 'Available'")
    seen.append(await word())
    await pool.execute("update reservation set status = 'cancelled'")
    seen.append(await word())

    assert seen == ["Offline", "In use", "Reserved", "Online"]


async def test_S47_for_its_holder_a_reserved_charger_is_online(ada: Browser, pool: Pool) -> None:
    await reserve(pool, await charger(pool, "Mine"), ADA, -1, 1)

    (card,) = await home(ada)

    assert card.said == "Online, reserved for you"


async def test_S48_the_dashboard_answers_the_three_questions(ada: Browser, pool: Pool) -> None:
    """Am I charging, when and where is my next reservation, how many chargers can I use?"""
    await charger(pool, "Free")
    await running(pool, await charger(pool, "Where I charge", status="Occupied"), ADA)
    await reserve(pool, await charger(pool, "Where I am expected"), ADA, 24, 25)

    said = text_of((await ada.get("/")).text)

    assert "Active session" in said
    assert "1.23 kWh" in said
    assert "Next reservation" in said
    assert "Where I am expected" in said.partition("Next reservation")[2]
    assert "2 available now" in said


async def test_S50_a_charger_that_is_missing_is_to_be_asked_for(
    api: Api, ada: Browser, pool: Pool
) -> None:
    await pool.execute(
        """
        insert into station (identity, public_id, last_seen_at)
        select 'CP-' || n, 'AAAA' || translate(lpad(n::text, 4, '0'), '01', 'XY'), now()
        from generate_series(1, 51) n
        """
    )
    full = text_of((await ada.get("/")).text)
    await pool.execute("delete from station where id > 49")
    fits = text_of((await ada.get("/")).text)

    assert "Only 50 chargers are shown." in full
    assert "which chargers your account is meant to see" in full
    assert "Only 50 chargers are shown." not in fits


async def test_S51_the_operators_address_is_there_if_one_is_configured(
    api: Api, ada: Browser
) -> None:
    without = (await ada.get("/")).text
    api.app._state[CONFIG] = replace(api.app[CONFIG], operator_email="help@north.example")
    with_one = (await ada.get("/")).text

    assert "mailto:" not in without
    assert 'href="mailto:help@north.example"' in with_one
