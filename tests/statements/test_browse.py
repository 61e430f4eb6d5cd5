"""The third document, "Browse charging transactions": S52 to S71 of the product's inventory."""

from __future__ import annotations

import html
import importlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from db import counters, session_filters
from db.rows import Pool
from portal.context import CONFIG
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.statements import charges
from tests.wire import add_station, charger, csms

OMAR = "omar@example.org"
PAGE = "/admin/transactions"
HOUR = timedelta(hours=1)


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        yield page


@pytest.fixture
async def station(pool: Pool, database_url: str) -> int:
    return (await add_station(database_url, "CP-1")).id


def in_zone(api: Api, zone: str) -> None:
    object.__setattr__(api.app[CONFIG], "operator_zone", zone)


async def ended(
    pool: Pool,
    station: int,
    updated_at: datetime,
    *,
    uid: str | None = "ADA-1",
    started_at: datetime | None = None,
) -> int:
    """A finished session that was updated at a moment; its number."""
    started_at = started_at or updated_at - HOUR
    number: int = await pool.fetchval(
        """
        insert into charging_session (station_id, family, transaction_id, evse, id_token,
            started_at, start_received_at, updated_at, is_finalized, ended_at, energy_wh)
        values ($1, 'v16', gen_random_uuid()::text, 1, $2, $3, $3, $4, true, $3, 1000)
        returning id
        """,
        station,
        uid,
        started_at,
        updated_at,
    )
    return number


async def running(
    pool: Pool, station: int, updated_at: datetime, *, uid: str = "ADA-1", power_w: int = 7400
) -> int:
    started_at = updated_at - HOUR
    number: int = await pool.fetchval(
        """
        with added as (
            insert into charging_session (station_id, family, transaction_id, id_token, started_at,
                start_received_at, updated_at)
            values ($1, 'v16', gen_random_uuid()::text, $2, $3, $3, $3)
            returning station_id, id, transaction_id, started_at
        )
        insert into session_live (station_id, session_id, transaction_id, started_at, max_power_w,
            power_w, updated_at, family)
        select station_id, id, transaction_id, started_at, 22000, $5, $4, 'v16' from added
        returning session_id
        """,
        station,
        uid,
        started_at,
        updated_at,
        power_w,
    )
    return number


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r'<tr id="session-(\d+)"', text)]


def figures(text: str) -> dict[str, str]:
    """The four counters by their names."""
    found = re.findall(
        r"<div><dt>(.*?)</dt><dd>(.*?)</dd>", charges.part(text, 'id="counters"', "</dl>")
    )
    return {charges.words(name): charges.words(value) for name, value in found}


def said(text: str) -> str:
    """What stands under the title."""
    return charges.words(re.search(r'<p id="matching".*?</p>', text, re.S)[0])  # type: ignore[index]


async def all_pages(desk: Browser, query: str) -> list[int]:
    """What is there with Load more, pressed as long as there is one."""
    shown = await desk.get(PAGE + query)
    found = numbers(shown.text)
    while more := re.search(r'hx-get="([^"]+after=[^"]+)" hx-target="#more"', shown.text):
        shown = await desk.get(html.unescape(more[1]), HX_Request="true")
        found += numbers(shown.text)
    return found


async def test_S52_the_page_stands_in_the_admins_sidebar(desk: Browser) -> None:
    shown = await desk.get("/admin/devices")
    nav = charges.part(shown.text, '<nav class="nav"', "</nav>")
    assert re.search(rf'<a href="{PAGE}"[^>]*>.*?Charging Sessions</a>', nav, re.S)
    assert "<h1>Charging Sessions</h1>" in (await desk.get(PAGE)).text


async def test_S53_it_loads_the_15_most_recently_updated_of_all_that_run_or_ended(
    desk: Browser, pool: Pool, station: int
) -> None:
    now = datetime.now(UTC)
    by_update = []
    for minute in range(20):
        at = now - timedelta(minutes=minute)
        # Started in the opposite order, so that the start cannot be what orders them.
        make = running if minute in {3, 17} else ended
        number = (
            await make(pool, station, at)
            if make is running
            else await ended(pool, station, at, started_at=now - timedelta(hours=40 - minute))
        )
        by_update.append(number)
    assert numbers((await desk.get(PAGE)).text) == by_update[:15]


async def test_S54_an_empty_table_on_a_fresh_system_is_no_error(desk: Browser) -> None:
    shown = await desk.get(PAGE)
    assert shown.status == 200
    assert "No sessions yet" in shown.text
    assert figures(shown.text)["Sessions today"] == "0"


