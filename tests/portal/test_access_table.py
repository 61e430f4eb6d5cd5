"""Who may open and who may send what: every route, and nobody is let in by an oversight."""

from __future__ import annotations

from typing import Literal, NamedTuple

import pytest
from aiohttp import web

from db.rows import Pool
from portal.context import LIMITS
from portal.limits import Limit
from tests.portal import build
from tests.portal.browser import Browser, add_person, browser, signed_in
from tests.portal.conftest import Api
from tests.wire import add_station

pytestmark = pytest.mark.usefixtures("no_jobs")

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"
EMAILS = {"driver": ADA, "other": GRACE, "admin": OMAR}  # and nobody has none

SIGN_OUTS = {"/sign-out", "/account/sign-out-everywhere"}  # which end at the sign-in page

ToSignIn = Literal["in"]  # sent to the sign-in page
Outcome = int | ToSignIn


class Row(NamedTuple):
    """What each of them gets; of Ada's things, Ada is the driver and Grace the other one."""

    nobody: Outcome
    driver: Outcome
    other: Outcome
    admin: Outcome


ALL = Row(200, 200, 200, 200)
PEOPLE = Row("in", 200, 200, 200)
OWN = Row("in", 200, 404, 404)
ADMINS = Row("in", 404, 404, 200)
ADMIN_FORM = Row("in", 404, 404, 422)  # sent empty, it comes back with what is missing
ADMIN_DOES = Row("in", 404, 404, 303)
ADMIN_SAW_LESS = Row("in", 404, 404, 409)  # it does not say what the admin had seen of it
NEEDS_BEARER = Row(401, 401, 401, 401)  # a cookie is none; what a token opens is in test_access

