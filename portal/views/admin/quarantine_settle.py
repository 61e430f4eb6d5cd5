"""
Settle a message of quarantine by hand: say which session it is of, or that it is of none.

The portal only writes it, with a note; csms gives the session what the message says.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from aiohttp import web

from db import quarantine
from db.quarantine import Candidate, Kept
from db.rows import Conn
from portal import acts, pages, people
from portal.context import CONFIG, connection, transaction
from portal.format import energy, short
from portal.forms import Form
from portal.views.admin.asking import by, id_of
from portal.views.admin.charger import pretty

log = structlog.get_logger()

routes = web.RouteTableDef()

_NONE = "none"
_CANDIDATES = 10
_LEAST_NOTE, _MOST_NOTE = 5, 280


@routes.get(r"/admin/quarantine/{station_id:\d+}/{id:\d+}")
async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        kept = await _kept(request, conn)
        candidates = await _candidates(conn, kept)
    return _page(request, kept, candidates, Form())


@routes.post(r"/admin/quarantine/{station_id:\d+}/{id:\d+}")
async def settle(request: web.Request) -> web.Response:
    form = await Form.read(request)
    async with transaction(request) as conn:
        kept = await _kept(request, conn)
        candidates = await _candidates(conn, kept)
        said = form.choice(
            "session", {_NONE, *(str(each.number) for each in candidates)}, label="a session"
        )
        note = form.text("note", label="what you know of it", least=_LEAST_NOTE, most=_MOST_NOTE)
        if said is None or note is None:
            return _page(request, kept, candidates, form)
        number = None if said == _NONE else int(said)
        is_done = await quarantine.settle(
            conn,
            kept.station_id,
            kept.id,
            by=people.person(request).id,
            note=note,
            assigned_to=number,
            now=datetime.now(UTC),
        )
        if is_done:
            await acts.record(
                request,
                conn,
                "quarantine.dismissed" if number is None else "quarantine.assigned",
                subject=f"quarantine:{kept.id}",
                station_id=kept.station_id,
                session=number,
                note=note,
            )
    log.info("quarantine.settled", by=by(request), id=kept.id, session=number)
    words = "It is settled." if is_done else "Somebody settled it already."
    return pages.see_other(request, "/admin/quarantine", toast=words)


async def _kept(request: web.Request, conn: Conn) -> Kept:
    """Raises HTTPNotFound."""
    station_id = int(request.match_info["station_id"])
    if station_id >= 2**63:
        raise web.HTTPNotFound
    zone = request.app[CONFIG].operator_zone
    kept = await quarantine.find(conn, station_id, id_of(request), zone=zone)
    if kept is None:
        raise web.HTTPNotFound
    return kept


async def _candidates(conn: Conn, kept: Kept) -> list[Candidate]:
    return await quarantine.list_candidates(
        conn, kept.station_id, kept.received_at, limit=_CANDIDATES
    )


def _page(
    request: web.Request, kept: Kept, candidates: list[Candidate], form: Form
) -> web.Response:
    options = [
        ("", "Choose"),
        *((str(each.number), _words(each, kept.zone)) for each in candidates),
        (_NONE, "None: it changes nothing"),
    ]
    return pages.render(
        request,
        "admin/quarantine_settle.html",
        status=200 if form.is_valid else 422,
        kept=kept,
        options=options,
        form=form,
        pretty=pretty,
    )


def _words(each: Candidate, zone: str) -> str:
    ended = f"to {short(each.ended_at, zone)}" if each.ended_at else "still running"
    where = f"EVSE {each.evse}" if each.evse else "no EVSE known"
    parts = [f"#{each.number}: {short(each.started_at, zone)} {ended}", where]
    if each.energy_wh is not None:
        parts.append(str(energy(each.energy_wh)))
    return ", ".join([*parts, each.id_token or "no card"])
