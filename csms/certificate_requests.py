"""Judge a station's request for a certificate, and write down what was found."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime

import structlog

from csms.rules import certificate_requests as rules
from db import certificate_requests, changes, stations
from db.model.stations import Station
from db.rows import Conn

log = structlog.get_logger()

NO_AUTHORITY = "it is in order, but no certificates are signed here yet"


async def judge(
    conn: Conn,
    topics: set[str],
    *,
    station: Station,
    at: datetime,
    csr: str,
    kind: str,
    request_id: int | None,
    organization: str,
) -> rules.Verdict:
    """
    The verdict on a request, which is kept, also a bad one (reliability D-P50).

    `station` is as it was when it connected: what it said of itself since is read again.
    """
    now = await stations.get(conn, station.identity)
    names = list(dict.fromkeys(name for name in (now.serial_number, now.identity) if name))
    verdict = await asyncio.to_thread(
        rules.check, csr, kind=kind, names=names, organization=organization
    )
    await certificate_requests.record(
        conn,
        station_id=station.id,
        at=at,
        kind=kind,
        request_id=request_id,
        csr=csr[: rules.MOST_CHARACTERS].replace("\x00", "\ufffd"),
        digest=hashlib.sha256(f"{kind}\n{csr}".encode()).digest(),
        problem=verdict.problem,
        subject=verdict.subject,
        key=verdict.key,
        key_digest=verdict.key_digest,
    )
    topics.add(changes.topic("station", station.id))
    if verdict.problem is not None:
        log.warning("certificate.refused", station=station.identity, why=verdict.problem)
    return verdict
