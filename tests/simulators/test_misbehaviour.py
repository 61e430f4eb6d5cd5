import json
from pathlib import Path
from typing import Literal

import pytest

from tests.simulators.cast import ADA, begin, energy_told, starts, station, stops
from tests.simulators.central import Central, eventually


@pytest.mark.parametrize("how", ["same id", "new id"])
async def test_every_message_can_be_sent_twice(
    central: Central, version: str, how: Literal["same id", "new id"]
) -> None:
    async with station(central, version, repeat_every_message=how) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=600)
        await cp.swipe(1, ADA)

    pairs = list(zip(central.calls[::2], central.calls[1::2], strict=True))
    assert all(a.payload == b.payload and a.action == b.action for a, b in pairs)
    assert all((a.message_id == b.message_id) == (how == "same id") for a, b in pairs)
    assert len(starts(central)) == len(stops(central)) == 2


async def test_a_lost_answer_makes_the_station_say_it_again(central: Central) -> None:
    lost = {"StartTransaction": 1, "StopTransaction": 2}
    async with station(central, "1.6", drop_answers=lost) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=100)
        await cp.swipe(1, ADA)

    assert len(starts(central)) == 2
    assert len(stops(central)) == 3
    assert starts(central)[0] == starts(central)[1]
    assert cp.sessions[0].transaction_id == "1002"


async def test_a_refused_transaction_message_is_tried_again_in_order(
    central: Central, version: str
) -> None:
    action = "StartTransaction" if version == "1.6" else "TransactionEvent"
    central.call_errors[action] = 2
    async with station(central, version) as cp:
        await begin(cp)
        await cp.charge(1, seconds=200)
        await cp.swipe(1, ADA)

    told = [call for call in central.calls if call.action == action]
    assert told[0].payload == told[1].payload == told[2].payload
    assert cp.dropped == []
    assert len(cp.complaints) == 2


async def test_a_message_that_is_always_refused_is_dropped_and_counted(central: Central) -> None:
    central.call_errors["StartTransaction"] = 99
    async with station(central, "1.6") as cp:
        await begin(cp)
        await cp.charge(1, seconds=200)
        await cp.swipe(1, ADA)

    assert len(starts(central)) == 3
    assert cp.dropped == [
        "start on EVSE 1: StartTransaction was answered with InternalError: on purpose, 3 times"
    ]
    assert stops(central)[0]["transactionId"] == -1


async def test_no_answer_in_time_makes_the_station_say_it_again(central: Central) -> None:
    async with station(central, "1.6", answer_timeout_s=0.1) as cp:
        await begin(cp)
        central.silent.add("MeterValues")
        await cp.lose_network()
        await cp.charge(1, seconds=70)
        central.answers_again_after(2)
        await cp.find_network()

    assert len({call.message_id for call in central.calls if call.action == "MeterValues"}) == 1
    assert len(central.of("MeterValues")) == 3


async def test_a_charger_hops_between_two_central_systems(central: Central, version: str) -> None:
    async with Central(calls=central.calls) as other, station(central, version) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=400)
        await cp.hop(other.url)
        await cp.charge(1, energy_wh=400)
        await cp.hop(central.url, leave_old_open=True)
        await cp.charge(1, energy_wh=400)
        await cp.swipe(1, ADA)

        assert energy_told(central) == 1200
    assert [call.action for call in central.calls].count("BootNotification") == 1


async def test_the_journal_holds_every_answer_and_the_truth(
    central: Central, tmp_path: Path
) -> None:
    path = tmp_path / "journal.jsonl"
    async with station(central, "1.6", journal=path) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=500)
        await cp.swipe(1, ADA)

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    calls = [line for line in lines if "action" in line]
    (truth,) = [line["session"] for line in lines if "session" in line]
    assert [c["request"] for c in calls] == [c.payload for c in central.calls]
    assert {c["outcome"] for c in calls} == {"answered"}
    assert truth == cp.sessions[0].facts()
    assert truth["energy_wh"] == 500


async def test_what_was_under_way_when_the_socket_died_is_not_called_answered(
    central: Central, tmp_path: Path
) -> None:
    path = tmp_path / "journal.jsonl"
    async with station(central, "1.6", journal=path) as cp:
        await begin(cp)
        await cp.lose_network()
        await cp.charge(1, seconds=70)
        central.silent.add("MeterValues")
        await cp.firmware.connect()
        await eventually(lambda: central.of("MeterValues"))
        await cp.lose_network()
        central.silent.clear()
        await cp.find_network()

    told = [json.loads(line) for line in path.read_text().splitlines()]
    outcomes = [line["outcome"] for line in told if line.get("action") == "MeterValues"]
    assert outcomes == ["unanswered", "answered"]
