"""Stations: let one in, list them, see how each is."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
from aiohttp import web
from msgspec import Meta

from db import changes, station_keys, stations
from db.model.stations import Connector, Registration, Station
from db.rows import Conn
from portal import acts
from portal.api import params
from portal.api.bodies import is_printable, read
from portal.api.replies import Page, Time, maybe_time, reply, time
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.errors import FieldError, refused

routes = web.RouteTableDef()

_PASSWORD_LETTERS = string.ascii_letters + string.digits
_PASSWORD_LENGTH = 32
_LEAST, _MOST = station_keys.LEAST_CHARACTERS, station_keys.MOST_CHARACTERS
_Profile = Literal[0, 1, 2, 3]  # the lowest security profile that it may connect with
_Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class NewConnector(msgspec.Struct, forbid_unknown_fields=True):
    evse: _Number
    connector: _Number = 1
    type: Annotated[str, Meta(min_length=1, max_length=50)] | None = None
    max_power_w: _Number | None = None


class NewStation(msgspec.Struct, forbid_unknown_fields=True):
    identity: Annotated[str, Meta(min_length=1, max_length=48)]
    password: Annotated[str, Meta(min_length=_LEAST, max_length=_MOST)] | None = None
    auth: Literal["basic", "none"] = "basic"
    registration: Registration = "Accepted"
    name: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    connectors: Annotated[list[NewConnector], Meta(max_length=500)] = []
    least_profile: _Profile = 0


class ChangedStation(msgspec.Struct, forbid_unknown_fields=True):
    least_profile: _Profile


class ConnectorShown(msgspec.Struct):
    evse: int
    connector: int
    type: str | None
    max_power_w: int | None
    status: str | None
    reported: str | None
    error: str | None
    status_at: Time | None


class StationShown(msgspec.Struct):
    identity: str
    public_id: str
    name: str | None
    registration: Registration
    least_profile: int
    ocpp_version: str | None
    vendor: str | None
    model: str | None
    serial_number: str | None
    firmware: str | None
    connected: bool
    connected_since: Time | None
    last_seen_at: Time | None
    booted_at: Time | None
    status: str | None
    reported: str | None
    connectors: list[ConnectorShown]
    created_at: Time


class StationMade(StationShown):
    """The only time that the password is told."""

    url: str
    password: str | None


@routes.post("/api/v1/stations", name="api.stations.add")
async def add(request: web.Request) -> web.Response:
    asked = await read(request, NewStation)
    _check(asked)
    password, salt, key_hash = asked.password, None, None
    if asked.auth == "basic":
        if password is None:
            password = _made_password()
            salt, key_hash = station_keys.make(password)
        else:
            salt, key_hash = await asyncio.to_thread(station_keys.make_of_chosen, password)
    async with transaction(request) as conn:
        station = await stations.add(
            conn,
            identity=asked.identity,
            name=asked.name,
            registration=asked.registration,
            key_salt=salt,
            key_hash=key_hash,
            least_profile=asked.least_profile,
        )
        for plug in asked.connectors:
            await stations.add_connector(
                conn,
                station.id,
                evse=plug.evse,
                connector=plug.connector,
                type=plug.type,
                max_power_w=plug.max_power_w,
            )
        await acts.record(
            request,
            conn,
            "station.added",
            subject=f"station:{station.id}",
            identity=station.identity,
        )
        (shown,) = await _shown(conn, [station])
    request.app[NOTIFIER].changed(changes.topic("station", station.id))
    made = StationMade(
        **msgspec.structs.asdict(shown),
        url=request.app[CONFIG].charger_url(
            quote(station.identity, safe=""), station.least_profile
        ),
        password=password,
    )
    where = f"/api/v1/stations/{quote(station.identity, safe='')}"
    return reply(made, status=201, headers={"Location": where})


@routes.get("/api/v1/stations", name="api.stations.list")
async def list_(request: web.Request) -> web.Response:
    size = params.limit(request)
    after = params.cursor(request, tuple[str])
    async with connection(request) as conn:
        found = await stations.list_page(conn, after=after[0] if after else None, limit=size + 1)
        page, has_more = params.cut(found, size)
        shown = await _shown(conn, page)
    cursor = params.cursor_at(page[-1].identity) if has_more else None
    return reply(Page(shown, cursor))


@routes.get("/api/v1/stations/{identity:[^/]+}", name="api.station")
async def get(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        station = await stations.get(conn, params.identity(request))
        (shown,) = await _shown(conn, [station])
    return reply(shown)


@routes.patch("/api/v1/stations/{identity:[^/]+}", name="api.stations.change")
async def change(request: web.Request) -> web.Response:
    asked = await read(request, ChangedStation)
    async with transaction(request) as conn:
        station = await stations.get(conn, params.identity(request))
        _check_profile(asked.least_profile, has_password=station.key_hash is not None)
        await stations.set_least_profile(conn, station.id, asked.least_profile)
        (shown,) = await _shown(conn, [await stations.get(conn, station.identity)])
    request.app[NOTIFIER].changed(changes.topic("station", station.id))
    return reply(shown)


def _check_profile(profile: int, *, has_password: bool) -> None:
    if profile in (1, 2) and not has_password:
        raise refused([FieldError("least_profile", "needs a password, and this station has none")])


def _check(asked: NewStation) -> None:
    """What a type cannot say."""
    errors = []
    if not is_printable(asked.identity) or set(asked.identity) & {"/", ":", "%"}:
        errors.append(
            FieldError("identity", "has 1 to 48 printable characters, none of them / : or %")
        )
    elif asked.identity in {".", ".."}:
        # Clients resolve these in a URL before they send it.
        errors.append(FieldError("identity", "cannot be the last part of a URL"))
    if asked.password is not None and not asked.password.isprintable():
        errors.append(FieldError("password", f"has {_LEAST} to {_MOST} printable characters"))
    if asked.password is not None and asked.auth == "none":
        errors.append(FieldError("password", 'has no use with "auth": "none"'))
    if asked.name is not None and not is_printable(asked.name):
        errors.append(FieldError("name", "has 1 to 100 printable characters"))
    seen = set()
    for place, plug in enumerate(asked.connectors):
        if plug.type is not None and not is_printable(plug.type):
            errors.append(FieldError(f"connectors[{place}].type", "has printable characters only"))
        if (plug.evse, plug.connector) in seen:
            errors.append(FieldError(f"connectors[{place}]", "stands here twice"))
        seen.add((plug.evse, plug.connector))
    if errors:
        raise refused(errors)
    _check_profile(asked.least_profile, has_password=asked.auth == "basic")


def _made_password() -> str:
    return "".join(secrets.choice(_PASSWORD_LETTERS) for _ in range(_PASSWORD_LENGTH))


async def _shown(conn: Conn, rows: Sequence[Station]) -> list[StationShown]:
    ids = [row.id for row in rows]
    since = await stations.connected_since(conn, ids)
    plugs: dict[int, list[Connector]] = {}
    for plug in await stations.list_connectors(conn, ids):
        plugs.setdefault(plug.station_id, []).append(plug)
    return [_station(row, since, plugs.get(row.id, [])) for row in rows]


def _station(row: Station, since: Mapping[int, datetime], plugs: list[Connector]) -> StationShown:
    return StationShown(
        identity=row.identity,
        public_id=row.public_id,
        name=row.name,
        registration=row.registration,
        least_profile=row.least_profile,
        ocpp_version=row.ocpp_version,
        vendor=row.vendor,
        model=row.model,
        serial_number=row.serial_number,
        firmware=row.firmware,
        connected=row.id in since,
        connected_since=maybe_time(since.get(row.id)),
        last_seen_at=maybe_time(row.last_seen_at),
        booted_at=maybe_time(row.booted_at),
        status=row.status,
        reported=row.reported,
        connectors=[
            ConnectorShown(
                evse=plug.evse,
                connector=plug.connector,
                type=plug.type,
                max_power_w=plug.max_power_w,
                status=plug.status,
                reported=plug.reported,
                error=plug.error,
                status_at=maybe_time(plug.status_at),
            )
            for plug in plugs
        ],
        created_at=time(row.created_at),
    )
