"""Plans: a tariff and a monthly fee that drivers subscribe to; who has which."""

from __future__ import annotations

from decimal import Decimal

import structlog
from aiohttp import web

from csms.rules.currencies import decimals
from db import accounts, plans, tariffs
from db.errors import Conflict
from db.plans import Plan
from db.rows import Conn
from portal import acts, pages
from portal.context import connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by, id_of

log = structlog.get_logger()

routes = web.RouteTableDef()

_MOST_DRIVERS = 500
_MOST_FEE = 1_000_000


@routes.get("/admin/plans")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        rows = await plans.list_all(conn)
        has_tariff = bool(await tariffs.list_choices(conn))
    return pages.render(request, "admin/plans.html", rows=rows, has_tariff=has_tariff)


@routes.get("/admin/plans/new")
async def new(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        return await _page(request, conn, Form())


@routes.post("/admin/plans/new")
async def add(request: web.Request) -> web.StreamResponse:
    return await _save(request, None)


@routes.get(r"/admin/plans/{id:\d+}")
async def edit(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        plan = await _plan(request, conn)
        return await _page(request, conn, Form(_given(plan)), plan=plan)


@routes.post(r"/admin/plans/{id:\d+}")
async def change(request: web.Request) -> web.StreamResponse:
    async with connection(request) as conn:
        plan = await _plan(request, conn)
    return await _save(request, plan)


@routes.post(r"/admin/plans/{id:\d+}/drivers")
async def assign(request: web.Request) -> web.StreamResponse:
    """`email`: this driver has the plan from now on; `remove`: this account no longer."""
    form = await Form.read(request)
    removed = form.given.get("remove", "")
    async with transaction(request) as conn:
        plan = await _plan(request, conn)
        if removed:
            account = await accounts.find(conn, int(removed)) if removed.isdecimal() else None
            if account is not None and (await _of(conn, account.id)) == plan.id:
                await plans.set_of(conn, account.id, None)
                await acts.record(
                    request, conn, "plan.driver_removed", subject=f"account:{account.id}",
                    plan=plan.name,
                )  # fmt: skip
                words = f"{account.display_name} no longer has {plan.name}."
            else:
                words = f"That driver does not have {plan.name}."
            return pages.see_other(request, f"/admin/plans/{plan.id}", toast=words)
        email = form.email("email", label="the driver's e-mail address")
        account = await accounts.find_by_email(conn, email) if email else None
        if email and (account is None or account.role != "driver"):
            form.wrong("email", "There is no driver with this address")
        if not form.is_valid or account is None:
            given = Form({"email": form.given.get("email", "")}, form.errors)
            return await _page(request, conn, Form(_given(plan)), plan=plan, adding=given)
        await plans.set_of(conn, account.id, plan.id)
        await acts.record(
            request, conn, "plan.driver_added", subject=f"account:{account.id}", plan=plan.name
        )
    log.info("plan.driver_added", by=by(request), plan=plan.id, account=account.id)
    return pages.see_other(
        request,
        f"/admin/plans/{plan.id}",
        toast=f"{account.display_name} has {plan.name} from now on.",
    )


async def _save(request: web.Request, plan: Plan | None) -> web.StreamResponse:
    form = await Form.read(request)
    name = form.text("name", label="the plan's name", most=100)
    async with transaction(request) as conn:
        choices = {str(id_): id_ for id_, _ in await tariffs.list_choices(conn)}
        chosen = form.choice("tariff", choices, label="its tariff")
        tariff = await tariffs.find(conn, choices[chosen]) if chosen else None
        places = decimals(tariff.currency) if tariff else 2
        fee = form.decimal("monthly_fee", required=False, least=0, most=_MOST_FEE, places=places)
        if form.is_valid and name is not None and tariff is not None:
            fee = fee or Decimal(0)
            try:
                if plan is None:
                    id_ = await plans.add(conn, name=name, tariff_id=tariff.id, monthly_fee=fee)
                else:
                    id_ = plan.id
                    await plans.update(conn, id_, name=name, tariff_id=tariff.id, monthly_fee=fee)
                await acts.record(
                    request,
                    conn,
                    "plan.added" if plan is None else "plan.changed",
                    subject=f"plan:{id_}",
                    name=name,
                    tariff=tariff.name,
                    monthly_fee=str(fee),
                )
            except Conflict:
                form.wrong("name", "There is a plan with this name already")
        if not form.is_valid:
            return await _page(request, conn, form, plan=plan, status=422)
    log.info("plan.saved", by=by(request), plan=id_)
    return pages.see_other(request, f"/admin/plans/{id_}", toast=f"{name} is saved.")


async def _plan(request: web.Request, conn: Conn) -> Plan:
    plan = await plans.find(conn, id_of(request))
    if plan is None:
        raise web.HTTPNotFound
    return plan


async def _of(conn: Conn, account_id: int) -> int | None:
    plan = await plans.find_of(conn, account_id)
    return plan.id if plan else None


def _given(plan: Plan) -> dict[str, str]:
    fee = f"{plan.monthly_fee.normalize():f}" if plan.monthly_fee else ""
    return {"name": plan.name, "tariff": str(plan.tariff_id), "monthly_fee": fee}


async def _page(
    request: web.Request,
    conn: Conn,
    form: Form,
    *,
    plan: Plan | None = None,
    adding: Form | None = None,
    status: int = 200,
) -> web.Response:
    choices = [(str(id_), name) for id_, name in await tariffs.list_choices(conn)]
    drivers = await plans.list_drivers(conn, plan.id, most=_MOST_DRIVERS) if plan else []
    return pages.render(
        request,
        "admin/plan_form.html",
        status=422 if adding is not None else status,
        form=form,
        adding=adding or Form(),
        plan=plan,
        drivers=drivers,
        choices=choices,
    )
