"""What stations state beside all else: of each thing the latest, and what was said before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from db.model.reports import Statement, StatementKind
from db.rows import Conn, columns, many

_SAME_THING = """
    station_statement.station_id = $1 and station_statement.is_latest
    and station_statement.kind = said.kind and station_statement.subject = said.subject
"""


@dataclass(frozen=True, slots=True)
class ListedStatement:
    id: int
    kind: StatementKind
    subject: str
    state: str
    is_latest: bool
    at: datetime
    received_at: datetime
    heard_at: datetime
    evse: int | None
    transaction_id: str | None
    session_id: int | None
    report_id: int | None
    facts: bytes


async def record(
    conn: Conn,
    station_id: int,
    statements: Sequence[Statement],
    *,
    received_at: datetime,
    report_id: int | None = None,
) -> bool:
    """
    Whether any of them is news; what says the same as the latest of its thing is not.

    Of two transactions that state the same thing at once one meets a unique violation, and is
    done again.
    """
    latest = {(each.kind, each.subject): each for each in statements}
    ordered = [latest[key] for key in sorted(latest)]
    same = await conn.fetch(
        f"""
        update station_statement set heard_at = $2
        from unnest($3::text[], $4::text[], $5::bytea[]) as said (kind, subject, fingerprint)
        where {_SAME_THING} and station_statement.fingerprint = said.fingerprint
        returning said.kind, said.subject
        """,
        station_id,
        received_at,
        [each.kind for each in ordered],
        [each.subject for each in ordered],
        [each.fingerprint for each in ordered],
    )
    known = {(row["kind"], row["subject"]) for row in same}
    news = [each for each in ordered if (each.kind, each.subject) not in known]
    if not news:
        return False
    await conn.execute(
        f"""
        update station_statement set is_latest = false
        from unnest($2::text[], $3::text[]) as said (kind, subject)
        where {_SAME_THING}
        """,
        station_id,
        [each.kind for each in news],
        [each.subject for each in news],
    )
    await conn.execute(
        """
        insert into station_statement
            (station_id, received_at, heard_at, report_id, kind, subject, state, fingerprint, at,
                evse, transaction_id, facts, session_id)
        select $1, $2, $2, $3, said.*, (
            select session.id from charging_session session
            where session.station_id = $1 and session.family = 'v2'
                and session.transaction_id = said.transaction_id
            order by session.generation desc limit 1
        )
        from unnest(
            $4::text[], $5::text[], $6::text[], $7::bytea[], $8::timestamptz[], $9::int[],
            $10::text[], $11::bytea[]
        ) as said (kind, subject, state, fingerprint, at, evse, transaction_id, facts)
        """,
        station_id,
        received_at,
        report_id,
        *zip(*(astuple(each) for each in news), strict=True),
    )
    return True


async def list_by_station(
    conn: Conn,
    station_id: int,
    *,
    limit: int,
    before: int | None = None,
    kind: StatementKind | None = None,
    is_latest: bool = False,
) -> list[ListedStatement]:
    """The newest first; with `is_latest` only what stands of each thing."""
    return await many(
        conn,
        ListedStatement,
        f"""
        select {columns(ListedStatement)} from station_statement
        where station_id = $1 and id < coalesce($2::bigint, 9223372036854775807)
            and ($3::text is null or kind = $3) and (is_latest or not $4::boolean)
        order by id desc
        limit $5
        """,
        station_id,
        before,
        kind,
        is_latest,
        limit,
    )
