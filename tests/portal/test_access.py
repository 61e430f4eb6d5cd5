"""Tokens: who has none gets nothing, whatever the address."""

from __future__ import annotations

import asyncio
import re

import pytest

from db import api_tokens
from db.rows import Pool
from tests.portal import build
from tests.portal.conftest import Api

ROUTES = [
    ("GET", "/api/v1/stations"),
    ("POST", "/api/v1/stations"),
    ("GET", "/api/v1/stations/CP-1"),
    ("POST", "/api/v1/stations/CP-1/commands"),
    ("GET", "/api/v1/stations/CP-1/commands"),
    ("GET", "/api/v1/stations/CP-1/commands/1"),
    ("POST", "/api/v1/stations/CP-1/start"),
    ("GET", "/api/v1/stations/CP-1/events"),
    ("GET", "/api/v1/stations/CP-1/jobs"),
    ("GET", "/api/v1/stations/CP-1/reports"),
    ("GET", "/api/v1/stations/CP-1/reports/1"),
    ("GET", "/api/v1/stations/CP-1/variables"),
    ("GET", "/api/v1/stations/CP-1/monitors"),
    ("GET", "/api/v1/stations/CP-1/statements"),
    ("GET", "/api/v1/stations/CP-1/certificate-requests"),
    ("GET", "/api/v1/stations/CP-1/charging-needs"),
    ("GET", "/api/v1/stations/CP-1/requests"),
    ("GET", "/api/v1/stations/CP-1/event-streams"),
    ("GET", "/api/v1/stations/CP-1/event-streams/1/values"),
    ("GET", "/api/v1/id-tokens"),
    ("POST", "/api/v1/id-tokens"),
    ("GET", "/api/v1/sessions"),
    ("GET", "/api/v1/sessions/1"),
    ("GET", "/api/v1/sessions/1/readings"),
    ("POST", "/api/v1/sessions/1/stop"),
    ("GET", "/api/v1/nothing-is-here"),
]


def test_every_route_is_in_the_table_above(api: Api) -> None:
    known = {
        (route.method, resource.canonical.replace("{identity}", "CP-1"))
        for resource in api.app.router.resources()
        for route in resource
        if route.method != "HEAD" and resource.canonical.startswith("/api")
    }
    named = {re.sub(r"{\w+}", "1", path) for _, path in known}

    assert named <= {path for _, path in ROUTES}


async def test_without_a_token_nothing_is_said(api: Api) -> None:
    for method, path in ROUTES:
        answer = await api.ask(method, path, headers={"Authorization": ""})

        assert answer.status == 401, path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


NO_TOKENS = [
    "Bearer",
    "Bearer ",
    "Bearer polaris_",
    "Bearer polaris_" + "x" * 43,
    "Bearer polaris_" + "x" * 4000,
    "Bearer garbage",
    "Basic cG9sYXJpczp4",
    "polaris_x",
    "Bearer a b",
    "Bearer \xff\xfe",
]


async def test_a_token_that_is_none_is_refused(api: Api) -> None:
    for header in NO_TOKENS:
        answer = await api.get("/api/v1/stations", headers={"Authorization": header})

        assert answer.status == 401


async def test_a_token_in_the_address_is_none(api: Api) -> None:
    for name in ("token", "access_token", "api_key"):
        answer = await api.get(
            f"/api/v1/stations?{name}={api.token}", headers={"Authorization": ""}
        )

        assert answer.status == 401


async def test_a_revoked_token_ends_at_once(api: Api, pool: Pool) -> None:
    assert (await api.get("/api/v1/stations")).status == 200

    async with pool.acquire() as conn:
        gone = await api_tokens.revoke(conn, name="tests")

    assert [token.name for token in gone] == ["tests"]
    assert (await api.get("/api/v1/stations")).status == 401


async def test_a_token_is_kept_as_a_hash_only(api: Api, pool: Pool) -> None:
    row = await pool.fetchval("select api_token::text from api_token")

    assert api.token not in row
    assert api.token.removeprefix(api_tokens.PREFIX) not in row


async def test_the_last_use_is_noted_beside_the_request(api: Api, pool: Pool) -> None:
    await api.get("/api/v1/stations")

    async with asyncio.timeout(5), pool.acquire() as conn:
        while (await api_tokens.list_all(conn))[0].last_used_at is None:
            await asyncio.sleep(0.01)


async def test_the_last_use_is_noted_once_a_minute(pool: Pool) -> None:
    async with pool.acquire() as conn:
        row = await api_tokens.add(conn, name="x", scope="admin", token=api_tokens.make())
        await api_tokens.record_used(conn, [row.id])
        first = (await api_tokens.list_all(conn))[0].last_used_at
        await api_tokens.record_used(conn, [row.id])

        assert first is not None
        assert (await api_tokens.list_all(conn))[0].last_used_at == first


async def test_one_token_of_several_is_revoked_by_number(pool: Pool) -> None:
    async with pool.acquire() as conn:
        words = [api_tokens.make() for _ in range(2)]
        rows = [await api_tokens.add(conn, name="x", scope="admin", token=t) for t in words]
        await api_tokens.revoke(conn, id=rows[0].id)

        assert await api_tokens.find(conn, words[0]) is None
        assert await api_tokens.find(conn, words[1]) == rows[1]
        assert await api_tokens.revoke(conn, id=rows[0].id) == []


async def test_two_authorization_headers_are_refused(api: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    one = f"Authorization: Bearer {api.token}\r\n"
    writer.write(f"GET /api/v1/stations HTTP/1.1\r\nHost: x\r\n{one}{one}\r\n".encode())
    status = await reader.readline()
    writer.close()

    assert b" 401 " in status or b" 400 " in status


@pytest.mark.usefixtures("no_jobs")
async def test_a_get_changes_nothing(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        of = await build.station(conn, evses=1, version="1.6")
        await build.card(conn)
        made = await build.session(conn, of)
        await build.session(conn, of, running=True)
        await build.measure(conn, made, [1, 2])
        await build.report(conn, of)
        await build.event_stream(conn, of)
    await api.post("/api/v1/stations/CP-1/commands", {"action": "ClearCache", "payload": {}})
    before = await build.everything(pool, but={"api_token"})
    answers = [await api.get(path) for method, path in ROUTES if method == "GET"]

    assert sum(answer.status < 300 for answer in answers) == len(answers) - 1
    assert await build.everything(pool, but={"api_token"}) == before
