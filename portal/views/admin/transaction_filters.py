"""
The filters of the admin's sessions, as they stand in the address.

A date that cannot be used is left out of the search, and the page says so at its field: what is
shown then is never narrower than what the page says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from db.session_filters import Filters, Place, Status

STATUSES = get_args(Status)
_MOST_TAG = 255  # characters of a uid
_FIRST, _LAST = date(1990, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True, slots=True)
class Asked:
    """`given` is drawn again as typed; `used` is what of it the search takes part in."""

    filters: Filters
    given: Mapping[str, str]
    used: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def query(self, *, but: str = "", **more: str) -> str:
        """The address's query with these filters: a view that can be sent to a colleague."""
        kept = {name: value for name, value in self.used.items() if name != but}
        words = urlencode(kept | {name: value for name, value in more.items() if value})
        return f"?{words}" if words else ""


def read(query: Mapping[str, str], zone: str) -> Asked:
    """Of the GET form; dates are days of the operator's zone, both inclusive (S61)."""
    given = {name: query.get(name, "").strip() for name in ("status", "from", "to", "tag")}
    errors: dict[str, str] = {}
    since, until = (_day(given, name, errors) for name in ("from", "to"))
    if since and until and since > until:
        errors["to"] = (
            "To is before From, so neither is used. Choose a To on the same day or a later one."
        )
        since = until = None
    status: Status = next((known for known in STATUSES if known == given["status"]), "all")
    tag = given["tag"].replace("\0", "")[:_MOST_TAG]
    used = {
        "status": "" if status == "all" else status,
        "from": since.isoformat() if since else "",
        "to": until.isoformat() if until else "",
        "tag": tag,
    }
    filters = Filters(
        status,
        midnight(since, zone) if since else None,
        midnight(until + timedelta(days=1), zone) if until else None,
        tag,
    )
    return Asked(filters, given, {name: word for name, word in used.items() if word}, errors)


def midnight(day: date, zone: str) -> datetime:
    """When a day begins there, in UTC; where the clock skips midnight, the moment it skips."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def today(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def said(place: Place) -> str:
    return f"{place.updated_at.astimezone(UTC).isoformat()}_{place.number}"


def place(said: str | None) -> Place | None:
    """None for what is no place: the list then begins at its start."""
    at, _, number = (said or "").partition("_")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
        return Place(moment, int(number)) if moment.tzinfo and int(number) < 2**63 else None
    except ValueError:
        return None


def _day(given: Mapping[str, str], name: str, errors: dict[str, str]) -> date | None:
    if not given[name]:
        return None
    try:
        day = date.fromisoformat(given[name])
    except ValueError:
        day = None
    if day is None or not _FIRST <= day <= _LAST:
        label = name.capitalize()
        errors[name] = f"{label} is not a date, so it is left out. Enter one such as 2026-11-20."
        return None
    return day
