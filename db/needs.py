"""What needs a person: faults, silence, refusals, and whatever waits to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from db.links import MOST_TAKEOVERS, TAKEOVERS_IN
from db.rows import Conn, many

Kind = Literal[
    "faulted",
    "offline",
    "contested",
    "silent",
    "refused",
    "review",
    "quarantine",
    "dispute",
    "mail",
    "pending",
]
#: The most urgent first.
KINDS: tuple[Kind, ...] = get_args(Kind)

UNSEEN_FOR = timedelta(hours=1)  # decision 20
REFUSED_IN = timedelta(hours=24)
CONTESTED_IN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Need:
    """
    One thing. `total` is how many there are of its kind.

    `ref` is what its page is named by: a charger's identity, a session's or dispute's number.
    """

    kind: Kind
    name: str
    part: str | None  # a connector, a command, a message, a figure
    detail: str | None  # in the charger's or the mail server's own words
    at: datetime | None  # since when
    ref: str
    number: int | None  # of a session
    total: int


_IN_SERVICE = "registration = 'Accepted' and out_of_service_at is null"
_NAME = "coalesce(station.name, identity)"

# Each in a subquery of its own, so that its index is used and no kind crowds out another.
_QUERY = f"""
    (
        select 'faulted' as kind, name, part, detail, at, ref, null::bigint as number,
            count(*) over () as total
        from (
            select {_NAME} as name, evse::text as part,
                coalesce(connector.error, connector.reported) as detail,
                status_received_at as at, identity as ref
            from connector join station on station.id = station_id
            where connector.status = 'Faulted' and {_IN_SERVICE}
            union all
            select {_NAME}, null, coalesce(error, reported), status_at, identity
            from station
            where status = 'Faulted' and {_IN_SERVICE} and not exists (
                select from connector
                where station_id = station.id and connector.status = 'Faulted'
            )
        ) faulted
        order by at limit $4
    ) union all (
        select 'offline', {_NAME}, null, null, greatest(last_seen_at, link.since), identity, null,
            count(*) over ()
        from station left join link on link.station_id = station.id
        where {_IN_SERVICE} and greatest(last_seen_at, link.since) <= $1::timestamptz - $2::interval
        order by 5 limit $4
    ) union all (
        select 'contested', {_NAME}, takeovers::text, addresses, taken_at, identity, null,
            count(*) over ()
        from (
            select identity as taken, count(*) as takeovers, max(at) as taken_at,
                array_to_string((array_agg(distinct remote_address))[:3], ', ') as addresses,
                min(at - before) as shortest
            from (
                -- With the one so many before it: how long they took together.
                select identity, at, remote_address,
                    lag(at, {MOST_TAKEOVERS}) over (partition by identity order by at) as before
                from connection_attempt
                where is_takeover and at > $1::timestamptz - $6::interval
            ) takeover
            group by identity
        ) often join station on identity = taken
        where shortest < $7
        order by taken_at desc limit $4
    ) union all (
        select 'silent', {_NAME}, null, null, live.updated_at, identity, session_id,
            count(*) over ()
        from session_live live join station on station.id = station_id
        where live.updated_at < $1::timestamptz - $3::interval
        order by live.updated_at limit $4
    ) union all (
        select 'refused', {_NAME}, coalesce(action, kind), reason, settled_at, identity, null,
            count(*) over ()
        from command join station on station.id = station_id
        where state = 'refused' and asked_at > $1::timestamptz - $5::interval
        order by settled_at desc limit $4
    ) union all (
        select 'review', {_NAME}, null, array_to_string(flags, ' '), s.updated_at, identity, s.id,
            count(*) over ()
        from charging_session s join station on station.id = station_id
        where 'needs_review' = any (flags) and reviewed_at is null
        order by s.updated_at desc limit $4
    ) union all (
        select 'quarantine', {_NAME}, action, problem, received_at, identity, session_id,
            count(*) over ()
        from quarantine join station on station.id = station_id
        where looked_at is null
        order by received_at desc limit $4
    ) union all (
        select 'dispute', coalesce(account.name, email), figure, state::text,
            dispute.created_at, dispute.id::text, session_id, count(*) over ()
        from dispute join account on account.id = account_id
        where state in ('open', 'acknowledged')
        order by dispute.created_at limit $4
    ) union all (
        select 'mail', recipient, kind, error, died_at, id::text, null, count(*) over ()
        from mail where died_at is not null
        order by died_at desc limit $4
    ) union all (
        select 'pending', {_NAME}, null, nullif(concat_ws(' ', vendor, model), ''), created_at,
            identity, null, count(*) over ()
        from station where registration = 'Pending'
        order by created_at limit $4
    )
"""


async def list_all(
    conn: Conn, now: datetime, *, silent_for: timedelta, most: int
) -> dict[Kind, list[Need]]:
    """By kind, only those of which there is one; at most so many of each."""
    found: dict[Kind, list[Need]] = {kind: [] for kind in KINDS}
    bounds = UNSEEN_FOR, silent_for, most, REFUSED_IN, CONTESTED_IN, TAKEOVERS_IN
    for need in await many(conn, Need, _QUERY, now, *bounds):
        found[need.kind].append(need)
    return {kind: needs for kind, needs in found.items() if needs}


async def set_reviewed(conn: Conn, number: int, now: datetime) -> bool:
    """A session that a person has looked at; False when it needed nobody."""
    done = await conn.execute(
        """
        update charging_session set reviewed_at = $2
        where id = $1 and 'needs_review' = any (flags) and reviewed_at is null
            and station_id = (select station_id from charging_session where id = $1)
        """,
        number,
        now,
    )
    return done.endswith(" 1")
