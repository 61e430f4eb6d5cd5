"""Requests for a certificate that stations made, each with the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.rows import Conn, columns, many


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """`problem` is why it is refused, in plain words; None for a good one."""

    id: int
    first_at: datetime
    last_at: datetime
    times: int
    kind: str
    request_id: int | None
    csr: str
    problem: str | None
    subject: str | None
    key: str | None
    key_digest: bytes | None


async def record(
    conn: Conn,
    *,
    station_id: int,
    at: datetime,
    kind: str,
    request_id: int | None,
    csr: str,
    digest: bytes,
    problem: str | None,
    subject: str | None,
    key: str | None,
    key_digest: bytes | None,
) -> None:
    """The same once more is the same row: the newest verdict stands."""
    await conn.execute(
        """
        insert into certificate_request as known
            (station_id, first_at, last_at, kind, request_id, csr, digest, problem, subject, key,
                key_digest)
        values ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (station_id, digest) do update
        set last_at = excluded.last_at, times = known.times + 1, request_id = excluded.request_id,
            problem = excluded.problem
        """,
        station_id,
        at,
        kind,
        request_id,
        csr,
        digest,
        problem,
        subject,
        key,
        key_digest,
    )


async def list_by_station(
    conn: Conn, station_id: int, *, before: int | None, limit: int
) -> list[CertificateRequest]:
    """The newest first."""
    return await many(
        conn,
        CertificateRequest,
        f"""
        select {columns(CertificateRequest)} from certificate_request
        where station_id = $1 and ($2::bigint is null or id < $2)
        order by id desc limit $3
        """,
        station_id,
        before,
        limit,
    )
