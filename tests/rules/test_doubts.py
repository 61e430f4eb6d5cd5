"""What is made of a running session of which nothing is heard."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.rules import doubts
from csms.rules.doubts import Told
from db.model.sessions import EndSigns, SessionLive
from tests.rules.metered import live as live_at_start
from tests.rules.test_sessions import session

LIVE: SessionLive = live_at_start()
HEARD = LIVE.updated_at
#: As said, it began an hour before it was heard of: from a queue.
OLD = session(family="v2", started_at=HEARD - timedelta(hours=1))
OLD_LIVE = replace(LIVE, register_at=None, started_at=OLD.started_at)
spans = st.timedeltas(timedelta(0), timedelta(days=4))
odd_spans = st.none() | st.timedeltas(-timedelta(days=2), timedelta(days=4))


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def m(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def signs(**since: timedelta | None) -> EndSigns:
    """Times since the last message."""
    named = {key: None if span is None else HEARD + span for key, span in since.items()}
    return EndSigns(
        booted_at=named.get("booted"),
        boots_since=named.get("boots"),
        free_since=named.get("free"),
        free_at=named.get("free_at"),
        next_started_at=named.get("next"),
        can_be_asked=True,
    )


def doubt(now: timedelta, told: Told | None = None, **since: timedelta | None) -> str | None:
    return doubts.doubt(session(), LIVE, signs(**since), told, now=HEARD + now)


def doubt_of_history(
    now: timedelta, told: Told | None = None, **since: timedelta | None
) -> str | None:
    return doubts.doubt(OLD, OLD_LIVE, signs(**since), told, now=HEARD + now)


def told(after: timedelta, is_ongoing: bool | None, has_queue: bool | None = False) -> Told:
    return Told(HEARD + after, is_ongoing, has_queue)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"now": s(3600)}, None),
        ({"now": s(48 * 3600)}, None),
        ({"now": s(48 * 3600 + 1)}, "stale"),
        ({"now": s(121), "free": s(1)}, None),
        ({"now": s(122), "free": s(1)}, "implicit_end"),
        # Its own words came after: the status is of the session before.
        ({"now": s(3600), "free": s(0)}, None),
        ({"now": s(3600), "free": s(-60)}, None),
        ({"now": s(901), "booted": s(1)}, None),
        ({"now": s(902), "booted": s(1)}, "implicit_end"),
        ({"now": s(3600), "booted": s(0)}, None),
        ({"now": s(3600), "booted": s(-60)}, None),
        ({"now": s(901), "booted": s(800), "boots": s(1)}, None),
        ({"now": s(902), "booted": s(800), "boots": s(1)}, "implicit_end"),
        ({"now": s(902), "booted": s(800), "boots": s(-1)}, None),  # heard of between the boots
        ({"now": s(200), "booted": s(1), "free": s(2)}, "implicit_end"),
        # It was told of as it happened: what its clock says of other things does not matter.
        ({"now": m(60), "free_at": m(10)}, None),
        ({"now": m(60), "next": m(-1)}, None),
    ],
)
def test_a_session_is_doubted_for_these_reasons(said: dict[str, Any], why: str | None) -> None:
    assert doubt(**said) == why


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"now": m(60)}, None),
        ({"now": m(15), "free_at": m(-30)}, None),
        ({"now": m(16), "free_at": m(-30)}, "implicit_end"),
        ({"now": m(16), "free_at": m(-61)}, None),  # before it began
        ({"now": m(15), "next": m(-30)}, None),
        ({"now": m(16), "next": m(-30)}, "implicit_end"),
        ({"now": m(16), "next": m(1)}, None),  # of a clock that was ahead
    ],
)
def test_history_is_over_when_its_evse_was_free_or_taken_since(
    said: dict[str, Any], why: str | None
) -> None:
    assert doubt_of_history(**said) == why


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (told(m(2), False), "implicit_end"),
        (told(m(2), False, True), None),  # its end is on the way
        (told(m(2), None), None),  # no answer, or one that says nothing
        (told(m(2), None, None), None),
        (told(m(2), True), None),
        (told(m(-1), False), None),  # it was heard of since
    ],
)
def test_a_charger_that_knows_a_session_no_more_has_ended_it(answer: Told, why: str | None) -> None:
    assert doubt(m(3), answer) == why
    assert doubt_of_history(m(3), answer) == why


@pytest.mark.parametrize("said", [{"booted": s(1)}, {"free": s(1)}, {}])
def test_a_session_that_goes_on_by_its_chargers_word_is_not_ended_by_older_signs(
    said: dict[str, Any],
) -> None:
    goes_on = told(m(60), True)

    assert doubt(m(2_890), **said) is not None
    assert doubt(m(2_890), goes_on, **said) is None
    assert doubt(m(2_890 + 60), goes_on, **said) == "stale"


def test_history_that_goes_on_by_its_chargers_word_is_not_ended_by_its_clock() -> None:
    assert doubt_of_history(m(20), told(m(2), True), free_at=m(-30)) is None


@pytest.mark.parametrize(
    ("now", "booted", "answer", "is_asked"),
    [
        (s(59), None, None, False),
        (s(60), None, None, True),
        (s(90), s(60), None, False),
        (s(120), s(60), None, True),
        (m(5), None, told(m(1), None), False),  # no answer yet, or none
        (m(12), None, told(m(1), None), True),
        (m(12), None, told(m(1), False, True), True),  # what was queued did not come
        (m(120), None, told(m(1), True), False),
        (m(120), m(60), told(m(1), True), True),  # it booted since
    ],
)
def test_a_session_from_a_queue_is_asked_about_once_it_is_quiet(
    now: timedelta, booted: timedelta | None, answer: Told | None, is_asked: bool
) -> None:
    asked = doubts.is_to_be_asked(OLD, OLD_LIVE, signs(booted=booted), answer, now=HEARD + now)

    assert asked == is_asked


def test_who_is_asked_has_booted_or_speaks_of_the_past_and_can_answer() -> None:
    def is_asked(of: Any, live: SessionLive, known: EndSigns) -> bool:
        return doubts.is_to_be_asked(of, live, known, None, now=HEARD + m(5))

    booted = signs(booted=s(1))
    running = session(family="v2")
    assert is_asked(running, LIVE, booted)
    assert not is_asked(running, LIVE, signs())
    assert not is_asked(replace(running, family="v16"), LIVE, booted)
    assert not is_asked(replace(OLD, family="v16"), OLD_LIVE, signs())
    assert not is_asked(OLD, OLD_LIVE, replace(signs(), can_be_asked=False))


@given(spans, odd_spans, odd_spans)
def test_what_was_heard_in_the_last_two_minutes_is_never_doubted(
    now: timedelta, booted: timedelta | None, free: timedelta | None
) -> None:
    why = doubt(now, booted=booted, free=free)

    if now <= doubts.FREE_FOR:
        assert why is None
    if now > doubts.SILENT_FOR:
        assert why is not None


@given(spans, spans, odd_spans, odd_spans, odd_spans)
def test_doubt_only_grows_until_something_is_heard(
    now: timedelta,
    more: timedelta,
    booted: timedelta | None,
    free: timedelta | None,
    begun: timedelta | None,
) -> None:
    for each in (doubt, doubt_of_history):
        if each(now, booted=booted, free=free, free_at=free, next=begun) is not None:
            assert each(now + more, booted=booted, free=free, free_at=free, next=begun) is not None