# The numbers are those of Ada's account (1 is the first admin's), card, session and command.
TABLE: dict[str, Row] = {
    "GET /": Row("in", 200, 200, 302),
    "GET /active": PEOPLE,
    "GET /active/strip": PEOPLE,
    "GET /chargers/online": PEOPLE,
    "GET /chargers/{public_id}/card": PEOPLE,
    "GET /chargers/{public_id}/commands/{command_id}": OWN,
    "POST /chargers/{public_id}/start": Row("in", 303, 409, 409),  # Ada asked; it is not connected
    "GET /sessions/recent": PEOPLE,
    "GET /sessions": PEOPLE,
    "GET /sessions/first": PEOPLE,
    "GET /sessions.csv": PEOPLE,
    "GET /sessions/{number}": OWN,
    "GET /sessions/{number}/now": OWN,
    "GET /sessions/{number}/readings": OWN,
    "GET /sessions/{number}/readings.csv": OWN,
    "GET /sessions/{number}/signed": Row("in", 404, 404, 404),  # the charger signed nothing
    "GET /statements/{month}": PEOPLE,
    "GET /reservations/next": PEOPLE,
    "GET /usage": PEOPLE,
    "POST /sessions/{number}/stop": Row("in", 303, 404, 404),
    "GET /sessions/{number}/dispute": Row("in", 303, 404, 404),
    "POST /sessions/{number}/dispute": Row("in", 422, 404, 404),
    "GET /admin/disputes": ADMINS,
    "GET /admin/disputes/{id}": ADMINS,
    "GET /admin/disputes/{id}/history": ADMINS,
    "POST /admin/disputes/{id}/acknowledge": ADMIN_SAW_LESS,
    "POST /admin/disputes/{id}/answer": ADMIN_SAW_LESS,
    "POST /admin/disputes/{id}/credit": ADMIN_SAW_LESS,
    "POST /admin/disputes/{id}/close": ADMIN_SAW_LESS,
    "GET /live": PEOPLE,
    "GET /cards": PEOPLE,
    "GET /cards/{id}": OWN,
    "POST /cards/{id}": Row("in", 303, 404, 404),
    "GET /cards/{id}/lost": OWN,
    "POST /cards/{id}/lost": Row("in", 303, 404, 404),
    "GET /notices": PEOPLE,
    "GET /notices/first": PEOPLE,
    "GET /notices/bell": PEOPLE,
    "POST /notices/read": Row("in", 303, 303, 303),
    "POST /notices/{id}/read": Row("in", 303, 404, 404),
    "POST /theme": Row(303, 303, 303, 303),
    "GET /static/{path}": Row(404, 404, 404, 404),
    "GET /health/live": ALL,
    "GET /health/ready": ALL,
    "GET /sign-in": Row(200, 303, 303, 303),
    "POST /sign-in": Row(422, 422, 422, 422),
    "POST /sign-out": Row(303, 303, 303, 303),
    "POST /sign-in/mail": Row(422, 422, 422, 422),
    "GET /sign-in/sent": ALL,
    "GET /sign-in/link": Row(410, 410, 410, 410),
    "POST /sign-in/link": Row(410, 410, 410, 410),
    "GET /sign-in/forgot": ALL,
    "POST /sign-in/forgot": Row(422, 422, 422, 422),
    "GET /sign-in/password": Row(410, 410, 410, 410),
    "POST /sign-in/password": Row(410, 410, 410, 410),
    "GET /switch": PEOPLE,
    "POST /switch": Row(404, 404, 404, 404),  # it names no account
    "POST /switch/sign-out": Row(404, 404, 404, 404),
    "GET /account": PEOPLE,
    "POST /account": Row("in", 422, 422, 422),
    "POST /account/password": Row("in", 422, 422, 422),
    "POST /account/devices/{device_id}/sign-out": Row("in", 303, 404, 404),
    "POST /account/sign-out-everywhere": Row(303, 303, 303, 303),
    "GET /admin/audit": ADMINS,
    "GET /first-run": Row(404, 404, 404, 404),
    "POST /first-run": Row(404, 404, 404, 404),
    "GET /c/{public_id}": ALL,
    "GET /c/{public_id}/now": ALL,
    "GET /admin": ADMINS,
    "GET /admin/overview/needs": ADMINS,
    "GET /admin/overview/figures": ADMINS,
    "GET /admin/needs/{kind}": ADMINS,
    "POST /admin/needs/review/{id}": ADMIN_DOES,
    "GET /admin/quarantine": ADMINS,
    "GET /admin/quarantine/{station_id}/{id}": ADMINS,
    "POST /admin/quarantine/{station_id}/{id}": ADMIN_FORM,
    "POST /admin/quarantine/{station_id}/{id}/looked": ADMIN_DOES,
    "GET /admin/stickers": ADMINS,
    "GET /admin/system": ADMINS,
    "GET /admin/system/now": ADMINS,
    "POST /admin/system/mails/{id}/again": ADMIN_DOES,
    "GET /admin/transactions": ADMINS,
    "GET /admin/transactions/first": ADMINS,
    "GET /admin/transactions/now": ADMINS,
    "GET /admin/transactions/counters": ADMINS,
    "GET /admin/transactions/count": ADMINS,
    "GET /admin/transactions/export.csv": ADMINS,
    "GET /admin/transactions/export.xlsx": ADMINS,
    "GET /admin/transactions/{number}": ADMINS,
    "GET /admin/transactions/{number}/now": ADMINS,
    "GET /admin/transactions/{number}/readings": ADMINS,
    "GET /admin/transactions/{number}/price": ADMINS,
    "GET /admin/transactions/{number}/frames": ADMINS,
    "POST /admin/transactions/{number}/stop": ADMIN_DOES,
    "GET /admin/transactions/{number}/close": ADMIN_DOES,  # it is over already
    "POST /admin/transactions/{number}/close": ADMIN_DOES,
    "GET /admin/devices": ADMINS,
    "GET /admin/devices/{identity}/row": ADMINS,
    "GET /admin/chargers/new": ADMINS,
    "POST /admin/chargers/new": ADMIN_FORM,
    "GET /admin/chargers/{identity}": ADMINS,
    "GET /admin/chargers/{identity}/now": ADMINS,
    "GET /admin/chargers/{identity}/said": ADMINS,
    "GET /admin/chargers/{identity}/certificates": ADMINS,
    "GET /admin/chargers/{identity}/reports": ADMINS,
    "GET /admin/chargers/{identity}/edit": ADMINS,
    "POST /admin/chargers/{identity}/edit": ADMIN_DOES,
    "GET /admin/chargers/{identity}/connectors/new": ADMINS,
    "POST /admin/chargers/{identity}/connectors/new": ADMIN_FORM,
    "GET /admin/chargers/{identity}/connectors/{evse}/{connector}": ADMINS,
    "POST /admin/chargers/{identity}/connectors/{evse}/{connector}": ADMIN_DOES,
    "POST /admin/chargers/{identity}/connectors/{evse}/{connector}/remove": ADMIN_DOES,
    "GET /admin/chargers/{identity}/password": ADMINS,
    "POST /admin/chargers/{identity}/password": ADMIN_DOES,
    "POST /admin/chargers/{identity}/password/chosen": ADMIN_FORM,
    "GET /admin/chargers/{identity}/key": ADMINS,
    "POST /admin/chargers/{identity}/registration": ADMIN_DOES,
    "GET /admin/reservations": ADMINS,
    "GET /admin/reservations/new": ADMINS,
    "POST /admin/reservations/new": ADMIN_FORM,
    "POST /admin/reservations/{id}/cancel": ADMIN_DOES,
    "GET /admin/sites": ADMINS,
    "GET /admin/sites/new": ADMINS,
    "POST /admin/sites/new": ADMIN_FORM,
    "GET /admin/sites/{id}": ADMINS,
    "POST /admin/sites/{id}": ADMIN_FORM,
    "POST /admin/sites/{id}/members": ADMIN_FORM,
    "POST /admin/sites/{id}/members/{account_id}/remove": ADMIN_DOES,
    "GET /admin/drivers": ADMINS,
    "GET /admin/drivers/new": ADMINS,
    "POST /admin/drivers/new": ADMIN_FORM,
    "GET /admin/drivers/{id}": ADMINS,
    "GET /admin/drivers/{id}/edit": ADMINS,
    "POST /admin/drivers/{id}/edit": ADMIN_FORM,
    "POST /admin/drivers/{id}/active": ADMIN_DOES,
    "POST /admin/drivers/{id}/link": ADMIN_DOES,
    "POST /admin/drivers/{id}/sign-out": ADMIN_DOES,
    "GET /admin/cards": ADMINS,
    "GET /admin/cards/new": ADMINS,
    "POST /admin/cards/new": ADMIN_FORM,
    "GET /admin/cards/{id}": ADMINS,
    "POST /admin/cards/{id}": ADMIN_DOES,
    "POST /admin/cards/{id}/status": Row("in", 404, 404, 400),
    "GET /admin/tariffs": ADMINS,
    "GET /admin/tariffs/new": ADMINS,
    "POST /admin/tariffs/new": ADMIN_FORM,
    "GET /admin/tariffs/{id}": ADMINS,
    "POST /admin/tariffs/{id}": ADMIN_FORM,
    "POST /admin/tariffs/{id}/default": ADMIN_DOES,
    "POST /admin/tariffs/{id}/retire": ADMIN_DOES,
    "GET /admin/plans": ADMINS,
    "GET /admin/plans/new": ADMINS,
    "POST /admin/plans/new": ADMIN_FORM,
    "GET /admin/plans/{id}": ADMINS,
    "POST /admin/plans/{id}": ADMIN_FORM,
    "POST /admin/plans/{id}/drivers": ADMIN_FORM,
    "GET /api/v1/stations": NEEDS_BEARER,
    "POST /api/v1/stations": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}": NEEDS_BEARER,
    "PATCH /api/v1/stations/{identity}": NEEDS_BEARER,
    "POST /api/v1/stations/{identity}/commands": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/commands": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/commands/{command_id}": NEEDS_BEARER,
    "POST /api/v1/stations/{identity}/start": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/events": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/jobs": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/reports": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/reports/{report_id}": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/variables": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/monitors": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/statements": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/certificate-requests": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/charging-needs": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/requests": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/event-streams": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/event-streams/{stream_id}/values": NEEDS_BEARER,
    "GET /api/v1/id-tokens": NEEDS_BEARER,
    "POST /api/v1/id-tokens": NEEDS_BEARER,
    "GET /api/v1/sessions": NEEDS_BEARER,
    "GET /api/v1/sessions/{session_id}": NEEDS_BEARER,
    "GET /api/v1/sessions/{session_id}/readings": NEEDS_BEARER,
    "POST /api/v1/sessions/{session_id}/stop": NEEDS_BEARER,
}


