"""What vehicles need, and the schedules that they chose (ISO 15118)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from db.rows import Conn, many

Kind = Literal["needs", "schedule"]


@dataclass(frozen=True, slots=True)
class ChargingNeed:
    """`payload` is the whole of it as JSON; `answered` our status."""

    id: int
    received_at: datetime
    kind: Kind
    evse: int
    session_id: int | None
    transaction_id: str | None
    at: datetime
    energy_transfer: str | None
    energy_wh: int | None
    departure_at: datetime | None
    payload: bytes
    answered: str


async def add(
    conn: Conn,
    *,
    station_id: int,
    received_at: datetime,
    kind: Kind,
    evse: int,
    at: datetime,
    energy_transfer: str | None = None,
    energy_wh: int | None = None,
    departure_at: datetime | None = None,
    payload: bytes,
    answered: str,
) -> None:
    """Of the session that runs on its EVSE, if one does."""
    await conn.execute(
        """
        insert into charging_need
            (station_id, received_at, kind, evse, session_id, at, energy_transfer, energy_wh,
                departure_at, payload, answered)
        values ($1, $2, $3, $4, (
            select id from charging_session
            where station_id = $1 and evse = $4 and not is_finalized
        ), $5, $6, $7, $8, $9, $10)
        """,
        station_id,
        received_at,
        kind,
        evse,
        at,
        energy_transfer,
        energy_wh,
        departure_at,
        payload,
        answered,
    )


async def list_by_station(
    conn: Conn, station_id: int, *, before: int | None, limit: int
) -> list[ChargingNeed]:
    """The newest first."""
    return await many(
        conn,
        ChargingNeed,
        """
        select need.id, received_at, kind, need.evse, session_id, transaction_id, at,
            energy_transfer, need.energy_wh, departure_at, payload, answered
        from charging_need need
        left join charging_session session
            on session.station_id = need.station_id and session.id = session_id
        where need.station_id = $1 and ($2::bigint is null or need.id < $2)
        order by need.id desc limit $3
        """,
        station_id,
        before,
        limit,
    )
