"""A portal on a free port, and a client that has a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from db import api_tokens
from db.config import DatabaseConfig
from db.rows import Pool
from portal import jobs
from portal.app import listening, make_app, open_socket
from portal.config import Config
from portal.context import READINESS


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def fields(self) -> list[str]:
        """Which fields a 422 complains of."""
        return [error["field"] for error in self.body["errors"]]


@dataclass(frozen=True)
class Api:
    app: web.Application
    port: int
    token: str
    http: aiohttp.ClientSession

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """`path` is sent as it stands. `raw` is a body that is not made of `body`."""
        head = {"Authorization": f"Bearer {token or self.token}"} | (headers or {})
        data = raw if raw is not None or body is None else json.dumps(body).encode()
        if data is not None:
            head.setdefault("Content-Type", "application/json")
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        async with self.http.request(
            method, url, data=data, headers={k: v for k, v in head.items() if v}
        ) as response:
            text = await response.read()
            kind = response.headers.get("Content-Type", "")
            if response.status >= 400:
                assert kind == "application/problem+json", (response.status, kind)
            parsed: Any = json.loads(text) if text else None
            if response.status >= 400 and method != "HEAD":
                assert parsed["status"] == response.status
                assert {"type", "title", "detail"} <= parsed.keys()
            assert "Server" not in response.headers
            return Answer(response.status, parsed, dict(response.headers))

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: object = None, **more: Any) -> Answer:
        return await self.ask("POST", path, body, **more)

    async def walk(self, path: str, most: int = 1000) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(most):
            page = (await self.get(f"{path}{cursor}")).body
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = f"{'&' if '?' in path else '?'}cursor={page['next_cursor']}"
        raise AssertionError("the list does not end")


@pytest.fixture
def no_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """For who counts queries or compares rows: the portal works at nothing by itself."""
    monkeypatch.setattr(jobs, "jobs", lambda _: [])


@pytest.fixture
async def api(database_url: str, pool: Pool, tmp_path: Path) -> AsyncIterator[Api]:
    config = Config(database=DatabaseConfig(data_dir=tmp_path), port=0)
    token = api_tokens.make()
    async with pool.acquire() as conn:
        await api_tokens.add(conn, name="tests", scope="admin", token=token)
    sock = open_socket(config)
    app = make_app(config, database_url)
    async with listening(app, sock), aiohttp.ClientSession() as http:
        port = sock.getsockname()[1]
        while app[READINESS].reason is not None:
            await asyncio.sleep(0.01)
        yield Api(app, port, token, http)
    sock.close()
