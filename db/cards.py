"""A driver's own EV cards: what they are, what they did, and that one is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from db import audit, commands, notices
from db.accounts import Account
from db.errors import NotFound
from db.id_tokens import WITH_PARENT
from db.model.commands import Command, StopSession
from db.model.id_tokens import IdTokenStatus
from db.rows import Conn, many, maybe

#: A lost card's session is still to be stopped when its charger comes back the next morning.
_STOP_VALID_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class OwnCard:
    id: int
    uid: str
    type: str
    label: str | None
    status: IdTokenStatus
    expires_at: datetime | None
    lost_at: datetime | None
    lost_reason: str | None
    group_status: IdTokenStatus | None
    group_expires_at: datetime | None
    held_since: datetime | None
    created_at: datetime
    last_used_at: datetime | None  # accepted by a charger, or charged
    sessions: int
    energy_wh: Decimal

    @property
    def name(self) -> str:
        """What its driver calls it. A key code is a secret and never a name."""
        return self.label or ("Key code" if self.type == "KeyCode" else self.uid)


class Running(NamedTuple):
    station_id: int
    id: int
    transaction_id: str
    charger: str


class Lost(NamedTuple):
    """What a report did; who is to be told once it is committed."""

    stops: list[Command]
    running: list[Running]
    admins: list[int]


# $1 is the account. One walk over its sessions counts those of each card.
_OWN = f"""
    with used as (
        select lower(s.id_token) as uid, count(*) as sessions, max(s.started_at) as at,
            sum(coalesce(live.energy_wh, s.energy_wh)) as energy_wh
        from charging_session s
        left join session_live live
            on live.station_id = s.station_id and live.session_id = s.id
        where s.account_id = $1
        group by lower(s.id_token)
    )
    select card.id, card.uid, card.type, card.label, card.status, card.expires_at, card.lost_at,
        card.lost_reason, parent.status as group_status, parent.expires_at as group_expires_at,
        card.held_since, card.created_at, greatest(tap.at, used.at) as last_used_at,
        coalesce(used.sessions, 0) as sessions, coalesce(used.energy_wh, 0) as energy_wh
    from id_token card
    {WITH_PARENT}
    left join used on used.uid = lower(card.uid)
    left join lateral (
        select d.at from authorization_decision d
        where lower(d.uid) = lower(card.uid) and d.status = 'Accepted'
            and d.at >= coalesce(card.held_since, '-infinity')
        order by d.at desc limit 1
    ) tap on true
    where card.account_id = $1 and not card.is_app
"""


async def list_own(conn: Conn, account_id: int) -> list[OwnCard]:
    """Without the app's token. The last used first."""
    return await many(
        conn, OwnCard, f"{_OWN} order by last_used_at desc nulls last, card.id", account_id
    )


async def get_own(conn: Conn, account_id: int, id: int) -> OwnCard:
    """Raises NotFound, for another's card as for none (decision 27)."""
    card = await maybe(conn, OwnCard, f"{_OWN} and card.id = $2", account_id, id)
    if card is None:
        raise NotFound("no such EV card")
    return card


async def rename(conn: Conn, id: int, label: str | None) -> None:
    await conn.execute("update id_token set label = $2 where id = $1", id, label)


async def report_lost(
    conn: Conn, card: OwnCard, *, by: Account, reason: str | None, remote_address: str
) -> Lost | None:
    """
    In one transaction: block the card, stop what it charges, tell every admin, write it down.

    None when it was reported before. Only an admin can undo it (product B8).
    """
    blocked = await conn.fetchval(
        """
        update id_token set status = 'Blocked', lost_at = now(), lost_reason = $3
        where id = $1 and account_id = $2 and lost_at is null
        returning id
        """,
        card.id,
        by.id,
        reason,
    )
    if blocked is None:
        return None
    # Read after the block: a start that was judged before it is committed by now.
    running = await list_running(conn, card.uid, account_id=by.id)
    stops = [
        await commands.ask(
            conn,
            each.station_id,
            StopSession(session_id=each.id, transaction_id=each.transaction_id),
            asked_by=commands.by_driver(by.id),
            valid_for=_STOP_VALID_FOR,
        )
        for each in running
    ]
    admins = await notices.add_for_admins(
        conn,
        "card.lost",
        title=f"{by.display_name} lost the EV card {card.name}",
        body=_told(reason, running),
        path=f"/admin/cards/{card.id}",
    )
    await audit.add(
        conn,
        "card.lost",
        by=by,
        subject=f"card:{card.id}",
        remote_address=remote_address,
        reason=reason,
        stopped_sessions=[each.id for each in running],
    )
    return Lost(stops, running, admins)


async def list_running(conn: Conn, uid: str, *, account_id: int) -> list[Running]:
    """What this card started and still charges; also a session that knows of no account."""
    return await many(
        conn,
        Running,
        """
        select s.station_id, s.id, s.transaction_id,
            coalesce(station.name, station.identity) as charger
        from charging_session s join station on station.id = s.station_id
        where not s.is_finalized and lower(s.id_token) = lower($1)
            and (s.account_id = $2 or s.account_id is null)
        order by s.id
        """,
        uid,
        account_id,
    )


def _told(reason: str | None, running: list[Running]) -> str:
    words = ["It is blocked."]
    words += [f"Session {each.id} at {each.charger} is asked to stop." for each in running]
    if reason:
        words.append(f"They say: {reason}")
    return " ".join(words)
