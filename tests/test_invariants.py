"""Each invariant is seen to be broken, by rows that are broken by hand and then taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from db.rows import Conn, Pool
from tests.invariants import INVARIANTS, Broken, check_invariants
from tests.wire import add_station, charger, csms

SIGNED = "OCMF|{}|signed-in-the-meter"
# What breaks each invariant, by a part of its sentence; `$1` is the first of two sessions.
BREAKS = {
    "a session runs if and only if": "delete from session_live where session_id = $1 + 1",
    "one physical start": """
        insert into charging_session (station_id, family, transaction_id, start_key, evse,
            id_token, started_at, start_received_at, ended_at, meter_start_wh, is_finalized,
            updated_at)
        select station_id, family, 'another', 'another', evse, id_token, started_at, now(),
            ended_at, meter_start_wh, true, now()
        from charging_session where id = $1
    """,
    "of one transaction number do not overlap": """
        insert into charging_session (station_id, id, family, transaction_id, generation,
            start_key, started_at, start_received_at, ended_at, is_finalized, updated_at)
        select station_id, id + 100, family, transaction_id, 1, start_key,
            started_at + interval '1 minute', now(), now(), true, now()
        from charging_session where id = $1
    """,
    "ends before it began": """
        update charging_session set ended_at = started_at - interval '1 s' where id = $1
    """,
    "is for a person to look at": "update charging_session set energy_wh = null where id = $1",
    "the last register minus the first": """
        update charging_session set energy_wh = energy_wh + 2 where id = $1
    """,
    "the lines of a price": """
        insert into session_price (station_id, session_id, why, currency, total, lines, month)
        select station_id, id, 'by hand', 'EUR', 3, '[{"amount": "1"}, {"amount": "1.99"}]',
            '2026-05-01'
        from charging_session where id = $1
    """,
    "a price is what its steps": """
        with price as (
            insert into session_price (station_id, session_id, why, currency, total, month)
            select station_id, id, 'by hand', 'EUR', 3, '2026-05-01'
            from charging_session where id = $1
        )
        insert into price_step (station_id, session_id, kind, currency, amount, reason)
        select station_id, id, 'priced', 'EUR', 2, 'by hand' from charging_session where id = $1
    """,
    "at most one session runs": """
        insert into charging_session (station_id, id, family, transaction_id, evse, started_at,
            start_received_at, updated_at)
        select station_id, id + 100, family, 'another', evse, now(), now(), now()
        from charging_session where id = $1 + 1
    """,
    "no two CALLs": """
        insert into command (station_id, kind, arguments, state, asked_by, expires_at, sent_at,
            settled_at, answer)
        select station_id, 'reset', '{}', 'done', 'hand', now(), now() + n * interval '1 s',
            now() + interval '9 s', '{}'
        from charging_session, generate_series(1, 2) n where id = $1
    """,
    "its driver is told once": """
        with account as (insert into account (email) values ('a@example.org') returning id)
        insert into notice (account_id, kind, title, path)
        select account.id, 'session.complete', 'Complete', '/sessions/' || $1
        from account, generate_series(1, 2)
    """,
    "is of its own station": """
        update reading set session_id = $1 + 1 where session_id = $1 and context is not null
    """,
    "could not be read as it stands": """
        update charging_session set flags = '{malformed}' where id = $1
    """,
    "refuses anything else": "alter table audit disable trigger audit_is_kept",
    "every moment has a zone": "alter table site add column opened_at timestamp",
    "what the hours add up to": "update energy_hourly set energy_wh = energy_wh + 1",
}


async def charge(database_url: str, tmp_path: Path) -> None:
    """One session that is over on CP-1, one that runs on CP-2."""
    for identity in ("CP-1", "CP-2"):
        await add_station(database_url, identity)
    async with csms(database_url, tmp_path) as server:
        for identity in ("CP-1", "CP-2"):
            async with charger(server.url, identity) as box:
                await say_session(box.call, is_over=identity == "CP-1")


async def say_session(call: Any, *, is_over: bool) -> None:
    start = {
        "connectorId": 1,
        "idTag": "ADA-1",
        "meterStart": 1000 if is_over else 2000,
        "timestamp": "2026-05-01T09:00:00Z" if is_over else "2026-05-01T10:00:00Z",
    }
    number = (await call("StartTransaction", start))["transactionId"]
    signed = {"format": "SignedData", "value": SIGNED}
    value = {
        "timestamp": "2026-05-01T10:15:00Z",
        "sampledValue": [{"value": "3000"}, *([signed] if is_over else [])],
    }
    await call("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]})
    stop = {"transactionId": number, "meterStop": 4000, "timestamp": "2026-05-01T10:30:00Z"}
    if is_over:
        await call("StopTransaction", stop)


async def broken(conn: Conn, *journals: Path) -> str:
    """What is said to be broken."""
    try:
        await check_invariants(conn, journals)
    except Broken as said:
        return str(said)
    return ""


async def test_each_invariant_is_seen_to_be_broken_and_its_rows_are_named(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await charge(database_url, tmp_path)
    async with pool.acquire() as conn:
        first = await conn.fetchval("select min(id) from charging_session")
        await check_invariants(conn)
        for invariant in INVARIANTS:
            (statement,) = [sql for part, sql in BREAKS.items() if part in invariant.sentence]
            undo = conn.transaction()
            await undo.start()
            await conn.execute("drop index charging_session_open_key")
            await conn.execute(
                "alter table charging_session drop constraint charging_session_check"
            )
            await conn.execute(
                statement.replace("$1", str(first))  # a statement without it takes no argument
            )

            said = await broken(conn)

            assert f"{invariant.id}: {invariant.sentence}: " in said
            await undo.rollback()


async def test_an_answer_to_another_call_and_a_signed_value_that_was_changed_are_seen(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await charge(database_url, tmp_path)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("set local session_replication_role = replica")
        undo = conn.transaction()
        await undo.start()
        await conn.execute(
            "update message set answer = '[3,\"other\",{}]' where action = 'MeterValues'"
        )
        await conn.execute(
            "update reading set samples = replace(encode(samples, 'escape'), 'OCMF', 'ocmf')::bytea"
        )

        said = await broken(conn)

        assert "I-6: an answer has the id of its CALL: [3, 'other', {}]" in said
        assert f"I-14: a signed value is kept as it came: {SIGNED}" in said
        await undo.rollback()


JOURNAL: list[tuple[str, dict[str, Any]]] = [
    (
        "I-1: what was answered is in the database: CP-1 lost no session for StartTransaction",
        {"action": "StartTransaction", "request": {}, "answer": {"transactionId": 999}},
    ),
    (
        "I-1: what was answered is in the database: CP-2 lost the end of transaction",
        {"action": "StopTransaction", "request": {"transactionId": 2}, "answer": {}},
    ),
    (
        "I-1: what was answered is in the database: CP-1 lost the reading of 2026-05-01T09:20:00Z",
        {
            "action": "MeterValues",
            "request": {"meterValue": [{"timestamp": "2026-05-01T09:20:00Z"}]},
            "answer": {},
        },
    ),
    (
        "I-6: a transaction message is never refused",
        {"action": "StopTransaction", "request": {}, "outcome": "refused"},
    ),
    ("I-2: one physical session is one row", {"session": {"transaction_id": 999}}),
    ("I-3: the energy is what the meter says", {"session": {"transaction_id": 1, "energy_wh": 1}}),
]


async def test_what_only_the_far_end_knows_is_held_against_its_journal(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    await charge(database_url, tmp_path)
    path = tmp_path / "said.jsonl"
    async with pool.acquire() as conn:
        for wanted, fact in JOURNAL:
            station = "CP-2" if "CP-2" in wanted else "CP-1"
            line = {"station": station, "message_id": "m1", "outcome": "answered", **fact}
            path.write_text(json.dumps(line) + "\n")

            assert wanted in await broken(conn, path)
