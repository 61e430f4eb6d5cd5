"""
What goes wrong on the web: an RFC 9457 problem document for the API, a page for people.

    Problem              a status and a sentence, raised by a handler
    StoreError           of the database: NotFound is 404, Conflict 409, StoreAway 503
    web.HTTPException    of aiohttp: 404, 405, 413, ...
    anything else        500 with a reference that is in the log, and nothing more
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple

import asyncpg
import msgspec
import structlog
from aiohttp import web

from db.errors import Conflict, NotFound, is_away

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_CONTENT_TYPE = "application/problem+json"
_RETRY_AFTER_S = 2


class FieldError(NamedTuple):
    field: str  # such as connectors[0].evse, or the name of a query parameter
    detail: str


class Problem(Exception):  # noqa: N818 - it is the document's own name
    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        reference: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.reference = reference

    def response(self) -> web.Response:
        document: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [error._asdict() for error in self.errors]
        if self.reference:
            document["reference"] = self.reference
        return web.Response(
            body=msgspec.json.encode(document),
            status=self.status,
            content_type=_CONTENT_TYPE,
            headers=self.headers,
        )


def invalid(field: str, detail: str) -> Problem:
    return refused([FieldError(field, detail)])


def refused(errors: Sequence[FieldError]) -> Problem:
    first = errors[0]
    return Problem(422, f"{first.field}: {first.detail}", errors=errors)


def unavailable(detail: str) -> Problem:
    return Problem(503, detail, headers={"Retry-After": str(_RETRY_AFTER_S)})


def problem_of(request: web.Request, error: Exception) -> Problem:
    """What to tell whoever asked. What nobody foresaw is in the log, under a reference."""
    match error:
        case Problem():
            return error
        case NotFound():
            return Problem(404, _sentence(error))
        case Conflict():
            return Problem(409, _sentence(error))
        case web.HTTPException():
            return _of_aiohttp(error)
        case _:
            return _unforeseen(request, error)


def _of_aiohttp(error: web.HTTPException) -> Problem:
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            detail = f"{error.method[:20]} is not possible here, only {allowed}."
            return Problem(405, detail, headers={"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            return Problem(413, "A request may have 1 MiB at most.")
        case web.HTTPNotFound():
            return Problem(404, "There is nothing at this address.")
        case _:
            return Problem(error.status, f"{error.reason}.")


def _unforeseen(request: web.Request, error: Exception) -> Problem:
    if is_away(error):
        log.warning("request.postponed", path=request.path, error=repr(error))
        return unavailable("The database cannot be reached now.")
    if isinstance(error, asyncpg.QueryCanceledError):
        log.warning("request.slow", path=request.path)
        return unavailable("The database took too long.")
    reference = secrets.token_hex(6)
    log.error(
        "request.failed",
        reference=reference,
        method=request.method,
        path=request.path,
        exc_info=error,
    )
    return Problem(
        500, f"Something failed on our side; the log has it as {reference}.", reference=reference
    )


def _sentence(error: Exception) -> str:
    words = str(error)
    return f"{words[:1].upper()}{words[1:]}."