def routes(app: web.Application) -> set[str]:
    return {
        f"{route.method} {resource.canonical}"
        for resource in app.router.resources()
        for route in resource
        if route.method != "HEAD"  # each is its GET without the body, and asked below
    }


def test_every_route_has_a_row_and_every_row_a_route(api: Api) -> None:
    assert routes(api.app) == set(TABLE)


@pytest.fixture
async def paths(api: Api, pool: Pool, database_url: str) -> dict[str, str]:
    """The routes with what Ada has in their places; and nobody tries too often."""
    for limit in vars(api.app[LIMITS]):
        setattr(api.app[LIMITS], limit, Limit(10_000, 60))
    for email, role in ((ADA, "driver"), (GRACE, "driver"), (OMAR, "admin")):
        await add_person(pool, email, role=role)  # type: ignore[arg-type]
    station = await add_station(database_url, "CP-1")
    ada = await pool.fetchval("select id from account where email = $1", ADA)
    await pool.execute("insert into evse values ($1, 1)", station.id)
    await pool.execute("insert into connector values ($1, 1, 1)", station.id)
    await pool.execute("insert into site (name) values ('Harbour')")
    await pool.execute("insert into site_member values (1, $1)", ada)
    await pool.execute("insert into tariff (name) values ('Day')")
    await pool.execute(
        """
        insert into tariff_version values (1, 1, 'EUR', '{"currency":"EUR","per_kwh":"0.3"}')
        """
    )
    await pool.execute("insert into plan (name, tariff_id) values ('Home', 1)")
    card = await pool.fetchval(
        "insert into id_token (uid, account_id) values ('ADA-1', $1) returning id", ada
    )
    notice = await pool.fetchval(
        """
        insert into notice (account_id, kind, title) values ($1, 'card.lost', 'Lost')
        returning id
        """,
        ada,
    )
    reservation = await pool.fetchval(
        """
        insert into reservation (station_id, account_id, starts_at, ends_at)
        values ($1, $2, now() + interval '1 day', now() + interval '2 days') returning id
        """,
        station.id,
        ada,
    )
    session = await pool.fetchval(
        """
        insert into charging_session (station_id, family, transaction_id, evse, account_id,
            started_at, start_received_at, updated_at, is_finalized, ended_at)
        values ($1, 'v16', '1', 1, $2, now(), now(), now(), true, now()) returning id
        """,
        station.id,
        ada,
    )
    dispute = await pool.fetchval(
        """
        insert into dispute (station_id, session_id, account_id, figure, expected, why, seen)
        values ($1, $2, $3, 'cost', 'Nothing', 'I was away',
            '{"energy_wh": 1, "took_s": 1, "currency": "EUR", "total": "1.00", "public_id": "X",
              "is_estimate": false, "is_included": false, "charger": "CP-1", "connector": null,
              "max_power_w": null}')
        returning id
        """,
        station.id,
        session,
        ada,
    )
    await pool.execute(
        "insert into dispute_entry (dispute_id, kind, by_account_id) values ($1, 'opened', $2)",
        dispute,
        ada,
    )
    odd = await pool.fetchval(
        """
        insert into charging_session (station_id, family, transaction_id, evse,
            started_at, start_received_at, updated_at, is_finalized, ended_at, flags)
        values ($1, 'v16', '2', 1, now(), now(), now(), true, now(), '{needs_review}') returning id
        """,
        station.id,
    )
    await pool.execute(
        """
        insert into quarantine (station_id, received_at, action, body, problem)
        values ($1, now(), 'StartTransaction', '[]', 'no idTag')
        """,
        station.id,
    )
    mail = await pool.fetchval(
        """
        insert into mail (kind, recipient, subject, body_text, body_html, died_at)
        values ('session_summary', 'ada@example.org', 'Your session', 'a', 'a', now()) returning id
        """
    )
    command = await pool.fetchval(
        """
        insert into command (station_id, kind, arguments, asked_by, expires_at)
        values ($1, 'start', $2, $3, now() + interval '1 hour') returning id
        """,
        station.id,
        b'{"type":"start","id_token":"ADA-1","id_token_type":"Central","evse":1}',
        f"driver:{ada}",
    )
    device = await pool.fetchval(
        """
        insert into web_session (token_hash, account_id, expires_at)
        values ('another', $1, now() + interval '1 day') returning id
        """,
        ada,
    )
    places = {
        "public_id": station.public_id,
        "identity": "CP-1",
        "number": session,
        "session_id": session,
        "command_id": command,
        "path": "nothing.css",
        "month": "2026-01",
        "device_id": device,
        "kind": "review",
        "account_id": ada,
        "evse": 1,
        "connector": 1,
        "station_id": station.id,
        "report_id": 1,
        "stream_id": 1,
    }
    found = {}
    for name in TABLE:
        method, path = name.split()
        id_ = {
            "/admin/sites": 1,
            "/admin/tariffs": 1,
            "/admin/plans": 1,
            "/admin/reservations": reservation,
            "/admin/needs": odd,
            "/admin/quarantine": 1,
            "/admin/system": mail,
            "/admin/cards": card,
            "/admin/disputes": dispute,
            "/cards/{id}": card,
            "/notices/{id}": notice,
        }.get("/".join(path.split("/")[:3]), ada)
        found[name] = f"{method} " + path.format(id=id_, **places)
    return found


