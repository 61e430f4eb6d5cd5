from typing import Any

import pytest
from ocpp.exceptions import NotImplementedError as OcppNotImplemented

from tests.simulators.cast import (
    ADA,
    MALLORY,
    begin,
    energy_told,
    events,
    reason_told,
    starts,
    station,
    stops,
)
from tests.simulators.central import Central, eventually

two = pytest.mark.parametrize("version", ["2.0.1", "2.1"])


async def start(central: Central, version: str, uid: str = ADA, evse: int = 1) -> str:
    if version == "1.6":
        answer = await central.call("CP-1", "RemoteStartTransaction", id_tag=uid, connector_id=evse)
    else:
        token = {"id_token": uid, "type": "Central"}
        answer = await central.call(
            "CP-1", "RequestStartTransaction", remote_start_id=7, id_token=token, evse_id=evse
        )
    return str(answer.status)


async def stop(central: Central, version: str, transaction_id: str | None) -> str:
    assert transaction_id is not None
    if version == "1.6":
        answer = await central.call(
            "CP-1", "RemoteStopTransaction", transaction_id=int(transaction_id)
        )
    else:
        answer = await central.call("CP-1", "RequestStopTransaction", transaction_id=transaction_id)
    return str(answer.status)


async def test_a_session_is_started_and_stopped_from_afar(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await cp.plug_in(1)
        assert await start(central, version) == "Accepted"
        await cp.until(lambda: cp.session(1) and cp.sessions[0].transaction_id)
        await cp.charge(1, energy_wh=250)
        assert await stop(central, version, cp.sessions[0].transaction_id) == "Accepted"
        await cp.until(lambda: cp.session(1) is None)

    assert energy_told(central) == 250
    assert reason_told(central) == "Remote"
    if version != "1.6":
        (started,) = starts(central)
        assert started["triggerReason"] == "RemoteStart"
        assert started["transactionInfo"]["remoteStartId"] == 7


async def test_a_remote_start_waits_for_the_cable(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        assert await start(central, version) == "Accepted"
        await cp.until(lambda: cp.evse(1).grant)
        assert starts(central) == []
        await cp.plug_in(1)

    assert len(starts(central)) == 1


async def test_what_cannot_be_started_or_stopped_is_rejected(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        assert await start(central, version, evse=5) == "Rejected"
        assert await stop(central, version, "4711") == "Rejected"
        await begin(cp)
        assert await start(central, version) == "Rejected"


async def test_a_remote_start_with_a_refused_card_begins_nothing(
    central: Central, version: str
) -> None:
    central.refused_cards.add(MALLORY)
    async with station(central, version) as cp:
        await cp.plug_in(1)
        await start(central, version, MALLORY)
        await eventually(lambda: central.of("Authorize"))
        await cp.settle()

    assert cp.sessions == []


async def test_unlocking_ends_the_session_in_1_6(central: Central) -> None:
    async with station(central, "1.6") as cp:
        await begin(cp)
        answer = await central.call("CP-1", "UnlockConnector", connector_id=1)
        await cp.until(lambda: cp.session(1) is None)
        unknown = await central.call("CP-1", "UnlockConnector", connector_id=4)

    assert (answer.status, unknown.status) == ("Unlocked", "NotSupported")
    assert reason_told(central) == "UnlockCommand"


@two
async def test_unlocking_never_ends_a_session_in_2_x(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        free = await central.call("CP-1", "UnlockConnector", evse_id=1, connector_id=1)
        await begin(cp)
        busy = await central.call("CP-1", "UnlockConnector", evse_id=1, connector_id=1)
        unknown = await central.call("CP-1", "UnlockConnector", evse_id=4, connector_id=1)

        assert cp.session(1) is not None
    assert (free.status, busy.status) == ("Unlocked", "OngoingAuthorizedTransaction")
    assert unknown.status == "UnknownConnector"


@pytest.mark.parametrize(("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")])
async def test_a_reset_in_1_6_ends_the_session_and_boots(
    central: Central, kind: str, reason: str
) -> None:
    async with station(central, "1.6") as cp:
        await begin(cp)
        answer = await central.call("CP-1", "Reset", type=kind)
        await cp.until(lambda: len(central.of("BootNotification")) == 2)

    assert answer.status == "Accepted"
    assert reason_told(central) == reason
    actions = [call.action for call in central.calls]
    last_boot = len(actions) - 1 - actions[::-1].index("BootNotification")
    assert (actions.index("StopTransaction") < last_boot) == (kind == "Soft")


@two
async def test_a_reset_in_2_x_ends_the_session_and_boots(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        answer = await central.call("CP-1", "Reset", type="Immediate")
        await cp.until(lambda: len(central.of("BootNotification")) == 2)

    assert answer.status == "Accepted"
    assert reason_told(central) == "ImmediateReset"
    assert central.of("BootNotification")[1]["reason"] == "RemoteReset"


@two
async def test_a_reset_on_idle_waits_for_the_end_of_the_session(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        answer = await central.call("CP-1", "Reset", type="OnIdle")
        await cp.charge(1, energy_wh=100)
        assert len(central.of("BootNotification")) == 1
        await cp.swipe(1, ADA)
        await cp.until(lambda: len(central.of("BootNotification")) == 2)

    assert answer.status == "Scheduled"
    assert reason_told(central) == "Local"


async def test_a_2_1_reset_may_let_the_session_go_on(central: Central) -> None:
    async with station(central, "2.1") as cp:
        await begin(cp)
        await central.call("CP-1", "Reset", type="ImmediateAndResume")
        await cp.until(lambda: len(central.of("BootNotification")) == 2)

        assert cp.session(1) is not None
    assert stops(central) == []


@two
async def test_the_reset_of_an_evse_ends_its_session_without_a_boot(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await central.call("CP-1", "Reset", type="Immediate", evse_id=1)
        await cp.until(lambda: cp.session(1) is None)

    assert len(central.of("BootNotification")) == 1


async def test_availability_changes_when_the_session_is_over(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        first = await availability(central, version, operative=False)
        await cp.swipe(1, ADA)
        await cp.unplug(1)
        assert central.words()[-1] == "1 Unavailable"
        second = await availability(central, version, operative=True)
        await cp.until(lambda: central.words()[-1] == "1 Available")

    assert (first, second) == ("Scheduled", "Accepted")


async def availability(central: Central, version: str, *, operative: bool) -> str:
    word = "Operative" if operative else "Inoperative"
    payload: dict[str, Any] = (
        {"connector_id": 1, "type": word}
        if version == "1.6"
        else {"operational_status": word, "evse": {"id": 1}}
    )
    answer = await central.call("CP-1", "ChangeAvailability", **payload)
    return str(answer.status)


async def test_triggered_messages_come_after_the_answer(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        central.calls.clear()
        for message, action in (
            ("Heartbeat", "Heartbeat"),
            ("StatusNotification", "StatusNotification"),
            ("MeterValues", "MeterValues"),
        ):
            answer = await central.call("CP-1", "TriggerMessage", requested_message=message)
            assert answer.status == "Accepted"
            await eventually(lambda action=action: central.of(action))
        odd = await central.call(
            "CP-1", "TriggerMessage", requested_message="FirmwareStatusNotification"
        )
        await cp.settle()

    assert odd.status == "NotImplemented"


@two
async def test_a_triggered_event_speaks_of_the_session(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        none = await central.call("CP-1", "TriggerMessage", requested_message="TransactionEvent")
        await begin(cp)
        await central.call("CP-1", "TriggerMessage", requested_message="TransactionEvent")
        await cp.until(lambda: "Updated Trigger Charging" in central.words())

    assert none.status == "Rejected"


async def test_the_configuration_is_read_and_changed_in_1_6(central: Central) -> None:
    async with station(central, "1.6") as cp:
        every = await central.call("CP-1", "GetConfiguration")
        some = await central.call(
            "CP-1", "GetConfiguration", key=["HeartbeatInterval", "Nonsense", "AuthorizationKey"]
        )
        answers = [
            (await central.call("CP-1", "ChangeConfiguration", key=key, value=value)).status
            for key, value in (
                ("MeterValueSampleInterval", "10"),
                ("MeterValuesSampledData", "Energy.Active.Import.Register"),
                ("MeterValuesSampledData", "Colour"),
                ("NumberOfConnectors", "9"),
                ("Nonsense", "1"),
            )
        ]
        await begin(cp)
        await cp.charge(1, seconds=30)

    assert len(every.configuration_key) > 10
    assert some.configuration_key == [
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
    ]
    assert some.unknown_key == ["Nonsense", "AuthorizationKey"]
    assert answers == ["Accepted", "Accepted", "Rejected", "Rejected", "NotSupported"]
    assert len(central.of("MeterValues")) == 3
    assert len(central.of("MeterValues")[0]["meterValue"][0]["sampledValue"]) == 1


@two
async def test_variables_are_read_and_changed_in_2_x(central: Central, version: str) -> None:
    def at(component: str, variable: str, **more: str) -> dict[str, Any]:
        return {"component": {"name": component}, "variable": {"name": variable}} | more

    async with station(central, version) as cp:
        changed = await central.call(
            "CP-1",
            "SetVariables",
            set_variable_data=[
                at("SampledDataCtrlr", "TxUpdatedInterval", attribute_value="15"),
                at("TxCtrlr", "TxStartPoint", attribute_value="Authorized"),
                at("TxCtrlr", "Nonsense", attribute_value="1"),
                at("SampledDataCtrlr", "TxUpdatedMeasurands", attribute_value="Temperature"),
                at("SecurityCtrlr", "BasicAuthPassword", attribute_value="a-new-password-16"),
            ],
        )
        read = await central.call(
            "CP-1",
            "GetVariables",
            get_variable_data=[
                at("SampledDataCtrlr", "TxUpdatedInterval"),
                at("SecurityCtrlr", "BasicAuthPassword"),
                at("Nonsense", "Nonsense"),
            ],
        )

        assert cp.firmware.settings.text("password") == "a-new-password-16"
    assert [r["attribute_status"] for r in changed.set_variable_result] == [
        "Accepted",
        "Rejected",
        "UnknownVariable",
        "Rejected",
        "Accepted",
    ]
    assert [r["attribute_status"] for r in read.get_variable_result] == [
        "Accepted",
        "Rejected",
        "UnknownComponent",
    ]
    assert read.get_variable_result[0]["attribute_value"] == "15"


@two
async def test_a_base_report_comes_in_numbered_parts(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        answer = await central.call(
            "CP-1", "GetBaseReport", request_id=3, report_base="FullInventory"
        )
        await cp.until(lambda: central.of("NotifyReport") and not cp.firmware.is_busy)

    parts = central.of("NotifyReport")
    assert answer.status == "Accepted"
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert [part["tbc"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert {part["requestId"] for part in parts} == {3}


@two
async def test_the_status_of_a_transaction_can_be_asked(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        known = cp.sessions[0].transaction_id
        running = await central.call("CP-1", "GetTransactionStatus", transaction_id=known)
        await cp.swipe(1, ADA)
        over = await central.call("CP-1", "GetTransactionStatus", transaction_id=known)

    assert (running.ongoing_indicator, running.messages_in_queue) == (True, False)
    assert over.ongoing_indicator is False
    assert len(events(central, "Ended")) == 1


async def test_an_action_that_the_box_lacks_is_not_implemented(
    central: Central, version: str
) -> None:
    async with station(central, version):
        with pytest.raises(OcppNotImplemented):
            await central.call("CP-1", "GetLocalListVersion")


async def test_a_cleared_cache_forgets_the_cards(central: Central, version: str) -> None:
    async with station(central, version, settings={"offline_unknown": "false"}) as cp:
        await begin(cp)
        await cp.swipe(1, ADA)
        await central.call("CP-1", "ClearCache")
        await cp.lose_network()

        assert not await cp.swipe(1, ADA)
