"""Parts of a page that fail alone: an error stands where the figures would, no zero (S69)."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg
from aiohttp import web

from portal.errors import problem_of

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Panel(Generic[Value]):
    """`value` is None when it could not be read; `reference` then names it in the log."""

    value: Value | None = None
    is_failed: bool = False
    reference: str | None = None


async def panel(request: web.Request, reading: Awaitable[Value]) -> Panel[Value]:
    try:
        return Panel(await reading)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        return Panel(is_failed=True, reference=problem_of(request, error).reference)
