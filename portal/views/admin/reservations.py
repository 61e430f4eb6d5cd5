"""Reservations: what is to come, a simple form for a new one, and how to cancel one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from db import accounts, audit, changes, notices, reservations, sites
from db.accounts import Account
from db.errors import Conflict
from db.reservations import Place, Reservation
from db.rows import Conn
from portal import limits, pages, people
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.format import clock, when
from portal.forms import Form
from portal.views.admin.asking import by, id_of

log = structlog.get_logger()

routes = web.RouteTableDef()

_LONGEST = timedelta(days=7)
_FURTHEST = timedelta(days=366)


@routes.get("/admin/reservations")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        rows = await reservations.list_shown(conn, datetime.now(UTC), zone=_zone(request))
    return pages.render(
        request, "admin/reservations.html", rows=rows, most=reservations.MOST, period=period
    )


@routes.get("/admin/reservations/new")
async def new(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        return await _page(request, conn, Form({"place": request.query.get("charger", "")}))


@routes.post("/admin/reservations/new")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    now = datetime.now(UTC)
    async with transaction(request) as conn:
        made = await _add(request, conn, form, now)
        if made is None:
            return await _page(request, conn, form, status=422)
    log.info("reservation.added", by=by(request), id=made.id, station=made.identity)
    _tell(request, made)
    return pages.see_other(
        request,
        "/admin/reservations",
        toast=f"{place_words(made)} is reserved for {made.driver}, {period(made)}.",
    )


@routes.post(r"/admin/reservations/{id:\d+}/cancel")
async def cancel(request: web.Request) -> web.StreamResponse:
    now = datetime.now(UTC)
    async with transaction(request) as conn:
        row = await reservations.get(conn, id_of(request), now, zone=_zone(request))
        is_done = await reservations.cancel(conn, row.id, now)
        if is_done:
            await _audit(request, conn, "reservation.cancelled", row)
            await notices.add(
                conn,
                row.account_id,
                "reservation.cancelled",
                title="Your reservation was cancelled",
                body=f"{place_words(row)}, {period(row)}.",
                path="/",
            )
    if not is_done:
        return pages.see_other(
            request, "/admin/reservations", toast="It was over or cancelled already."
        )
    log.info("reservation.cancelled", by=by(request), id=row.id)
    _tell(request, row)
    return pages.see_other(
        request, "/admin/reservations", toast=f"The reservation of {row.driver} is cancelled."
    )


def period(row: Reservation) -> str:
    """20 Nov 2026, 18:00 to 19:30, in the zone of the charger's site."""
    zone = ZoneInfo(row.zone)
    is_one_day = row.starts_at.astimezone(zone).date() == row.ends_at.astimezone(zone).date()
    end = clock(row.ends_at, row.zone) if is_one_day else when(row.ends_at, row.zone)
    return f"{when(row.starts_at, row.zone)} to {end}"


def place_words(row: Reservation) -> str:
    return row.charger if row.evse is None else f"{row.charger}, connector {row.evse}"


async def _add(request: web.Request, conn: Conn, form: Form, now: datetime) -> Reservation | None:
    """None when the form has something to put right."""
    chosen = _chosen(form, await reservations.list_places(conn, zone=_zone(request)))
    drivers = {str(one.id): one for one in await accounts.list_by_role(conn, "driver")}
    driver = drivers.get(form.choice("driver", drivers, label="the driver") or "")
    zone = chosen[0].zone if chosen else _zone(request)
    starts_at, ends_at = _moment(form, "start", zone), _moment(form, "end", zone)
    if starts_at is not None and ends_at is not None:
        _check_times(form, starts_at, ends_at, now)
    if not form.is_valid:
        return None
    assert chosen is not None
    assert driver is not None
    assert starts_at is not None
    assert ends_at is not None
    place, evse = chosen
    if not await sites.may_see(conn, driver.id, place.station_id):
        form.wrong("driver", "The charger is for members only, and this driver is none")
        return None
    other = await reservations.find_conflict(
        conn,
        station_id=place.station_id,
        evse=evse,
        starts_at=starts_at,
        ends_at=ends_at,
        now=now,
        zone=zone,
    )
    if other is not None:
        words = f"{place_words(other)} is reserved for {other.driver}, {period(other)}"
        form.wrong("start", f"{words}. Choose another time or place")
        return None
    try:
        async with conn.transaction():
            id = await reservations.add(
                conn,
                station_id=place.station_id,
                evse=evse,
                account_id=driver.id,
                starts_at=starts_at,
                ends_at=ends_at,
            )
    except Conflict:
        form.wrong("start", "Somebody has just reserved it in that time. Choose another time")
        return None
    made = await reservations.get(conn, id, now, zone=zone)
    await _audit(request, conn, "reservation.added", made)
    await notices.add(
        conn,
        driver.id,
        "reservation.added",
        title="A charger is reserved for you",
        body=f"{place_words(made)}, {period(made)}.",
        path="/",
    )
    return made


