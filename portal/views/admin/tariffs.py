"""Tariffs: what charging costs, where each is used, and a new version for each change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web

from csms.rules.pricing_terms import Terms, encode
from db import tariffs
from db.errors import Conflict
from db.rows import Conn
from db.tariffs import Tariff
from portal import acts, pages, tariff_form
from portal.context import CONFIG, connection, transaction
from portal.forms import Form
from portal.price_making import read_terms
from portal.tariff_examples import examples, in_short
from portal.views.admin.asking import by, id_of

log = structlog.get_logger()

routes = web.RouteTableDef()

_ROWS = {"add_window": "windows", "add_tier": "tiers"}


@routes.get("/admin/tariffs")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        rows = await tariffs.list_all(conn)
        uses = await tariffs.uses(conn)
    short = {row.id: in_short(terms) for row in rows if (terms := read_terms(row.terms))}
    return pages.render(
        request,
        "admin/tariffs.html",
        rows=rows,
        uses=uses,
        short=short,
        has_default=any(row.is_default for row in rows),
    )


@routes.get("/admin/tariffs/new")
async def new(request: web.Request) -> web.Response:
    return _page(request, Form(tariff_form.new(request.app[CONFIG].operator_currency)))


@routes.post("/admin/tariffs/new")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    if (again := _not_yet(request, form)) is not None:
        return again
    name = form.text("name", label="the tariff's name", most=100)
    terms = tariff_form.terms(form)
    if form.is_valid and name is not None and terms is not None:
        try:
            async with transaction(request) as conn:
                id_ = await tariffs.add(
                    conn, name=name, currency=terms.currency, terms=encode(terms)
                )
                await acts.record(
                    request, conn, "tariff.added", subject=f"tariff:{id_}", name=name,
                    terms=encode(terms),
                )  # fmt: skip
        except Conflict:
            form.wrong("name", "There is a tariff with this name already")
        else:
            log.info("tariff.added", by=by(request), tariff=id_)
            return pages.see_other(request, f"/admin/tariffs/{id_}", toast=f"{name} is saved.")
    return _page(request, form, status=422)


@routes.get(r"/admin/tariffs/{id:\d+}")
async def edit(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        tariff = await _tariff(request, conn)
        context = await _context(conn, tariff)
    terms = read_terms(tariff.terms)
    given = tariff_form.given(tariff.name, terms) if terms else {"name": tariff.name}
    return _page(request, Form(given), **context)


@routes.post(r"/admin/tariffs/{id:\d+}")
async def change(request: web.Request) -> web.StreamResponse:
    """Another version from now on; sessions that began before keep the one of their start."""
    form = await Form.read(request)
    async with connection(request) as conn:
        tariff = await _tariff(request, conn)
        context = await _context(conn, tariff)
        if (again := _not_yet(request, form, **context)) is not None:
            return again
        name = form.text("name", label="the tariff's name", most=100)
        terms = tariff_form.terms(form)
        seen = form.integer("seen_version", label="which version you saw", least=1)
        if form.is_valid and name is not None and terms is not None and seen is not None:
            try:
                async with conn.transaction():
                    version = await tariffs.change(
                        conn,
                        tariff.id,
                        name=name,
                        currency=terms.currency,
                        terms=encode(terms),
                        seen_version=seen,
                    )
                    await acts.record(
                        request, conn, "tariff.changed", subject=f"tariff:{tariff.id}", name=name,
                        version=version, terms=encode(terms),
                    )  # fmt: skip
            except Conflict as error:
                if str(error) == "name":
                    form.wrong("name", "There is a tariff with this name already")
                else:
                    form.wrong("", "Somebody changed this tariff meanwhile. Open it again.")
            else:
                log.info("tariff.changed", by=by(request), tariff=tariff.id, version=version)
                is_new = version != tariff.version
                words = f"in force from now on as version {version}" if is_new else "saved"
                return pages.see_other(
                    request, f"/admin/tariffs/{tariff.id}", toast=f"{name} is {words}."
                )
    return _page(request, form, status=422, **context)


@routes.post(r"/admin/tariffs/{id:\d+}/default")
async def make_default(request: web.Request) -> web.StreamResponse:
    async with transaction(request) as conn:
        tariff = await _tariff(request, conn)
        is_retired = tariff.retired_at is not None
        if not is_retired and not tariff.is_default:
            await tariffs.make_default(conn, tariff.id)
            await acts.record(
                request, conn, "tariff.made_default", subject=f"tariff:{tariff.id}",
                name=tariff.name,
            )  # fmt: skip
    words = "is retired and cannot be the default" if is_retired else "is the default from now on"
    return pages.see_other(request, "/admin/tariffs", toast=f"{tariff.name} {words}.")


@routes.post(r"/admin/tariffs/{id:\d+}/retire")
async def retire(request: web.Request) -> web.StreamResponse:
    """Not while something uses it: its sessions would have no price."""
    async with transaction(request) as conn:
        tariff = await _tariff(request, conn)
        is_done = await tariffs.retire(conn, tariff.id)
        if is_done:
            await acts.record(
                request, conn, "tariff.retired", subject=f"tariff:{tariff.id}", name=tariff.name
            )
    words = "is retired." if is_done else "is in use. Give another tariff to what uses it first."
    return pages.see_other(request, f"/admin/tariffs/{tariff.id}", toast=f"{tariff.name} {words}")


def _not_yet(request: web.Request, form: Form, **context: Any) -> web.Response | None:
    """The form again, with a row more or its examples worked out; None: it is to be saved."""
    asked = form.given.get("do", "save")
    if asked in _ROWS:
        return _page(request, tariff_form.with_row(form, _ROWS[asked]), **context)
    if asked == "example":
        checked = Form(form.given)
        tariff_form.terms(checked)
        return _page(request, checked, status=200 if checked.is_valid else 422, **context)
    return None


async def _tariff(request: web.Request, conn: Conn) -> Tariff:
    tariff = await tariffs.find(conn, id_of(request))
    if tariff is None:
        raise web.HTTPNotFound
    return tariff


async def _context(conn: Conn, tariff: Tariff) -> dict[str, Any]:
    found = await tariffs.list_versions(conn, tariff.id)
    return {
        "tariff": tariff,
        "versions": [(version, read_terms(version.terms)) for version in found],
        "use": (await tariffs.uses(conn)).get(tariff.id),
    }


def _page(request: web.Request, form: Form, *, status: int = 200, **context: Any) -> web.Response:
    zone = request.app[CONFIG].operator_zone
    drawn: Terms | None = tariff_form.terms(Form(form.given))
    shared: dict[str, Any] = {"tariff": None, "versions": [], "use": None}
    return pages.render(
        request,
        "admin/tariff_form.html",
        status=status,
        form=form,
        windows=tariff_form.rows(form, "windows"),
        tiers=tariff_form.rows(form, "tiers"),
        days=tariff_form.DAY_NAMES,
        examples=examples(drawn, datetime.now(UTC), zone) if drawn else [],
        currency=form.given.get("currency", ""),
        in_short=in_short,
        zone=zone,
        **(shared | context),
    )