async def test_S55_the_four_counters_are_of_all_sessions_whatever_the_filters(
    desk: Browser, pool: Pool, station: int
) -> None:
    await ended(pool, station, datetime.now(UTC))
    await running(pool, station, datetime.now(UTC))
    everything = figures((await desk.get(PAGE)).text)
    assert list(everything) == [
        "Sessions today",
        "kWh delivered (7d)",
        "Active now",
        "Avg kWh / session (7d)",
    ]
    shown = await desk.get(f"{PAGE}?tag=nobody&status=completed&from=2020-01-01&to=2020-01-02")
    assert numbers(shown.text) == []
    assert figures(shown.text) == everything
    text = shown.text
    assert text.index('id="counters"') < text.index('class="chips"') < text.index('id="list"')


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        ("2026-11-20T12:00:00Z", "2026-11-19T23:00:00Z"),
        ("2026-10-25T22:30:00Z", "2026-10-24T22:00:00Z"),  # the day of 25 hours, at 23:30
        ("2026-03-29T21:59:00Z", "2026-03-28T23:00:00Z"),  # the day of 23 hours, at 23:59
    ],
)
async def test_S56_sessions_today_are_those_touched_since_local_midnight(
    api: Api,
    desk: Browser,
    pool: Pool,
    station: int,
    monkeypatch: pytest.MonkeyPatch,
    now: str,
    midnight: str,
) -> None:
    in_zone(api, "Europe/Amsterdam")
    moment, day = datetime.fromisoformat(now), datetime.fromisoformat(midnight)

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return moment

    view = importlib.import_module("portal.views.admin.transactions")
    monkeypatch.setattr(view, "datetime", Then)
    await ended(pool, station, day - timedelta(seconds=1))
    await running(pool, station, day - timedelta(seconds=1))
    await ended(pool, station, day)
    await running(pool, station, moment - timedelta(seconds=1))
    await ended(pool, station, moment, started_at=day - timedelta(days=3))

    shown = await desk.get(f"{PAGE}/counters")
    assert figures(shown.text)["Sessions today"] == "3"


async def test_S57_and_S59_kwh_of_seven_days_and_the_average_come_from_what_chargers_counted(
    desk: Browser, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    begun = datetime.now(UTC) - 5 * HOUR
    registers = [[1_000, 8_512, 19_037], [19_037, 24_001], [24_001, 24_001]]
    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1") as box,
    ):
        await charges.boot(box)
        for place, meter in enumerate(registers):
            await charges.charge(box, meter, at=begun + place * HOUR, card=f"C-{place}")
    counted_wh = sum(meter[-1] - meter[0] for meter in registers)

    found = figures((await desk.get(PAGE)).text)
    step = Decimal("0.01")
    assert found["kWh delivered (7d)"] == str(
        (Decimal(counted_wh) / 1000).quantize(step, ROUND_HALF_UP)
    )
    assert found["Avg kWh / session (7d)"] == str(
        (Decimal(counted_wh) / 1000 / len(registers)).quantize(step, ROUND_HALF_UP)
    )


async def test_S57_the_window_is_168_hours_that_end_now(pool: Pool, station: int) -> None:
    now = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    for hours, energy_wh in ((0, 1), (1, 20), (167, 300), (168, 4_000), (169, 50_000)):
        await pool.execute(
            "insert into energy_hourly values ($1, $2, $3)",
            station,
            now.replace(minute=0) - hours * HOUR,
            Decimal(energy_wh),
        )
    async with pool.acquire() as conn:
        found = await counters.read(conn, midnight=now, now=now, silent_s=300)
    # The hour 168 hours ago began before the window did.
    assert found.energy_wh == 1 + 20 + 300


async def test_S58_active_now_are_those_without_an_end(
    desk: Browser, pool: Pool, station: int
) -> None:
    await ended(pool, station, datetime.now(UTC))
    for ago in (timedelta(), timedelta(days=30)):
        await running(pool, station, datetime.now(UTC) - ago)
    assert figures((await desk.get(PAGE)).text)["Active now"] == "2"


async def test_S59_distinct_sessions_are_those_updated_in_the_window(
    pool: Pool, station: int
) -> None:
    now = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    for at in (now - 169 * HOUR, now - 168 * HOUR + timedelta(seconds=1), now - HOUR):
        await ended(pool, station, at)
    await running(pool, station, now)
    await pool.execute("insert into energy_hourly values ($1, $2, 10000)", station, now - HOUR)
    async with pool.acquire() as conn:
        found = await counters.read(conn, midnight=now, now=now, silent_s=300)
        nothing = await counters.read(conn, midnight=now, now=now + 400 * HOUR, silent_s=300)
    assert found.recent == 3
    assert round(found.average_wh, 6) == round(Decimal(10_000) / 3, 6)
    assert (nothing.recent, nothing.average_wh) == (0, Decimal(0))


