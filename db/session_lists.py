"""Sessions as people see them: running and finished ones in one list."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from db.errors import NotFound
from db.rows import Conn, many, maybe

SessionStatus = Literal["all", "active", "completed"]


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as people see it: its station's identity, and while it runs the live figures."""

    id: int
    station_id: int
    station: str
    transaction_id: str
    evse: int | None
    connector: int | None
    id_token: str | None
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int | None
    is_finalized: bool
    stop_reason: str | None
    flags: list[str]
    updated_at: datetime


_SHOWN = [field.name for field in fields(ListedSession) if field.name != "station"]
_AS_KEPT = ", ".join(f"s.{name}" for name in _SHOWN)
_AS_LIVE = ", ".join(
    {
        # round() of a numeric goes away from zero at a half, and energy is never negative.
        "energy_wh": "coalesce(round(live.energy_wh)::bigint, s.energy_wh) as energy_wh",
        "updated_at": "coalesce(live.updated_at, s.updated_at) as updated_at",
    }.get(name, f"s.{name}")
    for name in _SHOWN
)
_LISTED = "station.identity as station, " + ", ".join(f"page.{name}" for name in _SHOWN)
_WITH_LIVE = """
    charging_session s
    left join session_live live
        on live.station_id = s.station_id and live.session_id = s.id and not s.is_finalized
"""


async def get_listed(conn: Conn, session_id: int) -> ListedSession:
    listed = await maybe(
        conn,
        ListedSession,
        f"""
        select {_LISTED}
        from (select {_AS_LIVE} from {_WITH_LIVE} where s.id = $1) page
        join station on station.id = page.station_id
        """,
        session_id,
    )
    if listed is None:
        raise NotFound("no such session")
    return listed


async def list_page(
    conn: Conn,
    *,
    station_id: int | None = None,
    id_token: str | None = None,
    status: SessionStatus = "all",
    before: tuple[datetime, int] | None = None,
    limit: int,
) -> list[ListedSession]:
    """
    Sessions by (updated_at, id), the latest first, from the first one past `before`.

    The few that run, by their live rows, are merged with the index of the finished.
    """
    values: list[Any] = [limit]

    def argument(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    of_both = ""
    if station_id is not None:
        of_both += f" and s.station_id = {argument(station_id)}"
    if id_token is not None:
        of_both += f" and lower(s.id_token) = lower({argument(id_token)})"
    active, completed = of_both, of_both
    if before is not None:
        place = f"({argument(before[0])}, {argument(before[1])})"
        active += f" and (coalesce(live.updated_at, s.updated_at), s.id) < {place}"
        completed += f" and (s.updated_at, s.id) < {place}"
    halves = []
    if status != "completed":
        halves.append(
            f"""
            (select {_AS_LIVE} from {_WITH_LIVE} where not s.is_finalized {active}
            order by updated_at desc, id desc limit $1)
            """
        )
    if status != "active":
        halves.append(
            f"""
            (select {_AS_KEPT} from charging_session s where s.is_finalized {completed}
            order by s.updated_at desc, s.id desc limit $1)
            """
        )
    return await many(
        conn,
        ListedSession,
        f"""
        select {_LISTED}
        from ({" union all ".join(halves)}) page
        join station on station.id = page.station_id
        order by page.updated_at desc, page.id desc
        limit $1
        """,
        *values,
    )
