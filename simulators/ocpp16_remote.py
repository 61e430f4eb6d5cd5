"""What the box answers to a central system that speaks OCPP 1.6."""

from typing import Any

from ocpp.v16 import call_result

from simulators.remote import Remote, Reply
from simulators.session import Reason, Token
from simulators.wire import Handler


def handlers(remote: Remote) -> dict[str, Handler]:
    settings = remote.settings

    def remote_start(id_tag: str, connector_id: int | None = None, **_: Any) -> Any:
        reply = remote.start(Token(id_tag, "idTag"), connector_id, None)
        return call_result.RemoteStartTransaction(status=reply.value)

    def remote_stop(transaction_id: int) -> Any:
        return call_result.RemoteStopTransaction(status=remote.stop(str(transaction_id)).value)

    def unlock(connector_id: int) -> Any:
        evse = remote.known(connector_id)
        if evse is None:
            return call_result.UnlockConnector(status="NotSupported")
        remote.unlock(evse)
        return call_result.UnlockConnector(status="Unlocked")

    def reset(type: str) -> Any:
        hard = type == "Hard"
        reason = Reason.HARD_RESET if hard else Reason.SOFT_RESET
        reply = remote.reset(reason, sessions="end", hard=hard)
        return call_result.Reset(status=reply.value)

    def change_availability(connector_id: int, type: str) -> Any:
        reply = remote.change_availability(connector_id or None, operative=type == "Operative")
        return call_result.ChangeAvailability(status=reply.value)

    def trigger(requested_message: str, connector_id: int | None = None) -> Any:
        done = True
        match requested_message:
            case "BootNotification":
                remote.boot_again()
            case "Heartbeat":
                remote.beat()
            case "StatusNotification":
                done = remote.tell_status(connector_id or None)
            case "MeterValues":
                done = remote.tell_readings(connector_id or None)
            case _:
                return call_result.TriggerMessage(status="NotImplemented")
        return call_result.TriggerMessage(status=(Reply.ACCEPTED if done else Reply.REJECTED).value)

    def get_configuration(key: list[str] | None = None) -> Any:
        if not key:
            found, unknown = list(settings.of_16()), []
        else:
            pairs = [(name, settings.by_key(name)) for name in key]
            found = [s for _, s in pairs if s is not None and s.access != "WriteOnly"]
            unknown = [name for name, s in pairs if s is None or s.access == "WriteOnly"]
        return call_result.GetConfiguration(
            configuration_key=[
                {
                    "key": s.key,
                    "readonly": s.access == "ReadOnly",
                    "value": settings.text(s.name),
                }
                for s in found
            ],
            unknown_key=unknown,
        )

    def change_configuration(key: str, value: str) -> Any:
        setting = settings.by_key(key)
        if setting is None:
            return call_result.ChangeConfiguration(status="NotSupported")
        done = settings.change(setting, value)
        return call_result.ChangeConfiguration(status="Accepted" if done else "Rejected")

    def clear_cache() -> Any:
        remote.forget_cards()
        return call_result.ClearCache(status="Accepted")

    def data_transfer(**_: Any) -> Any:
        return call_result.DataTransfer(status="UnknownVendorId")

    return {
        "RemoteStartTransaction": remote_start,
        "RemoteStopTransaction": remote_stop,
        "UnlockConnector": unlock,
        "Reset": reset,
        "ChangeAvailability": change_availability,
        "TriggerMessage": trigger,
        "GetConfiguration": get_configuration,
        "ChangeConfiguration": change_configuration,
        "ClearCache": clear_cache,
        "DataTransfer": data_transfer,
    }
