"""
The samples of a moment in one pass: plain numbers, of measurands that were met together before.

A station says the same kinds of samples in each message, and only their values differ. What the
kinds make of the values is worked out once for each such shape: where in the stored text they
stand, and which of them are figures of the moment. Text and figures are those that
`samples.normalise`, `encode_samples` and `series.figures` make, at a third of their cost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from csms.rules import samples, series
from csms.rules.series import DEFAULT_SERIES, Figures, Roles
from db.model.readings import Sample, encode_samples

_SHAPES_MOST = 1024
_SAMPLES_MOST = 40  # of a shape
# As `str(Decimal(number))` writes a number; and some of them, with commas between.
_NUMBER = r"-?(?:0|[1-9][0-9]{0,11}+)(?:\.[0-9]{1,6}+)?+"
_NUMBERS = re.compile(f"{_NUMBER}(?:,{_NUMBER})*+")
_NOTHING = Decimal(0)
# They mark the places of values in the stored text.
_VALUE, _SAID = Decimal("123454321.123454321"), "987656789.987656789"
_MARK = re.compile(rf"{_VALUE}|{_SAID}".replace(".", r"\."))


class _Scaled(NamedTuple):
    """A sample whose number is in another unit than ours."""

    place: int
    factor: Decimal
    between: str  # the stored text between our number and the station's


class _Shape(NamedTuple):
    text: list[str]  # as it is stored, with an empty place for each value
    roles: Roles
    scaled: tuple[_Scaled, ...]
    context: str


class UsualSamples:
    """Of one version; `words_of` gives what `samples.normalise` takes, None if that is not all."""

    def __init__(self, words_of: Callable[[Any], tuple[object, ...] | None]) -> None:
        self._words_of = words_of
        self._shapes: dict[Any, _Shape | None] = {}

    def read(self, said: Sequence[msgspec.Struct]) -> tuple[bytes, Figures] | None:
        """
        The samples as they are stored, and their figures; None: to be read one by one.

        `said` are hashable structs with the value as their first field.
        """
        if not 0 < len(said) <= _SAMPLES_MOST:
            return None
        # By columns: as many samples, and alike in each, are one shape.
        values: Any
        values, *words = zip(*map(msgspec.structs.astuple, said), strict=False)
        key = tuple(words)
        try:
            shape = self._shapes[key]
        except KeyError:
            shape = self._remember(key, said)
        if shape is None:
            return None
        try:
            joined = ",".join(values)
        except TypeError:  # numbers of JSON, as in 2.x
            values = tuple(map(repr, values))
            joined = ",".join(values)
        if not _NUMBERS.fullmatch(joined) or joined.count(",") != len(values) - 1:
            return None
        text, numbers = shape.text.copy(), values
        if shape.scaled:
            values, numbers = list(values), list(values)
            for place, factor, between in shape.scaled:
                number = Decimal(values[place]) * factor
                values[place], numbers[place] = f"{number}{between}{values[place]}", number
        text[1::2] = values
        return "".join(text).encode(), _figures(shape, numbers)

    def _remember(self, key: Any, said: Sequence[msgspec.Struct]) -> _Shape | None:
        shape = self._shape(said)
        if len(self._shapes) >= _SHAPES_MOST:
            self._shapes.clear()  # somebody fills it with inventions
        self._shapes[key] = shape
        return shape

    def _shape(self, said: Sequence[msgspec.Struct]) -> _Shape | None:
        text, scaled, sampled = ["["], [], []
        for place, one in enumerate(said):
            words = self._words_of(one)
            kind = samples.kind_of(words) if words is not None else None
            if kind is None or not kind.is_linear:
                return None
            sample = Sample(
                kind.measurand,
                _VALUE,
                kind.unit,
                kind.phase,
                kind.location,
                kind.context,
                kind.format,
                None if kind.factor is None else _SAID + kind.suffix,
            )
            head, *between, tail = _MARK.split(encode_samples([sample]).decode()[1:-1])
            if len(between) != (kind.factor is not None):
                return None  # a word of it is like our marks
            if kind.factor is not None:
                scaled.append(_Scaled(place, kind.factor, between[0]))
            text[-1] += head
            text += ["", tail + ","]
            sampled.append(sample)
        text[-1] = text[-1][:-1] + "]"
        roles = series.roles(sampled)
        if len(roles.registers) > 1 or (roles.has_other and not roles.registers):
            return None
        context = sampled[roles.registers[0] if roles.registers else 0].context
        return _Shape(text, roles, tuple(scaled), context)


def _figures(shape: _Shape, values: Sequence[str | Decimal]) -> Figures:
    registers, powers, socs, _ = shape.roles
    best = energy_wh = power_w = None
    if registers:
        value = values[registers[0]]
        best, energy_wh = (DEFAULT_SERIES, [Decimal(value)]), _whole(value)
    if len(powers) == 1:
        power_w = _whole(values[powers[0]])
    elif powers:
        power_w = series.whole(sum([Decimal(values[place]) for place in powers], _NOTHING))
    soc = [Decimal(values[place]) for place in socs]
    return series.told(best, energy_wh, power_w, soc, shape.context)


def _whole(value: str | Decimal) -> int:
    """Rounded half up."""
    if type(value) is not str or value.startswith("-"):
        return series.whole(Decimal(value))
    whole, _, fraction = value.partition(".")
    return int(whole) + (fraction >= "5")
