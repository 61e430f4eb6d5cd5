"""
Many sessions at once, to see how pages fare with them: `python -m db.load_demo`.

Rows are made by the database itself, a batch a statement, spread over half a year and 300 chargers
called LOAD-0001 and so on. They come beside what is there and can be told by those names.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg

from db import embedded, partitions
from db.config import ConfigError, DatabaseConfig
from db.errors import Conflict
from db.migrate import migrate
from db.rows import Conn

STATIONS, DRIVERS, DAYS = 300, 2000, 180
SESSIONS, READINGS = 300_000, 5_000_000
_BATCH = 20_000
_MESSAGE_DAYS = 7
_RUNNING = 40

Tell = Callable[[str], None]


async def load(
    conn: Conn, *, sessions: int, readings: int, now: datetime, tell: Tell = lambda _: None
) -> None:
    """
    Raises Conflict when it was done before.

    `readings` are of all sessions together: as many for each, so there may be a few more. The last
    `_RUNNING` run.
    """
    if await conn.fetchval("select exists (select from station where identity = 'LOAD-0001')"):
        raise Conflict("the load is in this database already")
    each = max(math.ceil(readings / sessions), 2)
    await prepare(conn, now)
    tell(f"{STATIONS} chargers, {DRIVERS} drivers, {DAYS} days")
    for first in range(0, sessions, _BATCH):
        last = min(first + _BATCH, sessions)
        await add_sessions(conn, first, last, sessions=sessions, readings_each=each, now=now)
        tell(f"{last} of {sessions} sessions, {last * each} readings")
    async with conn.transaction():
        await conn.execute(_LIVE, _RUNNING, now)
        await conn.execute(_HOURS)
        await conn.execute(_COUNTS)
        await conn.execute(_UIDS)
    tell("vacuum and analyze ...")
    for table in ("charging_session", "session_live", "session_price", "energy_hourly"):
        await conn.execute(f"vacuum analyze {table}")
    for table in ("station", "id_token", "account", "session_uid", "reading", "message"):
        await conn.execute(f"analyze {table}")


async def prepare(conn: Conn, now: datetime) -> None:
    """Chargers, drivers, and a partition for each day."""
    for ago in range(DAYS + 2):
        day = (now - timedelta(days=ago)).date()
        async with conn.transaction():
            await partitions.add_day(conn, "reading", day)
            if ago <= _MESSAGE_DAYS:
                await partitions.add_day(conn, "message", day)
    async with conn.transaction():
        await conn.execute(_STATIONS, STATIONS)
        await conn.execute(_PEOPLE, DRIVERS)


async def add_sessions(
    conn: Conn, first: int, last: int, *, sessions: int, readings_each: int, now: datetime
) -> None:
    """Those from `first` to before `last` of all `sessions`, with what belongs to them."""
    async with conn.transaction():
        # The counts that triggers keep row by row are made at once at the end.
        await conn.execute("alter table charging_session disable trigger user")
        await conn.execute(_SESSIONS, first, last - 1, sessions, STATIONS, DRIVERS, now, DAYS)
        await conn.execute("alter table charging_session enable trigger user")
        await conn.execute(_READINGS, readings_each)
        await conn.execute(_PRICES)
        await conn.execute(_MESSAGES, now - timedelta(days=_MESSAGE_DAYS))
        await conn.execute("drop table batch")


_STATIONS = """
    with added as (
        insert into station (identity, public_id, name, ocpp_version)
        select 'LOAD-' || lpad(n::text, 4, '0'), 'L' || upper(substr(md5('load' || n), 1, 7)),
            'Load ' || n, '1.6'
        from generate_series(1, $1::int) n
        returning id
    ), evses as (
        insert into evse select id, evse from added, generate_series(1, 2) evse
        returning station_id, evse
    )
    insert into connector (station_id, evse, connector, type, max_power_w)
    select id, evse, 1, 'Type 2', 22000 from added, generate_series(1, 2) evse
"""
_PEOPLE = """
    with added as (
        insert into account (email, name)
        select 'load' || n || '@example.org', 'Load driver ' || n from generate_series(1, $1::int) n
        returning id, name
    )
    insert into id_token (uid, type, account_id)
    select 'LOAD' || lpad(split_part(name, ' ', 3), 6, '0'), 'ISO14443', id from added
