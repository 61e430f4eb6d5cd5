"""
The accounts that one browser is signed in to: one that pages are drawn for, and up to four more
that `/switch` changes to. Two cookies hold their secrets; script can read neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import structlog
from aiohttp import web

from db import changes, web_sessions
from db.accounts import Account
from db.rows import Conn
from db.web_sessions import WebSession
from portal import acts, cookies, csrf, limits, pages
from portal.context import NOTIFIER, transaction

log = structlog.get_logger()

MOST = 5  # accounts of one browser

_OTHERS = "others"
# A driver's ends 30 days after the last visit, which the database knows: a browser may keep the
# cookie for as long as browsers do.
_YEAR_S = 400 * 24 * 3600
_COOKIE_S = {"driver": _YEAR_S, "admin": 7 * 24 * 3600}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}")


@dataclass(frozen=True, slots=True)
class Held:
    """An account that this browser is signed in to."""

    token: str
    session: WebSession
    is_current: bool

    @property
    def account(self) -> Account:
        return self.session.account


def has_others(request: web.Request) -> bool:
    return bool(_other_tokens(request))


async def list_held(request: web.Request, conn: Conn) -> list[Held]:
    """The current one first, if there is one; those that have ended are left out."""
    current = cookies.read(request, cookies.SESSION)
    tokens = [*([current] if current else []), *_other_tokens(request)]
    found = await web_sessions.find_all(conn, tokens)
    return [Held(token, session, token == current) for token, session in found.items()]


def gives_way(held: list[Held], account: Account | None = None) -> Held | None:
    """Who is signed out when `account`, or one that is not here yet, signs in too."""
    if any(account is not None and one.account.id == account.id for one in held):
        return None
    return min(held, key=lambda one: one.session.seen_at) if len(held) >= MOST else None


async def let_in(
    request: web.Request, account: Account, path: str, *, how: str, toast: str | None = None
) -> web.Response:
    """Sign the account in, beside those that are here. `how` is for the audit log."""
    token = web_sessions.make_token()  # never one from before the sign-in
    async with transaction(request) as conn:
        held = await list_held(request, conn)
        again = [one for one in held if one.account.id == account.id]
        out = gives_way(held, account)
        for one in [*again, *([out] if out else [])]:
            await web_sessions.end(conn, one.token)
        if out is not None:
            await acts.record(
                request,
                conn,
                "signed_out",
                by=out.account,
                subject=f"account:{out.account.id}",
                why=f"this browser holds {MOST} accounts",
            )
        rest = [one for one in held if one not in again and one != out]
        others = [await _under_a_new_name(conn, one) for one in rest]
        await web_sessions.begin(
            conn,
            account,
            token,
            remote_address=limits.address(request),
            user_agent=request.headers.get("User-Agent", "").encode(errors="replace").decode(),
        )
        await acts.record(
            request, conn, "sign_in.done", by=account, subject=f"account:{account.id}", how=how
        )
    log.info("sign_in.done", account=account.id, role=account.role, how=how)
    tell_pages(request, *held)
    if out is not None:
        toast = f"{out.account.display_name} was signed out here: {MOST} accounts are the most."
    response = pages.see_other(request, path, toast=toast)
    write_current(request, response, account, token)
    write_others(request, response, others)
    return response


async def switch(request: web.Request, conn: Conn, held: list[Held], to: Held) -> list[str]:
    """In the caller's transaction: the tokens that the others have from now on."""
    was = next((one.account.id for one in held if one.is_current), None)
    await acts.record(
        request, conn, "switched", by=to.account, subject=f"account:{to.account.id}", before=was
    )
    return [
        await _under_a_new_name(conn, one) if one.is_current else one.token
        for one in held
        if one != to
    ]


def tell_pages(request: web.Request, *held: Held) -> None:
    """Pages that are open are asked again who they are; to be called after the commit."""
    request.app[NOTIFIER].changed(
        *(changes.topic("account", one.account.id) for one in held if one.is_current)
    )


def write_current(
    request: web.Request, response: web.Response, account: Account, token: str
) -> None:
    max_age_s = _COOKIE_S[account.role]
    cookies.write(request, response, cookies.SESSION, token, max_age_s=max_age_s)
    csrf.renew_visitor(request, response, max_age_s=max_age_s)


def write_others(request: web.Request, response: web.Response, tokens: list[str]) -> None:
    if tokens:
        cookies.write(request, response, _OTHERS, ".".join(tokens), max_age_s=_YEAR_S)
    elif _other_tokens(request):
        cookies.forget(request, response, _OTHERS)


def _other_tokens(request: web.Request) -> list[str]:
    """What a stranger put there is not looked for, however much it is."""
    said = (cookies.read(request, _OTHERS) or "").split(".", MOST)[:MOST]
    return [token for token in dict.fromkeys(said) if _TOKEN.fullmatch(token)]


async def _under_a_new_name(conn: Conn, held: Held) -> str:
    """Pages that are open for it find that it is no longer what this browser shows."""
    token = web_sessions.make_token()
    await web_sessions.rename(conn, held.token, token)
    return token
