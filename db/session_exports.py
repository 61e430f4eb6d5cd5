"""Sessions for a file: all that match, a batch at a time, each with its price as it is now."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from db import session_filters
from db.rows import Pool, many
from db.session_filters import Arguments, Place, Search

BATCH = 1000


@dataclass(frozen=True, slots=True)
class ExportRow:
    """`total` is without credits, None while it is not priced; `credited` is at most 0."""

    number: int
    transaction_id: str
    id_token: str | None
    driver: str | None
    email: str | None
    identity: str
    charger: str
    site: str | None
    evse: int | None
    started_at: datetime
    ended_at: datetime | None
    energy_wh: Decimal | None
    currency: str | None
    total: Decimal | None
    credited: Decimal
    is_finalized: bool
    stop_reason: str | None
    flags: list[str]
    updated_at: datetime

    @property
    def place(self) -> Place:
        return Place(self.updated_at, self.number)


class Numbers:
    """Which session numbers were met; a bit each, for there may be millions."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> bool:
        """False when it was there already."""
        byte, bit = number >> 3, 1 << (number & 7)
        if byte >= len(self._bits):
            self._bits.extend(bytes(max(byte + 1 - len(self._bits), len(self._bits))))
        is_new = not self._bits[byte] & bit
        self._bits[byte] |= bit
        return is_new


async def each(
    pool: Pool, search: Search, *, acquire_s: float, batch: int = BATCH
) -> AsyncGenerator[list[ExportRow], None]:
    """
    The last updated first, each session once; no transaction and no connection outlives a batch.

    What is updated while the file is made moves up the list, past the place that was reached. So
    at the end what came in above the beginning is read too, but for what the file has already.
    """
    met = Numbers()
    begun: Place | None = None
    after: Place | None = None
    down_to: Place | None = None
    while True:
        async with pool.acquire(timeout=acquire_s) as conn:
            arguments = Arguments()
            source = session_filters.source(
                search, arguments, limit=batch, after=after, down_to=down_to
            )
            rows = await many(
                conn,
                ExportRow,
                _SELECT.format(source=source, most=arguments.add(batch)),
                *arguments.values,
            )
        if begun is None and rows:
            begun = rows[0].place
        new = [row for row in rows if met.add(row.number)]
        if new:
            yield new
        if len(rows) == batch:
            after = rows[-1].place
        elif down_to is None and begun is not None:
            after, down_to = None, begun
        else:
            return


_SELECT = """
    select s.id as number, s.transaction_id, s.id_token,
        account.name as driver, account.email, station.identity,
        coalesce(station.name, station.identity) as charger, site.name as site, s.evse,
        s.started_at, s.ended_at, coalesce(live.energy_wh, s.energy_wh) as energy_wh,
        price.currency::text as currency, price.total,
        coalesce((
            select sum(amount) from price_step step
            where step.station_id = s.station_id and step.session_id = s.id
                and step.kind = 'credit'
        ), 0) as credited,
        s.is_finalized, s.stop_reason, s.flags,
        coalesce(live.updated_at, s.updated_at) as updated_at
    from ({source}) s
    join station on station.id = s.station_id
    left join site on site.id = station.site_id
    left join account on account.id = s.account_id
    left join session_live live on live.station_id = s.station_id and live.session_id = s.id
    left join session_price price on price.station_id = s.station_id and price.session_id = s.id
    order by updated_at desc, number desc limit {most}
"""
