"""What holds for every price, whatever the terms and the session."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from csms.rules.currencies import decimals
from csms.rules.pricing import Charge, price
from csms.rules.pricing_curve import Curve, curve
from csms.rules.pricing_terms import Terms, Tier, Window
from csms.rules.pricing_windows import pieces

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "UTC")
# Sunday nights in which clocks are set, and days like others.
DAYS = (
    datetime(2026, 3, 28, 20, tzinfo=UTC),
    datetime(2026, 10, 24, 20, tzinfo=UTC),
    datetime(2026, 3, 7, 20, tzinfo=UTC),
    datetime(2026, 11, 1, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 10, tzinfo=UTC),
    datetime(2026, 10, 3, 10, tzinfo=UTC),
    datetime(2026, 6, 10, 12, tzinfo=UTC),
)
PRICES = st.decimals(0, 3, places=4)
MOST_W = 22_000

windows = st.builds(
    Window,
    per_kwh=PRICES,
    start=st.integers(0, 1439),
    end=st.integers(1, 1440),
    days=st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days))),
)
tiers = st.builds(Tier, kwh=st.decimals(1, 40, places=1), per_kwh=PRICES)


@st.composite
def terms(draw: st.DrawFn, *, with_tiers: bool = True) -> Terms:
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    money = st.decimals(0, 9, places=decimals(currency))
    least = draw(st.none() | money)
    return Terms(
        currency=currency,
        per_kwh=draw(PRICES),
        windows=tuple(draw(st.lists(windows, max_size=3))),
        tiers=tuple(draw(st.lists(tiers, max_size=3))) if with_tiers else (),
        per_minute=draw(st.just(Decimal(0)) | PRICES),
        per_idle_minute=draw(st.just(Decimal(0)) | PRICES),
        idle_grace_min=draw(st.integers(0, 30)),
        session_fee=draw(st.just(Decimal(0)) | money),
        minimum=least,
        maximum=draw(st.none() | money.map(lambda most: most + (least or 0))),
        tax_percent=draw(st.sampled_from([Decimal(0), Decimal("8.1"), Decimal(19)])),
        is_tax_included=draw(st.booleans()),
    )


@st.composite
def readings(draw: st.DrawFn) -> tuple[datetime, list[tuple[datetime, int]]]:
    """A start, and registers from then on that no connector could not give."""
    start = draw(st.sampled_from(DAYS)) + timedelta(minutes=draw(st.integers(0, 600)))
    at, register_wh = start, draw(st.integers(0, 10**7))
    found = [(at, register_wh)]
    for _ in range(draw(st.integers(1, 8))):
        minutes = draw(st.integers(1, 180))
        at += timedelta(minutes=minutes)
        register_wh += 60 * draw(st.just(0) | st.integers(0, MOST_W * minutes // 3600))
        found.append((at, register_wh))
    return start, found


def shaped(found: list[tuple[datetime, int]], energy_wh: int) -> Curve:
    return curve(
        found,
        started_at=found[0][0],
        ended_at=found[-1][0],
        meter_start_wh=None,
        meter_stop_wh=None,
        energy_wh=energy_wh,
        max_power_w=MOST_W,
    )


def charged(
    found: list[tuple[datetime, int]], zone: str, *, energy_wh: int | None = None, used_wh: int = 0
) -> Charge:
    if energy_wh is None:
        energy_wh = found[-1][1] - found[0][1]
    span = found[0][0], found[-1][0]
    return Charge(*span, energy_wh, ZoneInfo(zone), shaped(found, energy_wh), used_wh)


sessions = st.builds(
    lambda series, zone, used_wh: charged(series[1], zone, used_wh=used_wh),
    readings(),
    st.sampled_from(ZONES),
    st.integers(0, 60_000),
)


@given(terms(), sessions)
def test_the_lines_add_up_to_a_total_that_is_never_negative(tariff: Terms, session: Charge) -> None:
    priced = price(tariff, session)

    assert priced.total is not None
    assert sum((line.amount for line in priced.lines), Decimal(0)) == priced.total >= 0
    places = -decimals(tariff.currency)
    for amount in [priced.total, *(line.amount for line in priced.lines)]:
        assert int(amount.as_tuple().exponent) == places
    assert priced.tax is not None
    assert 0 <= priced.tax <= priced.total


@given(terms(), sessions)
def test_each_line_is_its_quantity_times_its_price(tariff: Terms, session: Charge) -> None:
    priced = price(tariff, session)
    half_a_unit = Decimal(1).scaleb(-decimals(tariff.currency)) / 2
    lines = [line for line in priced.lines if line.quantity is not None]

    for line in lines:
        assert line.quantity is not None
        assert line.unit_price is not None
        slack = half_a_unit + line.unit_price * Decimal("0.000001")
        assert abs(line.amount - line.quantity * line.unit_price) <= slack
    kwh = sum((line.quantity or Decimal(0) for line in lines if line.kind == "energy"), Decimal(0))
    assert session.energy_wh is not None
    assert abs(kwh - Decimal(session.energy_wh) / 1000) <= Decimal("0.00001")


@given(terms(), readings(), st.sampled_from(ZONES), st.data())
def test_a_reading_on_the_line_between_two_others_changes_nothing(
    tariff: Terms,
    series: tuple[datetime, list[tuple[datetime, int]]],
    zone: str,
    data: st.DataObject,
) -> None:
    _, found = series
    place = data.draw(st.integers(0, len(found) - 2))
    (since, low), (until, high) = found[place], found[place + 1]
    # Rises are of whole minutes and of 60 Wh, so that each 60th of them is exact.
    share = data.draw(st.integers(0, 60))
    added = since + (until - since) * share / 60, low + (high - low) * share // 60
    more = [*found[: place + 1], added, *found[place + 1 :]]

    assert price(tariff, charged(more, zone)) == price(tariff, charged(found, zone))


@given(terms(with_tiers=False), readings(), st.sampled_from(ZONES), st.integers(0, 50_000))
def test_more_energy_never_costs_less(
    tariff: Terms,
    series: tuple[datetime, list[tuple[datetime, int]]],
    zone: str,
    more_wh: int,
) -> None:
    less = charged(series[1], zone)
    assert less.energy_wh is not None
    more = replace(less, energy_wh=less.energy_wh + more_wh)
    cheap, dear = price(tariff, less).total, price(tariff, more).total

    assert cheap is not None
    assert dear is not None
    assert cheap <= dear


@given(st.lists(windows, max_size=4), st.sampled_from(DAYS), st.sampled_from(ZONES), st.data())
def test_windows_cut_a_span_without_gap_or_overlap(
    chosen: list[Window], day: datetime, zone: str, data: st.DataObject
) -> None:
    since = day + timedelta(minutes=data.draw(st.integers(0, 600)))
    until = since + timedelta(seconds=data.draw(st.integers(0, 40 * 3600)))
    place = ZoneInfo(zone)
    found = pieces(since, until, chosen, place)

    assert found[0].since == since
    assert found[-1].until == until
    assert all(a.until == b.since for a, b in pairwise(found))
    # Each minute has the price that a clock on the wall says.
    for minute in range(0, int((until - since).total_seconds() // 60), 7):
        at = since + timedelta(minutes=minute)
        local = at.astimezone(place)
        on_the_wall = next(
            (w for w in chosen if w.holds(local.isoweekday(), local.hour * 60 + local.minute)), None
        )
        piece = next(p for p in found if p.since <= at < p.until)
        assert piece.window == on_the_wall, (local, found)


@given(st.lists(windows, max_size=3), readings(), st.sampled_from(ZONES), st.data())
def test_a_session_in_two_parts_costs_per_kwh_what_it_costs_in_one(
    chosen: list[Window],
    series: tuple[datetime, list[tuple[datetime, int]]],
    zone: str,
    data: st.DataObject,
) -> None:
    _, found = series
    since, until = found[0][0], found[-1][0]
    cut = since + (until - since) * data.draw(st.integers(0, 100)) / 100
    risen, place = shaped(found, found[-1][1] - found[0][1]), ZoneInfo(zone)

    def by_window(begin: datetime, end: datetime) -> dict[Window | None, Fraction]:
        sums: dict[Window | None, Fraction] = {}
        for piece in pieces(begin, end, chosen, place):
            wh = risen.until(piece.until) - risen.until(piece.since)
            sums[piece.window] = sums.get(piece.window, Fraction(0)) + wh
        return sums

    first, second, whole = by_window(since, cut), by_window(cut, until), by_window(since, until)
    together = {w: first.get(w, Fraction(0)) + second.get(w, Fraction(0)) for w in first | second}

    assert {w: wh for w, wh in together.items() if wh} == {w: wh for w, wh in whole.items() if wh}


@given(sessions, st.booleans())
def test_free_is_free(session: Charge, is_known: bool) -> None:
    free = Terms(currency="EUR", per_kwh=Decimal(0))
    priced = price(free, session if is_known else replace(session, energy_wh=None))

    assert priced.is_included
    assert priced.total == 0
