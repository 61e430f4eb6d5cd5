"""Hypothesis draws what happens, and what the network makes of what is said of it."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.histories.physical import Charge, Delivery, Dialect, Fate, History, Version
from tests.histories.saying import Message, messages

_REASONS = ["Local", "EVDisconnected", "PowerLoss", "Reboot"]
_FATES: list[Fate] = [
    "answer lost, same id",
    "answer lost, new id",
    "socket lost, same id",
    "socket lost, new id",
    "said on two sockets at once",
]
#: Up to 22 kW: what a connector of unknown power may always give.
_WH_A_SECOND = 6


@st.composite
def histories(draw: st.DrawFn, version: Version) -> History:
    dialect = draw(dialects(version))
    charges = draw(charged())
    is_16 = version == "1.6"
    # Which session is meant is plain only where there is one (digest 9.3).
    never_hears = is_16 and len(charges) == 1 and charges[0].is_end_said and draw(rarely())
    history = History(dialect, charges, (), never_hears)
    said = messages(history, "X")
    order = draw(orders(said, is_16=is_16))
    deliveries = [draw(delivered(place)) for place in order]
    again = draw(st.lists(st.sampled_from(range(len(said))), max_size=2)) if draw(rarely()) else []
    deliveries += [Delivery(place) for place in again]
    return History(dialect, charges, tuple(deliveries), never_hears)


def rarely() -> st.SearchStrategy[bool]:
    return st.sampled_from([False, False, False, True])


@st.composite
def dialects(draw: st.DrawFn, version: Version) -> Dialect:
    unit = draw(st.sampled_from(["Wh", "kWh"]))
    ids = draw(st.sampled_from(["unique", "counted"]))
    if version == "1.6":
        return Dialect(
            version,
            unit,  # type: ignore[arg-type]
            ids,  # type: ignore[arg-type]
            names_transaction=not draw(rarely()),
            says_stop_card=draw(st.booleans()),
        )
    return Dialect(
        version,
        unit,  # type: ignore[arg-type]
        ids,  # type: ignore[arg-type]
        says_start_register=not draw(rarely()),
        card_comes_later=draw(rarely()),
        says_evse_once=draw(rarely()),
        counts=not draw(rarely()),
    )


@st.composite
def charged(draw: st.DrawFn) -> tuple[Charge, ...]:
    """One to three charges on one or two EVSEs; on one they follow each other on one meter."""
    free_s, register_wh = {1: 0, 2: 0}, {1: draw(st.integers(0, 10**7)), 2: 500}
    is_session_meter = draw(rarely())
    found = []
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        evse = draw(st.sampled_from([1, 1, 2]))
        began_s = free_s[evse] + draw(st.sampled_from([1, 30, 90, 600]))
        readings, second, wh = [], 1, 0
        for pause_s in draw(st.lists(st.sampled_from([10, 60, 900]), max_size=5)):
            wh += draw(st.integers(0, pause_s * _WH_A_SECOND))
            second += pause_s
            readings.append((second, wh))
        pause_s = draw(st.sampled_from([1, 20, 400, 7200]))
        took_s = second + pause_s
        energy_wh = wh + draw(st.integers(0, pause_s * _WH_A_SECOND))
        found.append(
            Charge(
                evse=evse,
                card=draw(st.sampled_from(["ADA", "OMAR"])),
                began_s=began_s,
                took_s=took_s,
                register_wh=0 if is_session_meter else register_wh[evse],
                energy_wh=energy_wh,
                readings=tuple(readings),
                reason=draw(st.sampled_from(_REASONS)),
                is_end_said=not draw(rarely()) or not draw(rarely()),
            )
        )
        free_s[evse] = began_s + took_s
        register_wh[evse] += energy_wh
    return tuple(found)


@st.composite
def orders(draw: st.DrawFn, said: list[Message], *, is_16: bool) -> list[int]:
    """
    The order in which messages leave: what happened offline is replayed beside what is said live.

    Each of the two keeps its own order, as real queues do. A 1.6 box cannot speak of a transaction
    whose number it was not told, so there a start goes before its stop.
    """
    order = list(range(len(said)))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        first = draw(st.integers(0, len(order) - 1))
        last = draw(st.integers(first, len(order) - 1))
        queued, live = order[first : last + 1], order[last + 1 :]
        merged = order[:first]
        while queued and live:
            merged.append((live if draw(st.booleans()) else queued).pop(0))
        order = merged + queued + live
    return _starts_first(order, said) if is_16 else order


def _starts_first(order: list[int], said: list[Message]) -> list[int]:
    done: list[int] = []
    for place in order:
        if said[place].part == "end":
            of = said[place].charge
            start = next(p for p in order if said[p].charge == of and said[p].part == "start")
            if start not in done:
                done.append(start)
        if place not in done:
            done.append(place)
    return done


@st.composite
def delivered(draw: st.DrawFn, message: int) -> Delivery:
    if not draw(rarely()):
        return Delivery(message)
    return Delivery(
        message,
        tuple(draw(st.lists(st.sampled_from(_FATES), max_size=2))),
        reboots_first=draw(rarely()),
        opens_second_socket_first=draw(rarely()),
    )
