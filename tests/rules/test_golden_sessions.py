"""
The golden table of C17: sequences of readings, with the energy worked out by hand.

A connector of 22 kW may give 3,667 Wh in ten minutes, and is believed up to 4,133 Wh; what is
small after a reset is under 3,667 Wh. Sessions last 60 minutes unless the line says otherwise.
"""

# ruff: noqa: E501 - a line of the table is a line
from __future__ import annotations

from typing import NamedTuple

import pytest

from db.model.readings import Moment
from tests.rules.metered import every, flags, metered, moment, normalise, wh


class Line(NamedTuple):
    name: str
    readings: list[Moment]
    energy_wh: int | None
    flags: str = ""
    ended: float | None = 60
    start: int | None = None
    stop: int | None = None


def three(minute: float, *values: float, names: str = "L1 L2 L3") -> Moment:
    """The register of each phase."""
    return moment(
        minute, *(normalise(v, phase=p) for v, p in zip(values, names.split(), strict=True))
    )


def interval(minute: float, value: float, context: str = "Sample.Periodic") -> Moment:
    return wh(minute, value, context, measurand="Energy.Active.Import.Interval")


def power(minute: float, watts: float) -> Moment:
    return wh(minute, watts, measurand="Power.Active.Import", unit="W")


GB = 2**32

