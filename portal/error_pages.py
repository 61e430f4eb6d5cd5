"""What went wrong, told in the shell that the person is in: a page, or a toast for htmx."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import asyncpg
import structlog
from aiohttp import web

from portal import pages, people
from portal.errors import Handler, Problem, problem_of
from portal.static_files import PREFIX as STATIC
from portal.views import driver

log = structlog.get_logger()

_FOR_MACHINES = ("/api/", "/health/", "/live", STATIC)


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    sentence: str
    advice: str
    icon: str = "alert"
    tone: str = "fault"
    can_retry: bool = False
    back: tuple[str, str] | None = None  # where the way back leads; else to the start page


_WORDS = {
    403: Words(
        "This form was not sent from here",
        "It may have been open for long, or came from another site. Nothing was changed.",
        "Go back, load the page again, and send it once more.",
        icon="shield",
        tone="wait",
    ),
    404: Words(
        "There is nothing here",
        "The address may be mistyped, or what it named is gone or not yours to see.",
        "Go to the start page and look for it from there.",
        icon="search",
        tone="off",
    ),
    405: Words(
        "This address only takes a form",
        "It was opened as a page.",
        "Go to the start page and use the button there.",
        icon="info",
        tone="off",
    ),
    409: Words(
        "That does not go together",
        "Somebody else may have changed it in the meantime.",
        "Go back, load the page again, and look at how it stands now.",
        tone="wait",
    ),
    413: Words(
        "That is too much at once",
        "A form may hold 1 MiB at most. Nothing was changed.",
        "Go back and send less.",
        tone="wait",
    ),
    429: Words(
        "Too many attempts",
        "To keep accounts safe we take only so many in a while.",
        "Wait a little, then try again.",
        icon="held",
        tone="wait",
    ),
    500: Words(
        "This did not work",
        "Something failed on our side. Charging goes on and nothing is lost.",
        "Try again. If it fails again, tell us the reference.",
        can_retry=True,
    ),
    503: Words(
        "This cannot be read now",
        "The database does not answer. Charging goes on and nothing is lost.",
        "Try again in a few seconds.",
        can_retry=True,
    ),
}
_NO_SESSION = Words(
    "Session not found",
    "It may belong to another account, or the number in the address is wrong.",
    "Go back to Sessions and open it from the list, instead of typing the address.",
    icon="search",
    tone="off",
    back=("/sessions", "Sessions"),
)
_OTHER = Words(
    "This could not be done",
    "The request was not one that we know.",
    "Go back, load the page again, and try once more.",
    tone="wait",
)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        problem = problem_of(request, error)
    except Exception as error:
        problem = problem_of(request, error)
    if request.path.startswith(_FOR_MACHINES):
        return problem.response()
    try:
        return await page(request, problem)
    except Exception:
        log.exception("error_page.failed", path=request.path)
        return problem.response()


async def page(request: web.Request, problem: Problem) -> web.Response:
    shell = _shell(request)
    words = _WORDS.get(problem.status) or (_WORDS[500] if problem.status >= 500 else _OTHER)
    if problem.status == 404 and shell == "driver.html" and request.path.startswith("/sessions/"):
        words = _NO_SESSION
    context: dict[str, object] = {
        "title": words.title,
        "sentence": problem.detail if problem.status == 409 else words.sentence,
        "advice": words.advice,
        "icon_name": words.icon,
        "tone": words.tone,
        "back": words.back,
        "can_retry": words.can_retry and request.method == "GET",
        "reference": problem.reference,
    }
    status = problem.status
    if pages.is_fragment(request):
        # What is shown stays, for it was true when it was drawn; the toast says what did not work.
        response = pages.render(request, "_error.html", status=status, **context)
        response.headers["HX-Retarget"] = "#told"
        response.headers["HX-Reswap"] = "innerHTML"
    else:
        if shell == "driver.html" and status < 500:
            with suppress(asyncpg.PostgresError, OSError, TimeoutError):  # then without the strip
                context["active"] = await driver.active(request)
        response = pages.render(request, "error.html", status=status, shell=shell, **context)
    response.headers.update(problem.headers)
    return response


def _shell(request: web.Request) -> str:
    person = people.maybe_person(request)
    if person is None:
        return "gate.html"
    return "admin.html" if person.role == "admin" else "driver.html"
