"""Who pays does not depend on the order of arrival, and two payers are for a person."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.rules import sessions as rules
from csms.rules.payers import authorized
from db.model.sessions import Session
from tests.rules.metered import at
from tests.rules.test_sessions import session

cards = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["Accepted", "Blocked"])),
    min_size=1,
    max_size=5,
    unique_by=lambda card: card[0],
)


@given(st.data(), cards)
def test_who_pays_does_not_depend_on_the_order_in_which_cards_are_heard(
    data: st.DataObject, said: list[tuple[int, str]]
) -> None:
    def heard(order: list[tuple[int, str]]) -> Session:
        now = session(id_token=None, authorization_status=None)
        for minute, status in order:
            now = authorized(
                now, at=at(minute), uid=f"card {minute}", account_id=None, status=status
            )
        return now

    paying = heard(said)

    assert heard(data.draw(st.permutations(said))) == paying
    accepted = [minute for minute, status in said if status == "Accepted"]
    first = min(accepted) if accepted else min(minute for minute, _ in said)
    assert paying.id_token == f"card {first}"
    assert (rules.UNAUTHORIZED in paying.flags) == (not accepted)


@pytest.mark.parametrize(
    ("uid", "account_id", "status", "is_odd"),
    [
        ("OMAR-1", 2, "Accepted", True),
        ("OMAR-1", None, "Accepted", True),
        ("OMAR-1", 2, "Blocked", False),
        ("ADA-2", 1, "Accepted", False),
        ("ada-1", None, "Accepted", False),
        (None, None, "Accepted", False),
    ],
)
def test_a_session_of_two_payers_is_for_a_person_and_the_first_one_pays(
    uid: str | None, account_id: int | None, status: str, is_odd: bool
) -> None:
    ada = session(id_token="ADA-1", account_id=1, authorization_status="Accepted")
    ada = replace(ada, authorized_at=at(0))

    found = authorized(ada, at=at(5), uid=uid, account_id=account_id, status=status)

    assert (found.id_token, found.account_id) == ("ADA-1", 1)
    assert (set(found.flags) >= {rules.TWO_CARDS, rules.NEEDS_REVIEW}) == is_odd
    assert is_odd or found.flags == ada.flags
