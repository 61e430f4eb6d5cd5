from decimal import Decimal

import pytest

from portal.forms import Form


def given(value: str) -> Form:
    return Form({"it": value})


def test_text_is_given_back_without_spaces_around_it() -> None:
    form = given("  Quay North 2 ")

    assert form.text("it") == "Quay North 2"
    assert form.is_valid


@pytest.mark.parametrize("value", ["", "   ", "\n"])
def test_what_is_needed_is_asked_for_by_its_name(value: str) -> None:
    form = given(value)

    assert form.text("it", label="the charger's name") is None
    assert form.errors == {"it": "Enter the charger's name"}


def test_a_field_that_was_not_sent_is_empty() -> None:
    assert Form().text("it", required=False) == ""
    assert Form().choice("it", ["a"], required=False) == ""
    assert Form().decimal("it", required=False) is None
    assert not Form().ticked("it")


@pytest.mark.parametrize("value", ["a\x00b", "a\nb", "a\u202eb", "a\ud800b", "a\tb"])
def test_characters_that_cannot_be_seen_are_refused(value: str) -> None:
    form = given(value)

    assert form.text("it") is None
    assert not form.is_valid


def test_an_address_may_have_lines() -> None:
    assert given("Quay 1\r\nHarbour").text("it", lines=True) == "Quay 1\nHarbour"
    assert given("Quay\x00").text("it", lines=True) is None


def test_lengths_are_held() -> None:
    assert given("x" * 200).text("it") == "x" * 200
    assert given("x" * 201).text("it") is None
    assert given("short").text("it", least=12) is None


@pytest.mark.parametrize("value", ["ada@example.com", "a+b@c.d.example"])
def test_an_email_address_is_taken(value: str) -> None:
    assert given(value).email("it") == value


@pytest.mark.parametrize("value", ["ada", "ada@", "@example.com", "a@b", "a b@c.d", "a@b.c,d@e.f"])
def test_what_is_no_email_address_is_refused(value: str) -> None:
    form = given(value)

    assert form.email("it") is None
    assert form.errors == {"it": "Enter an e-mail address such as ada@example.com"}


@pytest.mark.parametrize(("value", "number"), [("7.4", "7.4"), ("7,4", "7.4"), ("+11.00", "11")])
def test_a_number_is_read_as_people_write_it(value: str, number: str) -> None:
    assert given(value).decimal("it") == Decimal(number)


@pytest.mark.parametrize(
    "value", ["forty", "1e9", "NaN", "Infinity", "1.234", "1.2.3", "1,000.5", "٣", "0x10", "9" * 30]
)
def test_what_is_no_plain_number_is_refused(value: str) -> None:
    form = given(value)

    assert form.decimal("it") is None
    assert not form.is_valid


def test_a_number_out_of_bounds_is_told_the_bounds() -> None:
    form = given("501")

    assert form.decimal("it", least=1, most=500) is None
    assert form.errors == {"it": "Enter a number from 1 to 500"}


def test_a_whole_number_has_no_decimals() -> None:
    assert given("12").integer("it") == 12
    assert given("12.0").integer("it") == 12
    assert given("12.5").integer("it") is None


def test_only_what_was_offered_can_be_chosen() -> None:
    form = given("CCS3")

    assert form.choice("it", ["CCS", "Type 2"], label="a connector type") is None
    assert form.errors == {"it": "Choose a connector type"}
    assert given("CCS").choice("it", ["CCS"]) == "CCS"


def test_the_first_thing_that_is_wrong_with_a_field_stays() -> None:
    form = given("")
    form.text("it", label="a name")

    form.wrong("it", "This name is taken")

    assert form.errors == {"it": "Enter a name"}
