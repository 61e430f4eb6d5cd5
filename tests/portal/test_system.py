"""The system's page: each panel from its rows, and one that fails fails alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db import system
from db.rows import Pool
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.portal.test_cards_drivers import hold_mails

OMAR = "omar@example.org"
MIGRATIONS = Path(system.__file__).parent / "migrations"


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        yield page


async def test_processes_jobs_and_versions_are_shown(desk: Browser, pool: Pool) -> None:
    async with pool.acquire() as conn:
        one = await build.station(conn, "CP-1")
        await build.connect(conn, one)  # by a process that has no row any more
    await pool.execute("insert into node values ('mill:9310', now(), now() + interval '1 h')")
    await pool.execute(
        """
        insert into job (name, next_at, ran_at, took_ms, error)
        values ('odd.job', now(), now(), 12, 'the disk is full')
        """
    )

    shown = (await desk.get("/admin/system")).text

    assert "mill:9310" in shown
    assert "Alive" in shown
    assert "Gone" in shown
    assert "the disk is full" in shown
    assert sorted(path.stem for path in MIGRATIONS.glob("*.sql"))[-1] in shown
    assert "Version 0." in shown


async def test_the_last_messages_are_of_all_chargers_or_of_one(desk: Browser, pool: Pool) -> None:
    async with pool.acquire() as conn:
        stations = [await build.station(conn, identity) for identity in ("CP-1", "CP-2")]
    for place in range(120):
        await pool.execute(
            """
            insert into message (station_id, received_at, is_ours, action, body)
            values ($1, now() - $2 * interval '1 s', false, $3, $4)
            """,
            stations[place % 2].id,
            place,
            f"Said{place:03}End",
            b'[2,"1","X",{}]',
        )

    both = (await desk.get("/admin/system")).text
    one = (await desk.get("/admin/system?charger=CP-2")).text
    none = (await desk.get("/admin/system?charger=%3Cb%3E")).text

    assert [f"Said{place:03}End" in both for place in (0, 1, 29, 30)] == [True, True, True, False]
    assert both.index("Said000End") < both.index("Said001End")
    assert [f"Said{place:03}End" in one for place in (1, 59, 61)] == [True, True, False]
    assert "Said000End" not in one
    assert "No message of &lt;b&gt;" in none


async def test_a_mail_that_was_given_up_is_tried_again(desk: Browser, pool: Pool) -> None:
    await hold_mails(pool)
    await pool.execute(
        """
        insert into mail (kind, recipient, subject, body_text, body_html, died_at, error, tries)
        values ('session_summary', 'ada@example.org', 'Your session', 'a', 'a', now(),
            'no such box', 5)
        """
    )
    assert "no such box" in (await desk.get("/admin/system")).text

    done = await desk.post("/admin/system/mails/1/again", {}, page="/admin/system")

    assert "The mail is tried again." in done.text
    assert "No mail was given up" in done.text
    row = await pool.fetchrow("select died_at, tries from mail")
    assert row is not None
    assert tuple(row) == (None, 0)
    assert await pool.fetchval("select subject from audit where action like 'mail%'") == "mail:1"
    again = await desk.post("/admin/system/mails/1/again", {}, page="/admin/quarantine")
    assert again.status == 404


async def test_who_tried_to_connect_and_named_no_charger_is_shown(
    desk: Browser, pool: Pool
) -> None:
    nobody = (await desk.get("/admin/system")).text
    await pool.execute(
        """
        insert into connection_attempt (at, identity, path, remote_address, http_status, reason)
        select now() - n * interval '1 minute', null, '', '192.0.2.7', 0,
            'the charger and we have no cipher suite in common'
        from generate_series(1, 12) n
        union all values
            (now(), 'CP-<9>&', '/ocpp/CP-9', '192.0.2.8', 404, 'no charger CP-<9>& is known here'),
            (now() - interval '1 h', null, '/<b>', null, 404, 'the path names no charger')
        """
    )

    shown = (await desk.get("/admin/system")).text
    form = (await desk.get("/admin/chargers/new?identity=CP-%3C9%3E%26")).text
    chargers = (await desk.get("/admin/devices")).text

    assert "Nobody else tried." in nobody
    assert "Nobody else tried." not in shown
    assert shown.count("The charger and we have no cipher suite in common") == 1
    assert ", 12 times since" in shown
    assert "No charger CP-&lt;9&gt;&amp; is known here" in shown
    assert 'href="/admin/chargers/new?identity=CP-%3C9%3E%26"' in shown
    assert 'asked for <span class="id">/&lt;b&gt;</span>' in shown
    assert shown.index("No charger CP-") < shown.index("no cipher suite")
    assert 'value="CP-&lt;9&gt;&amp;"' in form
    assert 'href="/admin/system#strangers"' in chargers


async def test_a_panel_that_cannot_be_read_says_so_alone(desk: Browser, pool: Pool) -> None:
    await pool.execute("alter table job rename to away")

    shown = await desk.get("/admin/system")

    assert shown.status == 200
    assert shown.text.count("This could not be read") == 1
    assert "PostgreSQL" in shown.text
    assert "No mail was given up" in shown.text