async def test_S60_status_is_all_active_or_completed_and_anything_else_is_all(
    desk: Browser, pool: Pool, station: int
) -> None:
    now = datetime.now(UTC)
    over = await ended(pool, station, now - HOUR)
    open_ = await running(pool, station, now)
    for status, expected in {
        "all": [open_, over],
        "active": [open_],
        "completed": [over],
        "failed": [open_, over],
        "ACTIVE": [open_, over],
        "": [open_, over],
    }.items():
        shown = await desk.get(f"{PAGE}?status={status}")
        assert numbers(shown.text) == expected, status
        count = await desk.get(f"{PAGE}/count?status={status}")
        assert said(count.text).startswith(f"{len(expected)} session"), status


async def test_S61_from_and_to_are_days_of_the_last_update_and_to_is_inclusive(
    api: Api, desk: Browser, pool: Pool, station: int
) -> None:
    in_zone(api, "Europe/Amsterdam")
    second = timedelta(seconds=1)
    # 25 October 2026 has 25 hours there: from 22:00 UTC the day before to 23:00 UTC.
    begins, ends = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)
    early = begins - timedelta(days=2)
    before = await ended(pool, station, begins - second)
    first = await ended(pool, station, begins, started_at=early)
    last = await ended(pool, station, ends - second)
    very_last = await ended(pool, station, ends - timedelta(microseconds=1))
    open_ = await running(pool, station, ends - HOUR)
    after = await ended(pool, station, ends, started_at=begins)

    async def of(query: str) -> list[int]:
        shown = await desk.get(f"{PAGE}?{query}")
        assert said(shown.text).startswith(f"{len(numbers(shown.text))} session")
        return numbers(shown.text)

    assert await of("from=2026-10-25&to=2026-10-25") == [very_last, last, open_, first]
    assert await of("to=2026-10-24") == [before]
    assert await of("from=2026-10-26") == [after]
    assert await of("from=2026-10-25") == [after, very_last, last, open_, first]


async def test_S61_a_date_that_cannot_be_used_is_left_out_and_the_page_says_so(
    desk: Browser, pool: Pool, station: int
) -> None:
    await ended(pool, station, datetime.now(UTC))
    for query, words in {
        "from=yesterday": "From is not a date",
        "to=2026-02-30": "To is not a date",
        "to=9999-12-31": "To is not a date",
        "from=2020-02-02&to=2020-02-01": "To is before From",
    }.items():
        shown = await desk.get(f"{PAGE}?{query}")
        assert shown.status == 200
        assert words in charges.words(shown.text)
        assert "1 session recorded" in said(shown.text)
        assert len(numbers(shown.text)) == 1
        assert (await desk.get(f"{PAGE}/export.csv?{query}")).status == 422


async def test_S62_a_tag_is_any_part_of_a_uid_whatever_its_case_and_as_it_stands(
    desk: Browser, pool: Pool, station: int
) -> None:
    now = datetime.now(UTC)
    found = {}
    for place, uid in enumerate(("04A2F91C", "04a2ff00", "50%_OFF", "50xyOFF", "a\\b")):
        found[uid] = await ended(pool, station, now - place * HOUR, uid=uid)
    for tag, uids in {
        "a2f": ["04A2F91C", "04a2ff00"],
        "A2F9": ["04A2F91C"],
        "%25": ["50%_OFF"],
        "_": ["50%_OFF"],
        "0%25_o": ["50%_OFF"],
        "%5C": ["a\\b"],
        "%20off%20": ["50%_OFF", "50xyOFF"],
        "zz9": [],
    }.items():
        shown = await desk.get(f"{PAGE}?tag={tag}")
        assert numbers(shown.text) == [found[uid] for uid in uids], tag
        word = "session matches" if len(uids) == 1 else "sessions match"
        assert said(shown.text) == f"{len(uids)} {word} current filters"


async def test_S62_a_session_with_many_readings_and_cards_is_counted_once(
    desk: Browser, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    for kind in ("ISO14443", "Central", "ISO15693"):  # one uid, of three kinds
        await pool.execute("insert into id_token (uid, type) values ('TWIN-1', $1)", kind)
    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1") as box,
    ):
        await charges.boot(box)
        number = await charges.charge(box, card="twin-1", at=datetime.now(UTC) - 3 * HOUR)
    assert await pool.fetchval("select count(*) from reading where session_id = $1", number) > 3
    shown = await desk.get(f"{PAGE}?tag=win-")
    assert numbers(shown.text) == [number]
    assert said(shown.text) == "1 session matches current filters"


