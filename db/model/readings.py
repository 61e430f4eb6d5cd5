"""What a station measured: samples in base units, and the row that keeps one moment of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

REGISTER = "Energy.Active.Import.Register"


class Sample(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """
    One sampled value, in base units (Wh, W, A, V, varh, var, %, Celsius, Hz).

    `value` is None when the charger did not say a number; `said` keeps its own words when they
    differ from what we made of them. `signed` is a signed value, verbatim.
    """

    measurand: str = REGISTER
    value: Decimal | None = None
    unit: str = "Wh"
    phase: str | None = None
    location: str = "Outlet"
    context: str = "Sample.Periodic"
    format: str = "Raw"
    said: str | None = None
    signed: Any = None


class Moment(msgspec.Struct, frozen=True, gc=False):
    """All samples of one moment: what metering works on. `at` is aware, in UTC."""

    at: datetime
    samples: list[Sample]


_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(list[Sample])


def encode_samples(samples: list[Sample]) -> bytes:
    return _encoder.encode(samples)


def decode_samples(body: bytes) -> list[Sample]:
    return _decoder.decode(body)


class Reading(NamedTuple):
    """A row of `reading`; a tuple because many thousands a second are made and only written."""

    station_id: int
    at: datetime
    fingerprint: bytes
    received_at: datetime
    said_at: str | None
    session_id: int | None
    evse: int | None
    connector: int | None
    transaction_id: str | None
    context: str | None
    energy_wh: int | None
    power_w: int | None
    soc_pct: Decimal | None
    samples: bytes
    flags: str  # joined by spaces
