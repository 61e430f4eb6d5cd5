"""`python -m portal` as a program."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp

from db import api_tokens
from db.parent import END_WITH_PARENT
from db.rows import Pool
from tests.conftest import in_database
from tests.portal import build

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


async def start(*words: str, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "portal",
        *words,
        env={**os.environ, **settings},
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(*words: str, **settings: str) -> tuple[int | None, str, str]:
    process = await start(*words, **settings)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


async def until_ready(port: int) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"http://127.0.0.1:{port}/health/ready") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


async def test_tokens_are_made_listed_and_revoked(database_url: str) -> None:
    settings = {"DATABASE_URL": database_url}
    status, token, aside = await run(
        "token", "create", "--name", "ada", "--scope", "admin", **settings
    )
    assert status == 0
    assert token.startswith("polaris_")
    assert len(token.split()) == 1
    assert "ada" in aside
    assert token.strip() not in aside

    _, listed, _ = await run("token", "list", **settings)
    assert "ada" in listed
    assert "valid" in listed
    assert (await run("token", "revoke", "ada", **settings))[0] == 0
    assert (await run("token", "revoke", "ada", **settings))[0] == 1
    assert "revoked" in (await run("token", "list", **settings))[1]
    assert (await run("token", "create", "--name", "\n", "--scope", "admin", **settings))[0] == 2


async def test_it_migrates_serves_and_ends_cleanly(empty_url: str) -> None:
    port = free_port()
    for name in (signal.SIGTERM, signal.SIGINT):
        process = await start(DATABASE_URL=empty_url, PORTAL_PORT=str(port))
        await until_ready(port)
        process.send_signal(name)
        out, err = await asyncio.wait_for(process.communicate(), 20)

        assert process.returncode == 0, err.decode()
        assert out == b""
        assert b"Traceback" not in err


async def test_a_request_that_waits_is_answered_before_the_end(
    database_url: str, pool: Pool
) -> None:
    port, token = free_port(), api_tokens.make()
    async with pool.acquire() as conn:
        await build.station(conn)
        await api_tokens.add(conn, name="x", scope="admin", token=token)
    process = await start(DATABASE_URL=database_url, PORTAL_PORT=str(port))
    await until_ready(port)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        path = f"http://127.0.0.1:{port}/api/v1/stations/CP-1/commands?wait=30"
        asking = asyncio.create_task(
            http.post(path, json={"action": "ClearCache", "payload": {}}).__aenter__()
        )
        async with asyncio.timeout(20):
            while not await pool.fetchval("select exists (select from command)"):
                await asyncio.sleep(0.05)
        process.terminate()
        answer = await asyncio.wait_for(asking, 10)

        assert answer.status == 202
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0


async def test_it_ends_with_its_parent_when_it_is_told_so(database_url: str) -> None:
    port = free_port()
    process = await start(END_WITH_PARENT, DATABASE_URL=database_url, PORTAL_PORT=str(port))
    await until_ready(port)
    assert process.stdin
    process.stdin.close()

    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_a_port_in_use_is_said_in_a_sentence(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        status, out, err = await run(DATABASE_URL=database_url, PORTAL_PORT=str(port))

    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert f"127.0.0.1:{port}" in err


async def test_a_database_that_cannot_be_is_said_in_a_sentence(database_url: str) -> None:
    port = str(free_port())
    for url in ("nonsense", in_database(database_url, "nobody_made_it")):
        status, _, err = await run(DATABASE_URL=url, PORTAL_PORT=port)

        assert status == 2
        assert "Traceback" not in err
        assert "DATABASE_URL" in err


async def test_it_serves_and_says_why_not_while_the_database_is_away() -> None:
    port = free_port()
    nobody = f"postgresql://x@127.0.0.1:{free_port()}/x"
    process = await start(DATABASE_URL=nobody, PORTAL_PORT=str(port))
    async with asyncio.timeout(30), aiohttp.ClientSession() as http:
        while True:
            try:
                live = await http.get(f"http://127.0.0.1:{port}/health/live")
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
        ready = await http.get(f"http://127.0.0.1:{port}/health/ready")
        told = await ready.json()
    process.terminate()
    await asyncio.wait_for(process.communicate(), 20)

    assert (live.status, ready.status) == (200, 503)
    assert told["reason"]
    assert process.returncode == 0


async def test_a_setting_that_is_wrong_is_said_in_a_sentence() -> None:
    status, _, err = await run(PORTAL_PROT="1")

    assert (status, err.count("\n")) == (2, 1)
