import asyncio

import pytest

from simulators import CannotConnect, Refused, Station
from tests.simulators.cast import ADA, begin, station, stops
from tests.simulators.central import Central, eventually


async def test_a_pending_station_boots_again_after_the_interval_and_tells_nothing_before(
    central: Central, version: str
) -> None:
    central.registrations.extend(["Pending", "Rejected"])
    central.boot_interval_s = 40
    async with station(central, version) as cp:
        assert cp.registration == "Pending"
        await cp.plug_in(1)
        assert not await cp.swipe(1, ADA)
        assert central.words() == ["BootNotification"]

        await cp.wait(39)
        assert cp.registration == "Pending"
        await cp.wait(2)
        assert cp.registration == "Rejected"
        await cp.wait(41)
        assert cp.registration == "Accepted"

        assert await cp.swipe(1, ADA)


async def test_a_triggered_message_goes_out_while_pending(central: Central, version: str) -> None:
    central.registrations.append("Pending")
    async with station(central, version) as cp:
        await central.call("CP-1", "TriggerMessage", requested_message="Heartbeat")
        await eventually(lambda: central.of("Heartbeat"))
        await central.call("CP-1", "TriggerMessage", requested_message="BootNotification")
        await cp.until(lambda: cp.registration == "Accepted")


async def test_heartbeats_follow_the_interval_of_the_central_system(
    central: Central, version: str
) -> None:
    central.boot_interval_s = 100
    async with station(central, version) as cp:
        await cp.wait(1001)

    assert len(central.of("Heartbeat")) == 10


async def test_a_reconnect_is_no_boot_and_tells_no_status_again(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        central.calls.clear()
        await cp.lose_network()
        await cp.find_network()

    assert central.words() == []


async def test_a_wrong_password_is_one_sentence(version: str) -> None:
    async with Central(passwords={"CP-1": "right-and-long-enough"}) as central:
        with pytest.raises(Refused, match=r"refused the password of CP-1 \(HTTP 401\)") as refusal:
            async with station(central, version, password="wrong"):
                pass
        async with station(central, version, password="right-and-long-enough") as cp:
            assert cp.registration == "Accepted"

    assert refusal.value.status == 401


async def test_an_unknown_identity_is_one_sentence() -> None:
    async with Central(passwords={"CP-1": "right"}) as central:
        with pytest.raises(Refused, match=r"does not know CP-9 \(HTTP 404"):
            async with Station("CP-9", version="1.6", url=central.url):
                pass


async def test_a_port_without_a_server_is_one_sentence() -> None:
    with pytest.raises(CannotConnect, match="nobody answers at ws://127"):
        async with Station("CP-1", version="1.6", url="ws://127.0.0.1:1"):
            pass


async def test_an_identity_is_percent_encoded(central: Central) -> None:
    async with Station("RDAM|12 3", version="1.6", url=central.url + "/"):
        pass

    assert {call.identity for call in central.calls} == {"RDAM|12 3"}


async def test_a_live_station_keeps_trying_until_the_server_is_there(central: Central) -> None:
    port = central.port
    await central.close()
    cp = station(central, "1.6", speed=600)
    starting = asyncio.create_task(cp.power_on())
    await asyncio.sleep(0.1)
    await central.listen(port)
    await starting
    await cp.power_off()

    assert central.words()[0] == "BootNotification"


async def test_time_passes_by_itself_for_a_live_station(central: Central, version: str) -> None:
    async with station(central, version, speed=3600) as cp:
        await begin(cp)
        delivered_wh = await cp.charge(1, energy_wh=2000)
        await cp.swipe(1, ADA)

    assert delivered_wh >= 2000
    assert len(stops(central)) == 1


async def test_a_live_station_never_passes_the_real_time(central: Central) -> None:
    said: list[str] = []
    async with station(central, "1.6", speed=1_000_000, say=said.append) as cp:
        await cp.until(lambda: any("caught up" in line for line in said))
        before = cp.clock.now()
        await asyncio.sleep(0.3)

        assert (cp.clock.now() - before).total_seconds() < 5
