"""A dispute in words, for both portals and for mails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote

from db.disputed_sessions import Disputed
from db.disputes import Dispute, Entry, Figure, Seen, State
from portal import price_view
from portal.format import clock, clock_s, day, duration, energy, money, power, rated

#: The number that is disputed (seed: dispute a charging session).
FIGURES: dict[Figure, str] = {
    "kwh": "kWh",
    "duration": "Duration",
    "cost": "Cost",
    "charger": "Charger",
}
#: Word, tone and icon of each state.
STATES: dict[State, tuple[str, str, str]] = {
    "open": ("Open", "wait", "mail"),
    "acknowledged": ("Acknowledged", "wait", "search"),
    "answered": ("Answered", "ok", "check"),
    "closed": ("Closed", "off", "check"),
}


@dataclass(frozen=True, slots=True)
class Story:
    """A dispute with every step of it, the first one first."""

    dispute: Dispute
    entries: list[Entry]

    @property
    def state(self) -> tuple[str, str, str]:
        return STATES[self.dispute.state]

    def credit(self, entry: Entry) -> str:
        return credit(entry)


def seen(session: Disputed, price: price_view.Shown) -> Seen:
    """The figures as the page shows them now."""
    return Seen(
        energy_wh=session.energy_wh,
        took_s=None if session.took is None else int(session.took.total_seconds()),
        currency=price.currency,
        total=price.total,
        is_estimate=price.is_estimate,
        is_included=price.is_included,
        public_id=session.public_id,
        charger=session.charger,
        connector=session.connector,
        max_power_w=session.max_power_w,
    )


def figures(shown: Seen) -> list[tuple[Figure | None, str, str]]:
    """The four figures of the page and the charger: which can be disputed, label, value."""
    average = shown.average_w
    charger = [shown.charger, shown.public_id, shown.connector]
    if shown.max_power_w is not None:
        charger.append(rated(shown.max_power_w))
    return [
        ("kwh", "Total kWh", energy(shown.energy_wh)),
        ("duration", "Duration", duration(shown.took)),
        (None, "Average kW", "–" if average is None else power(average)),
        ("cost", "Cost", cost(shown)),
        ("charger", "Charger", ", ".join(part for part in charger if part)),
    ]


def cost(shown: Seen) -> str:
    return "Included" if shown.is_included else money(shown.total, shown.currency)


def when(session: Disputed) -> str:
    """18 Nov 2026, 17:04 – 19:55, in the zone of its site."""
    began = f"{day(session.started_at, session.zone)}, {clock(session.started_at, session.zone)}"
    if session.ended_at is None:
        return began
    over = clock(session.ended_at, session.zone)
    if day(session.ended_at, session.zone) != day(session.started_at, session.zone):
        over = f"{day(session.ended_at, session.zone)}, {over}"
    return f"{began} – {over}"


def times(marked: Sequence[datetime], zone: str) -> str:
    return ", ".join(clock_s(at, zone) for at in marked)


def month(statement: date) -> str:
    """November 2026"""
    return f"{statement:%B %Y}"


def credit(entry: Entry) -> str:
    """Credit of €2.00, on your statement of November 2026 (S22: a future invoice)."""
    assert entry.amount is not None
    assert entry.currency is not None
    assert entry.statement_month is not None
    words = money(-entry.amount, entry.currency)
    return f"Credit of {words}, on your statement of {month(entry.statement_month)}"


def credited(credits: Sequence[Entry]) -> str:
    """The sum of them, which are of one session and so of one currency."""
    total = -sum((entry.amount or Decimal(0) for entry in credits), Decimal(0))
    return money(total, credits[0].currency or "")


def statements(credits: Sequence[Entry]) -> str:
    """The months on whose statements they appear."""
    months = sorted({entry.statement_month for entry in credits if entry.statement_month})
    return " and ".join(month(one) for one in months)


def head_of_mail(session: Disputed, shown: Seen) -> str:
    """What is known without the driver: number, date and time, and what the page shows."""
    lines = [
        f"Session: #{session.number}",
        f"Date and time: {when(session)} ({session.zone})",
        *(f"{label}: {value}" for _, label, value in figures(shown)),
    ]
    return "\n".join(lines)


def body_of_mail(
    session: Disputed,
    shown: Seen,
    *,
    figure: str = "",
    expected: str = "",
    why: str = "",
    marked: Sequence[datetime] = (),
) -> str:
    """The five things that a dispute needs (seed: dispute a charging session)."""
    about = {str(key): word for key, word in FIGURES.items()}.get(figure, "")
    lines = [
        head_of_mail(session, shown),
        "",
        f"Disputed (kWh, duration, cost or charger): {about}",
        f"Expected: {expected}",
        f"Why: {why}",
        f"Meter timeline rows that look wrong: {times(marked, session.zone)}",
    ]
    return "\n".join(lines)


def mailto(address: str | None, number: int, body: str) -> str:
    """A link that opens a mail with all of it; without an address the driver fills that in."""
    lines = body.replace("\n", "\r\n")
    subject = quote(f"Session #{number}")
    return f"mailto:{quote(address or '', safe='@')}?subject={subject}&body={quote(lines)}"
