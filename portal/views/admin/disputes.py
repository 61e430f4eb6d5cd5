"""Disputes: the queue, and one of them with the evidence beside the driver's words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from aiohttp import web

from db import accounts, disputed_sessions, disputes
from db.accounts import Account
from db.disputed_sessions import Decision, Disputed, TimelineRow
from db.disputes import Dispute, State
from db.rows import Conn
from portal import dispute_view, pages, price_view
from portal.context import CONFIG, connection
from portal.dispute_view import FIGURES, STATES, Story
from portal.forms import Form
from portal.views.admin.asking import id_of
from portal.views.admin.transaction_rows import flag_words

routes = web.RouteTableDef()

PAGE = 50
MOST_WAITING = 200
_MOST_READINGS = 100
_WAITING: list[State] = ["open", "acknowledged", "answered"]
#: What the queue can be narrowed to: its name in the address, its word, its states.
VIEWS: dict[str, tuple[str, list[State]]] = {
    "waiting": ("Not closed", _WAITING),
    "open": ("Open", ["open"]),
    "acknowledged": ("Acknowledged", ["acknowledged"]),
    "answered": ("Answered", ["answered"]),
    "closed": ("Closed", ["closed"]),
}


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a decision about one dispute needs."""

    story: Story
    session: Disputed
    driver: Account
    price: price_view.Shown
    left: Decimal | None  # the most that can be credited; None: the price is not known
    readings: list[TimelineRow]
    decisions: list[Decision]
    others: list[Dispute]  # earlier or later ones of the same session

    @property
    def dispute(self) -> Dispute:
        return self.story.dispute

    @property
    def last(self) -> int:
        """The step that is shown last: a form says so, and is refused when there is a later one."""
        return self.story.entries[-1].id

    @property
    def flags(self) -> str:
        return flag_words(self.session.flags)

    @property
    def figures(self) -> list[tuple[str, str, str, bool]]:
        """Label, what the driver saw, what it is now, and whether it is the disputed one."""
        now = dispute_view.seen(self.session, self.price)
        return [
            (label, before, after, figure == self.dispute.figure)
            for (figure, label, before), (_, _, after) in zip(
                dispute_view.figures(self.dispute.seen), dispute_view.figures(now), strict=True
            )
        ]


@routes.get("/admin/disputes")
async def show(request: web.Request) -> web.Response:
    """Any other state than those of VIEWS is the queue of what waits."""
    given = request.query.get("state", "")
    view = given if given in VIEWS else "waiting"
    before = request.query.get("before", "")
    is_closed = view == "closed"
    limit = PAGE if is_closed else MOST_WAITING
    async with connection(request) as conn:
        found = await disputes.list_queue(
            conn,
            states=VIEWS[view][1],
            zone=request.app[CONFIG].operator_zone,
            limit=limit + 1,
            before=int(before)
            if is_closed and before.isascii() and before.isdigit() and len(before) < 19
            else None,
        )
        waiting = await disputes.counts(conn)
    rows = found[:limit]
    return pages.render(
        request,
        "admin/_disputes.html" if pages.is_fragment(request) else "admin/disputes.html",
        rows=rows,
        more=rows[-1].id if is_closed and len(found) > limit else None,
        is_cut=not is_closed and len(found) > limit,
        view=view,
        views=[(name, word) for name, (word, _) in VIEWS.items()],
        counts={name: sum(waiting.get(s, 0) for s in of) for name, (_, of) in VIEWS.items()},
        figures=FIGURES,
        states=STATES,
    )


@routes.get(r"/admin/disputes/{id:\d+}")
async def one(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        case = await read(request, conn, id_of(request))
    return page(request, case, Form())


@routes.get(r"/admin/disputes/{id:\d+}/history")
async def history(request: web.Request) -> web.Response:
    """The part that moves while somebody looks."""
    async with connection(request) as conn:
        case = await read(request, conn, id_of(request))
    return pages.render(request, "admin/_dispute_history.html", case=case)


def page(request: web.Request, case: Case, form: Form, *, status: int = 200) -> web.Response:
    return pages.render(
        request,
        "admin/dispute.html",
        status=status,
        case=case,
        price=case.price,
        form=form,
        figures=FIGURES,
        states=STATES,
    )


async def read(request: web.Request, conn: Conn, id: int) -> Case:
    """Raises HTTPNotFound."""
    dispute = await disputes.find(conn, id)
    if dispute is None:
        raise web.HTTPNotFound
    zone = request.app[CONFIG].operator_zone
    session = await disputed_sessions.find(conn, dispute.session_id, zone=zone)
    driver = await accounts.find(conn, dispute.account_id)
    assert session is not None
    assert driver is not None
    price = await price_view.of_session(request, conn, dispute.session_id)
    entries = await disputes.list_entries(conn, [id])
    others = await disputes.list_of_session(conn, dispute.station_id, dispute.session_id)
    return Case(
        Story(dispute, entries[id]),
        session,
        driver,
        price,
        left_of(price),
        await disputed_sessions.list_around(conn, session, dispute.marked, limit=_MOST_READINGS),
        await disputed_sessions.list_decisions(conn, session),
        [other for other in others if other.id != id],
    )


def left_of(price: price_view.Shown) -> Decimal | None:
    """What of the price is not credited yet. An estimate is no price."""
    if price.is_estimate or price.due is None:
        return None
    return max(price.due, Decimal(0))
