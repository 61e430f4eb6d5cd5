import asyncio

import pytest

from simulators import CannotConnect, NotPossible
from tests.simulators.cast import (
    ADA,
    MALLORY,
    begin,
    energy_told,
    events,
    starts,
    station,
    stops,
)
from tests.simulators.central import Central, eventually


async def test_a_lost_network_in_mid_session_costs_nothing(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=1000)
        await cp.lose_network()
        await cp.charge(1, energy_wh=2000)
        waited = cp.waiting
        await cp.find_network()
        await cp.charge(1, energy_wh=500)
        await cp.swipe(1, ADA)

    assert waited > 5
    assert energy_told(central) == 3500
    assert [call.action for call in central.calls].count("BootNotification") == 1


async def test_queued_readings_come_in_order_with_their_own_times(central: Central) -> None:
    async with station(central, "1.6") as cp:
        await begin(cp)
        await cp.lose_network()
        await cp.charge(1, seconds=600)
        found_at = cp.clock.now()
        await cp.find_network()

    times = [m["meterValue"][0]["timestamp"] for m in central.of("MeterValues")]
    assert len(times) == 10
    assert times == sorted(times)
    assert times[0] < found_at.isoformat()


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_events_of_the_time_offline_say_so(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.lose_network()
        await cp.charge(1, seconds=130)
        await cp.find_network()
        await cp.swipe(1, ADA)

    told = [(e["seqNo"], e["offline"]) for e in central.of("TransactionEvent")]
    assert told == [(0, False), (1, False), (2, True), (3, True), (4, False)]


async def test_a_whole_session_without_a_network_is_replayed(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        await cp.lose_network()
        await begin(cp)
        await cp.charge(1, energy_wh=1234)
        await cp.swipe(1, ADA)
        await cp.unplug(1)
        await cp.find_network()

    (truth,) = cp.sessions
    assert truth.began_offline
    assert energy_told(central) == 1234
    assert starts(central)[0]["timestamp"] == truth.facts()["started_at"]
    if version == "1.6":
        readings = central.of("MeterValues")
        assert {m["transactionId"] for m in readings} == {int(truth.transaction_id or 0)}
        assert stops(central)[0]["transactionId"] == int(truth.transaction_id or 0)
    else:
        assert all(e["offline"] for e in central.of("TransactionEvent"))


async def test_only_the_last_status_is_told_after_an_outage(central: Central) -> None:
    async with station(central, "1.6") as cp:
        await cp.lose_network()
        await cp.plug_in(1)
        await cp.unplug(1)
        await cp.plug_in(1)
        central.calls.clear()
        await cp.find_network()

    assert central.words() == ["1 Preparing"]


async def test_an_unknown_card_offline_is_taken_or_not_as_the_settings_say(
    central: Central, version: str
) -> None:
    async with station(central, version, settings={"offline_unknown": "false"}) as cp:
        await begin(cp)
        await cp.swipe(1, ADA)
        await cp.lose_network()

        assert not await cp.swipe(1, MALLORY)
        assert await cp.swipe(1, ADA)


async def test_a_station_reconnects_by_itself_and_delivers(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await central.close()
        await eventually(lambda: not cp.online)
        await cp.charge(1, energy_wh=800)
        await cp.swipe(1, ADA)
        await central.listen(central.port)
        await cp.flush()

    assert energy_told(central) == 800


async def test_nobody_at_the_port_is_one_sentence(central: Central) -> None:
    async with station(central, "1.6") as cp:
        await cp.lose_network()
        with pytest.raises(CannotConnect, match="nobody answers at ws://127"):
            await cp.find_network("ws://127.0.0.1:1/ocpp")
        await cp.find_network(central.url)
        with pytest.raises(NotPossible, match="the network is there already"):
            await cp.find_network()


async def test_a_full_memory_gives_up_readings_and_never_a_start_or_stop(central: Central) -> None:
    async with station(central, "2.0.1") as cp:
        cp.firmware.outbox.limit = 10
        await cp.lose_network()
        await begin(cp)
        await cp.charge(1, seconds=3600)
        await cp.swipe(1, ADA)
        await cp.find_network()

    assert len(central.of("TransactionEvent")) == 10
    assert (len(events(central, "Started")), len(events(central, "Ended"))) == (1, 1)
    assert all("the memory is full" in line for line in cp.dropped)


async def test_a_link_that_drops_as_soon_as_it_is_there_holds_nothing_up(central: Central) -> None:
    async with station(central, "2.0.1") as cp:
        await cp.lose_network()
        await cp.find_network()
        await cp.lose_network()
        async with asyncio.timeout(10):
            await begin(cp)
            await cp.charge(1, energy_wh=1000)
            await cp.unplug(1)
            await cp.find_network()

    assert energy_told(central) == 1000
