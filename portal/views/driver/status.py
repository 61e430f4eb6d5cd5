"""
A charger in a driver's four words (decisions 20 and 21), each with what makes it so.

Of a place the first that is true counts: offline, in use, reserved, online (seed: customer tour).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from db.driver_home import Charger, Plug
from db.reservations import Held
from portal.format import clock, rated, when

UNSEEN_FOR = timedelta(hours=1)

# A part of the connector's name, what drivers call it (seed: customer tour), and its picture.
_TYPES = (
    ("ccs", "CCS", "c-ccs"),
    ("combo", "CCS", "c-ccs"),
    ("chademo", "CHAdeMO", "c-chademo"),
    ("nacs", "NACS", "c-nacs"),
    ("j3400", "NACS", "c-nacs"),
    ("tesla", "NACS", "c-nacs"),
    ("j1772", "J1772", "c-j1772"),
    ("type 1", "J1772", "c-j1772"),
    ("type 2", "Type 2", "c-type2"),
    ("mennekes", "Type 2", "c-type2"),
)


class Word(StrEnum):
    ONLINE = "Online"
    IN_USE = "In use"
    RESERVED = "Reserved"
    OFFLINE = "Offline"


#: Tone and icon of each.
_LOOKS = {
    Word.ONLINE: ("ok", "check"),
    Word.IN_USE: ("live", "link"),
    Word.RESERVED: ("wait", "held"),
    Word.OFFLINE: ("off", "gone"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One EVSE: what one vehicle can use at a time."""

    evse: int
    kinds: str  # CCS · 150 kW or Type 2 · 22 kW
    word: Word
    extra: str = ""  # cable in, unplug, out of service, reserved for you
    why: str = ""

    @property
    def is_free(self) -> bool:
        return self.word is Word.ONLINE

    @property
    def tone(self) -> str:
        return _LOOKS[self.word][0]

    @property
    def said(self) -> str:
        return f"{self.word}, {self.extra}" if self.extra else str(self.word)


@dataclass(frozen=True, slots=True)
class Card:
    """A charger as a driver sees it: the best that one of its places has to offer."""

    charger: Charger
    word: Word
    extra: str
    why: str
    glyph: str
    kinds: str
    places: Sequence[Place]

    @property
    def free(self) -> list[Place]:
        return [place for place in self.places if place.is_free]

    @property
    def is_online(self) -> bool:
        return self.word is Word.ONLINE

    @property
    def tone(self) -> str:
        return _LOOKS[self.word][0]

    @property
    def icon(self) -> str:
        return _LOOKS[self.word][1]

    @property
    def is_live(self) -> bool:
        """Whether energy may flow: in use, and not only by a cable that was left in."""
        return self.word is Word.IN_USE and not self.extra

    @property
    def said(self) -> str:
        return f"{self.word}, {self.extra}" if self.extra else str(self.word)


def card(
    charger: Charger, now: datetime, held: Sequence[Held] = (), account_id: int | None = None
) -> Card:
    """`held` is what is reserved at `now`, of any charger; `account_id` is who looks."""
    here = [each for each in held if each.station_id == charger.id]
    places = [
        _reserved(_place(charger, evse, list(plugs), now), here, charger.zone, account_id)
        for evse, plugs in groupby(charger.plugs, key=lambda plug: plug.evse)
    ]
    word, extra, why = _whole(charger, places, here, now, account_id)
    kinds = list(dict.fromkeys(place.kinds for place in places if place.kinds))
    picture = glyph(charger.plugs[0].type if charger.plugs else None)
    return Card(charger, word, extra, why, picture, ", ".join(kinds), places)


def _whole(
    charger: Charger,
    places: Sequence[Place],
    held: Sequence[Held],
    now: datetime,
    account_id: int | None,
) -> tuple[Word, str, str]:
    if charger.last_seen_at is None:
        return Word.OFFLINE, "", "It was never connected yet."
    if not _is_heard(charger, now):
        since = _since(charger.last_seen_at, charger.zone, now)
        return Word.OFFLINE, "", f"Not heard from since {since}. Please use another one."
    if charger.status in {"Faulted", "Unavailable"}:
        return _OUT
    for word in Word:
        found = [place for place in places if place.word is word]
        if found:
            # What is true of all of them, or of the only one, is true of the charger.
            extra = found[0].extra if len({place.extra for place in found}) == 1 else ""
            return word, extra, found[0].why
    # It has named no connector yet, but may be held as a whole.
    alone = _reserved(Place(1, "", Word.ONLINE), held, charger.zone, account_id)
    return alone.word, alone.extra, alone.why


