"""Members of a site: who is offered its chargers while it is for members only."""

from __future__ import annotations

from aiohttp import web

from db import accounts, sites
from db.errors import Conflict
from db.rows import Conn
from db.sites import Site
from portal import acts, pages
from portal.context import transaction
from portal.forms import Form
from portal.views.admin.sites import given, page, site_of, tell

routes = web.RouteTableDef()

_MOST_ID = 2**63 - 1


@routes.post(r"/admin/sites/{id:\d+}/members")
async def add(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    email = form.email("email", label="the driver's e-mail address")
    async with transaction(request) as conn:
        site = await site_of(request, conn)
        account = await accounts.find_by_email(conn, email) if email else None
        if email and (account is None or account.role != "driver"):
            form.wrong("email", "No driver has this address. Add the driver first")
        if account is not None and form.is_valid:
            try:
                await sites.add_member(conn, site.id, account.id)
            except Conflict:
                form.wrong("email", f"{account.display_name} is a member already")
        if account is None or not form.is_valid:
            return await page(request, conn, given(site), site=site, member_form=form, status=422)
        await _record(request, conn, "site.member_added", site, account.id)
    return await _done(request, site, f"{account.display_name} is a member of {site.name}.")


@routes.post(r"/admin/sites/{id:\d+}/members/{account_id:\d+}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    account_id = int(request.match_info["account_id"])
    if account_id > _MOST_ID:
        raise web.HTTPNotFound
    async with transaction(request) as conn:
        site = await site_of(request, conn)
        if not await sites.remove_member(conn, site.id, account_id):
            raise web.HTTPNotFound
        await _record(request, conn, "site.member_removed", site, account_id)
    return await _done(request, site, f"The driver is no longer a member of {site.name}.")


async def _record(
    request: web.Request, conn: Conn, action: str, site: Site, account_id: int
) -> None:
    await acts.record(request, conn, action, subject=f"site:{site.id}", account=account_id)


async def _done(request: web.Request, site: Site, toast: str) -> web.Response:
    await tell(request, site)
    return pages.see_other(request, f"/admin/sites/{site.id}#members", toast=toast)
