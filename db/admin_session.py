"""One session as an admin sees it: who, where, why it was let in, what was said meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from db.admin_chargers import LoggedMessage
from db.model.commands import Command, StopSession, decode
from db.rows import Conn, columns, many, maybe
from db.session_filters import Place
from db.session_sql import PLUG

# A start and its Authorize come a moment before, a last status a moment after.
_AROUND = timedelta(minutes=2)
_MOST_COMMANDS = 30


@dataclass(frozen=True, slots=True)
class Detail:
    """
    Of a session that runs the figures are the live ones, and `updated_at` is its last sign of life.

    `zone` is of its site. `closed_by` is who asked, at `close_asked_at`, that it be closed.
    """

    number: int
    station_id: int
    identity: str
    public_id: str
    charger: str
    site: str | None
    zone: str
    is_connected: bool
    family: str
    ocpp_version: str | None
    transaction_id: str
    evse: int | None
    connector: int | None
    type: str | None
    max_power_w: int | None
    id_token: str | None
    stop_id_token: str | None
    card_id: int | None
    card_label: str | None
    card_status: str | None
    is_app: bool
    account_id: int | None
    driver: str | None
    authorization_status: str | None
    started_at: datetime
    start_received_at: datetime
    ended_at: datetime | None
    end_received_at: datetime | None
    meter_start_wh: int | None
    meter_stop_wh: int | None
    energy_wh: Decimal | None
    power_w: int | None
    soc_pct: Decimal | None
    charging_state: str | None
    is_finalized: bool
    is_end_inferred: bool
    stop_reason: str | None
    flags: list[str]
    updated_at: datetime
    close_asked_at: datetime | None
    closed_by: str | None
    close_reason: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a card was let in, or not."""

    at: datetime
    uid: str
    purpose: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class DisputeLine:
    id: int
    figure: str
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Frame(LoggedMessage):
    id: int


async def find(conn: Conn, number: int, *, zone: str) -> Detail | None:
    """`zone` is for chargers without a site."""
    return await maybe(
        conn,
        Detail,
        f"""
        select s.id as number, s.station_id, station.identity, station.public_id,
            coalesce(station.name, station.identity) as charger, site.name as site,
            coalesce(site.zone, $2) as zone,
            exists (select from link where link.station_id = s.station_id) as is_connected,
            s.family::text as family, station.ocpp_version, s.transaction_id, s.evse, s.connector,
            plug.type, plug.max_power_w, s.id_token, s.stop_id_token, card.id as card_id,
            card.label as card_label, card.status::text as card_status,
            coalesce(card.is_app, false) as is_app,
            s.account_id, coalesce(account.name, account.email) as driver, s.authorization_status,
            s.started_at, s.start_received_at, s.ended_at, s.end_received_at,
            s.meter_start_wh, s.meter_stop_wh, coalesce(live.energy_wh, s.energy_wh) as energy_wh,
            live.power_w, live.soc_pct, live.charging_state, s.is_finalized, s.is_end_inferred,
            s.stop_reason, s.flags, coalesce(live.updated_at, s.updated_at) as updated_at,
            s.close_asked_at, coalesce(closer.name, closer.email) as closed_by, s.close_reason
        from charging_session s
        join station on station.id = s.station_id
        left join site on site.id = station.site_id
        left join account on account.id = s.account_id
        left join account closer on closer.id = s.close_asked_by
        left join session_live live
            on live.station_id = s.station_id and live.session_id = s.id and not s.is_finalized
        left join lateral (
            select id, label, status, is_app from id_token
            where lower(uid) = lower(s.id_token) order by id limit 1
        ) card on true
        {PLUG}
        where s.id = $1
        """,
        number,
        zone,
    )


async def list_decisions(conn: Conn, of: Detail) -> list[Decision]:
    """What was decided about the cards of this session, the first one first."""
    return await many(
        conn,
        Decision,
        f"""
        select {columns(Decision)} from authorization_decision
        where station_id = $1 and session_id = $2
        order by at, id limit 20
        """,
        of.station_id,
        of.number,
    )


async def list_stops(conn: Conn, of: Detail) -> list[Command]:
    """Who asked the charger to end this session, the latest first."""
    asked = await many(
        conn,
        Command,
        f"""
        select {columns(Command)} from command
        where station_id = $1 and kind = 'stop' and asked_at >= $2
        order by id desc limit $3
        """,
        of.station_id,
        of.start_received_at - _AROUND,
        _MOST_COMMANDS,
    )
    return [command for command in asked if _stops(command, of.number)]


async def list_disputes(conn: Conn, of: Detail) -> list[DisputeLine]:
    return await many(
        conn,
        DisputeLine,
        f"""
        select {columns(DisputeLine)} from dispute where station_id = $1 and session_id = $2
        order by id desc limit 20
        """,
        of.station_id,
        of.number,
    )


async def list_frames(
    conn: Conn, of: Detail, *, now: datetime, after: Place | None, limit: int
) -> list[Frame]:
    """
    What its charger and we said from just before its start to just after its end, in order.

    `after` is the (received_at, id) of the last one that is shown.
    """
    return await many(
        conn,
        Frame,
        f"""
        select {columns(Frame)} from message
        where station_id = $1 and received_at between $2 and $3
            and ($4::timestamptz is null or (received_at, id) > ($4, $5))
        order by received_at, id
        limit $6
        """,
        of.station_id,
        after.updated_at if after else of.start_received_at - _AROUND,
        (of.end_received_at or now) + _AROUND,
        after.updated_at if after else None,
        after.number if after else None,
        limit,
    )


def _stops(command: Command, number: int) -> bool:
    asked = decode(command.arguments)
    return isinstance(asked, StopSession) and asked.session_id == number
