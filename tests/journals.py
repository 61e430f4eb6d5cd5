"""What simulated chargers noted, held against the database: was it kept, was it one session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from db.rows import Conn

_TRANSACTION = {"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"}
_SESSION = """
    select s.* from charging_session s join station on station.id = s.station_id
    where station.identity = $1 and s.transaction_id = $2
"""


async def broken(conn: Conn, path: Path) -> list[str]:
    """One sentence for each invariant of reliability C0 that a journal shows broken."""
    found = []
    for line in path.read_text().splitlines():
        fact = json.loads(line)
        if "session" in fact:
            found += await _session(conn, fact["station"], fact["session"])
        elif fact["outcome"] in ("refused", "invalid") and fact["action"] in _TRANSACTION:
            found.append(f"I-6: a transaction message is never refused: {fact}")
        elif fact["outcome"] in ("answered", "lost"):
            found += await _answered(conn, fact)
    return found


async def _session(conn: Conn, station: str, truth: dict[str, Any]) -> list[str]:
    if truth["transaction_id"] is None:
        return []  # a 1.6 charger that was never told the number
    rows = await conn.fetch(_SESSION, station, str(truth["transaction_id"]))
    what = f"transaction {truth['transaction_id']} of {station}"
    if len(rows) != 1:
        return [f"I-2: one physical session is one row: {what} is {len(rows)}"]
    energy_wh = rows[0]["energy_wh"]
    if (
        rows[0]["is_finalized"]
        and not rows[0]["is_end_inferred"]
        and energy_wh != truth["energy_wh"]
    ):
        return [f"I-3: the energy is what the meter says: {what} has {energy_wh}, took {truth}"]
    return []


async def _answered(conn: Conn, fact: dict[str, Any]) -> list[str]:
    """I-1: every message that was answered is there."""
    station, action, request = fact["station"], fact["action"], fact["request"]
    lost = []
    number = None
    match action:
        case "StartTransaction":
            number = fact["answer"]["transactionId"]
        case "StopTransaction":
            number = request["transactionId"]
        case "TransactionEvent":
            number = request["transactionInfo"]["transactionId"]
    if number is not None and not await conn.fetchval(
        f"select exists ({_SESSION})", station, str(number)
    ):
        lost.append(f"no session for {action} of transaction {number}")
    is_end = action == "StopTransaction" or request.get("eventType") == "Ended"
    if number is not None and is_end and not lost:
        ended = f"select bool_or(is_finalized) from ({_SESSION}) s"
        if not await conn.fetchval(ended, station, str(number)):
            lost.append(f"the end of transaction {number}")
    for value in request.get("meterValue") or request.get("transactionData") or []:
        said = """
            select exists (
                select from reading join station on station.id = station_id
                where identity = $1 and said_at = $2
            )
        """
        if not await conn.fetchval(said, station, value["timestamp"]):
            lost.append(f"the reading of {value['timestamp']}")
    unread = """
        select exists (
            select from quarantine join station on station.id = station_id
            where identity = $1 and message_id = $2
        )
    """
    if lost and await conn.fetchval(unread, station, fact["message_id"]):
        return []
    return [f"I-1: what was answered is in the database: {station} lost {what}" for what in lost]
