"""Files to save: comma-separated values that no spreadsheet takes for formulas."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import structlog
from aiohttp import web

log = structlog.get_logger()

Cell = str | int | Decimal | datetime | None

# What Excel, LibreOffice and Google take for the beginning of a formula, or skip before one.
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WRITE_S = 20  # a reader that takes so long for one piece has gone


def line(cells: Iterable[Cell]) -> bytes:
    """One row; times in UTC as RFC 3339, what is not known empty, text never a formula."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_cell(cell) for cell in cells])
    return out.getvalue().encode()


def _cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case datetime():
            return cell.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case str():
            return f"'{cell}" if cell.startswith(_BEGINS_FORMULA) else cell
        case _:
            return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


async def stream(
    request: web.Request,
    *,
    name: str,
    content_type: str,
    parts: AsyncIterator[Sequence[bytes]],
) -> web.StreamResponse:
    """
    Send a file part by part as it is read. `name` is ours: letters, digits, - and a dot.

    The first part is read before anything is sent, so that an error then is still an error page.
    After one that comes later the last chunk is never sent: the reader sees that it is not whole.
    """
    first: Sequence[bytes] = await anext(parts, [])
    response = web.StreamResponse(
        headers={
            "Content-Type": content_type,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
    )
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        await _write(response, first)
        async for part in parts:
            await _write(response, part)
    except Exception:
        log.exception("download.broken", path=request.path)
        if request.transport is not None:
            request.transport.abort()
        raise
    await response.write_eof()
    return response


async def _write(response: web.StreamResponse, part: Sequence[bytes]) -> None:
    await asyncio.wait_for(response.write(b"".join(part)), _WRITE_S)
