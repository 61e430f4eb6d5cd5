"""What a session's page needs of its readings: the figures of each, and what was signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from db.model.readings import Sample, decode_samples
from db.rows import Conn, many

#: How far from a session's times its readings may lie (as in db/readings.py).
_SLACK = timedelta(days=2)
#: Beyond so many a page would take longer than anybody waits; the file has them all.
MOST = 50_000
_PAGE = 1000

#: Where a page of readings ends: (at, received_at, fingerprint).
Place = tuple[datetime, datetime, bytes]


@dataclass(frozen=True, slots=True)
class Figures:
    """One reading, without its samples."""

    at: datetime
    received_at: datetime
    energy_wh: int | None
    power_w: int | None
    soc_pct: Decimal | None
    context: str | None
    flags: list[str]
    is_signed: bool


@dataclass(frozen=True, slots=True)
class Whole:
    """One reading with all of its samples."""

    at: datetime
    received_at: datetime
    said_at: str | None
    context: str | None
    energy_wh: int | None
    power_w: int | None
    soc_pct: Decimal | None
    flags: list[str]
    samples: Sequence[Sample]


async def list_figures(
    conn: Conn, station_id: int, session_id: int, *, started_at: datetime, until: datetime
) -> list[Figures]:
    """In the order of the charger's clock."""
    return await many(
        conn,
        Figures,
        """
        select at, received_at, energy_wh, power_w, soc_pct, context, flags,
            position('"signed":'::bytea in samples) > 0 as is_signed
        from reading
        where station_id = $1 and session_id = $2 and at between $3 and $4
        order by at, received_at, fingerprint
        limit $5
        """,
        station_id,
        session_id,
        started_at - _SLACK,
        until + _SLACK,
        MOST,
    )


async def list_whole(
    conn: Conn,
    station_id: int,
    session_id: int,
    *,
    started_at: datetime,
    until: datetime,
    is_signed: bool = False,
    after: Place | None = None,
) -> tuple[list[Whole], Place | None]:
    """
    A page of all readings, or of those with a signed value, in the order of the charger's clock.

    With it the place to go on from; None at the end.
    """
    records = await conn.fetch(
        """
        select at, received_at, said_at, context, energy_wh, power_w, soc_pct, flags, samples,
            fingerprint
        from reading
        where station_id = $1 and session_id = $2 and at between $3 and $4
            and ($5::timestamptz is null or (at, received_at, fingerprint) > ($5, $6, $7))
            and (not $8 or position('"signed":'::bytea in samples) > 0)
        order by at, received_at, fingerprint
        limit $9
        """,
        station_id,
        session_id,
        max(started_at - _SLACK, after[0]) if after else started_at - _SLACK,
        until + _SLACK,
        *(after or (None, None, None)),
        is_signed,
        _PAGE,
    )
    found = []
    for record in records:
        row = dict(record)
        row["samples"] = decode_samples(row["samples"])
        del row["fingerprint"]
        found.append(Whole(**row))
    last = records[-1] if len(records) == _PAGE else None
    return found, None if last is None else (last["at"], last["received_at"], last["fingerprint"])
