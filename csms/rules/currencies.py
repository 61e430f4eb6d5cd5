"""How money is written: the decimals of each currency (ISO 4217), and rounding to them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

_USUAL = 2
_NONE = ("BIF CLP DJF GNF ISK JPY KMF KRW PYG", "RWF UGX UYI VND VUV XAF XOF XPF")
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_DECIMALS = {
    currency: places
    for places, group in ((0, " ".join(_NONE)), (3, _THREE), (4, _FOUR))
    for currency in group.split()
}


def decimals(currency: str) -> int:
    return _DECIMALS.get(currency, _USUAL)


def rounded(amount: Decimal | Fraction | int, currency: str) -> Decimal:
    """To the currency's own decimals, half up; away from zero, so that a credit mirrors a sum."""
    return rounded_to(amount, decimals(currency))


def rounded_to(amount: Decimal | Fraction | int, places: int) -> Decimal:
    """Half up, exactly: nothing is rounded on the way to it."""
    exact = abs(Fraction(amount)) * 10**places
    units = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    return Decimal(-units if amount < 0 else units).scaleb(-places)
