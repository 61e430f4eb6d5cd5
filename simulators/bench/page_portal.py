"""A portal with a loaded database: filled, given two people to sign in, started."""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from simulators.bench.cores import Cores
from simulators.bench.errors import BenchError
from simulators.bench.page_list import Known
from simulators.bench.processes import END_WITH_PARENT, free_port, program, tail, until_ready

ADMIN = "bench@example.org"
_LOAD_S = 3600.0
_ACCOUNT_S = 60.0
_SIGN_IN_S = 30.0
_COOKIE = "polaris"


@dataclass(frozen=True)
class Sizes:
    """What is in the database: of this run, not what was asked for."""

    sessions: int
    readings: int
    database_mb: int


class Portal:
    def __init__(self, url: str, cores: Cores, folder: Path) -> None:
        self._database_url = url
        self._cores = cores
        self._folder = folder
        self._port = free_port()
        self._password = secrets.token_urlsafe(16)
        self._settings = {
            "DATABASE_URL": url,
            "DATA_DIR": str(folder / "portal"),
            "PORTAL_PORT": str(self._port),
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def load(self, *, sessions: int, readings: int, say: Callable[[str], None]) -> float:
        """Fill the database by `python -m db.load_demo`; the seconds that it took."""
        log = self._folder / "load.log"
        words = ("-m", "db.load_demo", "--sessions", str(sessions), "--readings", str(readings))
        began = time.monotonic()
        async with program(*words, log=log, settings=self._settings, is_heard=True) as loading:
            assert loading.stdout
            try:
                async with asyncio.timeout(_LOAD_S):
                    async for line in loading.stdout:
                        say(f"load: {line.decode().strip()}")
                    await loading.wait()
            except BaseException as error:
                with contextlib.suppress(ProcessLookupError):
                    loading.terminate()  # it does not end with its standard input
                if isinstance(error, TimeoutError):
                    raise BenchError(f"The load took longer than {_LOAD_S:.0f} s.") from None
                raise
        if loading.returncode:
            raise BenchError(f"The load ended with {loading.returncode}: {tail(log)}")
        return time.monotonic() - began

    async def know(self) -> tuple[Known, Sizes]:
        conn = await asyncpg.connect(self._database_url)
        try:
            found = await conn.fetchrow(_KNOWN)
            sizes = await conn.fetchrow(_SIZES)
        finally:
            await conn.close(timeout=5)
        if found is None or sizes is None:
            raise BenchError("The load has no driver with a finished session.")
        return Known(**found), Sizes(**sizes)

    async def let_in(self, driver_email: str) -> None:
        """Make an administrator, and give the driver a password that we know."""
        await self._account("add", "--role", "admin", "--email", ADMIN)
        await self._account("set-password", "--email", driver_email)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        log, place = self._folder / "portal.log", self._cores.for_the_server()
        words = ("-m", "portal", END_WITH_PARENT)
        async with program(*words, log=log, settings=self._settings, place=place) as process:
            await until_ready(f"{self.url}/health/ready", process, log)
            yield

    async def sign_in(self, email: str) -> str:
        """By the form, as a browser does; the cookie to send with each request from now on."""
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address, not only of a name
        limit = aiohttp.ClientTimeout(total=_SIGN_IN_S)
        fields = {"email": email, "password": self._password}
        try:
            async with aiohttp.ClientSession(self.url, cookie_jar=jar, timeout=limit) as http:
                async with http.get("/sign-in") as response:
                    form = re.search(r'name="_csrf" value="([^"]+)"', await response.text())
                fields["_csrf"] = form[1] if form else ""
                async with http.post("/sign-in", data=fields, allow_redirects=False) as response:
                    status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BenchError(f"{email} could not sign in: {error!r}.") from None
        cookie = next((one.value for one in jar if one.key == _COOKIE), None)
        if status != 303 or cookie is None:
            raise BenchError(f"{email} could not sign in: the portal answered with {status}.")
        return f"{_COOKIE}={cookie}"

    async def _account(self, *words: str) -> None:
        log = self._folder / "account.log"
        words = ("-m", "portal", "account", *words)
        async with program(*words, log=log, settings=self._settings, is_heard=True) as process:
            try:
                async with asyncio.timeout(_ACCOUNT_S):
                    await process.communicate(f"{self._password}\n".encode())
            except TimeoutError:
                raise BenchError(f"python {' '.join(words)} does not end: {tail(log)}") from None
        if process.returncode:
            raise BenchError(f"python {' '.join(words)} ended badly: {tail(log)}")


@asynccontextmanager
async def empty_page(cores: Cores, folder: Path) -> AsyncIterator[str]:
    """Its address. It has the portal's core: only one of the two works at a time."""
    log, port = folder / "empty_page.log", free_port()
    words = ("-m", "simulators.bench.empty_page", str(port))
    url = f"http://127.0.0.1:{port}/"
    async with program(*words, log=log, place=cores.for_the_server()) as process:
        await until_ready(url, process, log)
        yield url


_KNOWN = """
    select account.email, min(card.uid) as uid,
        (array_agg(s.id order by s.updated_at desc))[1] as number
    from charging_session s
    join account on account.id = s.account_id
    join id_token card on card.account_id = account.id
    where s.is_finalized
    group by account.id, account.email
    order by count(*) desc, account.id
    limit 1
"""
_SIZES = """
    select (select count(*) from charging_session) as sessions,
        (select count(*) from reading) as readings,
        pg_database_size(current_database()) / 1000000 as database_mb
"""
