"""Change what we say of a charger: its name, place and tariff, how strict we are, its service."""

from __future__ import annotations

import structlog
from aiohttp import web

from db import admin_chargers, changes, stations
from db.admin_chargers import ChargerRow
from db.rows import Conn
from portal import acts, pages
from portal.context import NOTIFIER, connection, transaction
from portal.forms import Form
from portal.views.admin.asking import by, charger_of
from portal.views.admin.charger import quoted
from portal.views.admin.charger_fields import (
    CLOCKS,
    PROFILES,
    clock_field,
    place_fields,
    place_options,
    profile_field,
)

log = structlog.get_logger()

routes = web.RouteTableDef()


@routes.get("/admin/chargers/{identity}/edit")
async def edit(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        row = await charger_of(request, conn)
        return await _page(request, conn, Form(_given(row)), row)


@routes.post("/admin/chargers/{identity}/edit")
async def change(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    async with transaction(request) as conn:
        row = await charger_of(request, conn)
        name, site_id, tariff_id = await place_fields(conn, form)
        least_profile = profile_field(form, has_password=row.has_password, now=row.least_profile)
        clock_offset_h = clock_field(form, now=row.clock_offset_h)
        if not form.is_valid:
            return await _page(request, conn, form, row, status=422)
        is_strict, assume_1_6 = form.ticked("strict"), form.ticked("assume_1_6")
        says_kwh, is_out = form.ticked("says_kwh"), form.ticked("out_of_service")
        await admin_chargers.update(conn, row.id, name=name, site_id=site_id, tariff_id=tariff_id)
        await admin_chargers.set_switches(
            conn,
            row.id,
            is_strict=is_strict,
            assume_1_6=assume_1_6,
            says_kwh=says_kwh,
            clock_offset_h=clock_offset_h,
            is_out_of_service=is_out,
        )
        await stations.set_least_profile(conn, row.id, least_profile)
        await acts.record(
            request,
            conn,
            "station.changed",
            subject=f"station:{row.id}",
            identity=row.identity,
            name=name,
            site=site_id,
            tariff=tariff_id,
            strict=is_strict,
            assume_1_6=assume_1_6,
            says_kwh=says_kwh,
            clock_offset_h=clock_offset_h,
            out_of_service=is_out,
            least_profile=least_profile,
        )
    log.info("station.changed", by=by(request), identity=row.identity)
    request.app[NOTIFIER].changed(changes.topic("station", row.id))
    return pages.see_other(request, f"/admin/chargers/{quoted(row)}", toast="The charger is saved.")


def _given(row: ChargerRow) -> dict[str, str]:
    given = {
        "name": row.name or "",
        "site": str(row.site_id or ""),
        "tariff": str(row.tariff_id or ""),
        "least_profile": str(row.least_profile),
        "clock_offset_h": str(row.clock_offset_h),
    }
    switches = {
        "strict": row.strict,
        "assume_1_6": row.assume_1_6,
        "says_kwh": row.says_kwh,
        "out_of_service": row.out_of_service_at is not None,
    }
    return given | {name: "on" for name, is_on in switches.items() if is_on}


async def _page(
    request: web.Request, conn: Conn, form: Form, row: ChargerRow, *, status: int = 200
) -> web.Response:
    return pages.render(
        request,
        "admin/charger_edit.html",
        status=status,
        form=form,
        row=row,
        profiles=PROFILES,
        clocks=CLOCKS,
        **await place_options(conn),
    )
