"""A password for a charger that a person chose: told its rules, kept, never shown."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus

from db import station_keys
from db.rows import Pool
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.wire import KEY, add_station, charger, csms

OMAR = "omar@example.org"
PAGE = "/admin/chargers/CP-1/password"
CHOSEN = "correct horse <battery>"


@pytest.fixture
async def desk(api: Api, pool: Pool, database_url: str) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    await add_station(database_url, "CP-1")
    async with signed_in(api.port, OMAR) as page:
        yield page


@pytest.mark.parametrize("password", [CHOSEN, "x" * 16, "x" * 40, "0123456789abcdef" * 2])
async def test_a_charger_connects_with_what_a_person_chose_and_not_with_the_old(
    desk: Browser, database_url: str, tmp_path: Path, password: str
) -> None:
    async with csms(database_url, tmp_path) as server:
        async with charger(server.url, "CP-1"):
            pass

        done = await desk.post(f"{PAGE}/chosen", {"password": password}, page=PAGE)

        assert "The password is set." in done.text
        async with charger(server.url, "CP-1", key=password) as cp:
            assert await cp.call("Heartbeat", {})
        with pytest.raises(InvalidStatus):
            async with charger(server.url, "CP-1", key=KEY):
                pass


async def test_it_is_audited_and_nowhere_to_be_read(desk: Browser, pool: Pool) -> None:
    with capture_logs() as lines:
        done = await desk.post(f"{PAGE}/chosen", {"password": CHOSEN}, page=PAGE)
    made = await desk.post(PAGE, {}, page=PAGE)

    assert done.path == "/admin/chargers/CP-1"
    assert "password that you chose" not in made.text
    rows = await pool.fetch(
        "select action, actor, detail from audit where subject = 'station:1' order by id"
    )
    assert [row["action"] for row in rows] == ["station.password_changed"] * 2
    assert ["chosen by a person" in row["detail"] for row in rows] == [True, False]
    said = [done.text, str(lines), str([tuple(row) for row in rows])]
    said += [(await desk.get(page)).text for page in ("/admin/audit", "/admin/chargers/CP-1/key")]
    dump = await pool.fetchval("select station::text from station")
    assert not [text for text in [*said, dump] if "correct horse" in text]


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("", "Enter the password"),
        ("fifteen letters", "Use 16 to 40 characters; these are 15"),
        ("y" * 41, "Use 16 to 40 characters; these are 41"),
        (" a password with ends ", "Leave out spaces at its ends"),
        ("a password\twith a tab", "Leave out spaces at its ends, and characters that cannot"),
    ],
)
async def test_one_that_no_charger_takes_is_told_why_and_changes_nothing(
    desk: Browser, pool: Pool, password: str, told: str
) -> None:
    before = await pool.fetchval("select key_hash from station")

    shown = await desk.post(f"{PAGE}/chosen", {"password": password}, page=PAGE)

    assert shown.status == 422
    assert told in shown.text
    assert await pool.fetchval("select key_hash from station") == before
    assert not password or password not in shown.text
    assert await pool.fetchval("select count(*) from audit where subject = 'station:1'") == 0


async def test_its_hash_is_made_beside_the_event_loop(
    desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    make = station_keys.make_of_chosen

    def spy(password: str) -> tuple[bytes, bytes]:
        threads.append(threading.current_thread())
        return make(password)

    monkeypatch.setattr(station_keys, "make_of_chosen", spy)
    await desk.post(f"{PAGE}/chosen", {"password": CHOSEN}, page=PAGE)

    assert [thread is threading.main_thread() for thread in threads] == [False]


async def test_a_charger_that_is_not_there_gets_none(desk: Browser) -> None:
    for password in (CHOSEN, "short"):
        fields = {"password": password}
        shown = await desk.post("/admin/chargers/NONE/password/chosen", fields, page=PAGE)
        assert shown.status == 404
