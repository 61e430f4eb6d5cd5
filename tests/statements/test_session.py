"""S1 to S16 and S23 to S25: a session and its meter timeline (seed: dispute a session)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from db.accounts import Account
from db.rows import Pool
from tests.portal.browser import Browser, add_person, browser, signed_in
from tests.portal.conftest import Api
from tests.statements.charges import (
    FIVE_PM,
    METER,
    MINUTE,
    QUARTER,
    boot,
    charge,
    iso,
    kwh,
    measure,
    part,
    set_up,
    start,
    stop,
    tiles,
    timeline,
    words,
)
from tests.wire import Charger, add_station, charger, csms

THERE = ZoneInfo("Europe/Amsterdam")


@pytest.fixture
async def ada(pool: Pool) -> Account:
    return await add_person(pool, "ada@example.org")


@pytest.fixture
async def box(
    database_url: str, pool: Pool, tmp_path: Path, ada: Account
) -> AsyncIterator[Charger]:
    await add_station(database_url, "CP-1")
    await set_up(pool, ada)
    async with (
        csms(database_url, tmp_path) as server,
        charger(server.url, "CP-1") as box,
    ):
        await boot(box)
        yield box


@pytest.fixture
async def page(api: Api, ada: Account) -> AsyncIterator[Browser]:
    async with signed_in(api.port, ada.email) as page:
        yield page


async def test_S1_the_sidebar_leads_to_the_sessions_and_a_session_opens_from_there(
    page: Browser, box: Charger
) -> None:
    number = await charge(box)

    home = (await page.get("/")).text
    assert re.search(r'<a href="/sessions"[^>]*>.*?Sessions</a>', part(home, "<nav", "</nav>"))
    listed = (await page.get("/sessions")).text
    assert f'href="/sessions/{number}"' in listed
    assert (await page.get(f"/sessions/{number}")).status == 200


async def test_S2_the_title_is_the_number_and_it_is_the_same_everywhere(
    page: Browser, box: Charger, api: Api, pool: Pool
) -> None:
    number = await charge(box)  # what the charger itself was told
    await add_person(pool, "omar@example.org", role="admin")

    shown = (await page.get(f"/sessions/{number}")).text
    assert f"<h1>Session #{number}</h1>" in shown
    assert f"<title>Session #{number} ·" in shown
    assert f"Session #{number}" in words((await page.get("/sessions")).text)
    assert f"session {number}" in words((await page.get("/")).text)
    async with signed_in(api.port, "omar@example.org") as desk:
        assert re.search(rf">#?{number}<", (await desk.get("/admin/transactions")).text)


async def test_S3_only_who_is_signed_in_sees_it(api: Api, box: Charger) -> None:
    number = await charge(box)

    async with browser(api.port) as stranger:
        for path in ("/sessions", f"/sessions/{number}", f"/sessions/{number}/readings.csv"):
            assert (await stranger.get(path)).path == "/sign-in", path


async def test_S4_the_badge_says_in_progress_or_completed(page: Browser, box: Charger) -> None:
    number = await start(box, FIVE_PM, METER[0])
    head = part(
        (await page.get(f"/sessions/{number}")).text, '<header class="page-head">', "</header>"
    )
    assert "In progress" in head
    assert "Completed" not in head

    await stop(box, number, FIVE_PM + QUARTER, METER[1])
    head = part(
        (await page.get(f"/sessions/{number}")).text, '<header class="page-head">', "</header>"
    )
    assert "Completed" in head
    assert "In progress" not in head


async def test_S6_total_kwh_is_the_energy_of_the_whole_session(page: Browser, box: Charger) -> None:
    number = await charge(box)

    found = tiles((await page.get(f"/sessions/{number}")).text)

    assert list(found) == ["Total kWh", "Duration", "Average kW", "Cost"]
    assert found["Total kWh"] == kwh(METER[-1] - METER[0])


async def test_S6_total_kwh_of_a_running_one_is_what_was_measured_so_far(
    page: Browser, box: Charger
) -> None:
    number = await start(box, FIVE_PM, METER[0])
    await measure(box, number, FIVE_PM + QUARTER, METER[1])

    found = tiles((await page.get(f"/sessions/{number}")).text)

    assert found["Total kWh"] == kwh(METER[1] - METER[0])


async def test_S7_duration_is_from_start_to_end(page: Browser, box: Charger) -> None:
    number = await charge(box, [1000, 2000, 3000], step=timedelta(minutes=73))  # 2 h 26 min

    assert tiles((await page.get(f"/sessions/{number}")).text)["Duration"] == "2 h 26 min"


async def test_S8_average_kw_is_energy_by_hours(page: Browser, box: Charger) -> None:
    number = await charge(box)
    hours = Decimal(len(METER) - 1) / 4

    average = tiles((await page.get(f"/sessions/{number}")).text)["Average kW"]

    assert average == str((Decimal(METER[-1] - METER[0]) / 1000 / hours).quantize(Decimal("0.1")))


async def test_S8_no_duration_is_a_dash_and_no_error(page: Browser, box: Charger) -> None:
    number = await charge(box, [1000, 1000], step=timedelta(0))

    shown = await page.get(f"/sessions/{number}")

    assert shown.status == 200
    assert tiles(shown.text)["Average kW"] == "–"


async def test_S11_the_charger_is_named_with_public_id_connector_and_power_on_every_session(
    page: Browser, box: Charger, pool: Pool
) -> None:
    sticker = await pool.fetchval("select public_id from station")
    finished = await charge(box)
    running = await start(box, FIVE_PM + 5 * QUARTER, METER[-1])
    for number in (finished, running):
        panel = part(
            (await page.get(f"/sessions/{number}")).text, 'id="charger-title"', "</section>"
        )
        told = words(panel)
        for fact in ("Garage 1", f"Public ID {sticker}", "Type 2", "22 kW", "Harbour", "ADA-1"):
            assert fact in told, (number, fact, told)


async def test_S12_the_public_id_is_that_of_the_sticker(
    page: Browser, box: Charger, pool: Pool
) -> None:
    number = await charge(box)
    sticker = await pool.fetchval("select public_id from station where identity = 'CP-1'")

    shown = (await page.get(f"/sessions/{number}")).text

    assert f'<span class="id">{sticker}</span>' in shown
    assert f'data-copy="{sticker}"' in shown


async def test_S13_the_meter_timeline_has_one_row_a_reading(page: Browser, box: Charger) -> None:
    number = await charge(box)

    shown = (await page.get(f"/sessions/{number}")).text

    assert re.search(r"<h2[^>]*>.*?Meter timeline</h2>", shown)
    assert len(timeline(shown)) == len(METER)
    assert f"{len(METER)} readings" in words(shown)


async def test_S14_each_row_has_its_time_and_what_was_added_since_the_one_before(
    page: Browser, box: Charger
) -> None:
    number = await charge(box)

    rows = timeline((await page.get(f"/sessions/{number}")).text)

    assert rows[0][1] == "start"
    for place, row in enumerate(rows[1:], 1):
        assert row[1] == f"+{kwh(METER[place] - METER[place - 1], 3)}"
        assert row[2].endswith(f"{Decimal(METER[place]) / 1000:,.3f}")
    assert "the same as the total" in words((await page.get(f"/sessions/{number}")).text)


async def test_S14_the_newest_first_where_one_wants_it(page: Browser, box: Charger) -> None:
    number = await charge(box)

    oldest = timeline((await page.get(f"/sessions/{number}")).text)
    newest = timeline((await page.get(f"/sessions/{number}?sort=newest")).text)

    assert newest == oldest[::-1]


async def test_S14_a_long_session_is_shown_part_by_part(page: Browser, box: Charger) -> None:
    meter = [1000 + 200 * place for place in range(60)]
    number = await charge(box, meter, step=MINUTE)

    shown = (await page.get(f"/sessions/{number}")).text
    more = re.search(r'href="(/sessions/\d+\?[^"#]*rows=[^"#]*)#timeline"[^>]*>Load more', shown)

    assert len(timeline(shown)) == 50
    assert "10 more" in words(shown)
    assert more
    assert len(timeline((await page.get(more[1].replace("&amp;", "&"))).text)) == 60


async def test_S15_a_long_gap_a_jump_and_a_missing_end_are_said_in_words(
    page: Browser, box: Charger, pool: Pool
) -> None:
    number = await start(box, FIVE_PM, METER[0])
    minutes = [15, 30, 45, 60, 105, 120]  # nothing for 45 minutes
    meter = [8_414_120, 8_416_820, 8_419_540, 8_422_250, 8_430_270, 8_432_960]
    for minute, register in zip(minutes, meter, strict=True):
        await measure(box, number, FIVE_PM + minute * MINUTE, register)
    # The charger never says the end: a person or a rule ends it, half an hour later.
    await pool.execute(
        """
        update charging_session set is_finalized = true, is_end_inferred = true, ended_at = $2,
            energy_wh = $3 where id = $1
        """,
        number,
        FIVE_PM + 150 * MINUTE,
        meter[-1] - METER[0],
    )
    await pool.execute("delete from session_live")

    told = words(part((await page.get(f"/sessions/{number}")).text, 'id="timeline"', "</section>"))

    assert "7 readings, 1 gap, 1 jump" in told
    assert "No reading for 45 min, from 18:04:12 to 18:49:12." in told
    power = Decimal(meter[4] - meter[3]) * 60 / 45 / 1000
    assert "A jump: three times the usual step." in told
    assert f"Over 45 min that is {power:.1f} kW on average." in told
    assert "The final reading is missing: the last one is of 19:04:12" in told
    assert "The charger never said that it ended." in told


async def test_S15_the_final_reading_is_marked_and_a_doubtful_value_is_told(
    page: Browser, box: Charger
) -> None:
    number = await start(box, FIVE_PM, 1000)
    for minute, register in ((1, 1200), (2, 1400), (3, 9_999_000), (4, 1600), (5, 1800)):
        await measure(box, number, FIVE_PM + minute * MINUTE, register)
    await stop(box, number, FIVE_PM + 6 * MINUTE, 2000)

    shown = (await page.get(f"/sessions/{number}")).text
    rows = timeline(shown)

    assert tiles(shown)["Total kWh"] == kwh(2000 - 1000)
    assert [row[1] for row in rows] == ["start", "+0.200", "+0.200", "–", *["+0.200"] * 3]
    assert "Final" in rows[-1][0]
    assert "1 doubtful value" in words(shown)
    assert "Not counted. This value does not fit" in words(shown)


async def test_S16_the_times_are_the_charger_s_own(page: Browser, box: Charger) -> None:
    """Sent today, of days ago: an offline queue."""
    number = await charge(box)

    rows = timeline((await page.get(f"/sessions/{number}")).text)

    expected = [FIVE_PM + place * QUARTER for place in range(len(METER))]
    clocks = [f"{at.astimezone(THERE):%H:%M:%S}" for at in expected]
    assert [row[0].partition(" ")[0] for row in rows] == clocks
    text = (await page.get(f"/sessions/{number}/readings.csv")).text
    for at in expected[1:-1]:
        assert iso(at) in text


async def test_S23_help_tells_what_to_do_when_a_session_is_missing(
    page: Browser, box: Charger
) -> None:
    told = words((await page.get("/sessions")).text)

    assert "A session appears here once the charger has reported it." in told
    assert "wait a few minutes and load the page again" in told
    assert "more than an hour old" in told
    number = await charge(box)  # and then it is there
    assert f"Session #{number}" in words((await page.get("/sessions")).text)


async def test_S24_another_s_session_and_a_wrong_number_are_not_found_alike(
    page: Browser, box: Charger, api: Api, pool: Pool
) -> None:
    await add_person(pool, "grace@example.org")
    number = await charge(box)
    pages = []
    async with signed_in(api.port, "grace@example.org") as other:
        for wrong in (number, number + 1000, 0, -1, 2**31, 10**30, "nothing", "1e3", "%00"):
            shown = await other.get(f"/sessions/{wrong}")
            assert shown.status == 404, wrong
            pages.append(re.sub(r'name="_csrf" value="\w+"|"next" value="[^"]+"', "", shown.text))
        for rest in ("now", "readings", "readings.csv", "signed", "dispute"):
            assert (await other.get(f"/sessions/{number}/{rest}")).status == 404, rest
    assert len({words(text) for text in pages}) == 1
    assert (await page.get(f"/sessions/{number}")).status == 200


async def test_S25_not_found_leads_back_to_the_sessions(page: Browser) -> None:
    shown = await page.get("/sessions/123456")

    main = part(shown.text, '<main class="main"', "</main>")
    assert 'href="/sessions"' in main
    assert "Sessions" in words(main)


def test_the_helper_counts_by_hand() -> None:
    assert kwh(12_345) == "12.35"
    assert datetime.fromisoformat(iso(FIVE_PM)) == FIVE_PM
