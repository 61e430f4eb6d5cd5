"""
What the admin's table of sessions is asked for, and the SQL that answers it by index.

Running sessions are few and have their time in `session_live`; finished ones are many and are read
from an index by (updated_at, number). Each part of a list is made of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from db.rows import Conn

Status = Literal["all", "active", "completed"]

#: Up to so many uids each has its own walk down the index; with more, most of the index matches.
_FEW_UIDS = 200


class Place(NamedTuple):
    """Where a part of the list begins or ends: by last update, then number."""

    updated_at: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Filters:
    """`since` and `until` bound the last update, half-open; `tag` is a part of a uid, as typed."""

    status: Status = "all"
    since: datetime | None = None
    until: datetime | None = None
    tag: str = ""

    @property
    def is_any(self) -> bool:
        return self != Filters()


@dataclass(frozen=True, slots=True)
class Search:
    """Filters whose tag was looked up: `uids` in small letters, None where any will do."""

    filters: Filters
    uids: list[str] | None = None


class Arguments:
    """Values of one statement, each under its number."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def add(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


async def resolve(conn: Conn, filters: Filters) -> Search:
    """
    Look the tag up first (decision 25), among every uid that a session ever had.

    So a session is found by its own uid whether or not a card has a row, and is counted once. The
    search is for the letters as they are: `%`, `_` and `\\` mean themselves.
    """
    if not filters.tag:
        return Search(filters)
    records = await conn.fetch(
        "select uid from session_uid where strpos(uid, lower($1)) > 0 order by uid", filters.tag
    )
    return Search(filters, [record["uid"] for record in records])


def source(
    search: Search,
    arguments: Arguments,
    *,
    limit: int,
    after: Place | None = None,
    down_to: Place | None = None,
) -> str:
    """The latest sessions behind `after`, down to and with `down_to`: `limit` of each kind."""
    most = arguments.add(limit)
    parts = []
    if search.filters.status != "completed":
        key = "coalesce(live.updated_at, s.updated_at)"
        parts.append(
            f"""(
                select s.* from {_OPEN} where not s.is_finalized
                {_within(search, arguments, key, after, down_to)} {_of_uids(search, arguments)}
                order by {key} desc, s.id desc limit {most}
            )"""
        )
    if search.filters.status != "active":
        within = _within(search, arguments, "s.updated_at", after, down_to)
        latest = f"order by s.updated_at desc, s.id desc limit {most}"
        if search.uids is not None and len(search.uids) <= _FEW_UIDS:
            parts.append(
                f"""(
                    select s.* from unnest({arguments.add(search.uids)}::text[]) as wanted (uid)
                    cross join lateral (
                        select s.* from charging_session s
                        where s.is_finalized and lower(s.id_token) = wanted.uid {within} {latest}
                    ) s {latest}
                )"""
            )
        else:
            parts.append(
                f"""(
                    select s.* from charging_session s
                    where s.is_finalized {within} {_of_uids(search, arguments)} {latest}
                )"""
            )
    return " union all ".join(parts)


async def count(conn: Conn, search: Search) -> int:
    """How many there are exactly; each session once."""
    filters = search.filters
    open_now, ended = 0, 0
    if filters.status != "completed":
        open_now = await _count_open(conn, search)
    if filters.status != "active":
        is_narrowed = filters.since or filters.until or search.uids is not None
        if is_narrowed:
            ended = await _count_ended(conn, search)
        else:
            ended = await total(conn) - await _count_open(conn, Search(Filters()))
    return open_now + ended


async def total(conn: Conn) -> int:
    """All sessions, from a counter."""
    sessions: int = await conn.fetchval(
        "select coalesce(sum(sessions), 0)::bigint from session_count"
    )
    return sessions


_OPEN = """
    charging_session s left join session_live live
        on live.station_id = s.station_id and live.session_id = s.id
"""


async def _count_open(conn: Conn, search: Search) -> int:
    arguments = Arguments()
    within = _within(search, arguments, "coalesce(live.updated_at, s.updated_at)", None, None)
    found: int = await conn.fetchval(
        f"""
        select count(*) from {_OPEN}
        where not s.is_finalized {within} {_of_uids(search, arguments)}
        """,
        *arguments.values,
    )
    return found


async def _count_ended(conn: Conn, search: Search) -> int:
    arguments = Arguments()
    within = _within(search, arguments, "s.updated_at", None, None)
    found: int = await conn.fetchval(
        f"""
        select count(*) from charging_session s
        where s.is_finalized {within} {_of_uids(search, arguments)}
        """,
        *arguments.values,
    )
    return found


def _within(
    search: Search, arguments: Arguments, key: str, after: Place | None, down_to: Place | None
) -> str:
    parts = []
    if search.filters.since is not None:
        parts.append(f"{key} >= {arguments.add(search.filters.since)}")
    if search.filters.until is not None:
        parts.append(f"{key} < {arguments.add(search.filters.until)}")
    if after is not None:
        parts.append(f"({key}, s.id) < {_place(arguments, after)}")
    if down_to is not None:
        parts.append(f"({key}, s.id) >= {_place(arguments, down_to)}")
    return "".join(f" and {part}" for part in parts)


def _of_uids(search: Search, arguments: Arguments) -> str:
    if search.uids is None:
        return ""
    return f" and lower(s.id_token) = any({arguments.add(search.uids)}::text[])"


def _place(arguments: Arguments, place: Sequence[object]) -> str:
    return "(" + ", ".join(arguments.add(value) for value in place) + ")"
