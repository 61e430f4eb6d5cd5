"""What a row of a table of sessions needs beside the row: what is odd, silent, and how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from db.admin_sessions import SessionRow

SILENT_S = 300

_FLAGS = {
    "charger_replaced": "charger was replaced",
    "clock_ahead": "clock ahead",
    "clock_unset": "clock not set",
    "closed_by_person": "closed by a person",
    "energy_estimated": "energy estimated",
    "guessed_end": "end guessed",
    "implausible_reading": "odd reading left out",
    "implicit_end": "end not said",
    "inlet_based": "measured at the inlet",
    "incomplete": "start or end missing",
    "late_end": "end came late",
    "late_reading": "reading after the end",
    "malformed": "message hard to read",
    "meter_reset": "meter was reset",
    "meter_rollover": "meter rolled over",
    "needs_review": "look at it",
    "no_start": "start not heard",
    "phase_mismatch": "phases differ from the total",
    "register_mismatch": "registers differ",
    "stale": "silent for too long",
    "start_conflict": "two different starts",
    "stop_conflict": "two different ends",
    "two_cards": "two cards, one after the other",
    "unauthorized": "card not accepted",
    "unit_suspect": "unit in doubt",
    "unregistered": "charger not accepted",
}


def row_context() -> dict[str, Any]:
    """What `_session_row.html` needs beside the rows."""
    return {"is_silent": is_silent, "took": took, "flag_words": flag_words}


def is_silent(row: SessionRow) -> bool:
    return not row.is_finalized and datetime.now(UTC) - row.updated_at > timedelta(seconds=SILENT_S)


def took(row: SessionRow) -> timedelta:
    return max((row.ended_at or datetime.now(UTC)) - row.started_at, timedelta(0))


def flag_words(flags: list[str]) -> str:
    """What is odd about a session, in words; that a person should look is said last."""
    named = sorted(flags, key=lambda flag: flag == "needs_review")
    return ", ".join(_FLAGS.get(flag, flag.replace("_", " ")) for flag in named)
