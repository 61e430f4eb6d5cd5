"""What an admin does about a dispute: acknowledge, answer, credit, close. Each is one step."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from csms.rules.currencies import decimals
from db import audit, changes, disputes, mails, notices, prices
from db.disputes import EntryKind, State
from db.prices import Price
from db.rows import Conn
from portal import dispute_view, limits, pages, people
from portal.context import CONFIG, NOTIFIER, transaction
from portal.dispute_view import STATES
from portal.format import money
from portal.forms import Form
from portal.mails import links
from portal.mails.compose import compose, operator_of
from portal.views.admin.asking import id_of
from portal.views.admin.disputes import Case, page, read

routes = web.RouteTableDef()

_CLOSED = "This dispute is closed. The driver can dispute the session again."
_DID: dict[EntryKind, str] = {
    "opened": "sent it",
    "acknowledged": "acknowledged it",
    "answer": "answered it",
    "credit": "gave a credit",
    "closed": "closed it",
}


@routes.post(r"/admin/disputes/{id:\d+}/acknowledge")
async def acknowledge(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    async with transaction(request) as conn:
        case = await _case(request, conn, form)
        if case.dispute.state != "open":
            form.wrong("", "This dispute is acknowledged already.")
        if form.is_valid:
            await _move(request, conn, case, "acknowledged", state="acknowledged")
            await _notify(
                conn, case, "acknowledged", f"{_operator(request)} is checking your dispute."
            )
    return _after(request, case, form, "Acknowledged. The driver is told.")


@routes.post(r"/admin/disputes/{id:\d+}/answer")
async def answer(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    text = form.text("answer", label="the answer", most=4000, lines=True)
    async with transaction(request) as conn:
        case = await _case(request, conn, form)
        if form.is_valid and text:
            await _move(request, conn, case, "answer", state="answered", body=text)
            await _notify(conn, case, "answered", text)
            await _mail(request, conn, case, text)
    return _after(request, case, form, f"The answer is on its way to {case.driver.email}.")


@routes.post(r"/admin/disputes/{id:\d+}/credit")
async def credit(request: web.Request) -> web.StreamResponse:
    """A row of the price's ledger; the price itself does not change (S22)."""
    form = await Form.read(request)
    reason = form.text("credit_reason", label="the reason, for the driver", most=500, lines=True)
    said = ""
    async with transaction(request) as conn:
        case = await _case(request, conn, form)
        await prices.lock(conn, case.session.station_id, case.session.number)
        price = await prices.find(conn, case.session.number)
        amount = _amount(form, price)
        if form.is_valid:
            assert price is not None
            assert amount is not None
            assert reason is not None
            month = datetime.now(ZoneInfo(request.app[CONFIG].operator_zone)).date().replace(day=1)
            step_id = await prices.add_credit(
                conn,
                price,
                account_id=case.dispute.account_id,
                amount=amount,
                reason=reason,
                by_account_id=people.person(request).id,
                statement_month=month,
            )
            await _move(
                request,
                conn,
                case,
                "credit",
                state=case.dispute.state,
                body=reason,
                price_step_id=step_id,
                amount=str(amount),
                currency=price.currency,
                statement_month=month.isoformat(),
            )
            said = (
                f"Credit of {money(amount, price.currency)}, "
                f"on your statement of {dispute_view.month(month)}"
            )
            await _notify(conn, case, "credited", f"{said}. {reason}")
    return _after(request, case, form, said.replace("your", "the", 1))


@routes.post(r"/admin/disputes/{id:\d+}/close")
async def close(request: web.Request) -> web.StreamResponse:
    """Whoever never had an answer gets the reason by mail."""
    form = await Form.read(request)
    reason = form.text("close_reason", label="the reason, for the driver", most=500, lines=True)
    async with transaction(request) as conn:
        case = await _case(request, conn, form)
        if form.is_valid and reason:
            await _move(request, conn, case, "closed", state="closed", body=reason)
            await _notify(conn, case, "closed", reason)
            if not any(entry.kind == "answer" for entry in case.story.entries):
                await _mail(request, conn, case, reason)
    return _after(request, case, form, "The dispute is closed. The driver is told.")


