"""
A link by mail, asked for by whoever names an address.

The answer is the same whether the address has an account or not, and so is the work: nobody learns
who charges here. Who gets none, and why, is in the audit log.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web

from db import accounts, mail_links
from db.accounts import Account
from db.mail_links import VALID_FOR, Purpose
from portal import acts, limits
from portal.context import CONFIG, LIMITS, transaction
from portal.mails import links
from portal.mails.compose import compose, operator_of

_KINDS: dict[Purpose, str] = {"sign_in": "sign_in_link", "password": "password_link"}
_PATHS: dict[Purpose, str] = {"sign_in": "/sign-in/link", "password": "/sign-in/password"}
_ASKED: dict[Purpose, str] = {
    "sign_in": "mail_link.requested",
    "password": "password.reset_requested",
}
_REFUSED: dict[Purpose, str] = {
    "sign_in": "mail_link.refused",
    "password": "password.reset_refused",
}


async def send_link(
    request: web.Request, email: str, purpose: Purpose, *, next_path: str = "/"
) -> None:
    """Raises Problem (429) for who asks too often, before anything else is done."""
    request.app[LIMITS].sign_in_by_address.take(limits.network(request))
    request.app[LIMITS].mail_by_email.take(email.lower())
    config = request.app[CONFIG]
    token = mail_links.make_token()
    query = {"token": token} | ({"next": next_path} if next_path != "/" else {})
    body = compose(
        _KINDS[purpose],
        operator=operator_of(config),
        link=links.absolute(config, f"{_PATHS[purpose]}?{urlencode(query)}"),
        valid_for=in_words(VALID_FOR[purpose]),
    )
    async with transaction(request) as conn:
        account = await accounts.find_by_email(conn, email)
        why = _why_not(account, purpose)
        gets_one = account if why is None else None
        await mail_links.send(
            conn,
            gets_one.id if gets_one else None,
            token=token,
            purpose=purpose,
            kind=_KINDS[purpose],
            recipient=account.email if account else email,
            body=body,
        )
        await acts.record(
            request,
            conn,
            _ASKED[purpose] if why is None else _REFUSED[purpose],
            actor=email,
            subject=f"account:{account.id}" if account else None,
            why=why,
        )


def in_words(valid_for: timedelta) -> str:
    minutes = int(valid_for.total_seconds() // 60)
    return "1 hour" if minutes == 60 else f"{minutes} minutes"


def _why_not(account: Account | None, purpose: Purpose) -> str | None:
    if account is None:
        return "no such account"
    if not account.is_active:
        return "switched off"
    if account.role == "admin" and purpose == "sign_in":
        return "administrators sign in with a password"
    return None
