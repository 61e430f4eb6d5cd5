"""HTTP that is none: answered as a problem document too, and without naming our software."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web
from aiohttp.web_request import BaseRequest

from portal.errors import Problem

log = structlog.get_logger()


class Protocol(web.RequestHandler):
    def __init__(self, manager: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            manager,
            loop=loop,
            auto_decompress=False,  # no body of ours is compressed, and none may be a bomb
            keepalive_timeout=75,
        )

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What the parser refused; a handler's own errors are the middleware's."""
        log.debug("http.unreadable", remote=request.remote, error=repr(exc))
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        if status >= 500:
            log.error("http.failed", exc_info=exc)
        words = "This is not HTTP as we know it." if status < 500 else "Something failed."
        response = _Nameless.of(Problem(status, words).response())
        response.force_close()
        return response


class _Nameless(web.Response):
    """No signal of the application reaches an answer that no route gave."""

    @classmethod
    def of(cls, response: web.Response) -> _Nameless:
        return cls(body=response.body, status=response.status, headers=response.headers)

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)
