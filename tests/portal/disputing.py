"""A session with readings and a price, to be disputed; and the forms of both portals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from db import sites
from db.accounts import Account
from db.model.sessions import Session
from db.rows import Conn, Pool
from tests.portal import build
from tests.portal.browser import Browser, Shown

#: The meter's register at each reading, in Wh, every quarter of an hour; the third step is a jump.
REGISTERS = [8_412_310, 8_414_120, 8_416_820, 8_424_840, 8_426_350]
BEGAN = datetime(2026, 11, 18, 16, 4, 12, tzinfo=UTC)
STEP = timedelta(minutes=15)
ENDED = BEGAN + STEP * (len(REGISTERS) - 1)
TOTAL = Decimal("9.33")
OVER: dict[str, Any] = {
    "ended_at": ENDED,
    "end_received_at": ENDED,
    "meter_stop_wh": REGISTERS[-1],
    "energy_wh": REGISTERS[-1] - REGISTERS[0],
}


async def charged(
    pool: Pool,
    who: Account,
    *,
    identity: str = "CP-1",
    total: Decimal | None = TOTAL,
    is_included: bool = False,
    running: bool = False,
) -> Session:
    """At a garage in Amsterdam, on 18 November 2026; priced in EUR unless it runs."""
    async with pool.acquire() as conn, conn.transaction():
        station = await build.station(conn, identity, evses=1)
        site = await sites.add(
            conn, name=f"Garage {identity}", zone="Europe/Amsterdam", currency="EUR", address=None
        )
        await conn.execute(
            "update station set name = 'Bay 4', site_id = $2 where id = $1", station.id, site.id
        )
        await conn.execute(
            "update connector set type = 'Type 2', max_power_w = 22000 where station_id = $1",
            station.id,
        )
        session = await build.session(
            conn,
            station,
            running=running,
            account_id=who.id,
            started_at=BEGAN,
            start_received_at=BEGAN,
            updated_at=ENDED,
            meter_start_wh=REGISTERS[0],
            **({} if running else OVER),
        )
        await build.measure(conn, session, REGISTERS, at=BEGAN, step=STEP)
        if not running:
            await _price(conn, session, total=total, is_included=is_included)
            # Priced by this test: the job has nothing to do.
            await conn.execute("update charging_session set is_price_due = false")
    return session


async def _price(conn: Conn, session: Session, *, total: Decimal | None, is_included: bool) -> None:
    """Settled, of a tariff; so that no job has a reason to make it again."""
    await conn.execute(
        """
        with made as (
            insert into tariff (name) values ('Pole ' || $2::bigint) returning id
        ), version as (
            insert into tariff_version (tariff_id, version, currency, terms)
            select id, 1, 'EUR', '{}' from made
            returning tariff_id
        )
        insert into session_price (station_id, session_id, account_id, tariff_id, tariff_version,
            why, currency, total, is_included, lines, month, settled_at)
        select $1, $2, $3, tariff_id, 1, 'Of the charger', 'EUR', $4, $5, $6, '2026-11-01', now()
        from version
        """,
        session.station_id,
        session.id,
        session.account_id,
        total,
        is_included,
        f'[{{"kind": "energy", "label": "Energy", "amount": "{total or 0}"}}]',
    )


def sent(**more: str) -> dict[str, str]:
    """A dispute's form, filled in."""
    return {
        "figure": "cost",
        "expected": "€7.66",
        "why": "14.04 kWh at the price on the pole",
    } | more


async def dispute(page: Browser, session: Session, *marked: datetime, **more: str) -> Shown:
    fields = [*sent(**more).items(), *(("marked", at.isoformat()) for at in marked)]
    token = re.search(r'name="_csrf" value="([^"]+)"', (await page.get("/nothing")).text)
    assert token
    async with page.http.post(
        f"{page.url}/sessions/{session.id}/dispute",
        data=[("_csrf", token[1]), *fields],
        allow_redirects=False,
    ) as response:
        text = await response.text()
        return Shown(
            response.status,
            text,
            dict(response.headers),
            response.headers.get("Location", response.url.path),
        )


async def panel(page: Browser, session: Session) -> str:
    """The dispute's part of the session's page, as the driver reads it."""
    shown = await page.get(f"/sessions/{session.id}/dispute", HX_Request="true")
    assert shown.status == 200, shown.status
    return shown.text


async def step(
    desk: Browser,
    id: int,
    what: str,
    words: Mapping[str, str] | None = None,
    *,
    last: int | None = None,
    **more: str,
) -> Shown:
    """One of the admin's forms, as the page stands; `last` when it was opened earlier."""
    path = f"/admin/disputes/{id}"
    if last is None:
        last = last_of((await desk.get(path)).text)
    return await desk.post(
        f"{path}/{what}", {"last": str(last), **(words or {}), **more}, page=path
    )


def last_of(text: str) -> int:
    found = re.search(r'name="last" value="(\d+)"', text)
    assert found, "no form on the page"
    return int(found[1])
