"""The meter values of one message, element by element, as ingest takes them."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any, Protocol

from csms.items import Measured
from csms.ocpp.salvage import text
from csms.ocpp.typed import is_said
from csms.rules import clocks
from csms.rules.samples import KILO
from csms.rules.series import figures
from csms.rules.usual_samples import UsualSamples
from db.model.readings import Sample, encode_samples

_SAID_CHARACTERS = 100


class Words(Protocol):
    """
    How a version says a SampledValue: in a dict of whatever, or so that it fits the schema
    (`typed.Said`); `unsaid` is the unit of one that says none.
    """

    usual_samples: UsualSamples

    def sample(self, said: dict[str, Any], unsaid: object) -> Sample: ...

    def usual_sample(self, said: Any, unsaid: object) -> Sample: ...


def measured(
    elements: Any,
    words: Words,
    *,
    evse: int | None,
    connector: int | None,
    transaction_id: str | None,
    received_at: datetime,
    says_kwh: bool,
    clock_offset_h: int,
) -> list[Measured]:
    """
    One Measured for each `meterValue` element that says a value; others are left to quarantine.

    A frame has room for 300,000 that say nothing: they must not cost more than reading them.

    The fingerprint covers what makes two readings the same one (decision 14): EVSE, connector,
    transaction, the charger's own text of the time, and every sample, however it was spelled: who
    replays a queue may put keys in another order. `says_kwh` and `clock_offset_h` are switches of
    the station (`db.model.stations`).
    """
    if not isinstance(elements, list):
        return []
    out = []
    unsaid = KILO if says_kwh else None
    where = f"{evse} {connector} {transaction_id} "
    for element in elements:
        usual = None
        if is_said(element):
            said, values = element.get("timestamp"), element.get("sampledValue")
            if unsaid is None:
                usual = words.usual_samples.read(values)
            if usual is None:
                samples = [words.usual_sample(value, unsaid) for value in values]
        elif isinstance(element, dict):
            said, values = element.get("timestamp"), element.get("sampledValue")
            if not isinstance(values, list):
                continue
            samples = [
                words.sample(value, unsaid)
                for value in values
                if isinstance(value, dict) and "value" in value
            ]
        else:
            continue
        if usual is not None:
            encoded, found = usual
        elif samples:
            encoded, found = encode_samples(samples), figures(samples)
        else:
            continue
        at, flags = clocks.when(said, received_at, clock_offset_h)
        said_at = text(said, _SAID_CHARACTERS)
        fingerprint = blake2b(f"{where}{said_at} ".encode() + encoded, digest_size=16).digest()
        out.append(
            Measured(at, said_at, fingerprint, encoded, found, " ".join(flags) if flags else "")
        )
    return out
