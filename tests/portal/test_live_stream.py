"""`GET /live` on real sockets: who hears what, how soon, and how it ends."""

from __future__ import annotations

import asyncio
import time

import pytest

from db.changes import RELOAD
from db.rows import Pool
from portal.app import listening, make_app, open_socket
from portal.config import Config
from portal.context import LIVE, NOTIFIER, READINESS
from portal.live import MOST_NAMES, MOST_PAGES
from portal.views import stream as view
from tests.portal.browser import add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"


async def test_a_change_is_heard_within_a_second(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page, page.stream() as stream:
        began = time.monotonic()
        api.app[NOTIFIER].changed(f"session:7@{ada.id}")

        assert await stream.name() == "session:7"
        assert await stream.name() == "sessions"
        assert time.monotonic() - began < 1


async def test_a_drivers_stream_never_names_anothers_session(api: Api, pool: Pool) -> None:
    ada, grace = await add_person(pool, ADA), await add_person(pool, GRACE)
    async with (
        signed_in(api.port, ADA) as page,
        page.stream() as hers,
        signed_in(api.port, GRACE) as other,
        other.stream() as theirs,
    ):
        api.app[LIVE].heard({f"session:7@{ada.id}", f"command:3:9@{ada.id}", "session:8"})
        api.app[LIVE].heard({f"session:9@{grace.id}", f"session:10@{ada.id}{grace.id}"})

        assert set(await hers.names()) == {"session:7", "sessions", "command:3:9"}
        assert set(await theirs.names()) == {"session:9", "sessions"}


async def test_an_admins_stream_names_all(api: Api, pool: Pool) -> None:
    ada = await add_person(pool, ADA)
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page, page.stream() as stream:
        api.app[LIVE].heard({f"session:7@{ada.id}", "session:8", "station:3"})

        assert set(await stream.names()) == {
            *("session:7", "session:8", "sessions", "station:3", "stations"),
        }


async def test_who_is_behind_is_told_to_read_everything_again(api: Api, pool: Pool) -> None:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page, page.stream() as stream:
        api.app[LIVE].heard({f"session:{n}" for n in range(MOST_NAMES + 1)})

        assert await stream.names() == [RELOAD]


async def test_what_changes_often_is_named_at_most_every_third_of_a_second(
    api: Api, pool: Pool
) -> None:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page, page.stream() as stream:
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            api.app[LIVE].heard({"session:7"})
            await asyncio.sleep(0.01)
        names = await stream.names()

        assert 3 <= names.count("session:7") <= 7
        assert 2 <= names.count("sessions") <= 4
        assert names[-1] == "sessions"


async def test_nobody_has_no_stream(api: Api, pool: Pool) -> None:
    await add_person(pool, OMAR, role="admin")
    async with (
        browser(api.port) as page,
        page.http.get(f"{page.url}/live", allow_redirects=False) as response,
    ):
        assert response.status in {303, 401, 403}
        assert response.content_type != "text/event-stream"


async def test_signing_out_ends_the_stream(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_person(pool, ADA)
    monkeypatch.setattr(view, "RECHECK_S", 0.2)
    async with signed_in(api.port, ADA) as page, page.stream() as stream:
        assert not await stream.is_over(0.5)

        await pool.execute("delete from web_session")

        assert await stream.name(3) == RELOAD
        assert await stream.is_over()


async def test_who_is_switched_off_hears_nothing_more(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await add_person(pool, ADA)
    monkeypatch.setattr(view, "RECHECK_S", 60.0)
    async with signed_in(api.port, ADA) as page, page.stream() as stream:
        await pool.execute("update account set is_active = false")
        api.app[LIVE].heard({f"account:{ada.id}"})

        assert await stream.names() == [RELOAD]
        assert await stream.is_over()


async def test_a_stream_says_now_and_then_that_it_is_there(
    api: Api, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_person(pool, ADA)
    monkeypatch.setattr(view, "KEEP_ALIVE_S", 0.2)
    async with signed_in(api.port, ADA) as page, page.stream() as stream:
        async with asyncio.timeout(3):
            lines = [await stream.response.content.readline() for _ in range(4)]

        assert lines == [b"retry: 1000\n", b"\n", b":\n", b"\n"]


async def test_the_oldest_of_too_many_streams_ends(api: Api, pool: Pool) -> None:
    await add_person(pool, ADA)
    async with signed_in(api.port, ADA) as page, page.stream() as oldest:
        streams = [page.stream() for _ in range(MOST_PAGES)]
        opened = [await stream.__aenter__() for stream in streams]

        assert await oldest.is_over()
        assert not await opened[0].is_over(0.3)

        for stream in streams:
            await stream.__aexit__(None, None, None)


async def test_streams_end_with_the_process(database_url: str, pool: Pool, api: Api) -> None:
    await add_person(pool, ADA)
    config = Config(database=api_config(api).database, port=0)
    sock = open_socket(config)
    app = make_app(config, database_url)
    async with asyncio.timeout(8):
        async with listening(app, sock):
            while app[READINESS].reason is not None:
                await asyncio.sleep(0.01)
            port = sock.getsockname()[1]
            opened = signed_in(port, ADA)
            page = await opened.__aenter__()
            stream = page.stream()
            feed = await stream.__aenter__()
        assert await feed.is_over()
    await stream.__aexit__(None, None, None)
    await opened.__aexit__(None, None, None)
    sock.close()


def api_config(api: Api) -> Config:
    from portal.context import CONFIG

    return api.app[CONFIG]
