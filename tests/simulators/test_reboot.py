from simulators import Reason
from tests.simulators.cast import ADA, begin, energy_told, reason_told, station, stops
from tests.simulators.central import Central, Frame


def boots(central: Central) -> list[Frame]:
    return [call for call in central.calls if call.action == "BootNotification"]


def stop_call(central: Central) -> Frame:
    return next(call for call in central.calls if call.payload in stops(central))


async def test_a_power_cut_ends_the_session_at_its_moment(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=900)
        cut_at = cp.clock.now()
        await cp.reboot()

    (truth,) = cp.sessions
    assert truth.ended_at == cut_at
    assert reason_told(central) == "PowerLoss"
    assert energy_told(central) == 900
    assert len(boots(central)) == 2
    assert central.calls.index(boots(central)[-1]) < central.calls.index(stop_call(central))


async def test_a_watchdog_reboot_is_another_reason(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.reboot(reason=Reason.REBOOT)

    assert reason_told(central) == "Reboot"


async def test_a_session_can_go_on_after_a_reboot(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=900)
        await cp.reboot(sessions="resume")
        await cp.charge(1, energy_wh=100)
        await cp.swipe(1, ADA)

    (truth,) = cp.sessions
    assert energy_told(central) == truth.energy_wh == 1000
    if version == "2.1":
        assert "Updated TxResumed Charging" in central.words()


async def test_a_box_without_memory_never_speaks_of_the_session_again(
    central: Central, version: str
) -> None:
    async with station(central, version) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=900)
        await cp.reboot(sessions="forget")
        await cp.unplug(1)

    assert stops(central) == []
    assert central.words()[-1] == "1 Available"


async def test_the_queue_survives_a_reboot(central: Central, version: str) -> None:
    async with station(central, version) as cp:
        await cp.lose_network()
        await begin(cp)
        await cp.charge(1, energy_wh=900)
        await cp.swipe(1, ADA)
        await cp.reboot()

    assert energy_told(central) == 900
    assert reason_told(central) == "Local"
