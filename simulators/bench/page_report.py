"""The times of pages for people, as a table, and for programs, under `pages` of bench.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simulators.bench.errors import BenchError
from simulators.bench.page_times import Times


def show(times: Sequence[Times], about: Mapping[str, Any]) -> None:
    """The first is the one that the others are divided by."""
    console = Console(width=None if Console().is_terminal else 130)
    console.print(
        f"\n{about['sessions']:,} sessions, {about['readings']:,} readings,"
        f" {about['database_mb']:,} MB, loaded in {about['load_s']:.0f} s; {about['rounds']} rounds"
        f" after {about['warm_up']}; {about['cores']} cores: {about['pinning']}\n",
        highlight=False,
    )
    table = Table(caption="ratio: medians, of the page divided by the empty page's")
    for head in ("page", "address"):
        table.add_column(head, overflow="fold")
    for head in ("median ms", "p95 ms", "ratio", "bytes"):
        table.add_column(head, justify="right")
    for one in times:
        table.add_row(
            one.target.name,
            escape(_address(one)),
            f"{one.median_ms:.2f}",
            f"{one.p95_ms:.2f}",
            f"{one.median_ms / times[0].median_ms:.1f}",
            f"{one.bytes:,}",
        )
    console.print(table)


def write(path: Path, times: Sequence[Times], about: Mapping[str, Any]) -> None:
    """Beside what is there. Raises BenchError where that cannot be read."""
    told = {
        one.target.name: {
            "path": _address(one),
            "median_ms": round(one.median_ms, 3),
            "p95_ms": round(one.p95_ms, 3),
            "ratio": round(one.median_ms / times[0].median_ms, 2),
            "bytes": one.bytes,
        }
        for one in times
    }
    figures = read(path) | {"pages": {"times": told, "about": dict(about)}}
    path.write_text(json.dumps(figures, indent=2) + "\n")


def read(path: Path) -> dict[str, Any]:
    """The figures that are there; none where there is no file yet."""
    if not path.exists():
        return {}
    try:
        figures = json.loads(path.read_text())
    except ValueError:
        figures = None
    if not isinstance(figures, dict):
        raise BenchError(f"{path} holds no figures: move it away, or give another --output.")
    return figures


def _address(one: Times) -> str:
    parts = urlsplit(one.target.url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