def _chosen(form: Form, places: list[Place]) -> tuple[Place, int | None] | None:
    """The charger and its EVSE, or None for all of it: `7` or `7:2`."""
    said = {
        f"{place.station_id}{f':{evse}' if evse else ''}": (place, evse)
        for place in places
        for evse in (None, *place.evses)
    }
    return said.get(form.choice("place", said, label="the charger") or "")


def _check_times(form: Form, starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if ends_at <= starts_at:
        form.wrong("end", "Choose an end that is after the start")
    elif ends_at <= now:
        form.wrong("end", "Choose an end that is still to come")
    elif ends_at - starts_at > _LONGEST:
        form.wrong("end", "A reservation may take 7 days at most")
    elif starts_at - now > _FURTHEST:
        form.wrong("start", "Choose a start within the next year")


def _moment(form: Form, name: str, zone: str) -> datetime | None:
    """Of a date and time as it was typed, in the zone. One that the clocks leave out is wrong."""
    said = form.text(name, label=f"the {name}", most=32)
    if not said:
        return None
    try:
        local = datetime.fromisoformat(said)
    except ValueError:
        local = None
    if local is None or local.tzinfo is not None:
        form.wrong(name, "Enter a date and a time such as 2026-11-21 18:30")
        return None
    at = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        form.wrong(name, "The clocks go forward then and leave this time out. Choose another one")
        return None
    return at


async def _audit(request: web.Request, conn: Conn, action: str, row: Reservation) -> None:
    await audit.add(
        conn,
        action,
        by=people.person(request),
        subject=f"reservation:{row.id}",
        remote_address=limits.address(request),
        station=row.identity,
        evse=row.evse,
        account=row.account_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def _tell(request: web.Request, row: Reservation) -> None:
    request.app[NOTIFIER].changed(
        changes.topic("station", row.station_id),
        changes.topic("notices", account_id=row.account_id),
    )


def _zone(request: web.Request) -> str:
    return request.app[CONFIG].operator_zone


async def _page(request: web.Request, conn: Conn, form: Form, *, status: int = 200) -> web.Response:
    found = await reservations.list_places(conn, zone=_zone(request))
    has_zones = any(place.zone != _zone(request) for place in found)
    places = [
        (
            f"{place.station_id}{f':{evse}' if evse else ''}",
            _option(place, evse, has_zone=has_zones),
        )
        for place in found
        for evse in (None, *(place.evses if len(place.evses) > 1 else ()))
    ]
    drivers = await accounts.list_by_role(conn, "driver")
    return pages.render(
        request,
        "admin/reservation_form.html",
        status=status,
        form=form,
        places=[("", "Choose a charger"), *places],
        drivers=[("", "Choose a driver"), *((str(one.id), _name(one)) for one in drivers)],
        zone=_zone(request),
        has_other_zones=has_zones,
    )


def _name(driver: Account) -> str:
    """With the address: two may have one name."""
    return f"{driver.name}, {driver.email}" if driver.name else driver.email


def _option(place: Place, evse: int | None, *, has_zone: bool) -> str:
    zone = f" ({place.zone})" if has_zone else ""
    if evse is not None:
        return f"{place.charger}, connector {evse}{zone}"
    whole = ", whole charger" if len(place.evses) > 1 else ""
    return f"{place.charger}{whole}{zone}"
