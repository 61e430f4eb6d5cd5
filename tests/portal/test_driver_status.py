"""A charger in a driver's four words, from what it last said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.driver_home import Charger, Plug
from portal.views.driver.status import card

NOW = datetime(2026, 11, 20, 17, 42, tzinfo=UTC)
HOUR = timedelta(hours=1)


def plug(reported: str = "Available", *, evse: int = 1, connector: int = 1, **more: Any) -> Plug:
    status = {
        "Available": "Available",
        "Reserved": "Reserved",
        "Unavailable": "Unavailable",
        "Faulted": "Faulted",
    }.get(reported, "Occupied")
    values: dict[str, Any] = {
        "evse": evse,
        "connector": connector,
        "type": "Type 2",
        "max_power_w": 22_000,
        "status": status,
        "reported": reported,
        "is_left_in": False,
        "taken_since": None,
        "is_mine": False,
    }
    return Plug(**(values | more))


def charger(*plugs: Plug, **more: Any) -> Charger:
    values: dict[str, Any] = {
        "id": 1,
        "public_id": "7KQ2MN4X",
        "name": "Quay North 1",
        "site": "Harbour",
        "zone": "Europe/Amsterdam",
        "ocpp_version": "1.6",
        "status": None,
        "last_seen_at": NOW,
        "is_connected": True,
        "plugs": list(plugs),
    }
    return Charger(**(values | more))


@pytest.mark.parametrize(
    ("shown", "said", "why"),
    [
        (charger(plug()), "Online", ""),
        (charger(), "Online", ""),
        (charger(plug("Preparing")), "Online, cable in", ""),
        (charger(plug("Occupied")), "Online, cable in", ""),
        (
            charger(plug("Occupied", is_left_in=True)),
            "In use, unplug",
            "Charging is over, the cable is still in.",
        ),
        (
            charger(plug("Finishing")),
            "In use, unplug",
            "Charging is over, the cable is still in.",
        ),
        (charger(plug("SuspendedEV")), "In use", "Someone is using it."),
        (
            charger(plug("Charging", taken_since=NOW - HOUR)),
            "In use",
            "Someone has been charging since 17:42.",
        ),
        (
            charger(plug("Available", taken_since=NOW - HOUR, is_mine=True)),
            "In use",
            "You have been charging since 17:42.",
        ),
        (charger(plug("Reserved")), "Reserved", "It is held for someone."),
        (
            charger(plug("Faulted")),
            "Offline, out of service",
            "Out of service. Please use another one.",
        ),
        (
            charger(plug("Unavailable")),
            "Offline, out of service",
            "Out of service. Please use another one.",
        ),
        (
            charger(plug(), status="Unavailable"),
            "Offline, out of service",
            "Out of service. Please use another one.",
        ),
        (charger(plug(), is_connected=False, last_seen_at=NOW - HOUR / 2), "Online", ""),
        (
            charger(plug(), is_connected=False, last_seen_at=NOW - HOUR),
            "Offline",
            "Not heard from since 17:42. Please use another one.",
        ),
        (
            charger(plug(), is_connected=False, last_seen_at=NOW - 48 * HOUR),
            "Offline",
            "Not heard from since 18 Nov 2026, 18:42. Please use another one.",
        ),
        (
            charger(plug(), is_connected=False, last_seen_at=None),
            "Offline",
            "It was never connected yet.",
        ),
        # The best that one of the places has to offer is what the charger says.
        (charger(plug("Charging"), plug(evse=2)), "Online", ""),
        (charger(plug("Faulted"), plug("Charging", evse=2)), "In use", "Someone is using it."),
        # Two plugs of one place: who holds one holds the other.
        (
            charger(plug("Charging"), plug(connector=2)),
            "In use",
            "Someone is using it.",
        ),
        (charger(plug("Faulted"), plug(connector=2)), "Online", ""),
    ],
)
def test_a_charger_says_one_of_four_words_and_what_makes_it_so(
    shown: Charger, said: str, why: str
) -> None:
    seen = card(shown, NOW)
    assert (seen.said, seen.why) == (said, why)


def test_only_free_places_can_be_started() -> None:
    seen = card(charger(plug("Charging"), plug(evse=2), plug("Preparing", evse=3)), NOW)
    assert [place.evse for place in seen.free] == [2, 3]


def test_energy_flows_only_while_it_is_used() -> None:
    assert card(charger(plug("Charging")), NOW).is_live
    assert not card(charger(plug("Finishing")), NOW).is_live
    assert not card(charger(plug()), NOW).is_live


def test_what_a_place_offers_is_named_with_its_power_and_drawn() -> None:
    seen = card(
        charger(
            plug(type="CCS2", max_power_w=150_000),
            plug(connector=2),
            plug(evse=2, type=None, max_power_w=7_400),
        ),
        NOW,
    )
    assert seen.kinds == "CCS · 150 kW or Type 2 · 22 kW, 7.4 kW"
    assert seen.glyph == "c-ccs"
    assert card(charger(plug(type="Schuko")), NOW).glyph == "charger"
