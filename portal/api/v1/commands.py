"""What is asked of stations: raw actions, starts and stops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from csms import say
from csms.rules import authorization
from db import commands, id_tokens, session_lists, sessions, stations
from db.errors import Conflict
from db.model.commands import Raw, StartSession, StopSession
from db.model.id_tokens import IdToken
from db.model.stations import Station
from db.rows import Conn
from portal.api import params
from portal.api.bodies import Nothing, read
from portal.api.replies import Page, reply
from portal.api.v1.asking import answer, ask, shown
from portal.context import CONFIG, connection
from portal.errors import Problem, invalid

routes = web.RouteTableDef()

_RAW_VALID_FOR = timedelta(seconds=60)
_VALID_FOR = timedelta(seconds=30)  # a driver does not stand there longer


class NewCommand(msgspec.Struct, forbid_unknown_fields=True):
    action: Annotated[str, Meta(min_length=1, max_length=100)]
    payload: msgspec.Raw


class NewStart(msgspec.Struct, forbid_unknown_fields=True):
    id_token: Annotated[str, Meta(min_length=1, max_length=255)]
    evse: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None


@routes.post("/api/v1/stations/{identity:[^/]+}/commands", name="api.commands.add")
async def add(request: web.Request) -> web.Response:
    asked = await read(request, NewCommand)
    wait_s = params.wait_s(request)
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        _check_payload(station, asked.action, bytes(asked.payload))
        command = Raw(action=asked.action, payload=asked.payload)
        row = await ask(request, conn, station.id, command, valid_for=_RAW_VALID_FOR)
    return await answer(request, station, row, wait_s)


@routes.get("/api/v1/stations/{identity:[^/]+}/commands", name="api.commands.list")
async def list_(request: web.Request) -> web.Response:
    size = params.limit(request)
    before = params.cursor(request, tuple[Annotated[int, Meta(ge=0, le=params.MAX_ID)]])
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        found = await commands.list_by_station(
            conn, station.id, before=before[0] if before else None, limit=size + 1
        )
    page, has_more = params.cut(found, size)
    cursor = params.cursor_at(page[-1].id) if has_more else None
    return reply(Page([shown(row) for row in page], cursor))


@routes.get("/api/v1/stations/{identity:[^/]+}/commands/{command_id}", name="api.command")
async def get(request: web.Request) -> web.Response:
    wait_s = params.wait_s(request)
    command_id = params.number(request, "command_id", noun="command")
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        row = await commands.get(conn, station.id, command_id)
    return await answer(request, station, row, wait_s)


@routes.post("/api/v1/stations/{identity:[^/]+}/start", name="api.station.start")
async def start(request: web.Request) -> web.Response:
    asked = await read(request, NewStart)
    wait_s = params.wait_s(request)
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        await _check_evse(conn, station, asked.evse)
        card = await _card(
            conn, asked.id_token, master_pass_group=request.app[CONFIG].master_pass_group
        )
        if not await stations.connected_since(conn, [station.id]):
            raise Conflict(f"the station {station.identity} is not connected")
        command = StartSession(id_token=card.uid, id_token_type=card.type, evse=asked.evse)
        row = await ask(request, conn, station.id, command, valid_for=_VALID_FOR)
    return await answer(request, station, row, wait_s)


@routes.post("/api/v1/sessions/{session_id}/stop", name="api.session.stop")
async def stop(request: web.Request) -> web.Response:
    await read(request, Nothing, is_optional=True)
    wait_s = params.wait_s(request)
    session_id = params.number(request, "session_id", noun="session")
    async with connection(request) as conn:
        session = await session_lists.get_listed(conn, session_id)
        if session.is_finalized:
            raise Conflict(f"the session {session.id} has ended already")
        station = await stations.get(conn, session.station)
        command = StopSession(session_id=session.id, transaction_id=session.transaction_id)
        row = await ask(request, conn, station.id, command, valid_for=_VALID_FOR)
    return await answer(request, station, row, wait_s)


def _check_payload(station: Station, action: str, payload: bytes) -> None:
    """
    Only the schema is asked (decision 13).

    An action that another version has passes here: csms refuses it, with that reason, in the row.
    A station that never connected may turn out to speak any version.
    """
    if not payload.startswith(b"{"):
        raise invalid("payload", "must be an object")
    versions = list(say.SUBPROTOCOLS.values())
    if station.ocpp_version in versions and action in say.actions(station.ocpp_version):
        versions = [v for v in versions if v == station.ocpp_version]
    able = [version for version in versions if action in say.actions(version)]
    if not able:
        raise invalid("action", "is in no version of OCPP")
    problems = [say.problem(version, action, payload) for version in able]
    if all(problems):
        raise invalid("payload", str(problems[-1]))


async def _check_evse(conn: Conn, station: Station, evse: int | None) -> None:
    known = await stations.list_evses(conn, station.id)
    if evse is not None and known and evse not in known:
        listed = ", ".join(str(number) for number in known[:20])
        raise invalid("evse", f"is not one of this station, which has {listed}")


async def _card(conn: Conn, uid: str, *, master_pass_group: str) -> IdToken:
    """The registered card that may start now; the rules say why another may not."""
    found = await id_tokens.list_by_uid(conn, uid)
    card = authorization.choose(found, None) or authorization.choose(found, "KeyCode")
    if card is None or card.status == "Unknown":
        raise invalid("id_token", "is not a registered EV card")
    decision = authorization.decide(
        card,
        uid=card.uid,
        type=card.type,
        purpose="start",
        now=datetime.now(UTC),
        has_other_session=await sessions.has_other_open(conn, card.uid, session_id=None),
        behind=await id_tokens.behind(conn, card.id),
        master_pass_group=master_pass_group,
    )
    if not decision.accepted:
        raise Problem(409, f"{decision.reason[:1].upper()}{decision.reason[1:]}.")
    return card