async def test_S62_many_cards_at_once_are_found_as_few_are(
    desk: Browser, pool: Pool, station: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    made = [
        await ended(pool, station, now - place * HOUR, uid=f"card-{place % 7}")
        for place in range(20)
    ]
    few = await all_pages(desk, "?tag=card-")
    monkeypatch.setattr(session_filters, "_FEW_UIDS", 3)
    assert await all_pages(desk, "?tag=card-") == few == made


async def test_S63_sessions_of_a_card_that_nobody_registered_are_found_by_their_own_uid(
    desk: Browser, pool: Pool, station: int
) -> None:
    number = await ended(pool, station, datetime.now(UTC), uid="STRAY-77")
    assert await pool.fetchval("select count(*) from id_token") == 0
    shown = await desk.get(f"{PAGE}?tag=ray-7")
    assert numbers(shown.text) == [number]
    assert "not linked" in shown.text
    await pool.execute("update charging_session set id_token = 'OTHER-1' where id = $1", number)
    assert numbers((await desk.get(f"{PAGE}?tag=other")).text) == [number]


async def test_S64_load_more_brings_15_more_and_the_filters_stay(
    desk: Browser, pool: Pool, station: int
) -> None:
    now = datetime.now(UTC)
    # Three of each moment, so that a page ends between two of the same time.
    mine = [
        await ended(pool, station, now - timedelta(minutes=place // 3), uid="ADA-1")
        for place in range(37)
    ]
    for place in range(40):
        await ended(pool, station, now - timedelta(minutes=place), uid="GRACE-1")
    query = f"?status=completed&from={now - timedelta(days=2):%Y-%m-%d}&tag=ada"
    shown = await desk.get(PAGE + query)
    assert len(numbers(shown.text)) == 15
    more = html.unescape(re.search(r'href="([^"]+after=[^"]+)"', shown.text)[1])  # type: ignore[index]
    for kept in ("status=completed", "tag=ada", f"from={now - timedelta(days=2):%Y-%m-%d}"):
        assert kept in more
    further = await desk.get(more)  # as a page: who has no script gets one
    assert "<option selected>completed</option>" in further.text
    assert 'name="tag" value="ada"' in further.text
    assert len(numbers(further.text)) == 15
    found = await all_pages(desk, query)
    by_update = await pool.fetch(
        "select id from charging_session where id_token = 'ADA-1' order by updated_at desc, id desc"
    )
    assert found == [row["id"] for row in by_update]
    assert sorted(found) == sorted(mine)


async def test_S65_the_header_says_how_many_match_or_are_recorded(
    desk: Browser, pool: Pool, station: int
) -> None:
    for place in range(44):
        await ended(pool, station, datetime.now(UTC), uid="ADA-1" if place < 42 else "GRACE-1")
    assert said((await desk.get(f"{PAGE}?tag=ada")).text) == "42 sessions match current filters"
    assert said((await desk.get(PAGE)).text) == "44 sessions recorded"
    assert said((await desk.get(f"{PAGE}?status=completed")).text).startswith("44 sessions match")


async def test_S66_the_live_banner_on_top_follows_what_chargers_say(
    desk: Browser, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    shown = await desk.get(PAGE)
    assert shown.text.index('id="now"') < shown.text.index("<h1>")
    assert "No session is live" in shown.text
    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1") as box,
        desk.stream() as stream,
    ):
        await charges.boot(box)
        await stream.names()
        begun = datetime.now(UTC) - HOUR
        number = await charges.start(box, begun, 1_000)
        await charges.measure(box, number, begun + charges.QUARTER, 3_000)
        said_w = {"value": "10900", "unit": "W", "measurand": "Power.Active.Import"}
        await box.call(
            "MeterValues",
            {
                "connectorId": 1,
                "transactionId": number,
                "meterValue": [
                    {
                        "timestamp": charges.iso(begun + 2 * charges.QUARTER),
                        "sampledValue": [{"value": "5000", "unit": "Wh"}, said_w],
                    }
                ],
            },
        )
        assert "sessions" in await stream.names(2)
        banner = charges.words((await desk.get(f"{PAGE}/now")).text)
        assert banner.startswith("1 session live · 10.9 kW")
        await charges.stop(box, number, begun + 3 * charges.QUARTER, 5_000)
        assert "sessions" in await stream.names(2)
    assert "No session is live" in (await desk.get(f"{PAGE}/now")).text


async def test_S67_last_synced_is_the_last_update_from_the_charger(
    desk: Browser, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    sent_after = datetime.now(UTC) - timedelta(seconds=1)
    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1") as box,
    ):
        await charges.boot(box)
        number = await charges.charge(box, at=datetime.now(UTC) - 5 * HOUR)

    async def shown() -> datetime:
        row = charges.part((await desk.get(PAGE)).text, f'<tr id="session-{number}"', "</tr>")
        found = re.search(r'<td class="num" data-label="Last synced"><time datetime="([^"]+)"', row)
        assert found
        return datetime.fromisoformat(found[1])

    at = await shown()
    assert sent_after <= at <= datetime.now(UTC)  # not the charger's clock of hours ago
    # What we do with it ourselves does not make it fresh (decision 15).
    await pool.execute("update charging_session set is_price_due = false, summary_sent_at = now()")
    assert await shown() == at


async def test_S68_browsing_changes_nothing_and_writes_no_audit_row(
    desk: Browser, pool: Pool, station: int
) -> None:
    over = await ended(pool, station, datetime.now(UTC))
    open_ = await running(pool, station, datetime.now(UTC))
    await desk.get(PAGE)
    # The portal's own jobs price sessions meanwhile; that is no browsing.
    ignored = {"web_session", "job", "session_price", "price_step", "charging_session", "mail"}
    before = await build.everything(pool, but=ignored)
    assert "audit" in before
    for path in (
        "",
        "?tag=a&status=active&from=2026-01-01",
        "/first",
        "/now",
        "/counters",
        "/count",
        "/export.csv",
        f"/{over}",
        f"/{open_}/now",
        f"/{open_}/readings",
        f"/{open_}/frames",
        f"/{open_}/close",
    ):
        assert (await desk.get(PAGE + path)).status == 200, path
    assert await build.everything(pool, but=ignored) == before


@pytest.mark.rows_by_hand
@pytest.mark.parametrize(
    ("broken", "words", "whole"),
    [
        ("energy_hourly", "The counters could not be read", "1 session recorded"),
        ("session_count", "The sessions could not be counted", "Sessions today"),
        ("station", "Sessions could not be read", "1 session recorded"),
    ],
)
async def test_S69_a_database_error_shows_an_error_in_its_panel_and_never_zeros(
    desk: Browser, pool: Pool, station: int, broken: str, words: str, whole: str
) -> None:
    await ended(pool, station, datetime.now(UTC))
    await pool.execute(f"alter table {broken} rename to elsewhere")
    shown = await desk.get(PAGE)
    text = charges.words(shown.text)
    assert words in text
    assert whole in text
    assert "No sessions yet" not in text
    assert "0 sessions" not in text
    if broken == "energy_hourly":
        assert "Sessions today" not in text
    assert (shown.status == 503) == (broken == "station")


async def test_S70_active_now_decreases_without_a_stop_when_a_person_closes_the_session(
    desk: Browser, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await add_station(database_url, "CP-1")
    async with csms(database_url, tmp_path) as server:
        async with charger(server.url, "CP-1") as box:
            await charges.boot(box)
            number = await charges.start(box, datetime.now(UTC) - HOUR, 1_000)
        assert figures((await desk.get(PAGE)).text)["Active now"] == "1"
        path = f"{PAGE}/{number}/close"
        await desk.post(path, {"reason": "charger was dug up"}, page=path)
        async with desk.stream() as stream:
            while figures((await desk.get(f"{PAGE}/counters")).text)["Active now"] != "0":
                await stream.name(1)
    shown = await desk.get(f"{PAGE}/{number}")
    assert "Completed" in shown.text
    assert "charger was dug up" in shown.text


async def test_S71_the_related_pages_are_one_step_away(
    desk: Browser, pool: Pool, station: int
) -> None:
    card = await pool.fetchval("insert into id_token (uid) values ('ADA-1') returning id")
    number = await ended(pool, station, datetime.now(UTC))
    table = (await desk.get(PAGE)).text
    assert f'<th scope="row"><a href="{PAGE}/{number}">{number}</a></th>' in table
    detail = await desk.get(f"{PAGE}/{number}")
    assert f"<h1>Session #{number}</h1>" in detail.text
    for path in (f"/admin/cards/{card}", "/admin/chargers/CP-1"):
        assert f'href="{path}"' in detail.text
        assert (await desk.get(path)).status == 200
    for path in ("/admin/cards", "/admin/system"):  # user mappings; runs of the background jobs
        assert f'href="{path}"' in charges.part(table, '<nav class="nav"', "</nav>")
        assert (await desk.get(path)).status == 200
