"""Which pages are asked for, and the words by which an answer is told from an apology."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

Who = Literal["driver", "admin"]

_SESSIONS = "/admin/transactions"
_LIST_WORDS = ("<h1>Charging Sessions</h1>", 'aria-label="All sessions, whatever the filters"')
_LOAD_DAYS = 180  # that the load is spread over


@dataclass(frozen=True)
class Known:
    """Of the load: a driver with many sessions, that driver's card, the last finished session."""

    email: str
    uid: str
    number: int


@dataclass(frozen=True)
class Page:
    name: str  # in bench.json
    who: Who
    path: str
    words: tuple[str, ...]  # that are all in a good answer


def pages(known: Known, now: datetime) -> list[Page]:
    return [*_of_driver(known, now), *_of_admin(known, now)]


def _of_driver(known: Known, now: datetime) -> list[Page]:
    far = urlencode({"after": _place(now)})
    heading = "<h1>Sessions</h1>"
    return [
        Page("driver_home", "driver", "/", ('<h1 class="unseen">Dashboard</h1>', 'id="chargers"')),
        Page("driver_sessions", "driver", "/sessions", (heading, f"/sessions/{known.number}")),
        Page("driver_sessions_far", "driver", f"/sessions?{far}", (heading,)),
        Page(
            "driver_session",
            "driver",
            f"/sessions/{known.number}",
            (f"<h1>Session #{known.number}</h1>",),
        ),
    ]


def _of_admin(known: Known, now: datetime) -> list[Page]:
    day = (now - timedelta(days=30)).date().isoformat()
    first = (now - timedelta(days=_LOAD_DAYS + 20)).date().isoformat()
    today = now.date().isoformat()
    one_day, all_days = {"from": day, "to": day}, {"from": first, "to": today}
    number = f"{_SESSIONS}/{known.number}"
    return [
        Page("admin_home", "admin", "/admin", ("<h1>Overview</h1>",)),
        Page("sessions", "admin", _SESSIONS, (*_LIST_WORDS, "sessions recorded")),
        _filtered("sessions_active", {"status": "active"}),
        _filtered("sessions_completed", {"status": "completed"}),
        _filtered("sessions_day", one_day),
        _filtered("sessions_all_days", all_days),
        _filtered("sessions_tag_one_card", {"tag": known.uid}),
        _filtered("sessions_tag_of_many", {"tag": "load"}),
        _filtered("sessions_tag_percent", {"tag": "%"}, "0 sessions match"),
        _filtered("sessions_tag_in_a_day", {"tag": "load", **one_day}),
        _filtered("sessions_tag_stray_all_days", {"tag": "stray", **all_days}),
        _filtered("sessions_everything", {"status": "completed", "tag": "load0", **all_days}),
        Page(
            "sessions_far",
            "admin",
            f"{_SESSIONS}?{urlencode({'after': _place(now)})}",
            (*_LIST_WORDS, "sessions recorded"),
        ),
        _filtered("sessions_tag_far", {"tag": "load", "after": _place(now)}),
        Page("sessions_counters", "admin", f"{_SESSIONS}/counters", (_LIST_WORDS[1],)),
        Page("admin_session", "admin", number, ("<h1", f"#{known.number}")),
    ]


def _filtered(name: str, query: Mapping[str, str], word: str = "current filters") -> Page:
    return Page(name, "admin", f"{_SESSIONS}?{urlencode(query)}", (*_LIST_WORDS, word))


def _place(now: datetime) -> str:
    """Where Load more goes on: in the middle of the load's time, whatever session is there."""
    middle = now - timedelta(days=_LOAD_DAYS // 2)
    return f"{middle.isoformat(timespec='seconds')}_1"
