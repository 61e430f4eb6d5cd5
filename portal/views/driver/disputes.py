"""The driver disputes a session, and follows what becomes of it, on the session's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from db import audit, changes, disputed_sessions, disputes, mails, notices
from db.disputed_sessions import Disputed
from db.disputes import Dispute, Figure, Seen
from db.errors import Conflict, NotFound
from db.rows import Conn
from portal import dispute_view, limits, pages, people, price_view
from portal.context import CONFIG, NOTIFIER, connection, transaction
from portal.dispute_view import FIGURES, Story
from portal.forms import Form
from portal.mails import links
from portal.mails.compose import compose, operator_of
from portal.views.driver import shown

routes = web.RouteTableDef()

_MOST_NUMBER = 2**31 - 1
_MOST_MARKED = 100
_MOST_WORDS = 2000
_RUNNING = (
    "This session is still in progress and its figures may change. Dispute it when it is completed."
)
_ANOTHER = "This session has a dispute that is not closed yet. Follow it on the session’s page."


@dataclass(frozen=True, slots=True)
class Panel:
    """What `driver/_dispute.html` draws, as `dispute`."""

    session: Disputed
    seen: Seen  # as the page shows it now
    stories: list[Story]  # the newest first
    operator_email: str | None
    form: Form = field(default_factory=Form)
    marked: list[datetime] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return bool(self.stories) and not self.stories[0].dispute.is_closed

    @property
    def can_dispute(self) -> bool:
        """Not while its figures may change (S5), and one at a time."""
        return self.session.is_finalized and not self.is_open

    @property
    def figures(self) -> list[tuple[Figure | None, str, str]]:
        return dispute_view.figures(self.seen)

    @property
    def when(self) -> str:
        return dispute_view.when(self.session)

    @property
    def mail_head(self) -> str:
        return dispute_view.head_of_mail(self.session, self.seen)

    @property
    def mailto(self) -> str:
        """The same content by e-mail: what was sent, else what is typed."""
        given = self.form.given
        last = self.stories[0].dispute if self.is_open else None
        body = dispute_view.body_of_mail(
            self.session,
            self.seen,
            figure=last.figure if last else given.get("figure", ""),
            expected=last.expected if last else given.get("expected", ""),
            why=last.why if last else given.get("why", ""),
            marked=last.marked if last else self.marked,
        )
        return dispute_view.mailto(self.operator_email, self.session.number, body)


async def of_session(request: web.Request, conn: Conn, number: int) -> Panel:
    """For the page of an own session. Raises NotFound for another's."""
    session = await _own(request, conn, number)
    return await _panel(request, conn, session)


@routes.get(r"/sessions/{number:\d+}/dispute", name="driver.dispute")
async def show(request: web.Request) -> web.StreamResponse:
    """The panel alone, as it is read again; else the page that it stands on."""
    number = _number(request)
    async with connection(request) as conn:
        panel = await of_session(request, conn, number)
    if pages.is_fragment(request):
        return pages.render(request, "driver/_dispute.html", dispute=panel)
    return pages.see_other(request, f"/sessions/{number}#dispute")


