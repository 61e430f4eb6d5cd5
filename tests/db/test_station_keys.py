"""Keys at rest: what a machine made and what a person chose, bytes and hexadecimal digits."""

from __future__ import annotations

import pytest

from db import station_keys

BYTES = bytes.fromhex("00ff3a") + b"as in the example"
DIGITS = BYTES.hex()


@pytest.mark.parametrize("make", [station_keys.make, station_keys.make_of_chosen])
@pytest.mark.parametrize(
    ("is_set", "given"),
    [
        pytest.param(DIGITS, BYTES, id="W33 bytes"),
        pytest.param(DIGITS, DIGITS.encode(), id="W34 digits"),
        pytest.param(DIGITS.upper(), DIGITS.encode(), id="W34 upper case"),
        pytest.param(DIGITS, DIGITS.upper().encode(), id="W34 lower case"),
        pytest.param("correct horse batt", b"correct horse batt", id="W34 a text"),
        pytest.param("correct horse batt", b"correct horse batt".hex().encode(), id="W34 its hex"),
        pytest.param("Zürich, sixteen!", "Zürich, sixteen!".encode(), id="W34 UTF-8"),
    ],
)
def test_both_forms_are_one_credential(make: object, is_set: str, given: bytes) -> None:
    assert callable(make)
    salt, key_hash = make(is_set)

    assert station_keys.matches(salt, key_hash, given)
    assert not station_keys.matches(salt, key_hash, given[:-1] + b"?")


def test_a_text_is_not_compared_without_its_case() -> None:
    salt, key_hash = station_keys.make("Correct Horse Batt")

    assert not station_keys.matches(salt, key_hash, b"correct horse batt")


def test_what_a_person_chose_is_kept_as_argon2id_and_digits_are_not() -> None:
    salt, chosen = station_keys.make_of_chosen("correct horse battery")
    of_digits, _ = station_keys.make_of_chosen(DIGITS)

    assert station_keys.is_slow(salt)
    assert chosen.startswith(b"$argon2id$")
    assert not station_keys.is_slow(of_digits)
    assert not station_keys.matches(b"", b"$argon2id$broken", b"x")


def test_a_key_that_an_older_version_kept_in_upper_case_still_opens() -> None:
    salt = b"salt"
    kept = station_keys._hash(salt, DIGITS.upper().encode())

    assert station_keys.matches(salt, kept, DIGITS.upper().encode())
