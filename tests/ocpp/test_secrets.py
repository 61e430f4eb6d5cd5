"""Threat T08: what is secret is sent as asked, and stays in nothing that people may read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from csms import cards
from db import id_tokens
from db.model.commands import Raw, decode
from db.model.stations import Station
from db.rows import Pool
from tests.ocpp.conftest import until
from tests.ocpp.test_commands import ask, heard, now, ready, settled
from tests.wire import Csms, add_station, csms

SECRET = "5ec4e7c0ffee5ec4e7"


@pytest.fixture
async def station(database_url: str) -> Station:
    return await add_station(database_url, "CP-1")


@pytest.fixture
async def server(database_url: str, tmp_path: Path, station: Station) -> AsyncIterator[Csms]:
    async with csms(database_url, tmp_path) as server:
        yield server


async def places(database_url: str, secret: str) -> set[str]:
    """The tables that hold it, as text or as bytes."""
    conn = await asyncpg.connect(database_url)
    try:
        tables = await conn.fetch("select tablename from pg_tables where schemaname = 'public'")
        as_bytes = secret.encode().hex()
        return {
            name
            for (name,) in tables
            if await conn.fetchval(
                f"select exists (select from {name} t where t::text like any($1))",
                [f"%{secret}%", f"%{as_bytes}%"],
            )
        }
    finally:
        await conn.close()


async def until_logged(pool: Pool, action: str) -> None:
    async def is_logged() -> bool:
        return bool(await pool.fetch("select from message where action = $1", action))

    await until(is_logged)


VARIABLE = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}


@pytest.mark.parametrize(
    ("version", "action", "payload", "answer"),
    [
        (
            "1.6",
            "ChangeConfiguration",
            {"key": "AuthorizationKey", "value": SECRET},
            {"status": "Accepted"},
        ),
        (
            "1.6",
            "GetConfiguration",
            {"key": ["AuthorizationKey"]},
            {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": SECRET}]},
        ),
        (
            "1.6",
            "GetConfiguration",
            {},
            {"configurationKey": [{"key": "AuthorizationKey", "value": SECRET}]},
        ),
        (
            "1.6",
            "GetDiagnostics",
            {"location": f"ftp://ada:{SECRET}@files.example/"},
            {"fileName": "a.log"},
        ),
        (
            "2.0.1",
            "SetVariables",
            {"setVariableData": [VARIABLE | {"attributeValue": SECRET}]},
            {"setVariableResult": [VARIABLE | {"attributeStatus": "Accepted"}]},
        ),
        (
            "2.0.1",
            "GetVariables",
            {"getVariableData": [VARIABLE]},
            {
                "getVariableResult": [
                    VARIABLE | {"attributeStatus": "Accepted", "attributeValue": SECRET}
                ]
            },
        ),
    ],
)
async def test_a_secret_is_sent_as_asked_and_stays_nowhere(
    database_url: str,
    server: Csms,
    pool: Pool,
    station: Station,
    version: str,
    action: str,
    payload: dict[str, Any],
    answer: dict[str, Any],
) -> None:
    body = json.dumps(payload, indent=1).encode()
    async with ready(server, version=version) as cp:
        asked = await ask(pool, station, Raw(action, msgspec.Raw(body)))
        said = await heard(cp)
        assert said.endswith(f',"{action}",{body.decode()}]')
        await cp.socket.send(json.dumps([3, json.loads(said)[1], answer]))
        done = await settled(pool, asked)
        await until_logged(pool, action)

    assert done.settled_at is not None
    assert await places(database_url, SECRET) == set()
    command = decode(done.arguments)
    assert isinstance(command, Raw)
    assert command.action == done.action == action


async def test_a_secret_that_the_schema_refuses_is_not_quoted(
    database_url: str, server: Csms, pool: Pool, station: Station
) -> None:
    payload = b'{"key":"AuthorizationKey","value":["%s"]}' % SECRET.encode()
    async with ready(server):
        done = await settled(
            pool, await ask(pool, station, Raw("ChangeConfiguration", msgspec.Raw(payload)))
        )
    assert done.state == "refused"
    assert await places(database_url, SECRET) == set()


async def test_a_secret_that_was_never_sent_does_not_stay_either(
    database_url: str, server: Csms, pool: Pool, station: Station
) -> None:
    payload = b'{"key":"AuthorizationKey","value":"%s"}' % SECRET.encode()
    raw = Raw("ChangeConfiguration", msgspec.Raw(payload))
    asked = await ask(pool, station, raw, valid_for_s=0)
    assert (await settled(pool, asked)).state == "expired"

    async def is_hidden() -> bool:
        return SECRET.encode() not in (await now(pool, asked)).arguments

    await until(is_hidden)
    assert await places(database_url, SECRET) == set()


async def test_what_a_station_tells_of_itself_is_kept_without_its_password(
    database_url: str, server: Csms, pool: Pool
) -> None:
    report = {
        "requestId": 1,
        "generatedAt": "2026-05-01T09:00:00Z",
        "seqNo": 0,
        "reportData": [VARIABLE | {"variableAttribute": [{"value": SECRET}]}],
    }
    async with ready(server, version="2.0.1") as cp:
        assert await cp.call("NotifyReport", report) == {}
        await until_logged(pool, "NotifyReport")
    assert await pool.fetchval("select count(*) from variable") == 1
    assert await places(database_url, SECRET) == set()


@pytest.mark.parametrize("is_registered", [False, True])
async def test_a_pin_is_judged_and_leaves_no_trace(
    database_url: str, pool: Pool, station: Station, is_registered: bool
) -> None:
    async with pool.acquire() as conn:
        if is_registered:
            await id_tokens.add(conn, uid="840917", type="KeyCode")
        at = await conn.fetchval("select now()")
        decision, token = await cards.judge(
            conn, station_id=station.id, uid="840917", type="KeyCode", purpose="start", at=at
        )
        row = await conn.fetchrow("select * from authorization_decision")

    assert decision.accepted is is_registered is (token is not None)
    assert row is not None
    assert (row["uid"], row["type"], row["status"]) == ("***", "KeyCode", decision.status)
    # The card itself is where its owner put it.
    assert await places(database_url, "840917") == ({"id_token"} if is_registered else set())


async def test_a_pin_that_is_presented_is_not_logged(
    database_url: str, server: Csms, pool: Pool
) -> None:
    async with ready(server, version="2.0.1") as cp:
        pin = {"idToken": {"idToken": "840917", "type": "KeyCode"}}
        answer = await cp.call("Authorize", pin)
        assert answer["idTokenInfo"]["status"] != "Accepted"
        await until_logged(pool, "Authorize")
    assert await places(database_url, "840917") == set()
