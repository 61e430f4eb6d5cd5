"""What the box says in OCPP 2.0.1 and 2.1."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

import ocpp.v21
import ocpp.v201

from simulators.clock import text_of
from simulators.dialect import Dialect, Facts, Verdict
from simulators.evse import Evse
from simulators.meter import UNITS, Reading
from simulators.ocpp2_remote import handlers
from simulators.outbox import Message
from simulators.remote import Remote
from simulators.session import ChargingState, Reason, Session, Token, Trigger
from simulators.wire import Handler

UID = re.compile(r"(?:[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})", re.IGNORECASE)
STOPPED = {
    Reason.SOFT_RESET: "ImmediateReset",
    Reason.HARD_RESET: "ImmediateReset",
    Reason.UNLOCKED: "Other",
}
FAULTS = {"GroundFailure": "GroundFault", "OverCurrentFailure": "OvercurrentFault"}


class Ocpp2(Dialect):
    longest_uid = 36
    supported = frozenset(UNITS) - {"Temperature"}
    measurands = (
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Current.Import",
        "Voltage",
        "SoC",
        "Current.Offered",
    )

    def __init__(self, version: Literal["2.0.1", "2.1"]) -> None:
        self.version = version
        self.subprotocol = f"ocpp{version}"
        self.library = ocpp.v201 if version == "2.0.1" else ocpp.v21

    def handlers(self, remote: Remote) -> dict[str, Handler]:
        return handlers(remote, self.library)

    def boot(self, facts: Facts, cause: str) -> Any:
        return self.library.call.BootNotification(
            charging_station={
                "model": facts.model,
                "vendor_name": facts.vendor,
                "serial_number": facts.serial,
                "firmware_version": facts.firmware,
            },
            reason=cause,
        )

    def token_kind(self, uid: str) -> str:
        return "ISO14443" if UID.fullmatch(uid) else "Central"

    def authorize(self, token: Token) -> Any:
        return self.library.call.Authorize(id_token=said(token))

    def read_authorize(self, answer: Any) -> Verdict:
        return verdict(answer.id_token_info)

    def status_word(self, evse: Evse) -> str:
        if evse.fault is not None:
            return "Faulted"
        if not evse.operative and evse.session is None:
            return "Unavailable"
        return "Occupied" if evse.vehicle or evse.session or evse.grant else "Available"

    def status(self, evse: Evse, word: str, at: datetime) -> Any:
        return self.library.call.StatusNotification(
            timestamp=text_of(at),
            connector_status=word,
            evse_id=evse.id,
            connector_id=evse.connector,
        )

    def box_status(self, *, operative: bool, at: datetime) -> None:
        return None

    def meter_values(self, evse: Evse, reading: Reading, session: Session | None) -> Any:
        return self.library.call.MeterValues(evse_id=evse.id, meter_value=[meter_value(reading)])

    def stop_word(self, reason: Reason, fault: str | None) -> str:
        if reason is Reason.FAULT:
            return FAULTS.get(fault or "", "Other")
        return STOPPED.get(reason, reason.value)

    def new_transaction_id(self) -> str:
        return str(uuid4())

    def started(
        self,
        evse: Evse,
        session: Session,
        reading: Reading,
        trigger: Trigger,
        *,
        offline: bool,
        judged: Callable[[Verdict], None],
    ) -> Message:
        def answered(answer: Any) -> None:
            if answer.id_token_info is not None:
                judged(verdict(answer.id_token_info))

        message = self._event(
            "Started",
            evse,
            session,
            reading,
            trigger,
            offline=offline,
            info={
                "charging_state": ChargingState.CONNECTED,
                "remote_start_id": session.remote_start_id,
            },
            evse={"id": evse.id, "connector_id": evse.connector},
            id_token=said(session.token),
        )
        message.answered = answered
        return message

    def updated(
        self,
        evse: Evse,
        session: Session,
        reading: Reading,
        trigger: Trigger,
        *,
        offline: bool,
    ) -> Message:
        if trigger is Trigger.RESUMED and self.version == "2.0.1":
            trigger = Trigger.STATE
        message = self._event(
            "Updated",
            evse,
            session,
            reading,
            trigger,
            offline=offline,
            info={
                "charging_state": evse.charging_state,
                "time_spent_charging": int(session.charging_s),
            },
        )
        message.spare = trigger is Trigger.PERIODIC
        return message

    def ended(
        self,
        evse: Evse,
        session: Session,
        reading: Reading,
        trigger: Trigger,
        *,
        token: Token | None,
        offline: bool,
    ) -> Message:
        return self._event(
            "Ended",
            evse,
            session,
            reading,
            trigger,
            offline=offline,
            info={
                "charging_state": evse.charging_state,
                "stopped_reason": session.reason,
                "time_spent_charging": int(session.charging_s),
            },
            id_token=said(token) if token else None,
        )

    def _event(
        self,
        kind: str,
        of: Evse,
        session: Session,
        reading: Reading,
        trigger: Trigger,
        *,
        offline: bool,
        info: dict[str, Any],
        **also: Any,
    ) -> Message:
        request = self.library.call.TransactionEvent(
            event_type=kind,
            timestamp=text_of(reading.at),
            trigger_reason=trigger.value,
            seq_no=session.seq_no,
            offline=offline,
            transaction_info={"transaction_id": session.transaction_id} | info,
            meter_value=[meter_value(reading)],
            **also,
        )
        session.seq_no += 1
        return Message(f"{kind} on EVSE {of.id}", lambda: request, keep=True)


def said(token: Token) -> dict[str, Any]:
    return {"id_token": token.uid, "type": token.kind}


def verdict(info: dict[str, Any]) -> Verdict:
    group = info.get("group_id_token") or {}
    return Verdict(str(info["status"]), group.get("id_token"))


def meter_value(reading: Reading) -> dict[str, Any]:
    samples = [
        {
            "value": value,
            "context": reading.context,
            "measurand": measurand,
            "location": "EV" if measurand == "SoC" else "Outlet",
            "unit_of_measure": {"unit": UNITS[measurand]},
        }
        for measurand, value in reading.values.items()
    ]
    return {"timestamp": text_of(reading.at), "sampled_value": samples}
