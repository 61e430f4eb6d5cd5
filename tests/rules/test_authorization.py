from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.rules.authorization import (
    Decision,
    cache_until,
    choose,
    decide,
    infer_type,
    refusals,
)
from db.model.id_tokens import Behind, IdToken

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def token(**changes: Any) -> IdToken:
    values: dict[str, Any] = {
        "id": 1,
        "uid": "04A1B2C3",
        "type": "ISO14443",
        "status": "Accepted",
        "expires_at": None,
        "group_uid": "FLEET",
        "account_id": 7,
        "created_at": NOW,
    }
    return IdToken(**(values | changes))


def ask(card: IdToken | None, **changes: Any) -> Decision:
    values: dict[str, Any] = {
        "uid": "04A1B2C3",
        "type": "ISO14443",
        "purpose": "authorize",
        "now": NOW,
    }
    return decide(card, **(values | changes))


def test_a_registered_card_may_charge_and_its_group_is_told() -> None:
    decision = ask(token())

    assert decision == Decision("Accepted", "card 04A1B2C3 is registered", "FLEET", None)
    assert decision.accepted


def test_a_card_that_nobody_registered_is_unknown() -> None:
    decision = ask(None)

    assert decision == Decision("Unknown", "card 04A1B2C3 is not registered", None, None)
    assert not decision.accepted


def test_a_card_that_was_only_seen_is_not_registered() -> None:
    decision = ask(token(status="Unknown"))

    assert (decision.status, decision.group_uid) == ("Unknown", None)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("Blocked", "card 04A1B2C3 is blocked"),
        ("Expired", "card 04A1B2C3 has expired"),
        ("Invalid", "card 04A1B2C3 is not valid"),
    ],
)
@pytest.mark.parametrize("purpose", ["authorize", "start", "stop"])
def test_the_state_of_a_card_is_told_whatever_it_is_for(
    status: str, reason: str, purpose: str
) -> None:
    decision = ask(token(status=status), purpose=purpose, has_other_session=True)

    assert decision == Decision(status, reason, "FLEET", None)


@pytest.mark.parametrize(("ahead_s", "status"), [(-1, "Expired"), (0, "Expired"), (1, "Accepted")])
def test_a_card_expires_by_our_clock(ahead_s: int, status: str) -> None:
    decision = ask(token(expires_at=NOW + timedelta(seconds=ahead_s)))

    assert decision.status == status
    assert decision.expires_at == NOW + timedelta(seconds=ahead_s)


def test_the_day_of_expiry_is_told() -> None:
    decision = ask(token(expires_at=NOW - timedelta(days=3)))

    assert decision.reason == "card 04A1B2C3 expired on 2026-11-17"


@pytest.mark.parametrize(
    ("purpose", "status"),
    [("start", "ConcurrentTx"), ("authorize", "Accepted"), ("stop", "Accepted")],
)
def test_only_a_start_hears_of_another_session(purpose: str, status: str) -> None:
    assert ask(token(), purpose=purpose, has_other_session=True).status == status


@pytest.mark.parametrize(
    ("purpose", "group", "status"),
    [
        ("authorize", "fleet", "Accepted"),  # to end a session, for all that we know
        ("stop", "fleet", "Accepted"),
        ("start", "fleet", "Invalid"),
        ("start", "another", "Accepted"),
        ("start", "", "Accepted"),
    ],
)
def test_a_master_pass_ends_sessions_and_starts_none(purpose: str, group: str, status: str) -> None:
    decision = ask(token(), purpose=purpose, master_pass_group=group)

    assert (decision.status, decision.group_uid) == (status, "FLEET")


def test_a_card_of_no_group_is_no_master_pass() -> None:
    assert ask(token(group_uid=None), purpose="start", master_pass_group="").accepted
    assert ask(token(group_uid=None), purpose="start", master_pass_group="fleet").accepted


def test_a_blocked_card_is_blocked_before_it_is_elsewhere() -> None:
    decision = ask(token(status="Blocked"), purpose="start", has_other_session=True)

    assert decision.status == "Blocked"


@pytest.mark.parametrize("card", [None, token(status="Blocked")])
def test_where_no_card_is_asked_for_everybody_may_charge(card: IdToken | None) -> None:
    decision = ask(card, uid="", type="NoAuthorization", purpose="start", has_other_session=True)

    assert decision == Decision("Accepted", "no card is asked for")


@pytest.mark.parametrize(("trusted", "status"), [(True, "Accepted"), (False, "Unknown")])
@pytest.mark.parametrize("card", [None, token(status="Unknown", type="Local")])
def test_an_id_that_the_station_made_is_trusted_by_policy(
    card: IdToken | None, trusted: bool, status: str
) -> None:
    assert ask(card, type="Local", trust_local=trusted).status == status


def test_a_card_that_a_station_calls_local_is_still_blocked() -> None:
    assert ask(token(status="Blocked"), type="Local").status == "Blocked"


@pytest.mark.parametrize("card", [None, token(type="KeyCode", uid="4711")])
def test_a_key_code_is_never_said(card: IdToken | None) -> None:
    decision = ask(card, uid="4711", type="KeyCode")

    assert "4711" not in decision.reason
    assert decision.reason.startswith("the key code is ")


def test_a_reason_stays_short() -> None:
    assert len(ask(None, uid="x" * 100_000).reason) < 100


def test_value_and_type_are_the_card() -> None:
    rows = [token(id=1, type="Central"), token(id=2, type="ISO14443"), token(id=3, type="Local")]

    chosen = choose(rows, "iso14443")

    assert chosen is rows[1]


