"""The table of messages in ARCHITECTURE.md is the one that the handlers make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from csms import say
from csms.ocpp import gate, table
from csms.ocpp.handling import Quick
from db.rows import Pool

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"


def test_the_table_in_the_architecture_is_up_to_date() -> None:
    """If not: put what `python -m csms.ocpp.table` prints between its marks."""
    assert table.within(ARCHITECTURE.read_text()) == table.table()


def test_every_message_that_a_station_may_send_has_a_row() -> None:
    told = set(re.findall(r"^\| (\w+) \|", table.table(), re.MULTILINE)) - {"message"}

    assert told == {
        action for version in say.SUBPROTOCOLS.values() for action in gate.said_by_stations(version)
    }
    assert {version: len(gate.said_by_stations(version)) for version in ("1.6", "2.0.1")} == {
        "1.6": 14,
        "2.0.1": 25,
    }


def test_a_message_that_nobody_found_a_home_for_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(gate._TABLES["1.6"], "SignCertificate", Quick(lambda _: {}))
    monkeypatch.delitem(table._STORED, "SignCertificate", raising=False)

    with pytest.raises(KeyError, match="SignCertificate"):
        table.table()


async def test_what_the_table_names_is_there(pool: Pool) -> None:
    found = await pool.fetch("select tablename from pg_tables where schemaname = 'public'")
    tables = {row["tablename"] for row in found}
    stores = re.findall(r"\| ([^|]+) \|$", table.table(), re.MULTILINE)
    named = {
        name
        for store in stores
        for part in store.split(", ")
        if "_" in (name := part.split(" ")[0]) or name in tables
    }

    assert named - tables == set()
    assert {"station_event", "station_job", "station_statement", "variable", "report"} <= named
