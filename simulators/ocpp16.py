"""What the box says in OCPP 1.6."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import ocpp.v16
from ocpp.v16 import call

from simulators.clock import text_of
from simulators.dialect import Dialect, Facts, Verdict
from simulators.evse import Evse
from simulators.meter import UNITS, Reading
from simulators.ocpp16_remote import handlers
from simulators.outbox import Message
from simulators.remote import Remote
from simulators.session import ChargingState, Reason, Session, Token, Trigger
from simulators.wire import Handler

STATES = {
    ChargingState.CHARGING: "Charging",
    ChargingState.SUSPENDED_VEHICLE: "SuspendedEV",
    ChargingState.SUSPENDED_STATION: "SuspendedEVSE",
}
UNKNOWN_TRANSACTION = -1


class Ocpp16(Dialect):
    version = "1.6"
    subprotocol = "ocpp1.6"
    longest_uid = 20
    library = ocpp.v16
    measurands = (
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Current.Import",
        "Voltage",
        "SoC",
        "Temperature",
    )

    def handlers(self, remote: Remote) -> dict[str, Handler]:
        return handlers(remote)

    def boot(self, facts: Facts, cause: str) -> Any:
        return call.BootNotification(
            charge_point_vendor=facts.vendor,
            charge_point_model=facts.model,
            charge_point_serial_number=facts.serial,
            firmware_version=facts.firmware,
        )

    def token_kind(self, uid: str) -> str:
        return "idTag"

    def authorize(self, token: Token) -> Any:
        return call.Authorize(id_tag=token.uid)

    def read_authorize(self, answer: Any) -> Verdict:
        return verdict(answer.id_tag_info)

    def status_word(self, evse: Evse) -> str:
        if evse.fault is not None:
            return "Faulted"
        if evse.session is not None:
            return STATES.get(evse.charging_state, "Preparing")
        if not evse.operative:
            return "Unavailable"
        if evse.used:
            return "Finishing"
        return "Preparing" if evse.vehicle or evse.grant else "Available"

    def status(self, evse: Evse, word: str, at: datetime) -> Any:
        return call.StatusNotification(
            connector_id=evse.id,
            error_code=evse.fault or "NoError",
            status=word,
            timestamp=text_of(at),
        )

    def box_status(self, *, operative: bool, at: datetime) -> Any:
        return call.StatusNotification(
            connector_id=0,
            error_code="NoError",
            status="Available" if operative else "Unavailable",
            timestamp=text_of(at),
        )

    def meter_values(self, evse: Evse, reading: Reading, session: Session | None) -> Any:
        number = None if session is None else transaction_number(session)
        return call.MeterValues(
            connector_id=evse.id, transaction_id=number, meter_value=[meter_value(reading)]
        )

    def stop_word(self, reason: Reason, fault: str | None) -> str:
        return reason.value

    def new_transaction_id(self) -> None:
        return None

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
        request = call.StartTransaction(
            connector_id=evse.id,
            id_tag=session.token.uid,
            meter_start=reading.register_wh,
            timestamp=text_of(reading.at),
        )

        def answered(answer: Any) -> None:
            session.transaction_id = str(answer.transaction_id)
            judged(verdict(answer.id_tag_info))

        return Message(f"start on EVSE {evse.id}", lambda: request, keep=True, answered=answered)

    def updated(
        self,
        evse: Evse,
        session: Session,
        reading: Reading,
        trigger: Trigger,
        *,
        offline: bool,
    ) -> Message | None:
        if trigger is Trigger.STATE:
            return None
        return Message(
            f"readings of EVSE {evse.id}",
            lambda: self.meter_values(evse, reading, session),
            keep=True,
            spare=True,
        )

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
        return Message(
            f"stop on EVSE {evse.id}",
            # The number may still be unknown now, when the session began without a network.
            lambda: call.StopTransaction(
                meter_stop=reading.register_wh,
                timestamp=text_of(reading.at),
                transaction_id=transaction_number(session),
                reason=session.reason,
                id_tag=token.uid if token else None,
            ),
            keep=True,
        )


def transaction_number(session: Session) -> int:
    """-1, as real boxes say, when the start was never answered."""
    return UNKNOWN_TRANSACTION if session.transaction_id is None else int(session.transaction_id)


def verdict(info: dict[str, Any]) -> Verdict:
    return Verdict(str(info["status"]), info.get("parent_id_tag"))


def meter_value(reading: Reading) -> dict[str, Any]:
    samples = [
        {
            "value": f"{value:g}" if measurand not in WHOLE else str(round(value)),
            "context": reading.context,
            "measurand": measurand,
            "location": "EV" if measurand == "SoC" else "Outlet",
            "unit": UNITS[measurand],
        }
        for measurand, value in reading.values.items()
    ]
    return {"timestamp": text_of(reading.at), "sampled_value": samples}


WHOLE = ("Energy.Active.Import.Register", "Power.Active.Import")
