"""A physical charge in the words of 1.6 or 2.x, message by message, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from tests.histories.physical import Charge, Dialect, History

Part = Literal["start", "card", "reading", "end"]


@dataclass(frozen=True)
class Message:
    """One CALL; in 1.6 the transaction's number is put in when it is sent."""

    charge: int
    part: Part
    at_s: int
    action: str
    payload: dict[str, Any]


def messages(history: History, name: str) -> list[Message]:
    """What the box has to say, in the order in which it happened; `name` makes cards its own."""
    say = _say_16 if history.dialect.version == "1.6" else _say_2
    found = [
        message
        for number, charge in enumerate(history.charges)
        for message in say(number, charge, history.dialect, name)
    ]
    return sorted(found, key=lambda message: message.at_s)


def _time(charge: Charge, second: int) -> str:
    at = charge.started_at + timedelta(seconds=second)
    return at.isoformat().replace("+00:00", "Z")


def _say_16(number: int, charge: Charge, dialect: Dialect, name: str) -> list[Message]:
    card = f"{charge.card}-{name}"

    def element(second: int, wh: int) -> dict[str, Any]:
        register = charge.register_wh + wh
        value = f"{register / 1000:.3f}" if dialect.unit == "kWh" else str(register)
        sample = {"value": value, "unit": dialect.unit}
        return {"timestamp": _time(charge, second), "sampledValue": [sample]}

    start = {
        "connectorId": charge.evse,
        "idTag": card,
        "meterStart": charge.register_wh,
        "timestamp": _time(charge, 0),
    }
    said = [Message(number, "start", charge.began_s, "StartTransaction", start)]
    for second, wh in charge.readings:
        payload = {"connectorId": charge.evse, "meterValue": [element(second, wh)]}
        said.append(Message(number, "reading", charge.began_s + second, "MeterValues", payload))
    stop = {
        "meterStop": charge.register_wh + charge.energy_wh,
        "timestamp": _time(charge, charge.took_s),
        "reason": charge.reason,
    }
    if dialect.says_stop_card:
        stop["idTag"] = card
    if charge.is_end_said:
        said.append(Message(number, "end", charge.began_s + charge.took_s, "StopTransaction", stop))
    return said


def _say_2(number: int, charge: Charge, dialect: Dialect, name: str) -> list[Message]:
    token = {"idToken": {"idToken": f"{charge.card}-{name}", "type": "ISO14443"}}
    evse = {"evse": {"id": charge.evse, "connectorId": 1}}
    said: list[Message] = []

    def event(
        part: Part, kind: str, trigger: str, second: int, wh: int | None, **more: Any
    ) -> None:
        info = {"transactionId": f"{name}-{number}", **more.pop("info", {})}
        payload = {
            "eventType": kind,
            "timestamp": _time(charge, second),
            "triggerReason": trigger,
            "seqNo": len(said) if dialect.counts else 0,
            "transactionInfo": info,
            **more,
        }
        if kind == "Started" or not dialect.says_evse_once:
            payload |= evse
        if wh is not None:
            register = charge.register_wh + wh
            context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind)
            sample: dict[str, Any] = {
                "value": register / 1000 if dialect.unit == "kWh" else register,
                "context": context or "Sample.Periodic",
                "measurand": "Energy.Active.Import.Register",
                "unitOfMeasure": {"unit": dialect.unit},
            }
            value = {"timestamp": _time(charge, second), "sampledValue": [sample]}
            payload["meterValue"] = [value]
        said.append(Message(number, part, charge.began_s + second, "TransactionEvent", payload))

    begin_wh = 0 if dialect.says_start_register else None
    if dialect.card_comes_later:
        event("start", "Started", "CablePluggedIn", 0, begin_wh)
        event("card", "Updated", "Authorized", 1, 0, **token)
    else:
        event("start", "Started", "Authorized", 0, begin_wh, **token)
        if begin_wh is None:
            event("reading", "Updated", "ChargingStateChanged", 1, 0)
    for second, wh in charge.readings:
        event("reading", "Updated", "MeterValuePeriodic", second, wh)
    if charge.is_end_said:
        stopped = {"info": {"stoppedReason": charge.reason}}
        event("end", "Ended", "EVDeparted", charge.took_s, charge.energy_wh, **stopped)
    return said
