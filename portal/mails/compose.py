"""
What mails say: plain text, and a single column of HTML that reads well in a dark client.

All values are words as they are to be read, `link` an absolute address (`mails.links.absolute`):

    sign_in_link      link, valid_for ("15 minutes")
    invitation        link, valid_for ("15 minutes")
    password_link     link, valid_for ("1 hour")
    session_summary   number (of the session), charger, site (or None), started and ended
                      ("20 Nov 2026, 18:42"), energy ("18.21 kWh"), took ("1 h 44 min"),
                      cost ("€8.19", "Included", "unknown"), link
    dispute_received  number, figure ("Cost"), expected (as the driver wrote it), link
    dispute_answered  number, answer (as the operator wrote it), credit ("€3.20" or None), statement
                      (the one on which it appears, "November 2026", or None), link
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from db.mails import Body
from portal.config import Config
from portal.pages import Operator

_MOST_SUBJECT = 50  # what a phone shows (product.md E8)


class _Kind(NamedTuple):
    subject: str
    values: frozenset[str]


def _kind(subject: str, values: str) -> _Kind:
    return _Kind(subject, frozenset(values.split()))


KINDS = {
    "sign_in_link": _kind("Your sign-in link for {operator}", "link valid_for"),
    "invitation": _kind("Your account for {operator}", "link valid_for"),
    "password_link": _kind("Choose a new password for {operator}", "link valid_for"),
    "session_summary": _kind(
        "You charged {energy} at {charger}",
        "number charger site started ended energy took cost link",
    ),
    "dispute_received": _kind(
        "We have your dispute of session {number}", "number figure expected link"
    ),
    "dispute_answered": _kind(
        "Answer to your dispute of session {number}", "number answer credit statement link"
    ),
}


def operator_of(config: Config) -> Operator:
    return Operator(
        config.operator_name,
        config.operator_email,
        config.operator_zone,
        config.operator_currency,
    )


def compose(kind: str, *, operator: Operator, **values: Any) -> Body:
    """Raises KeyError for a kind that there is none of, TypeError for wrong values."""
    known = KINDS[kind]
    if wrong := known.values ^ values.keys():
        raise TypeError(
            f"{kind} takes {sorted(known.values)}: {sorted(wrong)} is missing or too much"
        )
    subject = _shortened(known.subject.format(operator=operator.name, **values))
    context = {"operator": operator, "subject": subject, **values}
    drawn = (
        _templates().get_template(f"{kind}.{form}").render(context) for form in ("txt", "html")
    )
    return Body(subject, *drawn)


def _shortened(subject: str) -> str:
    """One line, which ends at a word."""
    line = " ".join(subject.split())
    if len(line) <= _MOST_SUBJECT:
        return line
    words = line[: _MOST_SUBJECT - 1].rsplit(" ", 1)[0]
    return f"{words} …" if len(words) < _MOST_SUBJECT - 1 else f"{words}…"


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
