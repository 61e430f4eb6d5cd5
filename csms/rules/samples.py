"""One sampled value in base units, whatever a station made of it (digest 3.1)."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal, DecimalException
from typing import Any, Final

import msgspec

from csms.rules.units import Scale, scale, spelling
from db.model.readings import REGISTER, Sample, decode_samples, encode_samples

#: Values from here on, in base units, are no measurement (10^15 Wh is all of a country's year).
ABSURD = Decimal(10**15)

#: In place of a unit that was not said: energy is in thousands of its own (digest 9.10).
KILO: Final = object()

_SAID_LONGEST = 1000
_WORD_LONGEST = 100
_NUMBER_LONGEST = 64
#: A plain number of at most so many characters, times 1,000, is under ABSURD and needs no rounding.
_PLAIN_LONGEST = 12
_PLAIN = 10**12
_FINEST = Decimal("1E-9")
_UNIT = Decimal(1)
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_MULTIPLIER = re.compile(r"[+-]?\d{1,2}", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Kind(msgspec.Struct, frozen=True, gc=False):
    """What all samples of one kind have in common."""

    measurand: str
    unit: str
    phase: str | None
    location: str
    context: str
    format: str
    is_linear: bool  # a plain number needs at most the factor
    factor: Decimal | None  # None: already in base units
    scale: Scale
    suffix: str  # what follows the number in `said`: a unit that is not ours


_kinds: dict[Any, Kind] = {}
_KINDS_MOST = 1024


def normalise(
    value: object,
    words: tuple[object, ...],
    multiplier: object = None,
    signed: object = None,
) -> Sample:
    """
    A sampled value as a station said it, in base units. Takes anything and never raises.

    `words` are its measurand, unit, phase, location, context and format, None where not said; a
    unit that was not said is KILO for a station of which somebody knows that it means kWh.
    A number may have spaces around it, an exponent, a decimal comma; what is none (NaN, inf,
    hex, nothing, true) or absurd leaves `value` None and `said`. `said` is also kept when the
    number was written or scaled in another way than ours. Times 10^multiplier (2.x), with
    multipliers of -9 to 9. With the format SignedData the value is an opaque text: `signed`.
    """
    kind = kind_of(words)
    said: str | None = None
    # The usual: a plain number in our unit, or a thousandth of it, as text (1.6) or not (2.x).
    if kind.is_linear and signed is None and not multiplier:
        if type(value) is str:
            text = value
        elif type(value) is float or (type(value) is int and -_PLAIN < value < _PLAIN):
            text = repr(value)  # so 150.01 stays what the station wrote
        else:
            text = ""
        if len(text) <= _PLAIN_LONGEST and text.isascii():
            digits = text if text.isdigit() else text.replace(".", "", 1)
            if digits.isdigit() or (digits[:1] == "-" and digits[1:].isdigit()):
                number: Decimal | None = Decimal(text)
                if kind.factor is not None:
                    number = number * kind.factor  # type: ignore[operator]
                    said = text + kind.suffix
                return Sample(
                    kind.measurand,
                    number,
                    kind.unit,
                    kind.phase,
                    kind.location,
                    kind.context,
                    kind.format,
                    said,
                )
    if kind.format == "SignedData":
        if signed is None:
            signed = value
        number = None
    else:
        number, said = _measure(value, multiplier, kind)
    return Sample(
        kind.measurand,
        number,
        kind.unit,
        kind.phase,
        kind.location,
        kind.context,
        kind.format,
        said,
        None if signed is None else _verbatim(signed),
    )


def kind_of(words: tuple[object, ...]) -> Kind:
    """Of the words that `normalise` takes."""
    try:
        return _kinds[words]
    except (KeyError, TypeError):
        return _kind(words)


def clean(text: str, longest: int) -> str:
    """Text that PostgreSQL and JSON can keep."""
    return _UNSTORABLE.sub("\ufffd", text[:longest])


def _measure(value: object, multiplier: object, kind: Kind) -> tuple[Decimal | None, str | None]:
    """The value in base units, and the station's own words where they differ from that."""
    if value is None:
        return None, None
    number = _number(value)
    power = _multiplier(multiplier)
    words = _words(value)
    if power != 0:
        words = f"{words} x10^{_words(multiplier)}"
    words += kind.suffix
    if number is None or power is None:
        return None, words
    try:
        if power:
            number = number.scaleb(power)
        _, factor, before, after = kind.scale
        number = (number + before) * factor + after
        if not -ABSURD < number < ABSURD:
            return None, words
        number = _tidy(number)
    except DecimalException:
        return None, words
    return number, None if words == str(number) else words


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if -(10**24) < value < 10**24 else None
    if isinstance(value, float | Decimal):
        value = str(value)  # repr, so 150.01 stays what the station wrote
    if not isinstance(value, str) or len(value) > _NUMBER_LONGEST:
        return None
    text = value.strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    return Decimal(text.replace(",", "."))


def _multiplier(multiplier: object) -> int | None:
    """The power of ten; None when it is none that a unit has."""
    if multiplier is None:
        return 0
    if isinstance(multiplier, str) and _MULTIPLIER.fullmatch(multiplier):
        multiplier = int(multiplier)
    if isinstance(multiplier, bool) or not isinstance(multiplier, int | float):
        return None
    return int(multiplier) if -9 <= multiplier <= 9 and multiplier == int(multiplier) else None


def _tidy(number: Decimal) -> Decimal:
    """At most nine decimals, so that sums stay exact; no exponent, no negative zero."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # finite
    if exponent > 0:
        number = number.quantize(_UNIT)
    elif exponent < -9:
        number = number.quantize(_FINEST, ROUND_HALF_EVEN).normalize()
        if number.as_tuple().exponent > 0:  # type: ignore[operator]
            number = number.quantize(_UNIT)
    return number or Decimal(0)


def _kind(key: tuple[object, ...]) -> Kind:
    words = (None if part is KILO else _word(part) for part in key)
    measurand, unit, phase, location, context, form = words
    measurand = measurand or REGISTER
    found = scale(unit, measurand, is_kilo=key[1] is KILO)
    kind = Kind(
        measurand,
        found.unit,
        phase,
        location or "Outlet",
        context or "Sample.Periodic",
        form or "Raw",
        form != "SignedData" and not found.before and not found.after,
        None if found.factor == 1 else found.factor,
        found,
        f" {unit}" if unit and found != Scale(found.unit) else "",
    )
    # Only what is small may stay; when somebody fills the cache with inventions, begin again.
    if all(
        part is None or part is KILO or (type(part) is str and len(part) <= _WORD_LONGEST)
        for part in key
    ):
        if len(_kinds) >= _KINDS_MOST:
            _kinds.clear()
        _kinds[key] = kind
    return kind


def _word(said: object) -> str | None:
    """A word of the standard, or what was said in its place; None when nothing was."""
    if said is None:
        return None
    text = clean(said if isinstance(said, str) else _words(said), _WORD_LONGEST).strip()
    return spelling(text) if text else None


def _words(said: object) -> str:
    """What was said, as text; JSON for what is neither text nor number."""
    if isinstance(said, str):
        return clean(said, _SAID_LONGEST)
    try:
        if isinstance(said, float | Decimal):
            return str(said)
        return clean(msgspec.json.encode(said).decode(), _SAID_LONGEST)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return type(said).__name__


def _verbatim(signed: object) -> object:
    """A signed value byte for byte, unless it could not be stored and read again."""
    try:
        decode_samples(encode_samples([Sample(signed=signed)]))
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return _UNSTORABLE.sub("\ufffd", signed) if isinstance(signed, str) else _words(signed)
    return signed
