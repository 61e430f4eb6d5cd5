"""The admin's first page: what needs a person, the figures, and the quarantine."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from db.model.stations import Station
from db.rows import Pool
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api

ADA, OMAR = "ada@example.org", "omar@example.org"
HTMX = {"HX_Request": "true"}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        yield page


async def station(pool: Pool, identity: str = "CP-1", *, seen: timedelta = MINUTE) -> Station:
    async with pool.acquire() as conn:
        made = await build.station(conn, identity, evses=1)
        await conn.execute(
            "update station set name = $2, last_seen_at = now() - $3::interval where id = $1",
            made.id,
            f"Quay {identity}",
            seen,
        )
    return made


async def running(pool: Pool, of: Station, *, heard: timedelta, power_w: int, wh: int) -> int:
    now = datetime.now(UTC)
    async with pool.acquire() as conn:
        made = await build.session(
            conn,
            of,
            running=True,
            evse=1,
            started_at=now - 2 * HOUR,
            updated_at=now - heard,
            live_wh=str(wh),
        )
        await conn.execute(
            "update session_live set power_w = $2 where session_id = $1", made.id, power_w
        )
    return made.id


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace(" .", ".")


async def needs(desk: Browser) -> str:
    shown = await desk.get("/admin/overview/needs", **HTMX)
    assert shown.status == 200
    return text_of(shown.text)


async def test_an_admin_comes_to_the_overview_and_all_in_order_is_said_calmly(
    desk: Browser, pool: Pool
) -> None:
    await station(pool)

    shown = await desk.get("/")

    assert shown.path == "/admin"
    assert "Nothing needs a person" in shown.text


async def test_what_is_faulted_offline_silent_and_refused_is_named(
    desk: Browser, pool: Pool
) -> None:
    faulted = await station(pool, "F")
    await pool.execute(
        """
        update connector set status = 'Faulted', reported = 'Faulted', error = 'GroundFailure',
            status_received_at = now()
        where station_id = $1
        """,
        faulted.id,
    )
    await station(pool, "O", seen=HOUR)
    await station(pool, "NEARLY", seen=59 * MINUTE)
    silent = await station(pool, "S")
    number = await running(pool, silent, heard=6 * MINUTE, power_w=11_000, wh=1)
    refused = await station(pool, "R")
    await pool.executemany(
        """
        insert into command (station_id, kind, action, arguments, state, reason, asked_by,
            asked_at, expires_at, settled_at)
        values ($1, 'raw', 'UnlockConnector', '{}', 'refused', 'UnlockFailed', 'omar',
            now() - $2::interval, now(), now() - $2::interval)
        """,
        [(refused.id, HOUR), (refused.id, 25 * HOUR)],
    )

    said = await needs(desk)

    assert "4 things, the most urgent first" in said
    assert "Quay F is faulted Connector 1: GroundFailure. Nobody can charge there." in said
    assert "Quay O is offline" in said
    assert f"Session {number} went silent" in said
    assert "Quay R refused a command UnlockConnector: UnlockFailed." in said
    assert "NEARLY" not in said
    html = (await desk.get("/admin")).text
    for href in ("chargers/F", "chargers/O#attempts", f"transactions/{number}", "chargers/R#comma"):
        assert f'href="/admin/{href}' in html


async def take_over(pool: Pool, identity: str, minutes: list[float], *, place: str) -> None:
    await pool.executemany(
        """
        insert into connection_attempt
            (at, identity, remote_address, path, http_status, reason, is_takeover)
        values (now() - $2 * interval '1 minute', $1, $3, '/', 101, 'let in', true)
        """,
        [(identity, float(ago), place) for ago in minutes],
    )


async def test_t02_who_is_taken_over_again_and_again_is_named(desk: Browser, pool: Pool) -> None:
    for identity in ("TWO", "SLOW", "OLD", "<b>"):
        await station(pool, identity)
    await take_over(pool, "TWO", [300, 304], place="192.0.2.1")
    await take_over(pool, "TWO", [302, 309], place="192.0.2.2")
    # Three within ten minutes and one more later; four of yesterday; what nobody knows here.
    await take_over(pool, "SLOW", [5, 8, 9, 15.5], place="192.0.2.1")
    await take_over(pool, "OLD", [1441, 1442, 1443, 1444], place="192.0.2.1")
    await take_over(pool, "STRANGER", [1, 2, 3, 4], place="192.0.2.1")

    said = await needs(desk)
    html = (await desk.get("/admin")).text
    await take_over(pool, "<b>", [1, 2, 3, 4, 5], place="192.0.2.9")
    both = await needs(desk)
    listed = (await desk.get("/admin/needs/contested")).text

    assert "1 thing, the most urgent first" in said
    assert (
        "Is Quay TWO connected from two places? Its connection was taken over 4 times in 24 hours,"
        " from 192.0.2.1, 192.0.2.2. Two boxes may have its identity and password." in said
    )
    assert 'href="/admin/chargers/TWO#attempts"' in html
    assert "2 chargers may be connected from two places" in both
    assert 'href="/admin/chargers/%3Cb%3E#attempts"' in listed
    assert "5 times in 24 hours, from 192.0.2.9" in listed


async def test_what_waits_for_a_person_is_counted_and_leads_to_where_it_is_handled(
    desk: Browser, pool: Pool
) -> None:
    ada = await add_person(pool, ADA)
    one = await station(pool)
    await pool.execute(
        "insert into station (identity, public_id, registration) values"
        " ('NEW-1', 'AAAAAAA2', 'Pending'), ('NEW-2', 'AAAAAAA3', 'Pending')"
    )
    async with pool.acquire() as conn:
        session = await build.session(conn, one, account_id=ada.id)
    await pool.execute(
        """
        insert into dispute (station_id, session_id, account_id, figure, expected, why, seen)
        values ($1, $2, $3, 'cost', '1', 'because', '{}')
        """,
        one.id,
        session.id,
        ada.id,
    )
    await pool.execute(
        """
        insert into mail (kind, recipient, subject, body_text, body_html, died_at, error)
        values ('session_summary', 'ada@example.org', 'Yours', 'a', 'a', now(), 'no such box')
        """
    )

    said = await needs(desk)

    assert f"ada disputes session {session.id} It is about the cost." in said
    assert "A mail to ada@example.org could not be sent Session summary: no such box." in said
    assert "2 chargers wait to be let in NEW-1, NEW-2." in said
    listed = await desk.get("/admin/needs/pending")
    assert "NEW-1 waits to be let in" in listed.text
    assert 'href="/admin/chargers/NEW-2"' in listed.text
    assert (await desk.get("/admin/needs/nothing")).status == 404


async def test_a_charger_out_of_service_needs_nobody(desk: Browser, pool: Pool) -> None:
    await station(pool, "O", seen=30 * HOUR)
    await pool.execute("update station set out_of_service_at = now(), status = 'Faulted'")

    assert "Nothing needs a person" in await needs(desk)


async def test_an_odd_session_needs_nobody_once_somebody_looked_at_it(
    desk: Browser, pool: Pool
) -> None:
    one = await station(pool)
    async with pool.acquire() as conn:
        session = await build.session(conn, one, flags=["needs_review", "meter_reset"])
    before = await pool.fetchrow("select * from charging_session")
    assert before is not None
    assert f"Session {session.id} is odd Quay CP-1: meter was reset, look at it." in await needs(
        desk
    )

    path = f"/admin/needs/review/{session.id}"
    done = await desk.post(path, {}, page="/admin/needs/review")
    again = await desk.post(path, {}, page="/admin/quarantine")

    assert f"Session {session.id} was looked at." in done.text
    assert again.status == 404
    assert "Nothing needs a person" in await needs(desk)
    after = await pool.fetchrow("select * from charging_session")
    assert after is not None
    assert {name for name in before.keys() if before[name] != after[name]} == {"reviewed_at"}  # noqa: SIM118
    assert await pool.fetchval("select count(*) from audit where action = 'session.reviewed'") == 1


async def test_a_kept_message_is_read_and_put_away(desk: Browser, pool: Pool) -> None:
    one = await station(pool)
    await pool.execute(
        """
        insert into quarantine (station_id, received_at, action, body, problem)
        values ($1, now(), 'StopTransaction', $2, 'its number is unknown'),
            ($1, now(), 'MeterValues', $3, 'no JSON')
        """,
        one.id,
        b'[2,"7","StopTransaction",{"meterStop":12}]',
        b"\xff<script>alert(1)</script>" + b"x" * 100_000,
    )

    shown = await desk.get("/admin/quarantine")
    id = await pool.fetchval("select id from quarantine where action = 'StopTransaction'")
    path = f"/admin/quarantine/{one.id}/{id}/looked"
    done = await desk.post(path, {}, page="/admin/quarantine")

    assert "its number is unknown" in shown.text
    assert "&#34;meterStop&#34;: 12" in shown.text
    assert "<script>alert" not in shown.text
    assert len(shown.text) < 60_000
    assert "its number is unknown" not in done.text
    assert "its number is unknown" in (await desk.get("/admin/quarantine?show=looked")).text
    assert (await desk.post(path, {}, page="/admin/quarantine")).status == 404
    assert "1 thing" in await needs(desk)


async def test_a_kept_message_is_settled_by_hand_once(desk: Browser, pool: Pool) -> None:
    one, two = await station(pool), await station(pool, "CP-2")
    async with pool.acquire() as conn:
        mine = await build.session(conn, one)
        other = await build.session(conn, two)
    await pool.execute(
        """
        insert into quarantine (station_id, received_at, action, body, problem)
        values ($1, now(), 'StopTransaction', $2, 'its <b>number</b> is unknown')
        """,
        one.id,
        b'[2,"7","StopTransaction",{"meterStop":"<script>"}]',
    )
    id = await pool.fetchval("select id from quarantine")
    path = f"/admin/quarantine/{one.id}/{id}"

    shown = await desk.get(path)
    assert "its &lt;b&gt;number&lt;/b&gt; is unknown" in shown.text
    assert "<script>" not in shown.text.partition("<pre")[2].partition("</pre>")[0]
    assert f"#{mine.id}: " in shown.text
    assert f"#{other.id}: " not in shown.text

    for given in ({}, {"session": str(mine.id)}, {"session": str(other.id), "note": "by hand"}):
        assert (await desk.post(path, given, page=path)).status == 422
    assert await pool.fetchval("select settled_by from quarantine") is None

    given = {"session": str(mine.id), "note": "the driver's <i>photo</i>"}
    done = await desk.post(path, given, page=path)
    assert "It is settled." in done.text
    assert "its &lt;b&gt;number" not in done.text
    row = dict((await pool.fetch("select * from quarantine"))[0])
    assert (row["assigned_to"], row["note"], row["applied_at"]) == (mine.id, given["note"], None)
    assert row["looked_at"] is not None
    (act,) = await pool.fetch("select * from audit where action ~ 'quarantine'")
    assert (act["action"], act["subject"]) == ("quarantine.assigned", f"quarantine:{id}")

    again = await desk.post(path, {"session": "none", "note": "another"}, page="/admin/quarantine")
    assert "Somebody settled it already." in again.text
    assert await pool.fetchval("select count(*) from audit where action ~ 'quarantine'") == 1
    settled = (await desk.get(path)).text
    assert "the driver&#39;s &lt;i&gt;photo&lt;/i&gt;" in settled
    assert f'href="/admin/transactions/{mine.id}"' in settled
    assert "Settled</a> by" in (await desk.get("/admin/quarantine?show=looked")).text


async def test_a_kept_message_is_of_no_session(desk: Browser, pool: Pool) -> None:
    one = await station(pool)
    await pool.execute(
        """
        insert into quarantine (station_id, received_at, action, body, problem)
        values ($1, now(), 'MeterValues', '[]', 'odd')
        """,
        one.id,
    )
    id = await pool.fetchval("select id from quarantine")
    path = f"/admin/quarantine/{one.id}/{id}"
    await desk.post(path, {"session": "none", "note": "a test"}, page=path)

    row = dict((await pool.fetch("select * from quarantine"))[0])
    assert (row["assigned_to"], row["note"]) == (None, "a test")
    assert await pool.fetchval("select action from audit where action ~ 'quarantine'") == (
        "quarantine.dismissed"
    )
    assert "Nothing waits here" in (await desk.get("/admin/quarantine")).text
    for wrong in (f"/admin/quarantine/{one.id + 1}/{id}", f"/admin/quarantine/{10**19}/{id}"):
        assert (await desk.get(wrong)).status == 404


async def test_the_figures_are_those_of_the_rows(desk: Browser, pool: Pool) -> None:
    one, two = await station(pool, "A"), await station(pool, "B", seen=2 * HOUR)
    await station(pool, "C")
    await running(pool, one, heard=MINUTE, power_w=7_400, wh=3_210)
    await running(pool, two, heard=10 * MINUTE, power_w=50_000, wh=100)
    now = datetime.now(UTC)
    hours = [now - timedelta(hours=back) for back in (0, 30, 167, 169)]
    energy = [4_000, 2_500, 700, 90_000]
    await pool.executemany(
        "insert into energy_hourly values ($1, date_trunc('hour', $2::timestamptz), $3)",
        [(one.id, hour, wh) for hour, wh in zip(hours, energy, strict=True)],
    )

    said = text_of((await desk.get("/admin/overview/figures", **HTMX)).text)

    assert "Power now 7.4 kW 1 vehicle taking power" in said
    assert "Energy today 4.00 kWh" in said
    assert "Sessions now 2 1 of them silent" in said
    assert "Chargers online 2 of 3 1 offline" in said
    assert "Energy in 7 days 7.20 kWh" in said
    assert "Quay A 3.21 kWh in 2 h" in said
    assert "Quay B" not in said


async def test_a_part_that_cannot_be_read_says_so_and_shows_no_zero(
    desk: Browser, pool: Pool
) -> None:
    await station(pool)
    await pool.execute("alter table energy_hourly rename to away")

    shown = await desk.get("/admin")

    assert shown.status == 200
    assert "The figures could not be read" in shown.text
    assert "Energy today" not in shown.text
    assert "Nothing needs a person" in shown.text
