"""Parts of a report, put together by its number, in whichever order and however often they come."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import blake2b

from csms.ocpp.handling import Call
from csms.ocpp.salvage import integer
from csms.rules import clocks, parts
from db import changes, reports
from db.model.reports import ReportKind
from db.reports import Report
from db.rows import Conn

_MOST_NUMBER = 2**31 - 1


async def take(
    call: Call,
    conn: Conn,
    kind: ReportKind,
    *,
    items: int,
    is_numbered: bool,
    body: str | None = None,
) -> Report | None:
    """
    Note a part: the report that it belongs to, as it is now, or None when we have it already.

    Nobody needs to have asked for it (reliability D-P51).
    """
    request_id = integer(call.get("requestId"))
    seq_no = _seq_no(call) if is_numbered else None
    key = seq_no or 0
    whole = json.dumps(call.payload, sort_keys=True, separators=(",", ":")).encode()
    fingerprint = blake2b(whole, digest_size=16).digest()
    report = await reports.find_latest(conn, call.station.id, kind=kind, request_id=request_id)
    present: set[int] = set()
    if report is not None:
        if await reports.has_part(conn, report, seq_no=key, fingerprint=fingerprint):
            return None
        present = await reports.seq_nos(conn, call.station.id, report.id)
        since_last = call.received_at - report.heard_at
        if not parts.belongs(report.state, present, seq_no, since_last=since_last):
            present = set()
    if report is None or not present:
        report = await reports.begin(
            conn,
            call.station.id,
            kind=kind,
            request_id=request_id,
            generation=0 if report is None else report.generation + 1,
            generated_at=_generated_at(call),
            started_at=call.received_at,
        )
    await reports.add_part(
        conn,
        report,
        seq_no=key,
        fingerprint=fingerprint,
        items=items,
        body=body,
        received_at=call.received_at,
    )
    last = report.last_seq_no
    if call.get("tbc") is not True:
        last = key if last is None else max(last, key)
    report = await reports.move_on(
        conn,
        report,
        state="complete" if parts.is_whole(present | {key}, last) else "collecting",
        last_seq_no=last,
        more_items=items,
        heard_at=call.received_at,
    )
    call.topics.add(changes.topic("reports", call.station.id))
    return report


def _seq_no(call: Call) -> int:
    number = integer(call.get("seqNo"))
    return number if number is not None and 0 <= number <= _MOST_NUMBER else 0


def _generated_at(call: Call) -> datetime | None:
    at, flags = call.when(call.get("generatedAt"))
    return None if set(flags) & clocks.UNDATED else at