@routes.post(r"/sessions/{number:\d+}/dispute", name="driver.dispute.send")
async def send(request: web.Request) -> web.StreamResponse:
    number = _number(request)
    form = await Form.read(request)
    figure = form.choice("figure", FIGURES, label="the number that looks wrong")
    expected = form.text("expected", label="what you expected", most=500)
    why = form.text("why", label="why you expected it", most=_MOST_WORDS, lines=True)
    told: list[int] = []
    async with transaction(request) as conn:
        session = await _own(request, conn, number)
        marked = await _marked(request, conn, session, form)
        panel = await _panel(request, conn, session, form=form, marked=marked)
        if not session.is_finalized:
            form.wrong("", _RUNNING)
        elif panel.is_open:
            form.wrong("", _ANOTHER)
        if form.is_valid:
            assert figure is not None
            assert expected is not None
            assert why is not None
            try:
                made = await disputes.add(
                    conn,
                    station_id=session.station_id,
                    session_id=number,
                    account_id=people.person(request).id,
                    figure=next(name for name in FIGURES if name == figure),
                    expected=expected,
                    why=why,
                    seen=panel.seen,
                    marked=marked,
                )
            except Conflict:
                form.wrong("", _ANOTHER)
            else:
                told = await _tell(request, conn, session, made)
    if not form.is_valid:
        return pages.render(
            request,
            "driver/dispute.html",
            status=422,
            dispute=panel,
            active=await shown.active(request),
        )
    account_id = people.person(request).id
    request.app[NOTIFIER].changed(
        changes.topic("session", number, account_id=account_id),
        changes.topic("dispute", made.id),
        *(changes.topic("notices", account_id=admin_id) for admin_id in told),
    )
    return pages.see_other(
        request, f"/sessions/{number}#dispute", toast="Your dispute is sent. A mail confirms it."
    )


async def _tell(request: web.Request, conn: Conn, session: Disputed, made: Dispute) -> list[int]:
    """In its transaction: the audit row, the admins' notices and the confirmation by mail (S20)."""
    account = people.person(request)
    config = request.app[CONFIG]
    await audit.add(
        conn,
        "dispute.opened",
        by=account,
        subject=f"dispute:{made.id}",
        remote_address=limits.address(request),
        session=session.number,
        figure=made.figure,
    )
    body = compose(
        "dispute_received",
        operator=operator_of(config),
        number=f"#{session.number}",
        figure=FIGURES[made.figure],
        expected=f"{made.expected}\n\n{made.why}",
        link=links.absolute(config, f"/sessions/{session.number}#dispute"),
    )
    await mails.add(
        conn, "dispute_received", recipient=account.email, body=body, account_id=account.id
    )
    return await notices.add_for_admins(
        conn,
        "dispute.opened",
        title=f"Session #{session.number} is disputed",
        body=f"{account.display_name}: {FIGURES[made.figure]}",
        path=f"/admin/disputes/{made.id}",
    )


async def _own(request: web.Request, conn: Conn, number: int) -> Disputed:
    """Raises NotFound, also for another's (decision 27)."""
    session = await disputed_sessions.find(
        conn,
        number,
        zone=request.app[CONFIG].operator_zone,
        account_id=people.person(request).id,
    )
    if session is None:
        raise NotFound("no such session")
    return session


async def _panel(
    request: web.Request,
    conn: Conn,
    session: Disputed,
    *,
    form: Form | None = None,
    marked: Sequence[datetime] = (),
) -> Panel:
    price = await price_view.of_session(request, conn, session.number)
    found = await disputes.list_of_session(conn, session.station_id, session.number)
    entries = await disputes.list_entries(conn, [dispute.id for dispute in found])
    return Panel(
        session,
        dispute_view.seen(session, price),
        [Story(dispute, entries[dispute.id]) for dispute in found],
        request.app[CONFIG].operator_email,
        form or Form(),
        list(marked),
    )


async def _marked(
    request: web.Request, conn: Conn, session: Disputed, form: Form
) -> list[datetime]:
    """The rows that were ticked, as far as they are rows of this session's timeline."""
    said = [text for text in (await request.post()).getall("marked", []) if isinstance(text, str)]
    times = {time for text in said[: _MOST_MARKED + 1] if (time := _time(text)) is not None}
    known = await disputed_sessions.known_times(conn, session, sorted(times))
    if len(said) > _MOST_MARKED:
        form.wrong("marked", f"Mark {_MOST_MARKED} rows at most")
    elif known != times or len(times) < len(set(said)):
        form.wrong("marked", "Mark only rows of this session’s meter timeline")
    return sorted(known)


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return time if time.tzinfo else None


def _number(request: web.Request) -> int:
    """Raises NotFound for what is no number of ours."""
    said = request.match_info["number"]
    if not (said.isascii() and len(said) < 20 and int(said) <= _MOST_NUMBER):
        raise NotFound("no such session")
    return int(said)
