"""What the box answers to a central system that speaks OCPP 2.0.1 or 2.1."""

from types import ModuleType
from typing import Any

from simulators.inventory import report
from simulators.remote import Remote, Reply
from simulators.session import Reason, Token
from simulators.wire import Handler

Dict = dict[str, Any]


def handlers(remote: Remote, library: ModuleType) -> dict[str, Handler]:
    result = library.call_result
    settings = remote.settings

    def request_start(
        remote_start_id: int, id_token: Dict, evse_id: int | None = None, **_: Any
    ) -> Any:
        token = Token(id_token["id_token"], id_token["type"])
        reply = remote.start(token, evse_id, remote_start_id)
        return result.RequestStartTransaction(status=reply.value)

    def request_stop(transaction_id: str, **_: Any) -> Any:
        return result.RequestStopTransaction(status=remote.stop(transaction_id).value)

    def unlock(evse_id: int, connector_id: int, **_: Any) -> Any:
        evse = remote.known(evse_id)
        if evse is None or connector_id != evse.connector:
            return result.UnlockConnector(status="UnknownConnector")
        if evse.session is not None:
            return result.UnlockConnector(status="OngoingAuthorizedTransaction")
        remote.unlock(evse)
        return result.UnlockConnector(status="Unlocked")

    def reset(type: str, evse_id: int | None = None, **_: Any) -> Any:
        if evse_id is not None:
            evse = remote.known(evse_id)
            reply = Reply.REJECTED if evse is None else remote.reset_evse(evse)
        elif type == "OnIdle":
            reply = remote.reset_when_idle()
        else:
            resume = type == "ImmediateAndResume"
            reply = remote.reset(
                Reason.HARD_RESET, sessions="resume" if resume else "end", hard=False
            )
        return result.Reset(status=reply.value)

    def change_availability(operational_status: str, evse: Dict | None = None, **_: Any) -> Any:
        reply = remote.change_availability(
            evse["id"] if evse else None, operative=operational_status == "Operative"
        )
        return result.ChangeAvailability(status=reply.value)

    def trigger(requested_message: str, evse: Dict | None = None, **_: Any) -> Any:
        evse_id = evse["id"] if evse else None
        done = True
        match requested_message:
            case "BootNotification":
                done = not remote.box.reporter.accepted
                if done:
                    remote.boot_again()
            case "Heartbeat":
                remote.beat()
            case "StatusNotification":
                done = remote.tell_status(evse_id)
            case "MeterValues":
                done = remote.tell_readings(evse_id)
            case "TransactionEvent":
                done = remote.tell_readings(evse_id, of_sessions_only=True)
            case _:
                return result.TriggerMessage(status="NotImplemented")
        return result.TriggerMessage(status=(Reply.ACCEPTED if done else Reply.REJECTED).value)

    def get_one(asked: Dict) -> Dict:
        component, variable = asked["component"], asked["variable"]
        answer = {"component": component, "variable": variable, "attribute_status": "Accepted"}
        if "attribute_type" in asked:
            answer["attribute_type"] = asked["attribute_type"]
        setting = settings.by_variable(
            component["name"], variable["name"], variable.get("instance")
        )
        if setting is None:
            known = settings.has_component(component["name"])
            answer["attribute_status"] = "UnknownVariable" if known else "UnknownComponent"
        elif asked.get("attribute_type", "Actual") != "Actual":
            answer["attribute_status"] = "NotSupportedAttributeType"
        elif setting.access == "WriteOnly":
            answer["attribute_status"] = "Rejected"
        else:
            answer["attribute_value"] = settings.text(setting.name)
        return answer

    def set_one(asked: Dict) -> Dict:
        answer = get_one(asked)
        value = answer.pop("attribute_value", None)
        setting = settings.by_variable(
            asked["component"]["name"],
            asked["variable"]["name"],
            asked["variable"].get("instance"),
        )
        readable = value is not None or answer["attribute_status"] == "Rejected"
        if setting is not None and readable:
            done = settings.change(setting, asked["attribute_value"])
            answer["attribute_status"] = "Accepted" if done else "Rejected"
        return answer

    def get_variables(get_variable_data: list[Dict], **_: Any) -> Any:
        return result.GetVariables(get_variable_result=[get_one(a) for a in get_variable_data])

    def set_variables(set_variable_data: list[Dict], **_: Any) -> Any:
        return result.SetVariables(set_variable_result=[set_one(a) for a in set_variable_data])

    def get_base_report(request_id: int, report_base: str, **_: Any) -> Any:
        if report_base == "SummaryInventory":
            return result.GetBaseReport(status="EmptyResultSet")
        writable_only = report_base == "ConfigurationInventory"
        remote.report(
            [
                library.call.NotifyReport(request_id=request_id, **part)
                for part in report(remote.box, writable_only=writable_only)
            ]
        )
        return result.GetBaseReport(status="Accepted")

    def get_transaction_status(transaction_id: str | None = None, **_: Any) -> Any:
        ongoing = None
        if transaction_id is not None:
            session = remote.knows(transaction_id)
            ongoing = session is not None and session.is_running
        return result.GetTransactionStatus(
            messages_in_queue=remote.has_messages(), ongoing_indicator=ongoing
        )

    def clear_cache(**_: Any) -> Any:
        remote.forget_cards()
        return result.ClearCache(status="Accepted")

    def data_transfer(**_: Any) -> Any:
        return result.DataTransfer(status="UnknownVendorId")

    return {
        "RequestStartTransaction": request_start,
        "RequestStopTransaction": request_stop,
        "UnlockConnector": unlock,
        "Reset": reset,
        "ChangeAvailability": change_availability,
        "TriggerMessage": trigger,
        "GetVariables": get_variables,
        "SetVariables": set_variables,
        "GetBaseReport": get_base_report,
        "GetTransactionStatus": get_transaction_status,
        "ClearCache": clear_cache,
        "DataTransfer": data_transfer,
    }