"""
# One in twenty has a card that nobody registered. The last ones come last, so that they can run.
_SESSIONS = """
    create temp table batch as
    with made as (
        select n, $6::timestamptz - make_interval(days => $7)
                * (1 - (n + 1)::float / $3) - interval '4 hours' as started_at,
            interval '20 minutes' + interval '3 hours' * random() as took,
            2000 + (30000 * random())::bigint as energy_wh,
            1 + (n::bigint * 7919) % $5 as person
        from generate_series($1::int, $2::int) n
    ), added as (
        insert into charging_session (station_id, family, transaction_id, evse, connector, id_token,
            account_id, authorization_status, started_at, start_received_at, ended_at,
            end_received_at, meter_start_wh, meter_stop_wh, energy_wh, is_finalized, stop_reason,
            updated_at)
        select station.id, 'v16', 'load-' || n, 1, 1,
            case when n % 20 = 0 then 'STRAY' || lpad((n % 997)::text, 4, '0') else token.uid end,
            case when n % 20 <> 0 then token.account_id end, 'Accepted', started_at, started_at,
            started_at + took, started_at + took, n * 100, n * 100 + energy_wh, energy_wh, true,
            'Local', started_at + took + interval '1 second'
        from made
        join station on station.identity = 'LOAD-' || lpad((1 + n % $4)::text, 4, '0')
        join id_token token on token.uid = 'LOAD' || lpad(person::text, 6, '0')
        returning station_id, id, account_id, started_at, ended_at, meter_start_wh, energy_wh
    )
    select * from added
"""
_READINGS = """
    insert into reading (station_id, at, fingerprint, received_at, session_id, evse, connector,
        transaction_id, context, energy_wh, power_w, samples)
    select station_id, at, int8send(id * 1000 + n), at + interval '1 second', id, 1, 1, id::text,
        'Sample.Periodic', wh, 7000,
        convert_to('[{"value":' || wh || '},{"measurand":"Power.Active.Import","value":7000,'
            || '"unit":"W"}]', 'UTF8')
    from (
        select batch.*, n, started_at + (ended_at - started_at) * (n::float / ($1 - 1)) as at,
            meter_start_wh + energy_wh * n / ($1 - 1) as wh
        from batch, generate_series(0, $1::int - 1) n
    ) made
"""
_PRICES = """
    insert into session_price (station_id, session_id, account_id, why, currency, total, tax,
        energy_wh, month, settled_at)
    select station_id, id, account_id, 'a made-up price of the load', 'EUR',
        round(energy_wh * 0.00039, 2), 0, energy_wh, date_trunc('month', started_at)::date, ended_at
    from batch
"""
_MESSAGES = """
    insert into message (station_id, received_at, is_ours, message_id, action, body, answer,
        took_ms)
    select station_id, started_at + n * interval '1 minute', false, id || '-' || n, 'MeterValues',
        convert_to('[2,"' || id || '-' || n || '","MeterValues",{}]', 'UTF8'),
        convert_to('[3,"' || id || '-' || n || '",{}]', 'UTF8'), 3
    from batch, generate_series(0, 9) n
    where started_at > $1
"""
_LIVE = """
    with chosen as (
        select station_id, id from charging_session
        where transaction_id like 'load-%' order by updated_at desc, id desc limit $1
    ), moved as (
        delete from session_price price using chosen
        where price.station_id = chosen.station_id and price.session_id = chosen.id
    ), opened as (
        update charging_session s
        set is_finalized = false, ended_at = null, end_received_at = null, meter_stop_wh = null,
            energy_wh = null, stop_reason = null, evse = null, updated_at = s.started_at
        from chosen
        where s.station_id = chosen.station_id and s.id = chosen.id
        returning s.station_id, s.id, s.transaction_id, s.started_at, s.account_id
    )
    insert into session_live (station_id, session_id, transaction_id, started_at, max_power_w,
        energy_wh, power_w, updated_at, account_id, family)
    select station_id, id, transaction_id, started_at, 22000, 5000, 7000, $2, account_id, 'v16'
    from opened
"""
_HOURS = """
    insert into energy_hourly (station_id, hour, energy_wh)
    select station_id, date_trunc('hour', ended_at), sum(energy_wh) from charging_session
    where transaction_id like 'load-%' and ended_at is not null
    group by 1, 2
    on conflict (station_id, hour) do update
    set energy_wh = energy_hourly.energy_wh + excluded.energy_wh
"""
_COUNTS = """
    insert into session_count
    select station_id, count(*) from charging_session where transaction_id like 'load-%'
    group by station_id
    on conflict (station_id) do update set sessions = excluded.sessions
"""
_UIDS = """
    insert into session_uid
    select distinct lower(id_token) from charging_session where id_token is not null
    on conflict do nothing
"""


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Load many sessions into the run's database.")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--readings", type=int, default=READINGS)
    return parser.parse_args(argv)


async def _main(asked: argparse.Namespace) -> None:
    def tell(words: str) -> None:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()

    async with embedded.database(DatabaseConfig.from_env(os.environ)) as url:
        await migrate(url)
        conn = await asyncpg.connect(url)
        try:
            await load(
                conn,
                sessions=asked.sessions,
                readings=asked.readings,
                now=datetime.now(UTC),
                tell=tell,
            )
        finally:
            await conn.close()


if __name__ == "__main__":
    try:
        asyncio.run(_main(_arguments(sys.argv[1:])))
    except (ConfigError, Conflict) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
