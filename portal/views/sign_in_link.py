"""Sign-in by a link in a mail: asked for here, and consumed by a button only."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from db import accounts, mail_links
from db.accounts import Account
from db.mail_links import Purpose
from db.rows import Conn
from portal import acts, browser_accounts, limits, mail_requests, pages
from portal.context import CONFIG, LIMITS, connection, transaction
from portal.forms import Form
from portal.views import sign_in

routes = web.RouteTableDef()

WHY = {
    "used": ("This link was used already", "Each link works once."),
    "expired": ("This link is over", "It worked for {valid_for}."),
    "unknown": ("This link does not work", "It may have been cut off on its way."),
}


@routes.post("/sign-in/mail", name="sign_in.mail")
async def ask(request: web.Request) -> web.StreamResponse:
    form = await Form.read(request)
    email = form.email("address", label="your e-mail address")
    if email is None:
        return sign_in.page(request, form, status=422)
    path = sign_in.next_path(form.raw("next"))
    await mail_requests.send_link(request, email, "sign_in", next_path=path)
    return pages.see_other(request, "/sign-in/sent")


@routes.get("/sign-in/sent", name="sign_in.sent")
async def sent(request: web.Request) -> web.Response:
    return pages.render(
        request,
        "sign_in_sent.html",
        is_password=request.query.get("for") == "password",
        is_mail_sent=request.app[CONFIG].smtp_url is not None,
    )


@routes.get("/sign-in/link", name="sign_in.link")
async def show(request: web.Request) -> web.Response:
    """A button and nothing else: a mail server that follows links must not use them up."""
    token = request.query.get("token", "")
    async with connection(request) as conn:
        account, why = await whose(conn, token, "sign_in")
    if account is None:
        return over(request, "sign_in", why)
    return pages.render(
        request,
        "sign_in_link.html",
        account=account,
        token=token,
        next=sign_in.next_path(request.query.get("next", "")),
    )


@routes.post("/sign-in/link")
async def consume(request: web.Request) -> web.StreamResponse:
    request.app[LIMITS].sign_in_by_address.take(limits.network(request))
    form = await Form.read(request)
    token = form.raw("token")
    async with transaction(request) as conn:
        account, why = await whose(conn, token, "sign_in")
        if account is not None and await mail_links.consume(conn, token, "sign_in") is None:
            account, why = None, "used"  # by who came at the same moment
        if account is None:
            await acts.record(request, conn, "mail_link.refused", actor="nobody", why=why)
        else:
            await acts.record(
                request, conn, "mail_link.consumed", by=account, subject=f"account:{account.id}"
            )
    if account is None:
        return over(request, "sign_in", why)
    path = sign_in.next_path(form.raw("next"))
    return await browser_accounts.let_in(request, account, path, how="link")


async def whose(conn: Conn, token: str, purpose: Purpose) -> tuple[Account | None, str]:
    """Who may use the link now, else why nobody may: used, expired or unknown."""
    link = await mail_links.find(conn, token, purpose)
    if link is None:
        return None, "unknown"
    if why := link.why_not(datetime.now(UTC)):
        return None, why
    account = await accounts.find(conn, link.account_id)
    is_let_in = account is not None and account.is_active
    if not is_let_in or (account.role == "admin" and purpose == "sign_in"):  # type: ignore[union-attr]
        return None, "unknown"
    return account, ""


def over(request: web.Request, purpose: Purpose, why: str) -> web.Response:
    """Why it does not work, and the way to a new one."""
    title, sentence = WHY[why]
    valid_for = mail_requests.in_words(mail_links.VALID_FOR[purpose])
    return pages.render(
        request,
        "sign_in_over.html",
        status=410,
        title=title,
        sentence=sentence.format(valid_for=valid_for),
        is_password=purpose == "password",
        form=Form(),
    )
