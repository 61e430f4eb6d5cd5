"""Ask for pages in turns, one after the other on one connection, and time each answer."""

import asyncio
import math
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import aiohttp

from simulators.bench.errors import BenchError

_MOST_S = 30.0  # for one answer
# What a part of a page says that failed alone, while the page itself is a 200.
_APOLOGIES = ("could not be read", "could not be counted")
_ASKED = {"Accept-Encoding": "gzip"}  # as every browser does


@dataclass(frozen=True)
class Target:
    name: str
    url: str
    cookie: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Times:
    """Of one page: each answer from the request's first byte to the body's last."""

    target: Target
    answers_ms: list[float]
    bytes: int  # of the last body, as it was sent

    @property
    def median_ms(self) -> float:
        return median(self.answers_ms)

    @property
    def p95_ms(self) -> float:
        return sorted(self.answers_ms)[math.ceil(len(self.answers_ms) * 0.95) - 1]


async def measure(
    targets: Sequence[Target], *, rounds: int, warm_up: int, say: Callable[[str], None]
) -> list[Times]:
    """
    Every target once a round, so that what disturbs one disturbs all.

    Raises BenchError for an answer that is not 200, comes too late or lacks its words.
    """
    answers: list[list[float]] = [[] for _ in targets]
    sizes = [0] * len(targets)
    connector = aiohttp.TCPConnector(limit_per_host=1, keepalive_timeout=3600)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as http:
        for number in range(-warm_up, rounds):
            for at, target in enumerate(targets):
                took_ms, sizes[at] = await _ask(http, target)
                if number >= 0:
                    answers[at].append(took_ms)
            if number == -1:
                say(f"Warm: {rounds} rounds of {len(targets)} pages ...")
    return [
        Times(target, taken, size)
        for target, taken, size in zip(targets, answers, sizes, strict=True)
    ]


async def _ask(http: aiohttp.ClientSession, target: Target) -> tuple[float, int]:
    """Milliseconds and bytes. The answer is unpacked and read once its time is taken."""
    headers = {**_ASKED, "Cookie": target.cookie} if target.cookie else _ASKED
    try:
        async with asyncio.timeout(_MOST_S):
            began = time.perf_counter()
            async with http.get(target.url, headers=headers, allow_redirects=False) as response:
                body = await response.read()
            took_ms = (time.perf_counter() - began) * 1000
    except TimeoutError:
        raise BenchError(f"{target.name} took longer than {_MOST_S:.0f} s.") from None
    except aiohttp.ClientError as error:
        raise BenchError(f"{target.name} was not answered: {error!r}.") from None
    if response.status != 200:
        raise BenchError(f"{target.name} was answered with {response.status}, not 200.")
    is_packed = response.headers.get("Content-Encoding") == "gzip"
    text = (zlib.decompress(body, wbits=31) if is_packed else body).decode()
    for word in target.words:
        if word not in text:
            raise BenchError(f"{target.name} was answered without {word!r}.")
    for apology in _APOLOGIES:
        if apology in text:
            raise BenchError(f"{target.name} says that something {apology}.")
    return took_ms, len(body)
