"""A driver charges: what a charger says over its socket, and what it should come to."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from db.accounts import Account
from db.rows import Pool
from tests.wire import Charger

MINUTE = timedelta(minutes=1)
QUARTER = 15 * MINUTE
FIVE_PM = datetime(2026, 11, 18, 16, 4, 12, tzinfo=UTC)  # 17:04:12 in Amsterdam
#: The meter's own words, in Wh, each a quarter of an hour after the one before.
METER = [8_412_310, 8_414_120, 8_416_820, 8_419_540, 8_422_250, 8_424_930]


async def set_up(pool: Pool, ada: Account, *, zone: str = "Europe/Amsterdam") -> str:
    """CP-1 gets a name, a site and a connector, Ada a card. The public id on the sticker."""
    await pool.execute("insert into id_token (uid, account_id) values ('ADA-1', $1)", ada.id)
    site = await pool.fetchval(
        "insert into site (name, zone) values ('Harbour', $1) returning id", zone
    )
    station = await pool.fetchval(
        "update station set name = 'Garage 1', site_id = $1 returning id", site
    )
    await pool.execute("insert into evse values ($1, 1)", station)
    await pool.execute(
        """
        insert into connector (station_id, evse, connector, type, max_power_w)
        values ($1, 1, 1, 'Type 2', 22000)
        """,
        station,
    )
    public_id: str = await pool.fetchval("select public_id from station")
    return public_id


async def boot(box: Charger) -> None:
    said = await box.call(
        "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"}
    )
    assert said["status"] == "Accepted", said


async def start(
    box: Charger, at: datetime, meter_wh: int, *, card: str = "ADA-1", connector: int = 1
) -> int:
    """The number that the charger was given."""
    said = await box.call(
        "StartTransaction",
        {"connectorId": connector, "idTag": card, "meterStart": meter_wh, "timestamp": iso(at)},
    )
    number: int = said["transactionId"]
    return number


async def measure(box: Charger, number: int, at: datetime, meter_wh: int, **more: object) -> None:
    sample = {"value": str(meter_wh), "unit": "Wh", **more}
    await box.call(
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": number,
            "meterValue": [{"timestamp": iso(at), "sampledValue": [sample]}],
        },
    )


async def stop(box: Charger, number: int, at: datetime, meter_wh: int) -> None:
    await box.call(
        "StopTransaction",
        {"transactionId": number, "meterStop": meter_wh, "timestamp": iso(at), "idTag": "ADA-1"},
    )


async def charge(
    box: Charger,
    registers: Sequence[int] = METER,
    *,
    at: datetime = FIVE_PM,
    step: timedelta = QUARTER,
    card: str = "ADA-1",
) -> int:
    """From the first register to the last; those between are readings."""
    number = await start(box, at, registers[0], card=card)
    for place, register in enumerate(registers[1:-1], 1):
        await measure(box, number, at + place * step, register)
    await stop(box, number, at + (len(registers) - 1) * step, registers[-1])
    return number


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def kwh(wh: int, places: int = 2) -> str:
    """By hand: Wh as kWh, rounded half up."""
    step = Decimal(1).scaleb(-places)
    return str((Decimal(wh) / 1000).quantize(step, ROUND_HALF_UP))


def words(markup: str) -> str:
    """What a reader sees, its spaces made one."""
    bare = re.sub(r"<(script|svg|title)\b.*?</\1>", " ", markup, flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", bare))).strip()


def part(markup: str, start: str, end: str) -> str:
    """What stands between two pieces of markup."""
    assert start in markup, start
    return markup.partition(start)[2].partition(end)[0]


def tiles(markup: str) -> dict[str, str]:
    """The figures of the summary by their labels."""
    summary = part(markup, '<dl class="tiles">', "</dl>")
    pairs = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", summary, re.S)
    return {words(label): words(figure) for label, figure in pairs}


def timeline(markup: str) -> list[list[str]]:
    """The cells of each row of the meter timeline, without those that only explain a row."""
    body = part(part(markup, 'id="timeline"', "</section>"), "<tbody>", "</tbody>")
    rows = re.findall(r'<tr id="r-\d+".*?</tr>', body, re.S)
    return [
        [
            words(cell)
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)
            if "<input" not in cell
        ]
        for row in rows
    ]
