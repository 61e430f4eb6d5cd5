"""What a person or an API token does, into the audit log, in the transaction of what was done."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from db import audit
from db.accounts import Account
from db.rows import Conn
from portal import limits, people
from portal.access import API, asked_by


async def record(
    request: web.Request,
    conn: Conn,
    action: str,
    *,
    subject: str | None = None,
    by: Account | None = None,
    actor: str | None = None,
    **detail: Any,
) -> None:
    """`by` where who asks is not yet, or no longer, who the request's cookie says."""
    if actor is None and request.path.startswith(API):
        actor = asked_by(request)
    await audit.add(
        conn,
        action,
        by=by or (None if actor else people.maybe_person(request)),
        actor=actor,
        subject=subject,
        remote_address=limits.address(request),
        **detail,
    )
