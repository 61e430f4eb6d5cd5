"""Dark, light, or as the system says: kept in a cookie, for people and for who is not yet one."""

from __future__ import annotations

from aiohttp import web

from portal import cookies, pages
from portal.forms import Form

_YEAR_S = 365 * 24 * 3600

routes = web.RouteTableDef()


@routes.post("/theme", name="theme")
async def choose(request: web.Request) -> web.Response:
    form = await Form.read(request)
    response = pages.see_other(request, pages.local_path(form.given.get("next", "")))
    chosen = form.given.get("theme")
    if chosen in pages.THEMES:
        cookies.write(request, response, pages.THEME_COOKIE, chosen, max_age_s=_YEAR_S)
    return response
