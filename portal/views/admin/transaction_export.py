"""The admin's sessions as a file: every session that matches the filters, as CSV or XLSX."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import IO

import xlsxwriter
from aiohttp import web
from xlsxwriter.worksheet import Worksheet

from db import session_exports, session_filters
from db.session_exports import ExportRow
from portal import downloads
from portal.context import ACQUIRE_S, CONFIG, POOL, connection
from portal.views.admin import transaction_filters
from portal.views.admin.transaction_filters import Asked
from portal.views.admin.transaction_table import HEADER, cells

routes = web.RouteTableDef()

#: A sheet has room for a million rows, and a person's patience for fewer.
MOST_SHEET_ROWS = 100_000
_CHUNK = 65_536
_WIDTHS = (9, 12, 20, 22, 26, 22, 18, 18, 6, 26, 26, 12, 10, 10, 9, 14, 22, 14, 26)


@routes.get("/admin/transactions/export.csv")
async def as_csv(request: web.Request) -> web.StreamResponse:
    batches, _ = await _found(request)
    return await downloads.stream(
        request,
        name=_name("csv"),
        content_type="text/csv; charset=utf-8",
        parts=_lines(batches, request.app[CONFIG].operator_zone),
    )


async def _lines(
    batches: AsyncGenerator[list[ExportRow], None], zone: str
) -> AsyncGenerator[list[bytes], None]:
    """With a byte-order mark, for without it Excel reads UTF-8 as something else."""
    head = [b"\xef\xbb\xbf", downloads.line(HEADER)]
    async with aclosing(batches):
        async for batch in batches:
            yield [*head, *(downloads.line(cells(row, zone)) for row in batch)]
            head = []
    yield head


@routes.get("/admin/transactions/export.xlsx")
async def as_xlsx(request: web.Request) -> web.StreamResponse:
    """Made in a file of its own, then sent; a second sheet says which filters it is of."""
    batches, asked = await _found(request)
    zone = request.app[CONFIG].operator_zone
    with tempfile.TemporaryFile() as file:
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "in_memory": False})
        sheet = book.add_worksheet("Sessions")
        sheet.freeze_panes(1, 1)
        for column, width in enumerate(_WIDTHS):
            sheet.set_column(column, column, width)
        bold = book.add_format({"bold": True})
        for column, word in enumerate(HEADER):
            sheet.write_string(0, column, word, bold)
        line, is_cut = 1, False
        async with aclosing(batches):
            async for batch in batches:
                room = MOST_SHEET_ROWS - (line - 1)
                is_cut = len(batch) > room
                line = await asyncio.to_thread(_write, sheet, batch[:room], line, zone)
                if is_cut:
                    break
        about = book.add_worksheet("Filters")
        for place, (name, value) in enumerate(_about(asked, zone, line - 1, is_cut=is_cut)):
            about.write_string(place, 0, name, bold)
            about.write_string(place, 1, value)
        about.set_column(0, 1, 28)
        await asyncio.to_thread(book.close)
        file.seek(0)
        return await downloads.stream(
            request,
            name=_name("xlsx"),
            content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            parts=_chunks(file),
        )


async def _chunks(file: IO[bytes]) -> AsyncGenerator[list[bytes], None]:
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        yield [chunk]


async def _found(request: web.Request) -> tuple[AsyncGenerator[list[ExportRow], None], Asked]:
    """Raises HTTPUnprocessableEntity where the page would say what is wrong with the filters."""
    asked = transaction_filters.read(request.query, request.app[CONFIG].operator_zone)
    if asked.errors:
        raise web.HTTPUnprocessableEntity
    async with connection(request) as conn:
        search = await session_filters.resolve(conn, asked.filters)
    return session_exports.each(request.app[POOL], search, acquire_s=ACQUIRE_S), asked


def _name(ending: str) -> str:
    return f"charging-sessions-{datetime.now(UTC):%Y%m%d-%H%M%S}.{ending}"


def _write(sheet: Worksheet, batch: list[ExportRow], line: int, zone: str) -> int:
    """The next free line. Texts are written as texts: never read as formulas or links."""
    for line, row in enumerate(batch, line):  # noqa: B020 - it goes on where it began
        for column, cell in enumerate(cells(row, zone)):
            if isinstance(cell, str):
                sheet.write_string(line, column, cell)
            elif cell is not None:
                sheet.write_number(line, column, cell)
    return line + 1 if batch else line


def _about(asked: Asked, zone: str, rows: int, *, is_cut: bool) -> list[tuple[str, str]]:
    words = [(name.capitalize(), value) for name, value in asked.used.items()]
    cut = f"the latest {rows}; the CSV has all of them" if is_cut else str(rows)
    return [
        *(words or [("Filters", "none: all sessions")]),
        ("Sessions", cut),
        ("Times in", zone),
        ("Made", datetime.now(UTC).isoformat(timespec="seconds")),
    ]
