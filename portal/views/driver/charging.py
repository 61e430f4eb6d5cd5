"""Start and stop: asked of the charger, and shown until it has said what came of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiohttp import web

from db import commands, driver_commands
from db.driver_commands import Asked
from db.errors import NotFound
from db.model.commands import StartSession, StopSession, TypedCommand
from db.rows import Conn
from portal import acts, pages, people
from portal.context import LIMITS, NOTIFIER, connection
from portal.forms import Form
from portal.views.driver import shown
from portal.views.driver.life import is_same_start, is_same_stop, life
from portal.views.driver.shown import Offer

routes = web.RouteTableDef()

_VALID_FOR = timedelta(seconds=30)  # nobody stands there longer
_CHARACTERS_1_6, _CHARACTERS_2 = 20, 36
_MAX_NUMBER = 2**31 - 1

_NOT_CONNECTED = (
    "The charger has no connection right now. Try again in a minute, or use another one."
)
_MAY_NOT = (
    "You cannot start another session from here: one that you started here is still running, "
    "or it is switched off for you. Start with your card at the charger."
)


@routes.post("/chargers/{public_id}/start", name="driver.start")
async def start(request: web.Request) -> web.Response:
    account = people.person(request)
    request.app[LIMITS].charging.take(f"account:{account.id}")
    form = await Form.read(request)
    async with connection(request) as conn:
        async with conn.transaction():
            await driver_commands.take_turn(conn, account.id)
            asked = await _start(request, conn, form)
        if isinstance(asked, Asked):
            _tell(request, asked)
            return await _after_start(request, conn, asked)
        offer = await shown.offer(request, conn, await shown.told(request, conn))
    template = "driver/_charger.html" if pages.is_fragment(request) else "driver/not_asked.html"
    return pages.render(
        request,
        template,
        status=409,
        offer=offer,
        problem=asked,
        active=[] if pages.is_fragment(request) else await shown.active(request),
    )


@routes.post("/sessions/{number}/stop", name="driver.stop")
async def stop(request: web.Request) -> web.Response:
    account = people.person(request)
    request.app[LIMITS].charging.take(f"account:{account.id}")
    number = _number(request, "number")
    now = datetime.now(UTC)
    async with connection(request) as conn:
        async with conn.transaction():
            await driver_commands.take_turn(conn, account.id)
            session = await driver_commands.get_own_session(conn, account.id, number)
            asked = await shown.told(request, conn)
            same = [one for one in asked if is_same_stop(one, number, now)]
            if not same and not session.is_finalized:
                command = StopSession(session_id=number, transaction_id=session.transaction_id)
                same = [await _ask(request, conn, session.station_id, command)]
                await acts.record(request, conn, "session.stop_asked", subject=f"session:{number}")
        if same:
            _tell(request, same[0])
        if pages.is_fragment(request):
            running = await shown.running(request, conn, await shown.told(request, conn))
            focus = same[0].id if same else None
            return pages.render(request, "driver/_active.html", running=running, focus=focus)
    if not same:
        return pages.see_other(request, "/", toast=f"Session {number} has ended already.")
    return pages.see_other(request, f"/chargers/{session.public_id}/commands/{same[0].id}")


@routes.get("/chargers/{public_id}/commands/{command_id}", name="driver.command")
async def command(request: web.Request) -> web.Response:
    """The life of a command: a part of a page, and a page of its own for who has no script."""
    account = people.person(request)
    async with connection(request) as conn:
        asked = await driver_commands.find(
            conn,
            account.id,
            public_id=request.match_info["public_id"],
            command_id=_number(request, "command_id", most=2**63 - 1),
        )
        if asked is None:
            raise NotFound("no such command")
        charger = (await shown.offer(request, conn, [])).card.charger
        told = life(asked, public_id=charger.public_id, zone=charger.zone, now=datetime.now(UTC))
        if pages.is_fragment(request):
            return pages.render(request, "driver/_life.html", life=told)
        running = await shown.running(request, conn, [])
    return pages.render(request, "driver/command.html", life=told, charger=charger, active=running)


async def _start(request: web.Request, conn: Conn, form: Form) -> Asked | str:
    """What was asked, now or by the click before; or why it was not."""
    account = people.person(request)
    told = await shown.told(request, conn)
    offer = await shown.offer(request, conn, told)
    charger = offer.card.charger
    evse = _evse(offer, form)
    now = datetime.now(UTC)
    for asked in told:
        if asked.station_id == charger.id and is_same_start(asked, evse, now):
            return asked
    if why := _why_not(offer, evse):
        return why
    token = await driver_commands.choose_token(
        conn,
        account.id,
        most_characters=_CHARACTERS_1_6 if charger.ocpp_version == "1.6" else _CHARACTERS_2,
    )
    if token is None:
        return _MAY_NOT
    command = StartSession(id_token=token.uid, id_token_type=token.type, evse=evse)
    await acts.record(
        request, conn, "session.start_asked", subject=f"station:{charger.id}", evse=evse
    )
    return await _ask(request, conn, charger.id, command)


def _evse(offer: Offer, form: Form) -> int | None:
    """What the form names, else the only one there is. Raises NotFound."""
    evses = [place.evse for place in offer.card.places]
    given = form.given.get("evse", "")
    if given:
        evse = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None
        if evse not in evses:
            raise NotFound("no such connector")
        return evse
    free = [place.evse for place in offer.card.free]
    return next(iter([*free, *evses]), None)


def _why_not(offer: Offer, evse: int | None) -> str:
    """Said before anything is asked, from what the charger last said itself."""
    if not offer.card.charger.is_connected:
        return _NOT_CONNECTED
    if not offer.card.is_online:
        return offer.card.why
    return next(
        (place.why for place in offer.card.places if place.evse == evse and not place.is_free), ""
    )


async def _ask(request: web.Request, conn: Conn, station_id: int, command: TypedCommand) -> Asked:
    who = commands.by_driver(people.person(request).id)
    row = await commands.ask(conn, station_id, command, asked_by=who, valid_for=_VALID_FOR)
    return driver_commands.as_asked(row)


def _tell(request: web.Request, asked: Asked) -> None:
    """Wake the process that holds the station, once the row is committed."""
    account_id = people.person(request).id
    request.app[NOTIFIER].changed(driver_commands.topic(asked, account_id))


async def _after_start(request: web.Request, conn: Conn, asked: Asked) -> web.Response:
    if pages.is_fragment(request):
        offer = await shown.offer(request, conn, await shown.told(request, conn))
        return pages.render(request, "driver/_charger.html", offer=offer, focus=asked.id)
    public_id = request.match_info["public_id"]
    return pages.see_other(request, f"/chargers/{public_id}/commands/{asked.id}")


def _number(request: web.Request, name: str, *, most: int = _MAX_NUMBER) -> int:
    """Raises NotFound for what is no number of ours."""
    said = request.match_info[name]
    if not (said.isascii() and said.isdigit() and len(said) < 20 and int(said) <= most):
        raise NotFound(f"no such {name}")
    return int(said)
