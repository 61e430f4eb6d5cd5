"""The words of a sampled value: known spellings, and each unit's way to our base unit."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from db.model.readings import REGISTER

#: A unit and how its values become ours: (value + before) * factor + after.
_ONE = Decimal(1)
_KILO = Decimal(1000)
_NONE = Decimal(0)
_ABSOLUTE_ZERO = Decimal("-273.15")


class Scale(NamedTuple):
    unit: str
    factor: Decimal = _ONE
    before: Decimal = _NONE
    after: Decimal = _NONE


_BASE = ("Wh", "varh", "VAh", "W", "var", "VA", "A", "V", "Hz")
_SCALES = (
    {unit.casefold(): Scale(unit) for unit in _BASE}
    | {f"k{unit}".casefold(): Scale(unit, _KILO) for unit in _BASE}
    | {word: Scale("%") for word in ("percent", "percentage", "%")}
    # "Celcius" is 1.6's own slip of the pen (errata); both are sent.
    | {word: Scale("Celsius") for word in ("celsius", "celcius", "c", "°c")}
    | {word: Scale("Celsius", after=_ABSOLUTE_ZERO) for word in ("k", "kelvin")}
    | {
        word: Scale("Celsius", Decimal(5) / Decimal(9), before=Decimal(-32))
        for word in ("fahrenheit", "f", "°f")
    }
)

#: The unit of a measurand that is said without one (digest 3.1), by how its name begins.
_DEFAULT_UNITS = (
    ("Energy.Reactive", "varh"),
    ("Energy.Apparent", "VAh"),
    ("Energy.", "Wh"),
    ("Power.Reactive", "var"),
    ("Power.Apparent", "VA"),
    ("Power.Factor", ""),
    ("Power.", "W"),
    ("Current.", "A"),
    ("Voltage", "V"),
    ("SoC", "%"),
    ("Frequency", "Hz"),
    ("Temperature", "Celsius"),
)

_SPELLINGS = {
    word.casefold(): word
    for word in (
        *(f"Current.{kind}" for kind in ("Export", "Import", "Offered", "Minimum")),
        *(
            f"Energy.{kind}.{way}.{form}"
            for kind in ("Active", "Reactive", "Apparent")
            for way in ("Export", "Import")
            for form in ("Register", "Interval")
        ),
        *(f"Energy.{kind}.Net" for kind in ("Active", "Reactive", "Apparent")),
        *(f"Power.{kind}" for kind in ("Active.Export", "Active.Import", "Factor", "Offered")),
        *(f"Power.Reactive.{way}" for way in ("Export", "Import")),
        *("Frequency", "RPM", "SoC", "Temperature", "Voltage"),
        *("Outlet", "Inlet", "Cable", "EV", "Body", "Upstream"),
        *("Interruption.Begin", "Interruption.End", "Other", "Sample.Clock", "Sample.Periodic"),
        *("Transaction.Begin", "Transaction.End", "Trigger"),
        *("L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"),
        *("Raw", "SignedData"),
    )
}


def spelling(word: str) -> str:
    """The standard's own spelling of a word that differs only in case; else the word itself."""
    return _SPELLINGS.get(word.casefold(), word)


def scale(unit: str | None, measurand: str, *, is_kilo: bool = False) -> Scale:
    """
    The base unit of a value and the way to it. An unknown unit stays as it is said.

    `kWh` is Wh times 1,000 and so on; temperatures in Fahrenheit and Kelvin become Celsius, so
    that a measurand has one unit everywhere (digest 3.1). Without a unit the measurand decides;
    with `is_kilo` energy is then in thousands of it.
    """
    if unit is None:
        default = _default_unit(measurand)
        return Scale(default, _KILO if is_kilo and measurand.startswith("Energy.") else _ONE)
    return _SCALES.get(unit.casefold()) or Scale(unit)


def _default_unit(measurand: str) -> str:
    if measurand == REGISTER:
        return "Wh"
    return next((unit for start, unit in _DEFAULT_UNITS if measurand.startswith(start)), "")
