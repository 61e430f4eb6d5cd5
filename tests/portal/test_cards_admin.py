"""EV cards as the admin sees them: found, registered, diagnosed, given to another driver."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from csms import cards as gate
from db import cards, driver_commands
from db.accounts import Account
from db.model.id_tokens import IdToken, Purpose
from db.model.stations import Station
from db.rows import Pool
from portal.context import CONFIG
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as browser:
        yield browser


@pytest.fixture
async def ada(pool: Pool) -> Account:
    return await add_person(pool, ADA)


@pytest.fixture
async def station(pool: Pool) -> Station:
    async with pool.acquire() as conn:
        made = await build.station(conn, "CP-1", evses=2)
    await pool.execute("update station set name = 'Harbour north'")
    return made


async def card(pool: Pool, uid: str = "ADA-1", **more: object) -> IdToken:
    async with pool.acquire() as conn:
        return await build.card(conn, uid, **more)


async def tap(pool: Pool, at: Station, uid: str, purpose: Purpose = "authorize") -> str:
    async with pool.acquire() as conn, conn.transaction():
        decision, _ = await gate.judge(
            conn, station_id=at.id, uid=uid, type=None, purpose=purpose, at=datetime.now(UTC)
        )
    return decision.status


async def audits(pool: Pool) -> list[tuple[str, str]]:
    rows = await pool.fetch("select action, subject from audit where action like 'card.%'")
    return [(row["action"], row["subject"]) for row in rows]


def rows(text: str) -> int:
    return text.count('<th scope="row">')


async def test_the_counters_are_of_all_cards_whatever_the_filter(
    desk: Browser, pool: Pool, ada: Account
) -> None:
    for uid, more in (
        ("A-1", {"account_id": ada.id}),
        ("A-2", {"account_id": ada.id, "status": "Blocked"}),
        ("B-1", {}),
        ("C-1", {"status": "Unknown"}),
    ):
        await card(pool, uid, **more)
    async with pool.acquire() as conn:
        await driver_commands.choose_token(conn, ada.id, most_characters=1)  # the app's: hidden

    for query in ("", "?q=A-2", "?status=blocked"):
        page = (await desk.get(f"/admin/cards{query}")).text
        figures = [part.partition("<")[0] for part in page.split("</dt><dd>")[1:6]]
        assert figures == ["3", "2", "1", "1", "1"], query


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"ADA-1", "BLOCKED", "EXPIRED", "LOST", "SEEN", "50%_X"}),
        ("?status=active", {"ADA-1", "50%_X"}),
        ("?status=blocked", {"BLOCKED", "LOST"}),
        ("?status=expired", {"EXPIRED"}),
        ("?status=lost", {"LOST"}),
        ("?status=unknown", {"SEEN"}),
        ("?status=nonsense", {"ADA-1", "BLOCKED", "EXPIRED", "LOST", "SEEN", "50%_X"}),
        ("?linked=yes", {"ADA-1"}),
        ("?linked=no&status=active", {"50%_X"}),
        ("?q=da-1", {"ADA-1"}),
        ("?q=BLUE", {"ADA-1"}),
        ("?q=ada%40example", {"ADA-1"}),
        ("?q=%25_", {"50%_X"}),
        ("?q=%00", {"ADA-1", "BLOCKED", "EXPIRED", "LOST", "SEEN", "50%_X"}),
    ],
)
async def test_filters_are_exact_and_literal(
    desk: Browser, pool: Pool, ada: Account, query: str, found: set[str]
) -> None:
    await card(pool, "ADA-1", account_id=ada.id)
    await card(pool, "BLOCKED", status="Blocked")
    await card(pool, "EXPIRED", expires_at=datetime.now(UTC) - timedelta(days=1))
    await card(pool, "LOST", status="Blocked")
    await card(pool, "SEEN", status="Unknown")
    await card(pool, "50%_X")
    await pool.execute("update id_token set label = 'Blue keyring' where uid = 'ADA-1'")
    await pool.execute("update id_token set lost_at = now() where uid = 'LOST'")

    page = (await desk.get(f"/admin/cards{query}")).text

    shown = {
        uid
        for uid in ("ADA-1", "BLOCKED", "EXPIRED", "LOST", "SEEN", "50%_X")
        if f'<span class="id">{uid}</span>' in page or f'<small class="id">{uid}</small>' in page
    }
    assert shown == found


async def test_fifty_are_shown_and_the_rest_is_loaded_with_the_filter_kept(
    desk: Browser, pool: Pool
) -> None:
    for number in range(120):
        await card(pool, f"N-{number:03}", status="Blocked" if number % 2 else "Accepted")

    page = (await desk.get("/admin/cards?status=blocked")).text
    more = page.partition('hx-get="/admin/cards')[2].partition('"')[0].replace("&amp;", "&")
    more = f"/admin/cards{more}"
    rest = (await desk.get(more, HX_Request="true")).text

    assert rows(page) == 50
    assert page.index("N-119") < page.index("N-021")
    assert rows(rest) == 10
    assert "status=blocked" in more
    assert "Load more" not in rest
    assert "<html" not in rest


async def test_a_card_that_was_only_seen_says_where_and_is_registered_by_one_click(
    desk: Browser, pool: Pool, station: Station
) -> None:
    assert await tap(pool, station, "04A2F91C") == "Unknown"
    listed = (await desk.get("/admin/cards")).text
    assert "Not registered" in listed
    assert "Harbour north" in listed
    number = await pool.fetchval("select id from id_token")

    shown = await desk.post(
        f"/admin/cards/{number}/status", {"status": "Accepted"}, page="/admin/cards"
    )

    assert shown.path == f"/admin/cards/{number}"
    assert "is registered: link it to a driver" in shown.text
    assert await tap(pool, station, "04A2F91C") == "Accepted"
    assert await audits(pool) == [("card.registered", f"card:{number}")]


async def test_the_kind_of_a_new_card_is_told_from_its_number(desk: Browser, pool: Pool) -> None:
    for uid in ("04A2F91C6B3E80", "DE-8AA-CA2B3C4D5-N", "FLEET"):
        await desk.post(
            "/admin/cards/new", {"uid": uid, "type": "", "group": "G-1"}, page="/admin/cards/new"
        )

    found = await pool.fetch("select type, group_uid, status::text from id_token order by id")
    assert [tuple(row) for row in found] == [
        ("ISO14443", "G-1", "Accepted"),
        ("eMAID", "G-1", "Accepted"),
        ("Central", "G-1", "Accepted"),
    ]


async def test_a_card_is_not_its_own_group(desk: Browser, pool: Pool) -> None:
    made = await card(pool)
    path = f"/admin/cards/{made.id}"

    shown = await desk.post(path, {"group": "ada-1"}, page=path)

    assert shown.status == 422
    assert "a card is not its own group" in shown.text
    assert await pool.fetchval("select group_uid from id_token") is None


async def test_a_lost_card_is_unblocked_by_an_admin_alone(
    desk: Browser, pool: Pool, ada: Account, station: Station
) -> None:
    made = await card(pool, account_id=ada.id)
    async with pool.acquire() as conn, conn.transaction():
        own = await cards.get_own(conn, ada.id, made.id)
        await cards.report_lost(conn, own, by=ada, reason="on the train", remote_address="")
    path = f"/admin/cards/{made.id}"
    page = (await desk.get(path)).text
    assert "reported it lost on" in page
    assert "on the train" in page
    assert "Found again: unblock" in page

    await desk.post(f"{path}/status", {"status": "Accepted"}, page=path)

    assert await tap(pool, station, "ADA-1") == "Accepted"
    assert await pool.fetchval("select lost_at from id_token") is None
    assert (await audits(pool))[-1] == ("card.unblocked", f"card:{made.id}")
    detail = await pool.fetchval("select detail from audit where action = 'card.unblocked'")
    assert json.loads(detail)["was_lost"] is True


async def test_another_driver_gets_a_card_only_after_a_confirmation(
    desk: Browser, pool: Pool, ada: Account, station: Station
) -> None:
    grace = await add_person(pool, GRACE)
    made = await card(pool, account_id=ada.id)
    async with pool.acquire() as conn:
        past = await build.session(conn, station, account_id=ada.id)
        running = await build.session(conn, station, running=True, account_id=ada.id, evse=2)
    path = f"/admin/cards/{made.id}"
    fields = {"label": "Pool car", "driver": str(grace.id), "expires": "", "group": ""}

    asked = await desk.post(path, fields, page=path)
    assert asked.status == 409
    assert "Past sessions stay with ada" in asked.text
    assert f"Session {running.id} at Harbour north runs now." in asked.text
    assert await pool.fetchval("select account_id from id_token") == ada.id
    assert await audits(pool) == []

    stale = await desk.post(path, fields | {"from": str(grace.id)}, page=path)
    assert stale.status == 409, "it was shown for another driver"
    done = await desk.post(path, fields | {"from": str(ada.id)}, page=path)

    assert done.status == 200
    (now,) = await pool.fetch("select account_id, label from id_token")
    assert tuple(now) == (grace.id, "Pool car")
    owners = await pool.fetch("select account_id from charging_session order by id")
    assert [row["account_id"] for row in owners] == [ada.id, ada.id]
    assert past.id < running.id
    assert await audits(pool) == [("card.reassigned", f"card:{made.id}")]


async def test_linking_and_unlinking_needs_no_confirmation(
    desk: Browser, pool: Pool, ada: Account
) -> None:
    made = await card(pool)
    path = f"/admin/cards/{made.id}"
    for driver in (str(ada.id), ""):
        shown = await desk.post(path, {"driver": driver}, page=path)
        assert shown.status == 200
        assert await pool.fetchval("select account_id from id_token") == (
            ada.id if driver else None
        )


CAUSES = {
    "nothing": ("", "Accepted", "It is registered and not blocked"),
    "blocked": ("update id_token set status = 'Blocked'", "Blocked", "It is blocked"),
    "lost": (
        "update id_token set status = 'Blocked', lost_at = now()",
        "Blocked",
        "Its driver reported it lost on",
    ),
    "last day": (
        "update id_token set expires_at = '2099-01-01 00:00Z'",
        "Accepted",
        "Its last day is 31 Dec 2098",
    ),
    "expired": (
        "update id_token set expires_at = now() - interval '1 hour'",
        "Expired",
        "It expired: its last day was",
    ),
    "invalid": ("update id_token set status = 'Invalid'", "Invalid", "It is marked as not valid"),
    "unknown": ("update id_token set status = 'Unknown'", "Unknown", "Nobody has registered it"),
    "account": (
        "update account set is_active = false where role = 'driver'",
        "Blocked",
        "The account of ada is switched off",
    ),
    "group": (
        """
        with parent as (insert into id_token (uid, status) values ('FLEET', 'Blocked'))
        update id_token set group_uid = 'fleet'
        """,
        "Blocked",
        "The card of its group fleet may not charge",
    ),
    "group over": (
        """
        with parent as (insert into id_token (uid, expires_at) values ('FLEET', now()))
        update id_token set group_uid = 'fleet'
        """,
        "Expired",
        "The card of its group fleet expired after",
    ),
    "elsewhere": (None, "ConcurrentTx", "It is charging already"),
}


@pytest.mark.parametrize("cause", CAUSES)
async def test_the_diagnosis_says_what_the_central_system_would(
    desk: Browser, pool: Pool, ada: Account, station: Station, cause: str
) -> None:
    change, status, sentence = CAUSES[cause]
    made = await card(pool, account_id=ada.id)
    if change is None:
        async with pool.acquire() as conn:
            await build.session(conn, station, running=True, account_id=ada.id)
    elif change:
        await pool.execute(change)

    page = (await desk.get(f"/admin/cards/{made.id}")).text

    assert await tap(pool, station, "ADA-1", "start") == status
    verdict = page.partition("Would it be accepted now?")[2].partition("</header>")[0]
    assert (">Yes<" in verdict.replace("</svg>", ">")) == (status == "Accepted")
    assert (f"No: {status}" in verdict) == (status != "Accepted")
    assert sentence in page
    found = page.partition('<ul class="found">')[2].partition("</ul>")[0]
    assert ('data-tone="fault"' in found) == (status != "Accepted")


async def test_a_master_pass_is_told_from_a_card_that_charges(
    desk: Browser, api: Api, pool: Pool, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await card(pool, account_id=ada.id, group_uid="FIRE")
    path = f"/admin/cards/{made.id}"
    assert "master pass" not in (await desk.get(path)).text
    config = replace(api.app[CONFIG], master_pass_group="fire")
    monkeypatch.setitem(api.app._state, CONFIG, config)

    page = (await desk.get(path)).text

    assert "No: Invalid" in page
    assert "Its group has the master passes: they end any session and start none" in page


async def test_the_last_taps_are_shown_with_their_reason_and_charger(
    desk: Browser, pool: Pool, ada: Account, station: Station
) -> None:
    made = await card(pool, account_id=ada.id)
    await tap(pool, station, "ada-1")
    await pool.execute("update id_token set status = 'Blocked'")
    for _ in range(11):
        await tap(pool, station, "ADA-1")

    page = (await desk.get(f"/admin/cards/{made.id}")).text

    taps = page.partition('id="taps"')[2].partition("</section>")[0]
    assert taps.count("is blocked") == 10
    assert "is registered" not in taps
    assert taps.count("Harbour north") == 10


async def test_a_key_code_is_on_no_page(
    desk: Browser, api: Api, pool: Pool, ada: Account, station: Station
) -> None:
    made = await card(pool, "PIN-4711", type="KeyCode", account_id=ada.id)
    admin = [
        (await desk.get(path)).text
        for path in ("/admin/cards", "/admin/cards?q=4711", f"/admin/cards/{made.id}")
    ]
    await desk.post(
        f"/admin/cards/{made.id}/status", {"status": "Blocked"}, page=f"/admin/cards/{made.id}"
    )
    async with signed_in(api.port, ADA) as browser:
        driver = [
            (await browser.get(path)).text
            for path in ("/cards", f"/cards/{made.id}", f"/cards/{made.id}/lost")
        ]

    for text in [admin[0], *admin[2:], *driver]:
        assert "4711" not in text
    assert "No card matches" in admin[1]
    assert "4711" not in str(await pool.fetch("select detail from audit"))


async def test_what_is_no_card_is_not_found(desk: Browser, pool: Pool, ada: Account) -> None:
    async with pool.acquire() as conn:
        await driver_commands.choose_token(conn, ada.id, most_characters=1)
    app = await pool.fetchval("select id from id_token where is_app")

    for number in (app, 999_999, 10**30):
        assert (await desk.get(f"/admin/cards/{number}")).status == 404


async def test_looking_changes_nothing(desk: Browser, pool: Pool, ada: Account) -> None:
    made = await card(pool, account_id=ada.id)
    before = await build.everything(pool, but={"web_session", "job"})
    for path in ("/admin/cards", f"/admin/cards/{made.id}", "/admin/cards/new", "/admin/drivers"):
        assert (await desk.get(path)).status == 200

    assert await build.everything(pool, but={"web_session", "job"}) == before
