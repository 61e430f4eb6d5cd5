import time

import pytest

from simulators import NotPossible, Vehicle
from simulators.errors import NoSuchEvse
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
from tests.simulators.central import Central


async def test_the_central_system_is_told_what_physically_happened(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        delivered_wh = await cp.charge(1, energy_wh=5000)
        await cp.swipe(1, ADA)
        await cp.unplug(1)

    (truth,) = cp.sessions
    assert delivered_wh == truth.energy_wh == 5000 == energy_told(central)
    assert truth.reason == "Local" == reason_told(central)
    assert starts(central)[0]["timestamp"] == truth.facts()["started_at"]
    assert stops(central)[0]["timestamp"] == truth.facts()["ended_at"]
    assert (cp.dropped, cp.complaints, cp.waiting) == ([], [], 0)


async def test_a_session_in_1_6_word_for_word(central: Central) -> None:
    async with station(central, "1.6") as cp:
        await begin(cp)
        await cp.charge(1, seconds=150)
        await cp.swipe(1, ADA)
        await cp.unplug(1)

    assert central.words() == [
        "BootNotification",
        "0 Available",
        "1 Available",
        "1 Preparing",
        "Authorize",
        "StartTransaction",
        "1 Charging",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
        "1 Finishing",
        "1 Available",
    ]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_a_session_in_2_x_word_for_word(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.charge(1, seconds=150)
        await cp.swipe(1, ADA)
        await cp.unplug(1)

    assert central.words() == [
        "BootNotification",
        "1 Available",
        "1 Occupied",
        "Authorize",
        "Started Authorized EVConnected",
        "Updated ChargingStateChanged Charging",
        "Updated MeterValuePeriodic Charging",
        "Updated MeterValuePeriodic Charging",
        "Ended StopAuthorized EVConnected",
        "1 Available",
    ]
    assert [e["seqNo"] for e in central.of("TransactionEvent")] == [0, 1, 2, 3, 4]


async def test_six_values_are_sampled(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.charge(1, seconds=70)

        reading = (central.of("MeterValues") or events(central, "Updated"))[-1]["meterValue"][0]

    sixth = "Temperature" if version == "1.6" else "Current.Offered"
    assert [sample["measurand"] for sample in reading["sampledValue"]] == [
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Current.Import",
        "Voltage",
        "SoC",
        sixth,
    ]
    assert reading["sampledValue"][1]["value"] in ("11000", 11000)


async def test_card_first_and_cable_later_is_the_same_session(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        await cp.swipe(1, ADA)
        assert cp.session(1) is None
        await cp.plug_in(1)
        await cp.charge(1, energy_wh=100)
        await cp.unplug(1)

    assert reason_told(central) == "EVDisconnected"
    assert energy_told(central) == 100


async def test_a_card_without_a_cable_is_forgotten(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await cp.swipe(1, ADA)
        await cp.wait(61)
        await cp.plug_in(1)

    assert cp.sessions == []
    assert central.words()[-2:] == (
        ["1 Available", "1 Preparing"] if version == "1.6" else ["1 Available", "1 Occupied"]
    )


async def test_a_refused_card_charges_nothing(central: Central, version: str) -> None:
    central.refused_cards.add(MALLORY)
    async with station(central, version) as cp:
        await cp.plug_in(1)
        accepted = await cp.swipe(1, MALLORY)

    assert not accepted
    assert cp.sessions == []


async def test_another_card_does_not_stop_a_session_unless_it_is_of_the_same_group(
    central: Central, version: str
) -> None:
    central.groups |= {ADA: "FAMILY", "ADA-2": "FAMILY"}
    async with station(central, version) as cp:
        await begin(cp)
        assert not await cp.swipe(1, MALLORY)
        assert cp.session(1) is not None
        assert await cp.swipe(1, "ADA-2")

    (stop,) = stops(central)
    assert "ADA-2" in str(stop)


async def test_a_full_battery_suspends_the_charge(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await cp.plug_in(1, Vehicle(battery_wh=2000, soc_pct=95))
        await cp.swipe(1, ADA)
        delivered_wh = await cp.charge(1, energy_wh=50_000)
        await cp.wait(60)
        await cp.swipe(1, ADA)
        vehicle = await cp.unplug(1)

    assert delivered_wh == 100 == energy_told(central)
    assert vehicle.is_full
    assert any("SuspendedEV" in line.split() for line in central.words())


async def test_a_suspended_station_delivers_nothing_until_it_resumes(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.suspend(1)
        assert await cp.charge(1, seconds=600) == 0
        await cp.resume(1)
        assert await cp.charge(1, seconds=600) > 1700

    told = [line for line in central.words() if "Suspended" in line]
    assert len(told) > 0
    assert "SuspendedEVSE" in told[0]


async def test_a_fault_ends_the_session(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=700)
        await cp.fault(1)
        assert not await cp.swipe(1, ADA)
        await cp.clear_fault(1)
        await cp.unplug(1)

    assert reason_told(central) == ("Other" if version == "1.6" else "GroundFault")
    assert energy_told(central) == 700
    assert "1 Faulted" in central.words()
    assert central.words()[-1] == "1 Available"


async def test_a_session_can_outlast_a_fault(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.fault(1, "HighTemperature", ends_session=False)
        assert await cp.charge(1, seconds=60) == 0
        await cp.clear_fault(1)
        await cp.charge(1, energy_wh=300)
        await cp.swipe(1, ADA)

    assert energy_told(central) == 300


async def test_a_card_refused_at_the_start_ends_the_session(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.swipe(1, ADA)
        await cp.unplug(1)
        central.calls.clear()
        central.refused_cards.add(ADA)
        await cp.lose_network()
        await begin(cp)  # the box knows the card from before
        await cp.charge(1, seconds=30)
        await cp.find_network()

    assert reason_told(central) == "DeAuthorized"


async def test_two_connectors_charge_at_once(central: Central, version: str) -> None:
    async with station(central, version, connectors=2, power_w=7000) as cp:
        await begin(cp)
        await cp.plug_in(2)
        await cp.swipe(2, "OMAR-1")
        await cp.charge(2, energy_wh=1000)
        await cp.swipe(1, ADA)
        await cp.swipe(2, "OMAR-1")

    first, second = cp.sessions
    assert first.energy_wh == second.energy_wh == 1000
    assert first.transaction_id != second.transaction_id


async def test_the_registers_follow_from_the_seed(central: Central) -> None:
    def start_wh(seed: int) -> int:
        return station(central, "1.6", seed=seed).evse(1).meter.register_wh

    assert start_wh(1) == start_wh(1) != start_wh(2)
    assert start_wh(1) > 100_000


async def test_what_cannot_be_is_said_in_a_sentence(central: Central) -> None:
    async with station(central, "1.6") as cp:
        with pytest.raises(NoSuchEvse, match="there is no EVSE 3; this station has 1 to 1"):
            await cp.plug_in(3)
        with pytest.raises(NotPossible, match="EVSE 1 has no session"):
            await cp.charge(1, energy_wh=1)
        with pytest.raises(NotPossible, match="EVSE 1 has no vehicle"):
            await cp.unplug(1)
        with pytest.raises(NotPossible, match="no such error code: Gremlins; there are"):
            await cp.fault(1, "Gremlins")
        with pytest.raises(NotPossible, match="a card number has 1 to 20 characters"):
            await cp.swipe(1, "A" * 21)
        await begin(cp)
        with pytest.raises(NotPossible, match="charge needs an energy"):
            await cp.charge(1)


async def test_hours_of_charging_take_no_time(central: Central) -> None:
    async with station(central, "1.6", settings={"sample_s": "900"}) as cp:
        await begin(cp)
        begun = time.perf_counter()
        await cp.charge(1, seconds=4 * 3600)

    assert time.perf_counter() - begun < 30  # 0.2 s when nobody else wants the processor
