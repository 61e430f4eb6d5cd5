"""What an admin says of an EV card, checked."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

from aiohttp import web

from db import accounts
from db.admin_cards import CardRow
from db.rows import Conn
from portal import pages
from portal.context import CONFIG
from portal.forms import Form

TYPES = ("ISO14443", "ISO15693", "KeyCode", "eMAID", "Local", "Central", "MacAddress")
_BY_SHAPE = ("", "Tell it from the number")


class Details(TypedDict):
    label: str | None
    expires_at: datetime | None
    group_uid: str | None
    account_id: int | None


async def details(request: web.Request, conn: Conn, form: Form, *, uid: str | None) -> Details:
    label = form.text("label", required=False, most=60) or None
    known = {str(each.id): each.id for each in await accounts.list_by_role(conn, "driver")}
    driver = form.choice("driver", known, label="a driver", required=False)
    group_uid = form.text("group", required=False, most=36) or None
    if group_uid and uid and group_uid.casefold() == uid.casefold():
        form.wrong("group", "Enter another number: a card is not its own group")
    expires_at = None
    if said := form.text("expires", required=False, most=10):
        try:
            day = datetime.strptime(said, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
            midnight = datetime.combine(day + timedelta(days=1), time(), _zone(request))
            expires_at = midnight.astimezone(UTC)
        except (ValueError, OverflowError):
            form.wrong("expires", "Enter a day such as 2027-12-31")
    return Details(
        label=label,
        expires_at=expires_at,
        group_uid=group_uid,
        account_id=known.get(driver or ""),
    )


def given(request: web.Request, card: CardRow) -> dict[str, str]:
    """A card as the form writes it."""
    last = card.expires_at - timedelta(microseconds=1) if card.expires_at else None
    return {
        "label": card.label or "",
        "driver": str(card.account_id or ""),
        "group": card.group_uid or "",
        "expires": f"{last.astimezone(_zone(request)):%Y-%m-%d}" if last else "",
    }


async def drivers(conn: Conn) -> list[tuple[str, str]]:
    found = [("", "Nobody yet")]
    for each in await accounts.list_by_role(conn, "driver"):
        words = f"{each.name} ({each.email})" if each.name else each.email
        found.append((str(each.id), words if each.is_active else f"{words}, switched off"))
    return found


async def page(request: web.Request, conn: Conn, form: Form, *, status: int = 200) -> web.Response:
    """Of a new card."""
    return pages.render(
        request,
        "admin/card_new.html",
        status=status,
        form=form,
        drivers=await drivers(conn),
        types=[_BY_SHAPE, *((each, each) for each in TYPES)],
    )


def _zone(request: web.Request) -> ZoneInfo:
    return ZoneInfo(request.app[CONFIG].operator_zone)
