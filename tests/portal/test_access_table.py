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

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"
EMAILS = {"driver": ADA, "other": GRACE, "admin": OMAR}  # and nobody has none

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
NEEDS_BEARER = Row(401, 401, 401, 401)  # a cookie is none; what a token opens is in test_access

# The numbers are those of Ada's account (1 is the first admin's), card, session and command.
TABLE: dict[str, Row] = {
    "GET /": Row("in", 200, 200, 302),
    "GET /active": PEOPLE,
    "GET /active/strip": PEOPLE,
    "GET /chargers/online": PEOPLE,
    "GET /chargers/{public_id}/card": PEOPLE,
    "GET /chargers/{public_id}/commands/{command_id}": OWN,
    "POST /chargers/{public_id}/start": Row("in", 409, 409, 409),  # it is not connected
    "GET /sessions/recent": PEOPLE,
    "POST /sessions/{number}/stop": Row("in", 303, 404, 404),
    "GET /live": PEOPLE,
    "POST /theme": Row(303, 303, 303, 303),
    "GET /static/{path}": Row(404, 404, 404, 404),
    "GET /health/live": ALL,
    "GET /health/ready": ALL,
    "GET /sign-in": Row(200, 303, 303, 303),
    "POST /sign-in": Row(422, 422, 422, 422),
    "POST /sign-out": Row(303, 303, 303, 303),
    "GET /first-run": Row(404, 404, 404, 404),
    "POST /first-run": Row(404, 404, 404, 404),
    "GET /admin": Row("in", 404, 404, 302),
    "GET /admin/transactions": ADMINS,
    "GET /admin/transactions/first": ADMINS,
    "GET /admin/transactions/now": ADMINS,
    "GET /admin/devices": ADMINS,
    "GET /admin/devices/{identity}/row": ADMINS,
    "GET /admin/chargers/new": ADMINS,
    "POST /admin/chargers/new": ADMIN_FORM,
    "GET /admin/chargers/{identity}": ADMINS,
    "GET /admin/chargers/{identity}/now": ADMINS,
    "GET /admin/chargers/{identity}/said": ADMINS,
    "GET /admin/chargers/{identity}/edit": ADMINS,
    "POST /admin/chargers/{identity}/edit": ADMIN_DOES,
    "GET /admin/chargers/{identity}/password": ADMINS,
    "POST /admin/chargers/{identity}/password": ADMIN_DOES,
    "GET /admin/chargers/{identity}/key": ADMINS,
    "POST /admin/chargers/{identity}/registration": ADMIN_DOES,
    "GET /admin/sites": ADMINS,
    "GET /admin/sites/new": ADMINS,
    "POST /admin/sites/new": ADMIN_FORM,
    "GET /admin/sites/{id}": ADMINS,
    "POST /admin/sites/{id}": ADMIN_FORM,
    "GET /admin/drivers": ADMINS,
    "GET /admin/drivers/new": ADMINS,
    "POST /admin/drivers/new": ADMIN_FORM,
    "GET /admin/drivers/{id}": ADMINS,
    "GET /admin/drivers/{id}/edit": ADMINS,
    "POST /admin/drivers/{id}/edit": ADMIN_FORM,
    "POST /admin/drivers/{id}/active": ADMIN_DOES,
    "GET /admin/cards": ADMINS,
    "GET /admin/cards/new": ADMINS,
    "POST /admin/cards/new": ADMIN_FORM,
    "GET /admin/cards/{id}": ADMINS,
    "POST /admin/cards/{id}": ADMIN_DOES,
    "POST /admin/cards/{id}/status": Row("in", 404, 404, 400),
    "GET /api/v1/stations": NEEDS_BEARER,
    "POST /api/v1/stations": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}": NEEDS_BEARER,
    "POST /api/v1/stations/{identity}/commands": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/commands": NEEDS_BEARER,
    "GET /api/v1/stations/{identity}/commands/{command_id}": NEEDS_BEARER,
    "POST /api/v1/stations/{identity}/start": NEEDS_BEARER,
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
    await pool.execute("insert into site (name) values ('Harbour')")
    card = await pool.fetchval(
        "insert into id_token (uid, account_id) values ('ADA-1', $1) returning id", ada
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
    command = await pool.fetchval(
        """
        insert into command (station_id, kind, arguments, asked_by, expires_at)
        values ($1, 'start', $2, $3, now() + interval '1 hour') returning id
        """,
        station.id,
        b'{"type":"start","id_token":"ADA-1","id_token_type":"Central","evse":1}',
        f"driver:{ada}",
    )
    places = {
        "public_id": station.public_id,
        "identity": "CP-1",
        "number": session,
        "session_id": session,
        "command_id": command,
        "path": "nothing.css",
    }
    found = {}
    for name in TABLE:
        method, path = name.split()
        id_ = {"/admin/sites": 1, "/admin/cards": card}.get("/".join(path.split("/")[:3]), ada)
        found[name] = f"{method} " + path.format(id=id_, **places)
    return found


async def ask(page: Browser, request: str, **headers: str) -> Outcome:
    method, path = request.split()
    async with page.http.request(
        method, f"{page.url}{path}", headers=headers, allow_redirects=False
    ) as response:
        is_sent = response.headers.get("Location", "").startswith("/sign-in")
        return "in" if is_sent and path != "/sign-out" else response.status


async def token_of(page: Browser) -> str:
    async with page.http.get(f"{page.url}/nothing") as response:
        text = await response.text()
    return text.partition('name="_csrf" value="')[2].partition('"')[0]


@pytest.mark.parametrize("who", ["nobody", "driver", "other", "admin"])
async def test_each_gets_what_the_table_says(api: Api, paths: dict[str, str], who: str) -> None:
    email = EMAILS.get(who)
    wrong: list[str] = []
    for name, request in paths.items():
        # Each on its own: signing out, or switching Ada off, must not decide the next.
        async with signed_in(api.port, email) if email else browser(api.port) as page:
            expected = getattr(TABLE[name], who)
            outcome = await ask(page, request, **{"X-CSRF-Token": await token_of(page)})
            if outcome != expected:
                wrong.append(f"{who}: {request} gave {outcome}, not {expected}")
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
            is_out = who == "nobody" and name == "POST /sign-out"
            is_shut = gate == "in" or is_hidden or is_out
            expected: Outcome = gate if is_shut else 403
            for headers in bad:
                outcome = await ask(page, request, **headers)
                if outcome != expected:
                    wrong.append(f"{who}: {request} with {headers} gave {outcome}")
    assert wrong == []
    assert await build.everything(pool, but={"web_session"}) == before