TABLE = [
    # Nothing odd.
    Line("two readings", [wh(0, 1000), wh(60, 5000)], 4000),
    Line("a reading every 10 min", every(10, 0, 1000, 3000, 5000, 5500, 6000, 6000), 6000),
    Line("1.6: start and stop, no readings", [], 4000, start=1000, stop=5000),
    Line("1.6: readings between", every(20, 1000, 3000, 5000), 4500, start=1000, stop=5500),
    Line("1.6: no stop register", every(20, 1000, 3000, 4000, 5000), 4000, start=1000),
    Line("2.x: begin and end", [wh(0, 10, "Transaction.Begin"), wh(60, 90, "Transaction.End")], 80),
    Line("each says that it is the first", [wh(m, v, "Transaction.Begin") for m, v in ((0, 1000), (20, 2000), (60, 3000))], 2000),
    Line("not on the grid", [wh(m, v, "Sample.Clock") for m, v in ((0.3, 1000), (14.8, 2000), (30.2, 3000), (60, 4000))], 3000),
    Line("no energy was given", every(20, 7000, 7000, 7000, 7000), 0),
    Line("half a Wh is rounded up", [wh(0, "1000.4"), wh(60, "1900.9")], 901),
    Line("less than half is not", [wh(0, "1000.4"), wh(60, "1900.89")], 900),
    Line("arrived backwards", every(20, 0, 1000, 2000, 2500)[::-1], 2500),
    Line("arrived twice", every(20, 0, 1000, 2000, 2500) * 2, 2500),
    Line("read half a minute before the start", [wh(-0.5, 1000), wh(60, 2000)], 1000),
    Line("read half a minute after the end", [wh(0, 1000), wh(60.5, 2000)], 1000),
    Line("last read within a minute of the end", [wh(0, 1000), wh(59.5, 2000)], 1000),
    Line("kWh from the second on", [wh(0, 1000), wh(30, "1.5", unit="kWh"), wh(60, 2100)], 1100),
    Line("a multiplier", [wh(0, 1, multiplier=3), wh(60, 25, multiplier=2)], 1500),
    Line("export is another thing", [*every(60, 10, 20), wh(60, 9, measurand="Energy.Active.Export.Register")], 10),
    Line("what is no number is not used", [wh(0, 5), wh(30, "NaN"), wh(45, None), wh(60, 15)], 10),
    Line("begin and end at one moment", [wh(0, 1000, "Transaction.Begin"), wh(0, 1040, "Transaction.End")], 40, ended=0),
    Line("a rounding down on the way", every(20, 1000, 2000, "1999.5", 3000), 2000),
    Line("meterStop a rounding below", [wh(59, "2000.6")], 1000, start=1000, stop=2000),
    Line("a meter that counts in kWh", every(6, *(1000 * (n // 3) for n in range(11))), 3000),
    Line("such a meter, minute by minute", every(1, *(1000 * (n // 9) for n in range(37))), 4000, ended=36),
    Line("before meterStart is another session", [wh(-0.5, 900), wh(60, 1500)], 500, start=1000, stop=1500),
    Line("after the end of the transaction", [wh(0, 0), wh(60, 500, "Transaction.End"), wh(60.5, 520)], 500),
    Line("running: the latest reading", every(10, 1000, 2000, 2500), 1500, ended=None),
    Line("running: one reading is a beginning", [wh(0, 1000)], 0, ended=None),
    Line("running: 1.6 has only begun", [], 0, ended=None, start=1000),
    # Wild values.
    Line("a spike", every(12, 0, 1000, 9_000_000, 2000, 3000, 4000), 4000, "implausible"),
    Line("a spike of a minute's energy", every(1, 0, 300, 1200, 900, 1200), 1200, "implausible", 4),
    Line("two spikes in a row", every(12, 0, 1000, 800_000, 900_000, 2000, 3000), 3000, "implausible"),
    Line("the last is a spike", every(20, 0, 1000, 2000, 9_000_000), 2000, "implausible estimated"),
    Line("the first is more than any meter counts", every(20, 10**12, 1000, 2000, 3000), 2000, "implausible"),
    Line("less than nothing", every(20, 0, 1000, -50, 3000), 3000, "implausible"),
    Line("a drop-out to 0", every(12, 1000, 2000, 0, 4000, 5000, 6000), 5000, "implausible"),
    Line("two drop-outs", every(12, 1000, 2000, 0, 4000, 0, 6000), 5000, "implausible"),
    Line("the first is 0, the rest are not", every(12, 0, 5e6, 5.001e6, 5.002e6, 5.003e6, 5.004e6), 4000, "implausible"),
    Line("two counters in turn", every(10, 5e6, 0, 5.001e6, 1000, 5.002e6, 2000, 5.003e6), 3000, "implausible"),
    Line("a fall of 2 Wh", every(20, 1000, 2000, 1998, 3000), 2000, "implausible"),
    Line("a fall by roundings", every(15, 1000, 2000, "1999.2", "1998.5", 3000), 2000, "implausible"),
    Line("two against two: the first stand", every(20, 1000, 2000, 5e6, 5.001e6), 1000, "implausible estimated"),
    # Resets and rollovers.
    Line("a reset to 0", every(20, 5000, 6000, 0, 1000), 2000, "reset"),
    Line("a reset, read a little later", every(20, 5000, 6000, 100, 1100), 2100, "reset"),
    Line("a meter replaced by a lower one", every(20, 500_000, 501_000, 200_000, 201_000), 2000, "reset"),
    Line("two resets", every(12, 5000, 6000, 50, 1050, 20, 520), 2570, "reset"),
    Line("a spike, then a reset", every(12, 5000, 6000, 9e6, 50, 1050, 1100), 2100, "implausible reset"),
    Line("1.6: a reset on the way", every(20, 5000, 6000, 100), 1000 + 700, "reset", start=5000, stop=700),
    Line("rollover at 2^32 Wh", [wh(0, GB - 1296), wh(30, GB - 296), wh(60, 704)], 2000, "rollover"),
    Line("rollover at 2^31 Wh", [wh(0, 2**31 - 648), wh(60, 352)], 1000, "rollover"),
    Line("rollover at 99,999.9 kWh", every(30, 99_999_000, 500, 1500), 2500, "rollover"),
    Line("rollover at 999,999.9 kWh", every(30, 999_999_900, 900, 1000), 1100, "rollover"),
    Line("1.6: rollover between start and stop", [], 1000, "rollover", start=GB - 296, stop=704),
    Line("too far from the rollover is a reset", every(30, 97_000_000, 500, 1500), 1500, "reset"),
    Line("that far, though the power allows it", [wh(0, 9_790_000), wh(600, 500)], 500, "reset", 600),
    # 1.6 contradicts itself.
    Line("meterStop 0", every(20, 1000, 3000, 4000, 5000), 4000, "mismatch", start=1000, stop=0),
    Line("meterStop under the last reading", every(20, 1000, 3000, 4000, 5000), 4000, "mismatch", start=1000, stop=3500),
    Line("meterStop under meterStart, no readings", [], None, "mismatch", start=1000, stop=400),
    Line("meterStop beyond the power, no readings", [], None, "mismatch", start=0, stop=900_000_000),
    Line("meterStop beyond the power, but not a day's", [], 30_000, "implausible", start=0, stop=30_000),
    Line("start and stop at one moment", [], 9000, "implausible", 0, start=1000, stop=10_000),
    Line("begin and end beyond the power", [wh(0, 0, "Transaction.Begin"), wh(1, 900, "Transaction.End")], 900, "implausible", 1),
    Line("two readings beyond the power", every(10, 0, 9000), None, "implausible", 10),
    Line("meterStop beyond the power", every(20, 0, 1000, 2000, 3000), 3000, "mismatch", start=0, stop=900_000_000),
    Line("meterStart negative", every(20, 1000, 2000, 2500, 3000), 2000, "mismatch", start=-5, stop=3000),
    Line("meterStart 0, the rest absolute", every(20, 5e6, 5.001e6, 5.002e6, 5.003e6), 3050, "mismatch", start=0, stop=5_003_050),
    Line("start and stop relative, readings span", every(20, 5e6, 5.001e6, 5.002e6, 5.003e6), 3000, "mismatch", start=0, stop=3003),
    Line("start and stop relative, readings do not span", every(20, 5e6, 5.001e6, 5.002e6), 3100, "mismatch", start=0, stop=3100),
    Line("readings relative, start and stop absolute", every(20, 0, 1000, 2000, 3000), 3000, "mismatch", start=5_000_000, stop=5_003_003),
    Line("kWh in start and stop", every(20, 10_000, 12_000, 14_000, 15_000), 5000, "unit", start=10, stop=15),
    Line("Wh labelled kWh in readings", every(20, 0, 100_000, 200_000, 332_000), 332, "unit", start=0, stop=332),
    # Other series.
    Line("phases", [three(0, 100, 200, 300), three(60, 400, 500, 600)], 900),
    Line("phases to neutral", [three(0, 1, 2, 3, names="L1-N L2-N L3-N"), three(60, 11, 12, 13)], 30),
    Line("one phase", [three(0, 100, names="L2"), three(60, 400, names="L2")], 300),
    Line("a phase is missing once", [three(0, 1, 2, 3), three(30, 90, 90, names="L1 L3"), three(60, 4, 5, 6)], 9),
    Line("phases of one moment in two messages", [three(0, 1, 2, 3), three(60, 4, names="L1"), three(60, 5, 6, names="L2 L3")], 9),
    Line("total and phases are not added", [*every(60, 600, 1500), three(0, 100, 200, 300), three(60, 400, 500, 600)], 900),
    Line("total and phases differ", [*every(60, 600, 1500), three(0, 100, 200, 300), three(60, 400, 500, 900)], 900, "phases"),
    Line("1.6: phases between start and stop", [three(30, 100, 200, 300), three(60, 400, 500, 600)], 1000, start=0, stop=1000),
    Line("cable, where there is no outlet", [wh(0, 0, location="Cable"), wh(60, 70, location="Cable")], 70),
    Line("inlet, where there is nothing better", [wh(0, 0, location="Inlet"), wh(60, 70, location="Inlet")], 70, "inlet"),
    Line("outlet before inlet", [*every(60, 5, 65), wh(0, 0, location="Inlet"), wh(60, 70, location="Inlet")], 60),
    Line("the box's own meter", [wh(0, 0, location="Body"), wh(60, 70, location="Body")], None, "review"),
    Line("the meter upstream", [wh(0, 0, location="Upstream"), wh(60, 70, location="Upstream")], None, "review"),
    Line("intervals", [interval(20, 500), interval(40, 600), interval(60, 700)], 1800),
    Line("an interval that ended before", [interval(0, 500), interval(40, 600), interval(60, 700)], 1300),
    Line("an interval twice", [interval(20, 500), interval(20, 500), interval(60, 700)], 1200),
    Line("intervals of two contexts", [interval(15, 100, "Sample.Clock"), interval(45, 300, "Sample.Clock"), *(interval(m, 200) for m in (12, 24, 36, 48, 60))], 1000),
    Line("an interval beyond the power", [interval(20, 500), interval(40, 600_000), interval(60, 700)], 1200, "implausible"),
    Line("an interval under 0", [interval(20, 500), interval(40, -5), interval(60, 700)], 1200, "implausible"),
    Line("power beyond the connector's", [power(0, 6000), power(30, 9e6), power(60, 6000)], 6000, "implausible estimated"),
    Line("a phase twice at one moment", [three(0, 1, 2, 3), three(60, 4, 5, 6), three(60, 3, names="L1")], 9),
    Line("registers before intervals", [*every(60, 0, 1900), interval(20, 500), interval(60, 700)], 1900),
    Line("power alone", [power(m, 6000) for m in range(0, 61, 10)], 6000, "estimated"),
    Line("power that rises", [power(0, 0), power(30, 6000), power(60, 6000)], 4500, "estimated"),
    Line("power with a gap", [power(m, 6000) for m in (0, 5, 10, 15, 50, 55, 60)], 2500, "estimated"),
    Line("power offered is none", [wh(m, 6000, measurand="Power.Offered", unit="W") for m in (0, 60)], None, "review"),
    Line("nothing", [], None, "review"),
    # Ends.
    Line("the end was not read", every(20, 1000, 2000, 3000), 2000, "estimated"),
    Line("one reading tells no energy", [wh(30, 1000)], None, "review"),
    Line("a late reading that is higher", [*every(30, 1000, 2000, 3000), wh(62, 3100)], 2000, "late"),
    Line("a late reading that is not", [*every(30, 1000, 2000, 3000), wh(62, 3000)], 2000),
    Line("only late readings", [wh(65, 1000), wh(70, 1500)], 500, "estimated late"),
]  # fmt: skip


@pytest.mark.parametrize("line", TABLE, ids=[line.name for line in TABLE])
def test_the_energy_of_a_session_is_what_the_table_says(line: Line) -> None:
    result = metered(line.readings, ended=line.ended, start=line.start, stop=line.stop)

    assert (result.energy_wh, result.flags) == (line.energy_wh, flags(line.flags))
