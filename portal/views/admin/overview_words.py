"""What needs a person, in words: one row for each kind, and where it is handled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from db.needs import Kind, Need
from portal.views.admin.transaction_rows import flag_words

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Row:
    """`at` is since when, of the one that there is; `href` leads to where it is handled."""

    kind: Kind
    count: int
    title: str
    sentence: str
    at: datetime | None
    href: str
    do: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class _Words:
    one: str  # of {name}
    many: str  # of {count}
    do: str  # what the button says
    tone: str
    icon: str
    place: str = ""  # where all of them are handled; else a list of their own


_WORDS: dict[Kind, _Words] = {
    "faulted": _Words(
        "{name} is faulted", "{count} connectors are faulted", "Open charger", "fault", "alert"
    ),
    "offline": _Words(
        "{name} is offline", "{count} chargers are offline", "See attempts", "fault", "gone"
    ),
    "contested": _Words(
        "Is {name} connected from two places?",
        "{count} chargers may be connected from two places",
        "See attempts",
        "fault",
        "link",
    ),
    "silent": _Words(
        "Session {number} went silent",
        "{count} sessions are silent",
        "Open session",
        "wait",
        "sessions",
    ),
    "refused": _Words(
        "{name} refused a command", "{count} commands were refused", "See command", "wait", "unlock"
    ),
    "review": _Words(
        "Session {number} is odd",
        "{count} sessions are odd",
        "Look at it",
        "wait",
        "sessions",
        "/admin/needs/review",
    ),
    "quarantine": _Words(
        "{name} said what we could not read",
        "{count} messages could not be read",
        "Read it",
        "wait",
        "log",
        "/admin/quarantine",
    ),
    "dispute": _Words(
        "{name} disputes session {number}",
        "{count} disputes wait for an answer",
        "Answer",
        "accent",
        "flag",
        "/admin/disputes",
    ),
    "mail": _Words(
        "A mail to {name} could not be sent",
        "{count} mails could not be sent",
        "See mails",
        "wait",
        "mail",
        "/admin/system#mail",
    ),
    "pending": _Words(
        "{name} waits to be let in",
        "{count} chargers wait to be let in",
        "Decide",
        "accent",
        "held",
    ),
}
_FIGURES = {"kwh": "energy", "duration": "duration", "cost": "cost", "charger": "charger"}


def rows(found: dict[Kind, list[Need]]) -> list[Row]:
    return [_row(kind, needs) for kind, needs in found.items()]


def title(kind: Kind, count: int) -> str:
    return _WORDS[kind].many.format(count=count)


def href(need: Need) -> str:
    """Of the one thing."""
    match need.kind:
        case "dispute":
            return f"/admin/disputes/{need.ref}"
        case "silent" | "review":
            return f"/admin/transactions/{need.number}"
        case "quarantine" | "mail":
            return _WORDS[need.kind].place
        case "offline" | "contested":
            return f"/admin/chargers/{quote(need.ref, safe='')}#attempts"
        case "refused":
            return f"/admin/chargers/{quote(need.ref, safe='')}#commands"
        case _:
            return f"/admin/chargers/{quote(need.ref, safe='')}"


def name(need: Need) -> str:
    words = _WORDS[need.kind]
    return words.one.format(name=need.name, number=need.number)


def sentence(need: Need) -> str:
    said = (need.detail or "").strip().rstrip(".")
    match need.kind:
        case "faulted":
            where = f"Connector {need.part}" if need.part else "The whole charger"
            return f"{where}{f': {said}' if said else ''}. Nobody can charge there."
        case "offline":
            return "It was not heard of for over an hour."
        case "contested":
            return (
                f"Its connection was taken over {need.part} times in 24 hours, from"
                f" {said or 'nobody knows where'}. Two boxes may have its identity and password."
            )
        case "silent":
            return f"{need.name} sends no readings of it. The car may still be plugged in."
        case "refused":
            return f"{need.part}{f': {said}' if said else ''}."
        case "review":
            return f"{need.name}: {flag_words(said.split())}."
        case "quarantine":
            return f"{need.part}: {said}."
        case "dispute":
            state = "Not acknowledged yet." if said == "open" else "Acknowledged, not answered yet."
            return f"It is about the {_FIGURES.get(need.part or '', need.part)}. {state}"
        case "mail":
            return f"{(need.part or '').replace('_', ' ').capitalize()}: {said or 'given up'}."
        case "pending":
            made = f"{said} connected" if said else "It connected"
            return f"{made} and nobody has added it yet."


def _row(kind: Kind, needs: Sequence[Need]) -> Row:
    words, first = _WORDS[kind], needs[0]
    count = first.total
    if count == 1:
        place = words.place if kind == "review" else href(first)
        return Row(
            kind, 1, name(first), sentence(first), first.at, place, words.do, words.tone, words.icon
        )
    names = list(dict.fromkeys(_short(need) for need in needs))[:_NAMED]
    left = count - len(names)
    more = f" and {left} more" if left > 0 else ""
    place = words.place or f"/admin/needs/{kind}"
    return Row(
        kind,
        count,
        title(kind, count),
        f"{', '.join(names)}{more}.",
        None,
        place,
        "See all",
        words.tone,
        words.icon,
    )


def _short(need: Need) -> str:
    return f"{need.number} at {need.name}" if need.kind in {"silent", "review"} else need.name
