"""
Plays each conversation of `conversations/*.txt` against a real socket and database.

→ from the station, ← from us, `…` for values that vary, `<name>` for a value to remember. `~` opens
a new socket. `= key: value` is what a session of the station is in the database at the end, one
line for each, in the order of their numbers. Cards ADA-1 (of group FAMILY) and OMAR-1 are
registered, EVIL-1 is blocked, CHIEF-1 is a master pass; stations are CP-1. Every frame of ours is
also checked against the official schema.
"""

from __future__ import annotations

import json
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from csms import say
from db.rows import Pool
from tests.wire import Charger, add_station, charger, csms

FOLDER = Path(__file__).parent / "conversations"
CARDS = """
    insert into id_token (uid, status, group_uid) values
        ('ADA-1', 'Accepted', 'FAMILY'), ('OMAR-1', 'Accepted', null), ('EVIL-1', 'Blocked', null),
        ('CHIEF-1', 'Accepted', 'FIRE')
"""


def test_there_are_conversations() -> None:
    assert len(list(FOLDER.glob("*.txt"))) >= 10


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
async def test_a_conversation_goes_as_written(
    path: Path, database_url: str, pool: Pool, tmp_path: Path
) -> None:
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    version = next(v for v in ("2.0.1", "2.1", "1.6") if f"OCPP {v}" in lines[0])
    await add_station(database_url, "CP-1")
    await pool.execute(CARDS)
    known: dict[str, str] = {}
    asked: Any = None

    async with (
        csms(database_url, tmp_path, master_pass_group="Fire") as server,
        AsyncExitStack() as sockets,
    ):
        station: Charger | None = None
        for line in lines:
            mark, text = line[0], line[1:].strip()
            if mark == "~" or (station is None and mark == "→"):
                await sockets.aclose()
                station = await sockets.enter_async_context(charger(server.url, "CP-1", version))
            if mark == "→":
                assert station is not None
                for name, value in known.items():
                    text = text.replace(f'"<{name}>"', value).replace(f"<{name}>", value)
                await station.socket.send(text)
                asked = json.loads(text)
            elif mark == "←":
                assert station is not None
                heard = await station.socket.recv()
                assert isinstance(heard, str)
                _check_schema(version, asked, json.loads(heard))
                known |= _compare(text, heard)
    rows = await pool.fetch("select * from charging_session order by id")
    wanted = [line[1:].strip() for line in lines if line[0] == "="]
    assert len(rows) == len(wanted), [dict(row) for row in rows]
    for row, want in zip(rows, wanted, strict=True):
        _check_row(dict(row), want)


def _check_schema(version: str, asked: Any, heard: Any) -> None:
    if heard[0] == 3:
        assert say.violation(version, asked[2], heard[2], is_answer=True) is None


def _compare(wanted: str, heard: str) -> dict[str, str]:
    """What the `<name>` of a line stand for; fails when the line differs."""
    pattern = re.escape(wanted).replace("…", r'(?:[^"\\]|\\.)*?')
    names = re.findall(r"<(\w+)>", wanted)
    pattern = re.sub(r"<(\w+)>", r"(?P<\1>[^,}\"]+)", pattern)
    match = re.fullmatch(pattern, heard)
    assert match, f"\nwanted {wanted}\n heard {heard}"
    return {name: match[name] for name in names}


def _check_row(row: dict[str, Any], want: str) -> None:
    for part in want.split(";"):
        key, _, value = (word.strip() for word in part.partition(":"))
        if key == "flags":
            assert row["flags"] == sorted(value.split()), (part, row["flags"])
        else:
            assert str(row[key]) == value, (part, row[key])
