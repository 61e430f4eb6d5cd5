"""Send a driver a link to sign in with: an invitation, or as asked for by telephone."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

from aiohttp import web

from db import mail_links
from db.accounts import Account
from db.rows import Conn
from portal.context import CONFIG
from portal.mail_requests import in_words
from portal.mails import links
from portal.mails.compose import compose, operator_of


async def add_mail(
    request: web.Request,
    conn: Conn,
    account: Account,
    *,
    kind: Literal["invitation", "sign_in_link"],
) -> None:
    """The link and its mail, in the caller's transaction; the portal's job sends it."""
    config = request.app[CONFIG]
    token = mail_links.make_token()
    await mail_links.send(
        conn,
        account.id,
        token=token,
        purpose="sign_in",
        kind=kind,
        recipient=account.email,
        body=compose(
            kind,
            operator=operator_of(config),
            link=links.absolute(config, f"/sign-in/link?{urlencode({'token': token})}"),
            valid_for=in_words(mail_links.VALID_FOR["sign_in"]),
        ),
    )
