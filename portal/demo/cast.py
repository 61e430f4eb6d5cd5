"""Who and what the demo consists of: sites, chargers, drivers and their EV cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Life = Literal["busy", "quiet", "idle", "faulted", "offline"]

DRIVER_EMAIL = "driver@demo.polaris"
ADMIN_EMAIL, ADMIN_NAME = "admin@demo.polaris", "Alex Morgan"


@dataclass(frozen=True, slots=True)
class Site:
    name: str
    zone: str
    currency: str
    address: str


@dataclass(frozen=True, slots=True)
class Plug:
    """A connector; each is alone on its EVSE."""

    type: str
    max_power_w: int

    @property
    def is_dc(self) -> bool:
        return self.type != "Type 2"


@dataclass(frozen=True, slots=True)
class Charger:
    """`cards` are those that its simulated visitors present; none: only starts from a page."""

    identity: str
    name: str
    site: str
    version: str
    vendor: str
    model: str
    firmware: str
    plugs: tuple[Plug, ...]
    life: Life
    cards: tuple[str, ...] = ()

    @property
    def family(self) -> Literal["v16", "v2"]:
        return "v16" if self.version == "1.6" else "v2"


@dataclass(frozen=True, slots=True)
class Card:
    uid: str
    label: str
    status: Literal["Accepted", "Blocked"] = "Accepted"
    expired_days_ago: int | None = None

    @property
    def is_good(self) -> bool:
        return self.status == "Accepted" and self.expired_days_ago is None


@dataclass(frozen=True, slots=True)
class Driver:
    """`battery_wh` and `onboard_w`: what the vehicle holds, and takes of an AC plug."""

    email: str
    name: str
    cards: tuple[Card, ...]
    battery_wh: int
    onboard_w: int


GARAGE = Site("Lindenhof Garage", "Europe/Berlin", "EUR", "Lindenhof 12, 10969 Berlin, Germany")
QUAY = Site("Quayside Retail Park", "Europe/London", "GBP", "4 Quayside, Bristol BS1 4RN, UK")
SITES = (GARAGE, QUAY)

_AC11, _AC22 = Plug("Type 2", 11_000), Plug("Type 2", 22_000)

DRIVERS = (
    Driver(
        DRIVER_EMAIL,
        "Robin Falk",
        (Card("04A2B17C5D2E80", "Key fob"), Card("04A2B17C5D2E81", "Wallet card")),
        62_000,
        11_000,
    ),
    Driver("amara@demo.polaris", "Amara Osei", (Card("0451C09A3B6680", "Card"),), 77_000, 11_000),
    Driver("jonas@demo.polaris", "Jonas Weber", (Card("0477E21F804C80", "Card"),), 52_000, 22_000),
    Driver("lena@demo.polaris", "Lena Hoffmann", (Card("04C83D55A19280", "Fob"),), 40_000, 7_400),
    Driver(
        "tom@demo.polaris",
        "Tom Becker",
        (Card("041F6A90B7D380", "Lost in May", "Blocked"), Card("041F6A90B7D381", "New card")),
        82_000,
        11_000,
    ),
    Driver("priya@demo.polaris", "Priya Nair", (Card("0493BE4471F080", "Card"),), 58_000, 11_000),
    Driver("marek@demo.polaris", "Marek Novák", (Card("04E60C12D8A580", "Card"),), 64_000, 11_000),
    Driver("sofia@demo.polaris", "Sofia Rossi", (Card("0428D7F36B0E80", "Fob"),), 42_000, 7_400),
    Driver(
        "hannah@demo.polaris",
        "Hannah Schmidt",
        (Card("04B5490ECA7780", "Rental", expired_days_ago=19),),
        50_000,
        11_000,
    ),
    Driver("oliver@demo.polaris", "Oliver Grant", (Card("046E82D153CB80", "Fob"),), 79_000, 11_000),
    Driver("ines@demo.polaris", "Inês Duarte", (Card("04D0379B8EF480", "Card"),), 45_000, 22_000),
    Driver("kofi@demo.polaris", "Kofi Mensah", (Card("040AF5C6219D80", "Fob"),), 75_000, 11_000),
)  # fmt: skip


def _cards(*names: str) -> tuple[str, ...]:
    return tuple(
        card.uid for d in DRIVERS if d.name.split()[0] in names for card in d.cards if card.is_good
    )


# Two or three of them charge at any time. The simulators deal the cards out over the connectors, so
# one card keeps one connector busy. No two share a card: it charges at one place at a time. One has
# only Robin's, so that he finds a session running; his second card is free to start another.
CHARGERS = (
    Charger(
        "DEMO-01",
        "Lindenhof 1",
        GARAGE.name,
        "1.6",
        "Alfen",
        "Eve Single Pro",
        "6.6.0",
        (_AC11,),
        "busy",
        (DRIVERS[0].cards[0].uid,),
    ),
    Charger(
        "DEMO-02",
        "Lindenhof 2",
        GARAGE.name,
        "1.6",
        "Mennekes",
        "Amtron Twin",
        "1.5.22",
        (_AC22, _AC22),
        "quiet",
        _cards("Amara"),
    ),
    Charger(
        "DEMO-03",
        "Lindenhof 3",
        GARAGE.name,
        "2.0.1",
        "Alfen",
        "Eve Double",
        "7.1.2",
        (_AC22, _AC22),
        "busy",
        _cards("Lena"),
    ),
    Charger(
        "DEMO-04",
        "Lindenhof 4",
        GARAGE.name,
        "1.6",
        "KEBA",
        "P30 x-series",
        "1.17.0",
        (_AC11,),
        "idle",
    ),
    Charger(
        "DEMO-05",
        "Quayside Rapid",
        QUAY.name,
        "2.0.1",
        "alpitronic",
        "HYC150",
        "2.4.1",
        (Plug("CCS", 150_000), Plug("CHAdeMO", 50_000)),
        "quiet",
        _cards("Marek"),
    ),
    Charger(
        "DEMO-06",
        "Quayside 2",
        QUAY.name,
        "2.1",
        "Zaptec",
        "Pro 22",
        "9.0.3",
        (_AC22,),
        "idle",
    ),
    Charger(
        "DEMO-07",
        "Quayside 3",
        QUAY.name,
        "1.6",
        "EVBox",
        "Elvi",
        "3.18",
        (_AC11,),
        "faulted",
    ),
    Charger(
        "DEMO-08",
        "Quayside 4",
        QUAY.name,
        "2.0.1",
        "Wallbox",
        "Pulsar Pro",
        "5.17.9",
        (_AC22, _AC22),
        "offline",
    ),
)
