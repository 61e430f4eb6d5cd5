"""EV cards as the admin's pages show them: counted, filtered, and one with whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from db.id_tokens import WITH_PARENT
from db.model.id_tokens import IdTokenStatus
from db.rows import Conn, many, maybe, one

CardState = Literal["active", "blocked", "expired", "lost", "unknown"]


@dataclass(frozen=True, slots=True)
class CardRow:
    id: int
    uid: str
    type: str
    label: str | None
    status: IdTokenStatus
    expires_at: datetime | None
    lost_at: datetime | None
    lost_reason: str | None
    group_uid: str | None
    group_id: int | None  # the card that the group is named by, if there is one
    group_status: IdTokenStatus | None
    group_expires_at: datetime | None
    account_id: int | None
    driver: str | None
    is_account_active: bool
    created_at: datetime
    seen_at: datetime | None  # last held before a charger, accepted or not
    seen_identity: str | None
    seen_charger: str | None

    @property
    def name(self) -> str:
        """A key code is a secret and never a name."""
        return self.label or ("Key code" if self.type == "KeyCode" else self.uid)


class Counts(NamedTuple):
    """Of all cards, whatever the filter."""

    all: int  # that are registered
    linked: int
    unlinked: int
    blocked: int  # lost ones among them
    unknown: int  # seen, and registered by nobody


class Filter(NamedTuple):
    text: str = ""  # part of a uid, a label, a driver's name or address
    state: CardState | None = None
    is_linked: bool | None = None


_CARD = f"""
    select card.id, card.uid, card.type, card.label, card.status, card.expires_at, card.lost_at,
        card.lost_reason, card.group_uid, parent.id as group_id, parent.status as group_status,
        parent.expires_at as group_expires_at, card.account_id,
        coalesce(account.name, account.email) as driver,
        coalesce(account.is_active, true) as is_account_active, card.created_at,
        tap.at as seen_at, tap.identity as seen_identity, tap.charger as seen_charger
    from id_token card
    left join account on account.id = card.account_id
    {WITH_PARENT}
    left join lateral (
        select d.at, station.identity, coalesce(station.name, station.identity) as charger
        from authorization_decision d left join station on station.id = d.station_id
        where lower(d.uid) = lower(card.uid)
        order by d.at desc limit 1
    ) tap on true
    where not card.is_app
"""

_IN_STATE = """
    case $3::text
        when 'active' then card.status = 'Accepted'
            and (card.expires_at is null or card.expires_at > now())
        when 'blocked' then card.status = 'Blocked'
        when 'expired' then card.status = 'Expired'
            or card.status = 'Accepted' and card.expires_at <= now()
        when 'lost' then card.lost_at is not null and card.status = 'Blocked'
        when 'unknown' then card.status = 'Unknown'
        else true
    end
"""


async def counts(conn: Conn) -> Counts:
    return await one(
        conn,
        Counts,
        """
        select count(*) filter (where status <> 'Unknown') as all,
            count(*) filter (where status <> 'Unknown' and account_id is not null) as linked,
            count(*) filter (where status <> 'Unknown' and account_id is null) as unlinked,
            count(*) filter (where status = 'Blocked') as blocked,
            count(*) filter (where status = 'Unknown') as unknown
        from id_token where not is_app
        """,
    )


async def list_page(
    conn: Conn, wanted: Filter, *, limit: int, before: int | None = None
) -> list[CardRow]:
    """The newest first, those that somebody only held before a charger among them."""
    return await many(
        conn,
        CardRow,
        f"""
        {_CARD} and ($1::bigint is null or card.id < $1)
            and ($2 = '' or card.type <> 'KeyCode' and strpos(lower(card.uid), lower($2)) > 0
                or strpos(lower(card.label), lower($2)) > 0
                or strpos(lower(account.name), lower($2)) > 0
                or strpos(lower(account.email), lower($2)) > 0)
            and ({_IN_STATE})
            and ($4::boolean is null or (card.account_id is not null) = $4)
        order by card.id desc limit $5
        """,
        before,
        wanted.text,
        wanted.state,
        wanted.is_linked,
        limit,
    )


async def list_of_account(conn: Conn, account_id: int) -> list[CardRow]:
    return await many(
        conn,
        CardRow,
        f"{_CARD} and card.account_id = $1 order by card.id desc limit 100",
        account_id,
    )


async def find(conn: Conn, id: int) -> CardRow | None:
    return await maybe(conn, CardRow, f"{_CARD} and card.id = $1", id)


async def lock(conn: Conn, id: int) -> None:
    """Until the transaction ends nobody else changes this card."""
    await conn.execute("select from id_token where id = $1 for no key update", id)


async def set_details(
    conn: Conn,
    id: int,
    *,
    label: str | None,
    expires_at: datetime | None,
    group_uid: str | None,
    account_id: int | None,
) -> None:
    """A card that was only seen until now is registered by this."""
    await conn.execute(
        """
        update id_token set label = $2, expires_at = $3, group_uid = $4, account_id = $5,
            status = case when status = 'Unknown' then 'Accepted' else status end
        where id = $1
        """,
        id,
        label,
        expires_at,
        group_uid,
        account_id,
    )


async def set_status(conn: Conn, id: int, status: IdTokenStatus) -> None:
    """One that may charge again is no longer lost."""
    await conn.execute(
        """
        update id_token set status = $2::id_token_status,
            lost_at = case when $2::id_token_status <> 'Accepted' then lost_at end,
            lost_reason = case when $2::id_token_status <> 'Accepted' then lost_reason end
        where id = $1
        """,
        id,
        status,
    )
