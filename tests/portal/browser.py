"""A browser without eyes: cookies, forms with their hidden fields, and an event stream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from argon2 import PasswordHasher

from db import accounts
from db.accounts import Account, Role
from db.rows import Pool
from portal import passwords

PASSWORD = "a password for tests"
# Signing in is half of what these tests do: a hash that is quickly made is checked quickly too.
setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))  # noqa: B010
_HASH = passwords.sync_hash(PASSWORD)


@dataclass(frozen=True)
class Shown:
    status: int
    text: str
    headers: dict[str, str]
    path: str  # where it ended, after redirects


class Browser:
    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.http = http

    async def get(self, path: str, **headers: str) -> Shown:
        return await self._ask("GET", path, None, headers)

    async def post(self, path: str, fields: dict[str, str], *, page: str, **headers: str) -> Shown:
        """Send a form as it stands on `page`, with that page's hidden token."""
        found = re.search(r'name="_csrf" value="([^"]+)"', (await self.get(page)).text)
        assert found, f"no form on {page}"
        return await self._ask("POST", path, {"_csrf": found[1], **fields}, headers)

    async def sign_in(self, email: str) -> None:
        fields = {"email": email, "password": PASSWORD}
        shown = await self.post("/sign-in", fields, page="/sign-in")
        assert shown.path != "/sign-in", (shown.status, shown.text)

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[Stream]:
        async with self.http.get(f"{self.url}/live", allow_redirects=False) as response:
            assert response.status == 200, response.status
            assert response.content_type == "text/event-stream"
            yield Stream(response)

    async def _ask(
        self, method: str, path: str, fields: dict[str, str] | None, headers: dict[str, str]
    ) -> Shown:
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(
            method, f"{self.url}{path}", data=fields, headers=head
        ) as response:
            text = await response.text()
            return Shown(response.status, text, dict(response.headers), response.url.path)


class Stream:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def names(self, within_s: float = 1.0) -> list[str]:
        """What comes until nothing more comes for so long."""
        names = []
        while (name := await self.name(within_s)) is not None:
            names.append(name)
        return names

    async def name(self, within_s: float = 1.0) -> str | None:
        """The next event's name; None when none came in time, or the stream is over."""
        try:
            async with asyncio.timeout(within_s):
                async for line in self.response.content:
                    if line.startswith(b"event: "):
                        return line.removeprefix(b"event: ").decode().strip()
        except TimeoutError:
            pass
        return None

    async def is_over(self, within_s: float = 5.0) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self.response.content.read()
        except TimeoutError:
            return False
        except aiohttp.ClientError:
            return True
        return True


@asynccontextmanager
async def browser(port: int) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address, not only of a name
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        yield Browser(f"http://127.0.0.1:{port}", http)


@asynccontextmanager
async def signed_in(port: int, email: str) -> AsyncIterator[Browser]:
    async with browser(port) as opened:
        await opened.sign_in(email)
        yield opened


async def add_person(pool: Pool, email: str, *, role: Role = "driver") -> Account:
    """Beside an administrator, without whom the portal would ask for the first one."""
    async with pool.acquire() as conn:
        await conn.execute(
            """
            insert into account (email, role) values ('first@example.org', 'admin')
            on conflict do nothing
            """
        )
        return await accounts.add(
            conn, email=email, name=email.partition("@")[0], role=role, password_hash=_HASH
        )
