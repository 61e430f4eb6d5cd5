"""What the imports alone do not hold."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("csms", "portal", "db", "simulators")

SQL = re.compile(r"\b(select [\w*,. ]+\bfrom\b|insert into \w|update \w+ set\b|delete from \w)")

# The naive server of the comparison has a database of its own, and the bench counts what is in it.
OWN_SQL = {"simulators/bench"}

LONG = {
    "csms/ocpp/dispatch.py": "one CALL from its schema to its answer",
    "csms/rules/metering.py": "the incremental and the whole way must agree",
    "db/readings.py": "the queries of one noun",
    "db/sessions.py": "the queries of one noun",
    "db/stations.py": "the queries of one noun",
}


def sources() -> list[Path]:
    return [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def test_sql_lives_in_db_only() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in sources()
        if SQL.search(path.read_text())
        and not path.is_relative_to(ROOT / "db")
        and not any(path.is_relative_to(ROOT / own) for own in OWN_SQL)
    ]

    assert found == []


def test_a_file_over_300_lines_has_a_reason() -> None:
    long = {
        str(path.relative_to(ROOT))
        for path in sources()
        if len(path.read_text().splitlines()) > 300
    }

    assert long == set(LONG)


def test_nobody_but_config_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in sources()
        if re.search(r"os\.(environ|getenv)", path.read_text()) and "simulators" not in path.parts
    }

    assert readers <= {
        "csms/__main__.py",
        "portal/__main__.py",
        "db/embedded_binaries.py",
        "db/embedded_options.py",
        "db/embedded_process.py",
        "db/embedded_server.py",
        "db/embedded.py",
        "db/load_demo.py",
        "db/migrate.py",
        "db/tools.py",
    }
