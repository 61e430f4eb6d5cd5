"""One's own account, of drivers and admins alike: how it reads, its password, its browsers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import cast, get_args
from urllib.parse import quote
from zoneinfo import available_timezones

from aiohttp import web

from db import accounts, changes, mail_links, web_sessions
from db.accounts import Account, NumberFormat
from portal import acts, agents, browser_accounts, cookies, pages, passwords, people
from portal.context import CONFIG, LIMITS, NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.driver import shown
from portal.views.sign_in import left

routes = web.RouteTableDef()

MOST_NAME = 200
_MOST_ID = 2**63 - 1
_ZONES = sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")
_MARKS: dict[NumberFormat, tuple[str, str]] = {"en": (",", "."), "de": (".", ","), "fr": (" ", ",")}


def number(value: Decimal, form: NumberFormat) -> str:
    """1,234.5 as the account reads it."""
    thousands, point = _MARKS[form]
    return f"{value:,}".translate({ord(","): thousands, ord("."): point})


@routes.get("/account", name="account")
async def show(request: web.Request) -> web.Response:
    return await _page(request)


@routes.post("/account")
async def change(request: web.Request) -> web.StreamResponse:
    person = people.person(request)
    form = await Form.read(request)
    name = form.text("name", label="your name", most=MOST_NAME)
    zone = form.text("zone", required=False, most=60)
    if zone and zone not in _ZONES:
        form.wrong("zone", "Choose a time zone from the list, such as Europe/Berlin")
    numbers = form.choice("number_format", get_args(NumberFormat), label="how numbers look")
    if not form.is_valid:
        return await _page(request, details=form, status=422)
    is_mail_wanted = form.ticked("mail") if person.role == "driver" else person.is_mail_wanted
    async with transaction(request) as conn:
        await accounts.set_preferences(
            conn,
            person.id,
            name=name,
            zone=zone or None,
            number_format=cast("NumberFormat", numbers),
            is_mail_wanted=is_mail_wanted,
        )
        await acts.record(
            request,
            conn,
            "account.changed",
            subject=f"account:{person.id}",
            name=name,
            zone=zone or None,
            number_format=numbers,
            is_mail_wanted=is_mail_wanted,
        )
    return pages.see_other(request, "/account", toast="Your account is saved.")


@routes.post("/account/password", name="account.password")
async def change_password(request: web.Request) -> web.StreamResponse:
    """Who has one says it first: an open browser alone is not enough to take an account over."""
    person = people.person(request)
    form = await Form.read(request)
    if problem := passwords.problem(form.raw("password")):
        form.wrong("password", problem)
    async with connection(request) as conn:
        known = await accounts.password_hash(conn, person.id)
    if known is not None:
        request.app[LIMITS].sign_in_by_email.take(person.email.lower())
        if not await passwords.verify(known, form.raw("current")):
            form.wrong("current", "This is not your password. Enter the one that you have now")
    if not form.is_valid:
        return await _page(request, password=form, status=422)
    hashed = await passwords.hash_(form.raw("password"))
    token = cookies.read(request, cookies.SESSION)
    async with transaction(request) as conn:
        await accounts.set_password(conn, person.id, hashed)
        await web_sessions.end_all(conn, person.id, but_token=token)
        await mail_links.end_all(conn, person.id)
        await acts.record(
            request, conn, "password.changed", subject=f"account:{person.id}", how="account page"
        )
    _tell(request)
    return pages.see_other(
        request, "/account", toast="The new password is set. You are signed out everywhere else."
    )


@routes.post(r"/account/devices/{device_id:\d+}/sign-out", name="account.sign_out_device")
async def sign_out_device(request: web.Request) -> web.StreamResponse:
    person = people.person(request)
    device_id = int(request.match_info["device_id"])
    if device_id > _MOST_ID or device_id == people.web_session(request).id:
        raise web.HTTPNotFound  # this one has a button of its own
    async with transaction(request) as conn:
        if not await web_sessions.end_device(conn, person.id, device_id):
            raise web.HTTPNotFound
        await acts.record(
            request, conn, "signed_out", subject=f"account:{person.id}", device=device_id
        )
    _tell(request)
    return pages.see_other(request, "/account#devices", toast="That browser is signed out.")


@routes.post("/account/sign-out-everywhere", name="account.sign_out_everywhere")
async def sign_out_everywhere(request: web.Request) -> web.StreamResponse:
    person = people.person(request)
    async with transaction(request) as conn:
        held = await browser_accounts.list_held(request, conn)
        await web_sessions.end_all(conn, person.id)
        await acts.record(request, conn, "signed_out_everywhere", subject=f"account:{person.id}")
    _tell(request)
    return left(request, held, "You are signed out everywhere.")


def _tell(request: web.Request) -> None:
    """Pages that are open elsewhere are asked again who they are."""
    request.app[NOTIFIER].changed(changes.topic("account", people.person(request).id))


async def _page(
    request: web.Request,
    *,
    details: Form | None = None,
    password: Form | None = None,
    status: int = 200,
) -> web.Response:
    person = people.person(request)
    zone = person.zone or request.app[CONFIG].operator_zone
    async with connection(request) as conn:
        devices = await web_sessions.list_devices(conn, person.id)
        has_password = await accounts.password_hash(conn, person.id) is not None
    is_driver = person.role == "driver"
    given = {
        "name": person.name or "",
        "zone": person.zone or "",
        "number_format": person.number_format,
        "mail": "on" if person.is_mail_wanted else "",
    }
    return pages.render(
        request,
        "driver/account.html",
        status=status,
        shell="driver.html" if is_driver else "admin.html",
        is_driver=is_driver,
        details=details or Form(given),
        password=password or Form(),
        has_password=has_password,
        devices=devices,
        this=people.web_session(request).id,
        agent=agents.words,
        zone=zone,
        zones=[(each, each) for each in _ZONES],
        now=datetime.now(UTC),
        example=number(Decimal("1234.5"), person.number_format),
        formats=[(each, number(Decimal("1234.5"), each)) for each in _MARKS],
        least_characters=passwords.LEAST_CHARACTERS,
        goodbye=_goodbye(request, person),
        **({"active": await shown.active(request)} if is_driver else {}),
    )


def _goodbye(request: web.Request, person: Account) -> str | None:
    """A mail to the operator, ready to be sent. None where the operator has no address."""
    config = request.app[CONFIG]
    if config.operator_email is None:
        return None
    words = (
        f"Please delete my account {person.email} and what belongs to it.\n\n"
        f"{person.display_name}\n"
    )
    subject = quote(f"Delete my account at {config.operator_name}")
    return f"mailto:{quote(config.operator_email, safe='@')}?subject={subject}&body={quote(words)}"