def test_stations_that_disagree_about_the_type_still_find_the_card() -> None:
    card = token(type="ISO14443")

    assert choose([card], "Central") is card
    assert choose([card], None) is card


def test_a_row_that_only_says_seen_does_not_hide_the_card() -> None:
    seen, card = token(id=1, type="Central", status="Unknown"), token(id=2, type="ISO14443")

    assert choose([seen, card], "Central") is card
    assert choose([seen], "Central") is seen


def test_a_blocked_card_of_the_type_is_not_passed_over() -> None:
    blocked, other = token(id=2, status="Blocked"), token(id=1, type="Central")

    assert choose([other, blocked], "ISO14443") is blocked


def test_a_key_code_is_only_matched_by_a_key_code() -> None:
    code, card = token(id=1, type="KeyCode"), token(id=2, type="Central")

    assert choose([code], "Central") is None
    assert choose([code], None) is None
    assert choose([card], "KeyCode") is None
    assert choose([card, code], "KeyCode") is code
    assert choose([code, card], "Local") is card


def test_of_equal_rows_the_oldest_is_meant() -> None:
    rows = [token(id=9), token(id=4), token(id=6)]

    chosen = choose(rows, "ISO14443")

    assert chosen is rows[1]
    assert choose([], "ISO14443") is None


@pytest.mark.parametrize(
    ("uid", "type_"),
    [
        ("VID:0123456789AB", "MacAddress"),
        ("VID0123456789ab", "MacAddress"),
        ("04A1B2C3", "ISO14443"),
        ("04a1b2c3", "ISO14443"),
        ("04A1B2C3D4E5F6", "ISO14443"),
        ("04A1B2C3D4E5F6071829", "ISO14443"),
        ("E004015012345678", "ISO15693"),
        ("DE-8AA-C12345678-X", "eMAID"),
        ("NLTNM012204345", "eMAID"),
        ("de8aac12345678x", "eMAID"),
        ("04A1B2C", "Central"),
        ("04A1B2C3\n", "Central"),
        ("ADA-1", "Central"),
        ("", "Central"),
        ("VID:0123456789A", "Central"),
        ("ﬀ04A1B2C3", "Central"),
        ("٠٤١٢٣٤٥٦", "Central"),
    ],
)
def test_the_type_of_a_1_6_tag_is_read_from_its_shape(uid: str, type_: str) -> None:
    assert infer_type(uid) == type_


@pytest.mark.parametrize(
    ("expires_at", "until"),
    [
        (None, NOW + timedelta(days=1)),
        (NOW + timedelta(days=30), NOW + timedelta(days=1)),
        (NOW + timedelta(hours=2), NOW + timedelta(hours=2)),
        (NOW - timedelta(hours=2), NOW - timedelta(hours=2)),
    ],
)
def test_a_station_remembers_for_a_day_at_most(
    expires_at: datetime | None, until: datetime
) -> None:
    assert cache_until(ask(token(expires_at=expires_at)), NOW) == until


def test_a_card_of_an_account_that_is_switched_off_is_blocked() -> None:
    decision = ask(token(), behind=Behind(is_account_active=False))

    assert decision.status == "Blocked"
    assert decision.reason == "card 04A1B2C3 belongs to an account that is switched off"


@pytest.mark.parametrize(
    ("behind", "status", "reason"),
    [
        (Behind(group_status="Blocked"), "Blocked", "is of a group whose card is blocked"),
        (Behind(group_status="Invalid"), "Invalid", "is of a group whose card is not valid"),
        (
            Behind(group_status="Accepted", group_expires_at=NOW),
            "Expired",
            "is of a group whose card expired on 2026-11-20",
        ),
    ],
)
def test_a_group_that_may_not_charge_keeps_its_cards_from_it(
    behind: Behind, status: str, reason: str
) -> None:
    decision = ask(token(), behind=behind)

    assert (decision.status, decision.reason) == (status, f"card 04A1B2C3 {reason}")


@pytest.mark.parametrize(("own_h", "group_h", "told_h"), [(None, 2, 2), (1, 2, 1), (3, 2, 2)])
def test_no_station_remembers_a_card_longer_than_its_group_may_charge(
    own_h: int | None, group_h: int, told_h: int
) -> None:
    card = token(expires_at=None if own_h is None else NOW + timedelta(hours=own_h))
    behind = Behind(group_status="Accepted", group_expires_at=NOW + timedelta(hours=group_h))

    decision = ask(card, behind=behind)

    assert decision.accepted
    assert cache_until(decision, NOW) == NOW + timedelta(hours=told_h)


def test_a_group_that_may_charge_is_nothing_against_a_card() -> None:
    behind = Behind(group_status="Accepted", group_expires_at=NOW + timedelta(seconds=1))

    assert ask(token(), behind=behind).accepted


def test_all_that_stands_against_a_card_is_named_and_the_first_is_told() -> None:
    card = token(status="Blocked", expires_at=NOW - timedelta(days=1))
    behind = Behind(is_account_active=False, group_status="Blocked")

    found = refusals(card, behind=behind, now=NOW, is_elsewhere=True)

    assert [status for status, _ in found] == [
        *("Blocked", "Blocked", "Expired", "Blocked", "ConcurrentTx"),
    ]
    assert ask(card, behind=behind, purpose="start", has_other_session=True).reason.endswith(
        found[0][1]
    )
