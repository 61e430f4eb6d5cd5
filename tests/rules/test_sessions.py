"""The life of a session: its start among others, its ends by charger and by rule, its doubts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.rules import sessions as rules
from csms.rules.metering import FLAGS, Metered
from db.model.sessions import Session
from tests.rules.metered import START, at
from tests.rules.metered import live as live_at_start

RULED = [rules.IMPLICIT_END, rules.STALE, rules.CHARGER_REPLACED]
minutes = st.integers(-10_000, 10_000)
registers = st.none() | st.integers(0, 10**7)
reasons = st.sampled_from(["Local", "Remote", "EVDisconnected", "PowerLoss"])
ruled_flags = st.sampled_from(RULED)


def session(**more: Any) -> Session:
    """One that began at START and runs."""
    values: dict[str, Any] = {
        "station_id": 1,
        "id": 7,
        "family": "v16",
        "transaction_id": "7",
        "generation": 0,
        "start_key": None,
        "evse": 1,
        "connector": 1,
        "id_token": "ADA-1",
        "stop_id_token": None,
        "account_id": None,
        "authorization_status": "Accepted",
        "started_at": START,
        "start_received_at": START,
        "ended_at": None,
        "end_received_at": None,
        "meter_start_wh": 1000,
        "meter_stop_wh": None,
        "energy_wh": None,
        "is_finalized": False,
        "is_end_inferred": False,
        "is_recompute_due": False,
        "stop_reason": None,
        "flags": [],
        "updated_at": START,
    }
    return Session(**(values | more))


def end(
    of: Session,
    minute: float = 60,
    *,
    received: float | None = None,
    reason: str = "Local",
    stop: int | None = 3500,
) -> Session:
    return rules.ended(
        of,
        at=at(minute),
        received_at=at(minute if received is None else received),
        reason=reason,
        meter_stop_wh=stop,
        stop_id_token="ADA-1",
    )


def by_rule(of: Session, minute: float = 30, *, now: float = 90, flag: str = "stale") -> Session:
    return rules.end_inferred(of, at=at(minute), now=at(now), flag=flag)


def result(
    energy_wh: int | None = 2500, *flags: str, start: int = 1000, stop: int = 3500
) -> Metered:
    return Metered(
        energy_wh, "outlet", None, None, Decimal(energy_wh or 0), start, stop, frozenset(flags)
    )


def test_the_chargers_end_is_taken_as_said() -> None:
    ended = end(session(), 60, received=61, reason="EVDisconnected")

    assert ended.is_finalized
    assert not ended.is_end_inferred
    assert ended.ended_at == at(60)
    assert ended.end_received_at == ended.updated_at == at(61)
    assert (ended.stop_reason, ended.meter_stop_wh) == ("EVDisconnected", 3500)
    assert ended.stop_id_token == "ADA-1"
    assert ended.flags == []


def test_an_end_before_its_start_is_at_its_start() -> None:
    assert end(session(), -5).ended_at == START
    assert by_rule(session(), -5).ended_at == START


def test_a_repeated_end_changes_nothing_at_all() -> None:
    ended = end(session())

    assert end(ended, 75, reason="Remote") is ended
    assert end(ended, stop=None) is ended


def test_a_second_end_with_another_register_is_flagged_and_not_believed() -> None:
    ended = end(session())

    again = end(ended, 75, reason="Remote", stop=9000)

    flags = [rules.NEEDS_REVIEW, rules.STOP_CONFLICT]
    assert again == replace(ended, flags=flags, updated_at=at(75))


def test_a_register_that_the_first_end_did_not_say_is_no_conflict() -> None:
    ended = end(session(), stop=None)

    assert end(ended, stop=9000) is ended


def test_an_end_by_rule_waits_for_a_person_or_for_the_chargers_own() -> None:
    ruled = by_rule(session(), 30, now=90, flag=rules.STALE)

    assert ruled.is_finalized
    assert ruled.is_end_inferred
    assert not rules.is_ended_by_charger(ruled)
    assert ruled.ended_at == at(30)
    assert ruled.end_received_at == ruled.updated_at == at(90)
    assert ruled.stop_reason == "Other"
    assert ruled.flags == [rules.NEEDS_REVIEW, rules.STALE]


@pytest.mark.parametrize("flag", RULED)
def test_the_chargers_own_end_replaces_that_of_a_rule(flag: str) -> None:
    late = end(by_rule(session(), 30, flag=flag), 45, received=200, reason="PowerLoss")

    assert rules.is_ended_by_charger(late)
    assert late.ended_at == at(45)
    assert (late.stop_reason, late.meter_stop_wh) == ("PowerLoss", 3500)
    assert rules.LATE_END in late.flags
    assert flag not in late.flags


def test_an_end_that_was_guessed_gives_way_to_the_one_that_names_its_session() -> None:
    guessed = guess(session(), b"k")
    assert guessed.is_end_inferred
    assert {rules.GUESSED_END, rules.NEEDS_REVIEW} <= set(guessed.flags)
    assert guess(guessed, b"k") is guessed

    named = end(guessed, 70, stop=4000)

    assert rules.is_ended_by_charger(named)
    assert (named.ended_at, named.meter_stop_wh) == (at(70), 4000)
    assert rules.GUESSED_END not in named.flags


def guess(of: Session, stop_key: bytes) -> Session:
    return rules.ended(
        of,
        at=at(60),
        received_at=at(61),
        reason="Local",
        meter_stop_wh=3500,
        stop_id_token=None,
        stop_key=stop_key,
        is_guess=True,
    )


@pytest.mark.parametrize(
    ("candidates", "said", "meant"),
    [
        ([session()], {}, 7),
        ([session(), session(id=8)], {}, None),
        ([session(), session(id=8, id_token="OMAR-1")], {"uid": "ada-1"}, 7),
        ([session(started_at=at(90))], {}, None),
        ([session(meter_start_wh=5000)], {"meter_stop_wh": 4000}, None),
        ([session()], {"is_number_said": True}, None),
        ([session()], {"is_number_said": True, "uid": "ADA-1"}, 7),
        ([by_rule(session(id=8), 70), session()], {}, 7),
        ([by_rule(session(id=8), 10), by_rule(session(), 70)], {}, 7),
        ([by_rule(session(), 10)], {}, 7),
        ([], {}, None),
    ],
)
def test_a_stop_of_a_number_that_we_never_gave_means_this_session(
    candidates: list[Session], said: dict[str, Any], meant: int | None
) -> None:
    stop = {"at": at(60), "uid": None, "meter_stop_wh": None, "is_number_said": False} | said

    found = rules.meant_by(candidates, **stop)

    assert (None if found is None else found.id) == meant


def test_after_a_late_end_the_next_one_is_a_repeat() -> None:
    late = end(by_rule(session()), 45)

    assert end(late, 60) is late


@given(minutes, registers, reasons, st.lists(st.tuples(minutes, registers), max_size=4))
def test_the_first_end_of_a_charger_stands_whatever_comes_after(
    minute: int, register: int | None, reason: str, later: list[tuple[int, int | None]]
) -> None:
    first = end(session(), minute, reason=reason, stop=register)

    last = first
    for again, other in later:
        last = end(last, again, stop=other)

    assert replace(last, flags=first.flags, updated_at=first.updated_at) == first
    disagrees = any(None not in (register, other) and register != other for _, other in later)
    assert (rules.STOP_CONFLICT in last.flags) == disagrees


@given(st.lists(st.tuples(st.booleans(), minutes, ruled_flags, registers), min_size=1, max_size=6))
def test_an_ended_session_ends_no_earlier_than_it_began_and_says_who_ended_it(
    ends: list[tuple[bool, int, str, int | None]],
) -> None:
    now = session()
    for is_rule, minute, flag, register in ends:
        # Nobody asks a rule about what a charger has ended.
        if not is_rule:
            now = end(now, minute, stop=register)
        elif not rules.is_ended_by_charger(now):
            now = by_rule(now, minute, flag=flag)

    assert now.is_finalized
    assert now.ended_at is not None
    assert now.ended_at >= now.started_at
    assert now.is_end_inferred == (not rules.is_ended_by_charger(now))
    assert now.is_end_inferred == bool(set(now.flags) & set(RULED))
    assert now.flags == sorted(set(now.flags))
    if now.is_end_inferred:
        assert rules.NEEDS_REVIEW in now.flags


def test_what_was_last_heard_is_the_last_register_and_never_before_the_start() -> None:
    running = live_at_start()

    assert rules.last_heard_at(session(), None) == START
    assert rules.last_heard_at(session(), running) == START
    running.register_at = at(12)
    assert rules.last_heard_at(session(), running) == at(12)
    running.register_at = at(-1)
    assert rules.last_heard_at(session(), running) == START


def test_the_series_says_the_energy_and_the_flags_of_an_earlier_look_give_way() -> None:
    before = session(flags=["implausible_reading", "unauthorized"], is_recompute_due=True)

    now = rules.metered(before, result(2500, "meter_reset", "needs_review"), was_final=False)

    assert now.energy_wh == 2500
    assert not now.is_recompute_due
    assert now.flags == ["meter_reset", "needs_review", "unauthorized"]


def test_one_register_alone_tells_nothing_of_a_session_whose_start_was_never_heard() -> None:
    lone = result(0, start=3500, stop=3500)

    assert rules.metered(session(), lone, was_final=False).energy_wh == 0
    orphan = rules.metered(session(flags=[rules.NO_START]), lone, was_final=False)
    assert orphan.energy_wh is None
    assert rules.NEEDS_REVIEW in orphan.flags


@pytest.mark.parametrize(
    "flag", ["start_conflict", "stop_conflict", "incomplete", "no_start", "malformed"]
)
def test_what_only_a_person_can_settle_stays_for_review(flag: str) -> None:
    assert (
        rules.NEEDS_REVIEW in rules.metered(session(flags=[flag]), result(), was_final=True).flags
    )


def test_an_end_by_rule_stays_for_review_and_the_chargers_own_does_not() -> None:
    ruled = by_rule(session())

    assert rules.NEEDS_REVIEW in rules.metered(ruled, result(), was_final=False).flags
    late = rules.metered(end(ruled), result(), was_final=False)
    assert late.flags == [rules.LATE_END]


def test_energy_that_changes_after_the_end_is_a_late_reading_from_then_on() -> None:
    final = replace(end(session()), energy_wh=2500)

    assert rules.metered(final, result(2500), was_final=True).flags == []
    raised = rules.metered(final, result(2600, stop=3600), was_final=True)
    assert (raised.energy_wh, raised.flags) == (2600, [rules.LATE_READING])
    assert rules.metered(raised, result(2600), was_final=True).flags == [rules.LATE_READING]


def test_the_energy_that_came_with_the_end_is_not_late() -> None:
    assert rules.metered(end(session()), result(2500), was_final=False).flags == []


@given(
    st.sets(st.sampled_from(sorted(FLAGS)), max_size=3).map(sorted),
    st.sets(st.sampled_from(sorted(FLAGS)), max_size=3),
    st.sampled_from([None, 0, 2500]),
    st.booleans(),
)
def test_a_second_look_at_the_same_series_says_the_same(
    before: list[str], found: set[str], energy_wh: int | None, was_final: bool
) -> None:
    once = rules.metered(session(flags=before), result(energy_wh, *found), was_final=was_final)

    assert rules.metered(once, result(energy_wh, *found), was_final=was_final) == once


@pytest.mark.parametrize(
    ("running", "started", "where"),
    [(None, 0, "free"), (0, 0, "after"), (0, 5, "after"), (0, -5, "before")],
)
def test_a_start_is_placed_beside_the_session_that_is_open(
    running: float | None, started: float, where: str
) -> None:
    there = None if running is None else session(started_at=at(running))

    assert rules.place(there, at(started)) == where


def test_the_same_start_is_the_same_session() -> None:
    for known in (session(), end(session()), by_rule(session())):
        assert rules.is_repeat(known, is_clock_unset=False)


def test_with_an_unset_clock_a_start_like_that_of_an_ended_session_is_a_new_one() -> None:
    assert rules.is_repeat(session(), is_clock_unset=True)
    assert rules.is_repeat(by_rule(session()), is_clock_unset=True)
    assert not rules.is_repeat(end(session()), is_clock_unset=True)


def is_new(found: Session, minute: float, *, is_clock_unset: bool = False) -> bool:
    return rules.is_new_generation(found, started_at=at(minute), is_clock_unset=is_clock_unset)


def test_a_number_used_again_after_the_end_is_a_new_generation() -> None:
    over = end(session(), 60)

    assert is_new(over, 61)
    assert not is_new(over, 60)
    assert not is_new(over, 0)


def test_an_unset_clock_does_not_say_that_a_number_was_used_before() -> None:
    assert is_new(end(session(), 60), 0, is_clock_unset=True)
    assert not is_new(session(), 0, is_clock_unset=True)


def test_a_session_that_runs_or_waits_for_its_start_or_end_has_no_new_generation() -> None:
    unheard = replace(end(session(), 60), flags=[rules.NO_START])

    for known in (session(), by_rule(session()), unheard):
        assert not is_new(known, 6_000)


def test_of_sessions_with_one_number_the_one_that_was_not_over_is_meant() -> None:
    first, second = end(session(), 60), end(session(id=8, started_at=at(100)), 160)

    for minute, meant in [(30, first), (60, first), (61, second), (160, second), (500, second)]:
        assert rules.generation_at([first, second], at(minute)) is meant
    running = session(id=9)
    assert rules.generation_at([first, running], at(500)) is running
    assert rules.generation_at([], at(0)) is None


def test_a_start_that_is_heard_late_moves_the_beginning_and_never_the_end_before_it() -> None:
    unheard = replace(end(session(), 60), flags=[rules.NO_START])

    now = rules.started(unheard, at(-5))
    assert (now.started_at, now.ended_at, now.flags) == (at(-5), at(60), [])
    assert now.is_recompute_due
    later = rules.started(unheard, at(70))
    assert (later.started_at, later.ended_at) == (at(70), at(70))
    # An unset clock says when it was received: that is no beginning of what was heard before.
    assert rules.started(unheard, at(70), is_clock_unset=True).started_at == START


def test_until_its_start_is_heard_a_session_began_with_the_first_thing_that_was_said() -> None:
    unheard = session(flags=[rules.NO_START])

    assert rules.heard(unheard, at(-5)).started_at == at(-5)
    assert rules.heard(unheard, at(5)) is unheard
    known = session()
    assert rules.heard(known, at(-5)) is known


@pytest.mark.parametrize(
    ("more", "first", "was_final", "is_short"),
    [
        ({}, 10, True, True),
        ({}, None, True, True),
        ({}, 0, True, False),
        ({"read_from": None}, None, True, False),
        ({"energy_wh": None}, None, True, False),
        ({"is_finalized": False}, None, True, False),
        # The late end of 1.6 brings both registers, which need no readings.
        ({}, None, False, False),
        ({"meter_stop_wh": None}, None, False, True),
    ],
)
def test_an_energy_whose_readings_are_gone_stands(
    more: dict[str, Any], first: float | None, was_final: bool, is_short: bool
) -> None:
    values: dict[str, Any] = {"energy_wh": 2500, "read_from": START} | more
    known = replace(end(session()), **values)
    first_at = None if first is None else at(first)

    assert rules.is_read_short(known, first_at, was_final=was_final) == is_short


def test_flags_are_sorted_once_each_and_the_same_session_when_nothing_changes() -> None:
    flagged = rules.with_flags(session(), "b", "a", "b")

    assert flagged.flags == ["a", "b"]
    assert rules.with_flags(flagged, "a") is flagged
    assert rules.with_flags(flagged, "c", without={"a"}).flags == ["b", "c"]


def test_the_card_that_stopped_is_kept_when_the_end_does_not_say_it() -> None:
    def stop_card(of: Session, uid: str | None) -> str | None:
        return rules.ended(
            of, at=at(60), received_at=at(60), reason="Local", meter_stop_wh=None, stop_id_token=uid
        ).stop_id_token

    told = session(stop_id_token="OMAR-1")
    assert stop_card(told, None) == stop_card(told, "ADA-1") == "OMAR-1"
    assert stop_card(by_rule(told), "ADA-1") == "ADA-1"