async def ask(page: Browser, request: str, **headers: str) -> Outcome:
    method, path = request.split()
    async with page.http.request(
        method, f"{page.url}{path}", headers=headers, allow_redirects=False
    ) as response:
        is_sent = response.headers.get("Location", "").startswith("/sign-in")
        return "in" if is_sent and path not in SIGN_OUTS else response.status


async def token_of(page: Browser) -> str:
    async with page.http.get(f"{page.url}/nothing") as response:
        text = await response.text()
    return text.partition('name="_csrf" value="')[2].partition('"')[0]


@pytest.mark.parametrize("who", ["nobody", "driver", "other", "admin"])
async def test_each_gets_what_the_table_says(api: Api, paths: dict[str, str], who: str) -> None:
    email = EMAILS.get(who)
    wrong: list[str] = []

    async def look(page: Browser, name: str) -> None:
        outcome = await ask(page, paths[name], **{"X-CSRF-Token": await token_of(page)})
        if outcome != getattr(TABLE[name], who):
            wrong.append(f"{who}: {paths[name]} gave {outcome}, not {getattr(TABLE[name], who)}")

    async with signed_in(api.port, email) if email else browser(api.port) as page:
        for name in paths:
            if name.startswith("GET "):
                await look(page, name)
    for name in paths:
        if not name.startswith("GET "):
            # Each on its own: signing out, or switching Ada off, must not decide the next.
            async with signed_in(api.port, email) if email else browser(api.port) as page:
                await look(page, name)
    assert wrong == []


