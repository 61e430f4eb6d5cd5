"""A charger's switches in words, and whether its clock is right beside what one of them says."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from csms.rules import clocks
from db import readings
from db.admin_chargers import ChargerRow
from db.rows import Conn
from portal.format import duration

_TIMES = 12  # readings that tell whether its clock is right


class Off(NamedTuple):
    """What is wrong with a clock; `is_switchable`: as if it showed the time of another zone."""

    words: str
    is_switchable: bool


async def clock_of(conn: Conn, row: ChargerRow) -> Off | None:
    """
    None where it is right, or nobody knows.

    Of what it said itself, so that the switch tells at once, and not when new readings have come.
    """
    heard = [
        (clocks.when(said_at, received_at, row.clock_offset_h)[0], received_at)
        for said_at, received_at in await readings.list_last_times(conn, row.id, limit=_TIMES)
    ]
    ahead = clocks.offset(heard)
    if ahead is None:
        return None
    hours = clocks.hours(ahead)
    is_zone = hours is not None and abs(row.clock_offset_h + hours) <= clocks.MOST_HOURS
    way, preposition = ("ahead", " of") if ahead > timedelta(0) else ("behind", "")
    words = f"{duration(abs(ahead))} {way}"
    if row.clock_offset_h:
        beside = f"{preposition} {shown(row.clock_offset_h)}"
        return Off(f"{words}{beside}: has summer time begun or ended?", is_zone)
    return Off(f"{words}: is its time zone set?", is_zone)


def shown(offset_h: int) -> str:
    """UTC +2, UTC −5, UTC"""
    return f"UTC {'+' if offset_h > 0 else '−'}{abs(offset_h)}" if offset_h else "UTC"


def switches_of(row: ChargerRow) -> list[str]:
    """Those that are on."""
    words = {
        "strict mode": row.strict,
        "taken for OCPP 1.6": row.assume_1_6,
        "kWh where it names no unit": row.says_kwh,
        f"clock shows {shown(row.clock_offset_h)}": row.clock_offset_h,
    }
    return [word for word, is_on in words.items() if is_on]
