"""Who plays in these tests."""

from typing import Any, cast

from simulators import Station, Version
from tests.simulators.central import Central

ADA = "ADA-1"
MALLORY = "MALLORY-1"


def station(central: Central, version: str, **options: Any) -> Station:
    return Station("CP-1", version=cast("Version", version), url=central.url, **options)


async def begin(cp: Station, card: str = ADA) -> None:
    """A vehicle arrives and its driver swipes."""
    await cp.plug_in(1)
    await cp.swipe(1, card)


def starts(central: Central) -> list[dict[str, Any]]:
    return central.of("StartTransaction") + events(central, "Started")


def stops(central: Central) -> list[dict[str, Any]]:
    return central.of("StopTransaction") + events(central, "Ended")


def events(central: Central, kind: str) -> list[dict[str, Any]]:
    return [e for e in central.of("TransactionEvent") if e["eventType"] == kind]


def energy_told(central: Central) -> int:
    """What the central system would bill for the one session that it saw."""
    (start,), (stop,) = starts(central), stops(central)
    if "meterStop" in stop:
        return int(stop["meterStop"]) - int(start["meterStart"])
    return round(register(stop) - register(start))


def register(event: dict[str, Any]) -> float:
    (sample,) = event["meterValue"][0]["sampledValue"]
    return float(sample["value"])


def reason_told(central: Central) -> str:
    (stop,) = stops(central)
    return str(stop.get("reason") or stop["transactionInfo"]["stoppedReason"])
