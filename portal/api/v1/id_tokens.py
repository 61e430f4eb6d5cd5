"""EV cards: register one, list them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from db import changes, id_token_lists, id_tokens
from db.model.id_tokens import IdToken
from portal import acts
from portal.api import params
from portal.api.bodies import is_printable, read
from portal.api.replies import Page, Time, maybe_time, reply, time
from portal.context import NOTIFIER, connection, transaction
from portal.errors import FieldError, refused

routes = web.RouteTableDef()

_Uid = Annotated[str, Meta(min_length=1, max_length=255)]
Type = Literal[
    "Central",
    "DirectPayment",
    "EVCCID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "NoAuthorization",
    "VIN",
    "eMAID",
]


class NewIdToken(msgspec.Struct, forbid_unknown_fields=True):
    uid: _Uid
    type: Type
    status: Literal["Accepted", "Blocked", "Expired", "Invalid"] = "Accepted"
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    group: _Uid | None = None


class IdTokenShown(msgspec.Struct):
    id: int
    uid: str
    type: str
    status: str
    expires_at: Time | None
    group: str | None
    created_at: Time


@routes.post("/api/v1/id-tokens", name="api.id_tokens.add")
async def add(request: web.Request) -> web.Response:
    asked = await read(request, NewIdToken)
    async with transaction(request) as conn:
        token = await id_tokens.add(
            conn,
            uid=asked.uid,
            type=asked.type,
            status=asked.status,
            expires_at=_checked(asked),
            group_uid=asked.group,
        )
        await acts.record(request, conn, "card.added", subject=f"card:{token.id}", type=token.type)
    request.app[NOTIFIER].changed(changes.topic("id_token", token.id))
    return reply(_shown(token), status=201)


@routes.get("/api/v1/id-tokens", name="api.id_tokens.list")
async def list_(request: web.Request) -> web.Response:
    size = params.limit(request)
    before = params.cursor(request, tuple[Annotated[int, Meta(ge=0, le=params.MAX_ID)]])
    uid = params.text(request, "uid")
    async with connection(request) as conn:
        found = await id_token_lists.list_page(
            conn, uid=uid, before=before[0] if before else None, limit=size + 1
        )
    page, has_more = params.cut(found, size)
    cursor = params.cursor_at(page[-1].id) if has_more else None
    return reply(Page([_shown(token) for token in page], cursor))


def _checked(asked: NewIdToken) -> datetime | None:
    errors = [
        FieldError(name, "has printable characters only, and no space at an end")
        for name, value in (("uid", asked.uid), ("group", asked.group))
        if value is not None and not is_printable(value)
    ]
    expires_at = None
    try:
        expires_at = asked.expires_at and asked.expires_at.astimezone(UTC)
    except OverflowError:
        errors.append(FieldError("expires_at", "is out of the range of time"))
    if errors:
        raise refused(errors)
    return expires_at


def _shown(token: IdToken) -> IdTokenShown:
    return IdTokenShown(
        id=token.id,
        uid=token.uid,
        type=token.type,
        status=token.status,
        expires_at=maybe_time(token.expires_at),
        group=token.group_uid,
        created_at=time(token.created_at),
    )
