"""The figures for people, as tables, and for programs, as bench.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from simulators.bench.figures import Figure

Case = Mapping[str, Figure]

_ROWS = {
    "messages_per_s": ("messages/s, answered after the commit", "{:,.0f}"),
    "p50_ms": ("answer p50, ms", "{:.1f}"),
    "p99_ms": ("answer p99, ms", "{:.1f}"),
    "server_us": ("CPU of the server, µs a message", "{:,.1f}"),
    "database_us": ("CPU of PostgreSQL, µs a message", "{:,.1f}"),
    "client_us": ("CPU of the load, µs a message", "{:,.1f}"),
    "server_cores": ("cores busy: server", "{:.2f}"),
    "database_cores": ("cores busy: PostgreSQL", "{:.2f}"),
    "client_cores": ("cores busy: load", "{:.2f}"),
    "others_cores": ("cores busy: anything else", "{:.2f}"),
    "server_mb": ("memory of the server, MB", "{:.0f}"),
    "logged_share": ("messages in the log", "{:.1%}"),
}
_SENTENCES = {
    "ratio_vs_naive": "messages/s, ours divided by naive's (to be at least 10)",
    "p99_vs_naive": "p99, ours divided by naive's (to be at most 0.167)",
    "hostile_p99_ratio": "p99 of the others beside a hostile charger, divided by without",
    "hostile_p50_ratio": "p50 likewise",
    "hostile_messages_ratio": "messages/s likewise",
    "hostile_bad_frames_per_s": "bad frames/s that the hostile charger got rid of",
}


def show(cases: Mapping[str, Case], ratios: Case, about: Mapping[str, Any]) -> None:
    console = Console(width=None if Console().is_terminal else 130)
    console.print(f"\n{_words(about)}\n", highlight=False)
    table = Table(caption="median (least to most of the rounds)")
    table.add_column("")
    for name in cases:
        table.add_column(name, justify="right")
    for key, (label, form) in _ROWS.items():
        cells = [_cell(case.get(key), form) for case in cases.values()]
        if any(cells):
            table.add_row(label, *cells)
    console.print(table)
    if ratios:
        table = Table(show_header=False)
        for name, figure in ratios.items():
            sentence = next(words for key, words in _SENTENCES.items() if name.startswith(key))
            form = (
                "{:,.0f}" if name.endswith("_per_s") else "{:.3f}" if "p99_vs" in name else "{:.2f}"
            )
            table.add_row(name, sentence, _cell(figure, form))
        console.print(table)


def write(path: Path, cases: Mapping[str, Case], ratios: Case, about: Mapping[str, Any]) -> None:
    """Each figure by its name at the top, and its spread under `spread`."""
    named = dict(ratios)
    for case, figures in cases.items():
        named |= {f"{case}_{name}": figure for name, figure in figures.items()}
    values = {name: round(figure.value, 4) for name, figure in named.items()}
    spread = {
        name: [round(figure.least, 4), round(figure.most, 4)] for name, figure in named.items()
    }
    path.write_text(json.dumps({**values, "spread": spread, "about": about}, indent=2) + "\n")


def _cell(figure: Figure | None, form: str) -> str:
    if figure is None:
        return ""
    value, least, most = (form.format(x) for x in (figure.value, figure.least, figure.most))
    return value if least == most else f"{value} ({least} to {most})"


def _words(about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    sizes = ", ".join(f"{name} {size} bytes" for name, size in about["message_bytes"].items())
    return (
        f"{about['links']} links, a message is {sizes}, {about['rounds']}"
        f" x {about['seconds']:g} s after {about['warm_up_s']:g} s; {about['cores']} cores:"
        f" {about['pinning']}\nPython {about['python']}, PostgreSQL {about['postgres']}, {versions}"
    )
