"""
By what a start or a stop of 1.6 is known when it is said again.

By what was meant, not by how it was spelled: a charger that repeats itself may leave the fraction
of a second away, name another offset, or turn 1000 into "1000".
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from csms.ocpp.salvage import integer
from csms.ocpp.v16 import words
from csms.rules import clocks


def register_wh(said: Any, *, says_kwh: bool = False) -> int | None:
    """A meter's register, which no unit is said of; None where no meter shows that."""
    number = integer(said, times=1_000 if says_kwh else 1)
    return number if number is not None and number >= 0 else None


def start(*, connector_id: Any, uid: str, said_at: Any, meter_start: Any) -> bytes:
    """
    Connector, card, moment and register; two starts that share them are one (I-2).

    As they were said: also by a station of which somebody says meanwhile that it means kWh.
    """
    # Where no connector can be read, two of them may be of two vehicles.
    evse = words.evse_of(connector_id)
    return _digest(evse or ("said", connector_id), uid, said_at, register_wh(meter_start))


def stop(*, transaction_id: Any, uid: str, said_at: Any, meter_stop: Any) -> bytes:
    """Of a stop with a number that we never gave: the number, card, moment and register."""
    number = words.transaction_id_of(transaction_id)
    return _digest(number or ("said", transaction_id), uid, said_at, register_wh(meter_stop))


def _digest(of: object, uid: str, said_at: Any, wh: int | None) -> bytes:
    # The moment as it was said, also in 1970: what it is taken for hangs on when it was heard.
    parts = (of, uid.lower(), clocks.parse(said_at) or said_at, wh)
    return blake2b(repr(parts).encode(), digest_size=16).digest()