@pytest.mark.parametrize("who", ["nobody", "driver", "other", "admin"])
async def test_a_look_at_the_headers_alone_is_let_through_as_the_page(
    api: Api, paths: dict[str, str], who: str
) -> None:
    email = EMAILS.get(who)
    wrong: list[str] = []
    async with signed_in(api.port, email) if email else browser(api.port) as page:
        for name, request in paths.items():
            if (
                not name.startswith("GET ") or name == "GET /live"
            ):  # a stream has no end to wait for
                continue
            outcome = await ask(page, request.replace("GET ", "HEAD ", 1))
            if outcome != getattr(TABLE[name], who):
                wrong.append(f"{who}: HEAD of {request} gave {outcome}")
    assert wrong == []


@pytest.mark.parametrize("who", ["nobody", "driver", "other", "admin"])
async def test_a_form_without_its_token_or_from_elsewhere_changes_nothing(
    api: Api, pool: Pool, paths: dict[str, str], who: str
) -> None:
    email = EMAILS.get(who)
    wrong: list[str] = []
    async with signed_in(api.port, email) if email else browser(api.port) as page:
        right = await token_of(page)
        before = await build.everything(pool, but={"web_session"})
        bad: list[dict[str, str]] = [
            {},
            {"X-CSRF-Token": "0" * 64},
            {"X-CSRF-Token": right, "Origin": "https://evil.example"},
        ]
        for name, request in paths.items():
            if name.startswith("GET "):
                continue
            # Who may not even look is told so first.
            gate = getattr(TABLE[name], who)
            is_hidden = (who in {"driver", "other"} and "/admin" in name) or "/api/" in name
            is_out = who == "nobody" and name.removeprefix("POST ") in SIGN_OUTS
            is_shut = gate == "in" or is_hidden or is_out
            expected: Outcome = gate if is_shut else 403
            for headers in bad:
                outcome = await ask(page, request, **headers)
                if outcome != expected:
                    wrong.append(f"{who}: {request} with {headers} gave {outcome}")
    assert wrong == []
    assert await build.everything(pool, but={"web_session"}) == before
