"""What one EV card did: where it was held before a charger, and what it charged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from db.model.id_tokens import Purpose
from db.rows import Conn, many


@dataclass(frozen=True, slots=True)
class Tap:
    """A card was held before a charger, and what came of it."""

    at: datetime
    identity: str | None  # null: the charger was removed since
    charger: str | None
    zone: str
    purpose: Purpose
    status: str
    reason: str
    session_id: int | None


@dataclass(frozen=True, slots=True)
class CardSession:
    number: int
    identity: str
    charger: str
    zone: str
    started_at: datetime
    ended_at: datetime | None
    energy_wh: Decimal | None
    is_finalized: bool
    account_id: int | None
    driver: str | None


async def list_taps(
    conn: Conn,
    uid: str,
    *,
    zone: str,
    limit: int,
    since: datetime | None = None,
    is_refused: bool | None = None,
) -> list[Tap]:
    """The latest first. `since` when its holder has it: what was before is another's."""
    return await many(
        conn,
        Tap,
        """
        select d.at, station.identity, coalesce(station.name, station.identity) as charger,
            coalesce(site.zone, $2) as zone, d.purpose, d.status, d.reason, d.session_id
        from authorization_decision d
        left join station on station.id = d.station_id
        left join site on site.id = station.site_id
        where lower(d.uid) = lower($1) and d.at >= coalesce($3::timestamptz, '-infinity')
            and ($4::boolean is null or (d.status <> 'Accepted') = $4)
        order by d.at desc, d.id desc limit $5
        """,
        uid,
        zone,
        since,
        is_refused,
        limit,
    )


async def list_sessions(
    conn: Conn, uid: str, *, zone: str, limit: int, account_id: int | None = None
) -> list[CardSession]:
    """What the card charged, the latest first; of one account, or whoever had it."""
    return await many(
        conn,
        CardSession,
        """
        select s.id as number, station.identity,
            coalesce(station.name, station.identity) as charger,
            coalesce(site.zone, $2) as zone, s.started_at, s.ended_at,
            coalesce(live.energy_wh, s.energy_wh) as energy_wh, s.is_finalized, s.account_id,
            coalesce(account.name, account.email) as driver
        from (
            (
                select * from charging_session s
                where not s.is_finalized and lower(s.id_token) = lower($1)
                    and ($3::bigint is null or s.account_id = $3)
            ) union all (
                select * from charging_session s
                where s.is_finalized and lower(s.id_token) = lower($1)
                    and ($3::bigint is null or s.account_id = $3)
                order by s.updated_at desc, s.id desc limit $4
            )
        ) s
        join station on station.id = s.station_id
        left join site on site.id = station.site_id
        left join account on account.id = s.account_id
        left join session_live live on live.station_id = s.station_id and live.session_id = s.id
        order by s.is_finalized, s.updated_at desc, s.id desc limit $4
        """,
        uid,
        zone,
        account_id,
        limit,
    )
