"""A charger's way into a running session, in OCPP 1.6 and 2.0.1, and what it says then."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from simulators.bench.messages import (
    NUMBER,
    PLAIN,
    POWER_W,
    REGISTER_WH,
    THOUSANDTHS,
    TIME,
    Next,
    frames_of,
    now,
)
from simulators.bench.wire import Link

CONNECTOR_W = 22_000
#: measurand, unit, value: of a charger that gives its most, with a car that is half full.
_SAMPLES = (
    ("Energy.Active.Import.Register", "Wh", REGISTER_WH),
    ("Power.Active.Import", "W", f"{POWER_W}.{THOUSANDTHS}"),
    ("Current.Import", "A", f"15.{THOUSANDTHS}"),
    ("Voltage", "V", f"230.{THOUSANDTHS}"),
    ("SoC", "Percent", f"51.{THOUSANDTHS}"),
    ("Temperature", "Celsius", f"31.{THOUSANDTHS}"),
)
#: 2.0.1 has no word for a temperature.
_SAMPLES_201 = (*_SAMPLES[:5], ("Frequency", "Hz", f"50.{THOUSANDTHS}"))


@dataclass(frozen=True)
class Dialect:
    version: str
    action: str  # that is measured
    begin: Callable[[Link, int], Awaitable[Next]]  # boot, authorise, open a session

    @property
    def subprotocol(self) -> str:
        return f"ocpp{self.version}"


def identity_of(number: int) -> str:
    return f"BENCH-{number:05d}"


def card_of(number: int) -> str:
    return f"CARD-{number:05d}"


async def _begin_16(link: Link, number: int) -> Next:
    card = card_of(number)
    await link.call(
        "boot", "BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "B1"}
    )
    await link.call("card", "Authorize", {"idTag": card})
    start = {"connectorId": 1, "idTag": card, "meterStart": 1_000_000, "timestamp": now()}
    started = await link.call("start", "StartTransaction", start)
    samples = [
        {
            "value": value,
            "context": "Sample.Periodic",
            "format": "Raw",
            "measurand": measurand,
            "location": "EV" if measurand == "SoC" else "Outlet",
            "unit": unit,
        }
        for measurand, unit, value in _SAMPLES
    ]
    payload = {
        "connectorId": 1,
        "transactionId": started["transactionId"],
        "meterValue": [{"timestamp": TIME, "sampledValue": samples}],
    }
    return frames_of([2, f"{_message_id(number)}-{NUMBER}", "MeterValues", payload])


async def _begin_201(link: Link, number: int) -> Next:
    card = {"idToken": card_of(number), "type": "ISO14443"}
    station = {"vendorName": "Bench", "model": "B2"}
    boot = {"reason": "PowerUp", "chargingStation": station}
    await link.call("boot", "BootNotification", boot)
    await link.call("card", "Authorize", {"idToken": card})
    transaction = f"{_message_id(number)}-session"
    info = {"transactionId": transaction, "chargingState": "Charging"}
    start = {
        "eventType": "Started",
        "timestamp": now(),
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": info,
        "evse": {"id": 1, "connectorId": 1},
        "idToken": card,
    }
    await link.call("start", "TransactionEvent", start)
    samples: list[dict[str, Any]] = [
        {
            "value": f"{PLAIN}{value}{PLAIN}",
            "context": "Sample.Periodic",
            "measurand": measurand,
            "location": "EV" if measurand == "SoC" else "Outlet",
            "unitOfMeasure": {"unit": unit, "multiplier": 0},
        }
        for measurand, unit, value in _SAMPLES_201
    ]
    payload = {
        "eventType": "Updated",
        "timestamp": TIME,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": f"{PLAIN}{NUMBER}{PLAIN}",
        "transactionInfo": info,
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": TIME, "sampledValue": samples}],
    }
    message = [2, f"{_message_id(number)}-{NUMBER}", "TransactionEvent", payload]
    return frames_of(message, first=1_000_000)  # a JSON number begins with no zero


def _message_id(number: int) -> str:
    """With the number of the message as long as a UUID."""
    return f"6f1b2c3d-4e5f-4a6b-8c7-{number:05d}"


OCPP_16 = Dialect("1.6", "MeterValues", _begin_16)
OCPP_201 = Dialect("2.0.1", "TransactionEvent", _begin_201)
