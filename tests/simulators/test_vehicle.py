import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import Vehicle

batteries = st.floats(5_000, 150_000)
percentages = st.floats(0, 100)
offers = st.floats(0, 400_000)
vehicles = st.builds(
    Vehicle,
    battery_wh=batteries,
    soc_pct=percentages,
    max_power_w=st.floats(1_000, 350_000),
    ramp_s=st.floats(0, 120),
    taper_from_pct=st.floats(10, 99),
    full_pct=st.floats(50, 100),
)


@given(vehicles, offers)
def test_a_vehicle_never_draws_more_than_is_offered_or_than_it_can(
    vehicle: Vehicle, offered_w: float
) -> None:
    assert 0 <= vehicle.power_w(offered_w) <= min(offered_w, vehicle.max_power_w) + 1e-6


@given(vehicles, offers, st.floats(0.001, 60))
def test_what_a_vehicle_takes_is_in_its_battery(
    vehicle: Vehicle, offered_w: float, seconds: float
) -> None:
    later, energy_wh = vehicle.after(seconds, offered_w)

    gained_wh = (later.soc_pct - vehicle.soc_pct) / 100 * vehicle.battery_wh
    assert energy_wh >= 0
    assert gained_wh == pytest.approx(energy_wh, abs=1e-3)


@given(vehicles, st.floats(1_000, 400_000))
def test_a_battery_never_holds_more_than_its_full(vehicle: Vehicle, offered_w: float) -> None:
    for _ in range(200):
        vehicle, _ = vehicle.after(600, offered_w)
        assert vehicle.soc_pct <= max(vehicle.full_pct, vehicle.soc_pct)

    assert vehicle.room_wh >= 0


@given(st.floats(0, 89), st.floats(0.5, 10), st.floats(5_000, 200_000))
def test_the_power_only_falls_while_it_tapers(
    soc_pct: float, step_pct: float, offered_w: float
) -> None:
    earlier = Vehicle(soc_pct=soc_pct, taking_s=1000)
    later = Vehicle(soc_pct=soc_pct + step_pct, taking_s=1000)

    assert later.power_w(offered_w) <= earlier.power_w(offered_w)


def test_the_power_ramps_up_stays_tapers_and_ends() -> None:
    vehicle = Vehicle(battery_wh=1000, soc_pct=50, max_power_w=10_000, ramp_s=10)
    powers = []
    while not vehicle.is_full:
        powers.append(vehicle.power_w(10_000))
        vehicle, _ = vehicle.after(1, 10_000)

    assert powers[0] == pytest.approx(1000)
    assert powers[5] == pytest.approx(5500)
    assert powers[20] == pytest.approx(10_000)
    assert powers[-1] < 2500
    assert vehicle.power_w(10_000) == 0


def test_a_pause_makes_the_ramp_begin_again() -> None:
    warm = Vehicle(max_power_w=11_000, ramp_s=10, taking_s=60)

    assert warm.power_w(11_000) == pytest.approx(11_000)
    assert warm.paused().power_w(11_000) == pytest.approx(1_100)


def test_a_battery_without_capacity_is_no_vehicle() -> None:
    with pytest.raises(ValueError, match="battery"):
        Vehicle(battery_wh=0)