def _amount(form: Form, price: Price | None) -> Decimal | None:
    """At most what is left of the price, in the decimals of its currency."""
    left = None if price is None else price.due
    if price is None or left is None:
        form.wrong("amount", "The price is not known yet: there is nothing to credit from")
        return None
    amount = form.decimal("amount", label="the amount", places=decimals(price.currency))
    if left <= 0:
        form.wrong("amount", "Nothing is left of the price to credit")
    elif amount is not None and not 0 < amount <= left:
        form.wrong("amount", f"Enter an amount above 0 and at most {money(left, price.currency)}")
    return amount


async def _case(request: web.Request, conn: Conn, form: Form) -> Case:
    """Locked, so that of two admins the second is told that it moved. Raises HTTPNotFound."""
    id = id_of(request)
    await disputes.lock(conn, id)
    case = await read(request, conn, id)
    if case.dispute.is_closed:
        form.wrong("", _CLOSED)
    elif form.given.get("last") != str(case.last):
        entry = case.story.entries[-1]
        state = STATES[case.dispute.state][0]
        form.wrong(
            "",
            f"It moved while you were looking: {entry.by or 'somebody'} {_DID[entry.kind]}, and it "
            f"is {state.lower()} now. Nothing was done. Look again, then decide.",
        )
    return case


async def _move(
    request: web.Request,
    conn: Conn,
    case: Case,
    kind: EntryKind,
    *,
    state: State,
    body: str = "",
    price_step_id: int | None = None,
    **detail: Any,
) -> None:
    """The step and its audit row."""
    person = people.person(request)
    await disputes.move(
        conn,
        case.dispute,
        kind,
        state=state,
        by_account_id=person.id,
        body=body,
        price_step_id=price_step_id,
    )
    done = {"answer": "answered", "credit": "credited"}.get(kind, kind)
    await audit.add(
        conn,
        f"dispute.{done}",
        by=person,
        subject=f"dispute:{case.dispute.id}",
        remote_address=limits.address(request),
        session=case.session.number,
        **detail,
    )


async def _notify(conn: Conn, case: Case, what: str, body: str) -> None:
    await notices.add(
        conn,
        case.dispute.account_id,
        f"dispute.{what}",
        title=f"Your dispute of session #{case.session.number}: {what}",
        body=body[:300],
        path=f"/sessions/{case.session.number}#dispute",
    )


async def _mail(request: web.Request, conn: Conn, case: Case, answer: str) -> None:
    """Every answer names the session, and what was credited so far."""
    credits = [entry for entry in case.story.entries if entry.kind == "credit"]
    config = request.app[CONFIG]
    body = compose(
        "dispute_answered",
        operator=operator_of(config),
        number=f"#{case.session.number}",
        answer=answer,
        credit=dispute_view.credited(credits) if credits else None,
        statement=dispute_view.statements(credits) if credits else None,
        link=links.absolute(config, f"/sessions/{case.session.number}#dispute"),
    )
    await mails.add(
        conn,
        "dispute_answered",
        recipient=case.driver.email,
        body=body,
        account_id=case.driver.id,
    )


def _after(request: web.Request, case: Case, form: Form, toast: str) -> web.StreamResponse:
    """409 where somebody else was first, 422 where something is to be put right."""
    if not form.is_valid:
        return page(request, case, form, status=409 if "" in form.errors else 422)
    number, account_id = case.session.number, case.dispute.account_id
    request.app[NOTIFIER].changed(
        changes.topic("session", number, account_id=account_id),
        changes.topic("dispute", case.dispute.id),
        changes.topic("notices", account_id=account_id),
    )
    return pages.see_other(request, f"/admin/disputes/{case.dispute.id}", toast=toast)


def _operator(request: web.Request) -> str:
    return request.app[CONFIG].operator_name
