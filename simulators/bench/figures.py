"""From the runs to the figures: medians, and how far the runs lay apart."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from statistics import median

from simulators.bench.cases import Pair, Run
from simulators.bench.load import Window

_PACKAGES = ("ocpp", "websockets", "aiohttp", "asyncpg", "uvloop", "msgspec", "jsonschema-rs")


@dataclass(frozen=True)
class Figure:
    """A median of runs, with the least and the most."""

    value: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        return cls(median(values), min(values), max(values))


#: What is read from a window, by the name that it has in bench.json.
FIGURES: dict[str, Callable[[Window], float]] = {
    "messages_per_s": lambda w: w.per_s,
    "p50_ms": lambda w: w.p50_ms,
    "p99_ms": lambda w: w.p99_ms,
    "server_us": lambda w: w.used.server_s / w.answered * 1e6,
    "database_us": lambda w: w.used.database_s / w.answered * 1e6,
    "client_us": lambda w: w.used.client_s / w.answered * 1e6,
    "server_cores": lambda w: w.used.server_s / w.used.at,
    "database_cores": lambda w: w.used.database_s / w.used.at,
    "client_cores": lambda w: w.used.client_s / w.used.at,
    "others_cores": lambda w: w.used.others_s / w.used.at,
    "server_mb": lambda w: w.server_mb,
}


def of_case(runs: Sequence[Run]) -> dict[str, Figure]:
    windows = [run.window for run in runs]
    found = {name: Figure.of([read(w) for w in windows]) for name, read in FIGURES.items()}
    logged = [run.logged for run in runs]
    return found | ({"logged_share": Figure.of(logged)} if any(logged) else {})


def of_ratios(ours: Sequence[Run], naive: Sequence[Run], links: int) -> dict[str, Figure]:
    """Medians divided; the spread is that of neighbouring runs."""
    found = {}
    for name, key in (("ratio_vs_naive", "messages_per_s"), ("p99_vs_naive", "p99_ms")):
        read = FIGURES[key]
        mine, theirs = [read(run.window) for run in ours], [read(run.window) for run in naive]
        beside = [one / other for one, other in zip(mine, theirs, strict=True)]
        found[f"{name}_{links}"] = Figure(median(mine) / median(theirs), min(beside), max(beside))
    return found


def of_hostile(pairs: Sequence[Pair]) -> dict[str, Figure]:
    """What one hostile charger costs the others: with it, divided by without."""
    return {
        "hostile_p99_ratio": Figure.of([p.beside.p99_ms / p.alone.p99_ms for p in pairs]),
        "hostile_p50_ratio": Figure.of([p.beside.p50_ms / p.alone.p50_ms for p in pairs]),
        "hostile_messages_ratio": Figure.of([p.beside.per_s / p.alone.per_s for p in pairs]),
        "hostile_bad_frames_per_s": Figure.of([p.bad_frames / p.beside.used.at for p in pairs]),
    }


def machine(postgres: str) -> dict[str, object]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "postgres": postgres,
        "versions": versions,
    }
