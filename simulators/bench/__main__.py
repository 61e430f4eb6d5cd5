"""`python -m simulators.bench`: the naive server and ours in turns, then a hostile charger."""

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.bench import figures, report, settings
from simulators.bench.cases import Pair, Run, describe, disturb, measure
from simulators.bench.cores import Cores
from simulators.bench.database import Database, postgres
from simulators.bench.dialects import OCPP_16, OCPP_201, Dialect
from simulators.bench.errors import BenchError
from simulators.bench.running import carry_out, say
from simulators.bench.servers import Servers
from simulators.bench.settings import Settings

#: In this order, again and again, so that what disturbs one disturbs all.
CASES: dict[str, Dialect] = {"naive": OCPP_16, "ours": OCPP_16, "ours_201": OCPP_201}


@dataclass
class Results:
    runs: dict[str, list[Run]] = field(default_factory=lambda: {name: [] for name in CASES})
    pairs: list[Pair] = field(default_factory=list)


def main(words: list[str] | None = None) -> int:
    given = settings.read(words)
    return carry_out(lambda cores: run(given, cores))


async def run(given: Settings, cores: Cores) -> None:
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as name:
        folder = Path(name)
        async with postgres(folder) as database:
            if not await database.is_durable():
                raise BenchError("This PostgreSQL does not wait for the disk when it commits.")
            version = await database.version()
            say(f"PostgreSQL {version}: making {given.links + 1} chargers and cards.")
            servers = Servers(database, cores, folder)
            await servers.prepare(given.links + 1)
            if given.profile:
                await _one_round(servers, "ours", given, database, profile=given.profile)
                say(f"Written: {given.profile}")
                return
            results = Results()
            for _ in range(given.rounds):
                for case in CASES:
                    done = await _one_round(servers, case, given, database)
                    results.runs[case].append(done)
            async with servers.ours() as server:
                say(f"A hostile charger among {given.links} good ones.")
                results.pairs = await disturb(server, given, database.backend_pid, say)
            _report(given, cores, results, version)


async def _one_round(
    servers: Servers, case: str, given: Settings, database: Database, profile: Path | None = None
) -> Run:
    dialect = CASES[case]
    starting = servers.naive() if case == "naive" else servers.ours(profile)
    async with starting as server:
        say(f"{case}: OCPP {dialect.version}, process {server.pid} ...")
        done = await measure(server, dialect, given, database.backend_pid)
    say(f"{case}: {describe(done.window)}")
    return done


def _report(given: Settings, cores: Cores, results: Results, postgres_version: str) -> None:
    runs = results.runs
    cases = {case: figures.of_case(runs[case]) for case in CASES}
    ratios = figures.of_ratios(runs["ours"], runs["naive"], given.links)
    ratios |= figures.of_hostile(results.pairs)
    about: dict[str, Any] = {
        **figures.machine(postgres_version),
        "pinning": str(cores),
        "links": given.links,
        "seconds": given.seconds,
        "warm_up_s": given.warm_up_s,
        "rounds": given.rounds,
        "message_bytes": {case: runs[case][0].message_bytes for case in CASES},
    }
    report.show(cases, ratios, about)
    report.write(given.output, cases, ratios, about)
    say(f"Written: {given.output}")


if __name__ == "__main__":
    sys.exit(main())
