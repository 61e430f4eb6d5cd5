"""A line of a bill."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Line(msgspec.Struct, frozen=True):
    """
    One line of a bill, as a driver reads it.

    `quantity` is in `unit` (kWh, min), None for what is charged once; `amount` is quantity times
    unit price, rounded as money. The amounts of all lines are the total.
    """

    kind: str  # energy, time, idle, session, minimum, maximum, tax
    label: str
    amount: Decimal
    quantity: Decimal | None = None
    unit: str = ""
    unit_price: Decimal | None = None