def _reserved(place: Place, held: Sequence[Held], zone: str, account_id: int | None) -> Place:
    """A free place that somebody holds is theirs until the end of that."""
    found = [each for each in held if each.evse in {None, place.evse}]
    if not found or place.word not in {Word.ONLINE, Word.RESERVED}:
        return place
    hold = next((each for each in found if each.account_id == account_id), found[0])
    until = clock(hold.ends_at, zone)
    if hold.account_id == account_id:
        return replace(
            place,
            word=Word.ONLINE,
            extra="reserved for you",
            why=f"It is reserved for you until {until}.",
        )
    return replace(
        place, word=Word.RESERVED, extra="", why=f"It is held for someone until {until}."
    )


def _place(charger: Charger, evse: int, plugs: Sequence[Plug], now: datetime) -> Place:
    kinds = " or ".join(dict.fromkeys(_kind(plug) for plug in plugs if _kind(plug)))
    if not _is_heard(charger, now):
        return Place(evse, kinds, Word.OFFLINE)
    states = [_plug(charger, plug, now) for plug in plugs]
    out = [state for state in states if state[0] is Word.OFFLINE]
    if len(out) == len(states) or charger.status in {"Faulted", "Unavailable"}:
        return Place(evse, kinds, *_OUT)
    # One vehicle at a time: what is true of one of its plugs keeps the place.
    left = [state for state in states if state[0] is not Word.OFFLINE]
    return Place(evse, kinds, *max(left, key=lambda state: _KEEPS.index(state[0])))


_KEEPS = [Word.ONLINE, Word.RESERVED, Word.IN_USE]
_OUT = Word.OFFLINE, "out of service", "Out of service. Please use another one."


def _plug(charger: Charger, plug: Plug, now: datetime) -> tuple[Word, str, str]:
    if plug.taken_since is not None:
        since = _since(plug.taken_since, charger.zone, now)
        if plug.is_mine:
            return Word.IN_USE, "", f"You have been charging since {since}."
        return Word.IN_USE, "", f"Someone has been charging since {since}."
    match plug.status:
        case "Faulted" | "Unavailable":
            return _OUT
        case "Reserved":
            return Word.RESERVED, "", "It is held for someone."
        case "Occupied" if _is_cable_only(plug):
            return Word.ONLINE, "cable in", ""
        case "Occupied" if plug.is_left_in or plug.reported == "Finishing":
            return Word.IN_USE, "unplug", "Charging is over, the cable is still in."
        case "Occupied":
            return Word.IN_USE, "", "Someone is using it."
        case _:
            return Word.ONLINE, "", ""


def _is_cable_only(plug: Plug) -> bool:
    """2.x says only Occupied, before as after: after, a session has ended there since."""
    return plug.reported == "Preparing" or (plug.reported == "Occupied" and not plug.is_left_in)


def _is_heard(charger: Charger, now: datetime) -> bool:
    """The link counts as seen when it began: one that died without a word is not heard for ever."""
    return charger.last_seen_at is not None and now - charger.last_seen_at < UNSEEN_FOR


def _kind(plug: Plug) -> str:
    parts = [type_word(plug.type), rated(plug.max_power_w) if plug.max_power_w else ""]
    return " · ".join(part for part in parts if part)


def _since(at: datetime | None, zone: str, now: datetime) -> str:
    is_near = at is not None and now - at < timedelta(hours=18)
    return clock(at, zone) if is_near else when(at, zone)


def type_word(type: str | None) -> str:
    """One of CCS, J1772, NACS, CHAdeMO and Type 2, or what somebody entered instead."""
    return _type(type)[0]


def glyph(type: str | None) -> str:
    return _type(type)[1]


def _type(type: str | None) -> tuple[str, str]:
    name = (type or "").casefold()
    return next(
        ((word, picture) for part, word, picture in _TYPES if part in name), (type or "", "charger")
    )
