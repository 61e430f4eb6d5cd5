"""Write the whole demo in the caller's transaction: all of it, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from db import demo_network, messages, readings, station_keys, stations
from db.demo_network import PastAccount, PastCard, PastStation
from db.rows import Conn
from portal.demo import last_words, tariffs
from portal.demo.cast import (
    ADMIN_EMAIL,
    ADMIN_NAME,
    CHARGERS,
    DRIVERS,
    SITES,
)
from portal.demo.history import record
from portal.demo.visits import DAYS, invent, last_seen_at

_OPENED = timedelta(days=DAYS + 12)  # how long ago the network was


async def load(
    conn: Conn,
    now: datetime,
    *,
    password_hashes: Mapping[str, str],
    station_passwords: Mapping[str, str],
) -> bool:
    """
    False, and nothing written, when there are stations already.

    Args:
        password_hashes: by e-mail, of the accounts that may sign in.
        station_passwords: by identity.
    """
    await demo_network.lock(conn)
    if await demo_network.has_stations(conn):
        return False
    visits = await asyncio.to_thread(invent, now)
    account_ids = await _accounts(conn, now, password_hashes)
    cards = await demo_network.add_cards(
        conn,
        [
            PastCard(
                uid=card.uid,
                label=card.label,
                status=card.status,
                expires_at=None
                if card.expired_days_ago is None
                else now - timedelta(days=card.expired_days_ago),
                account_id=account_ids[driver.email],
                created_at=now - _OPENED,
            )
            for driver in DRIVERS
            for card in driver.cards
        ],
    )
    sites = await demo_network.add_sites(
        conn, [(site.name, site.zone, site.currency, site.address) for site in SITES]
    )
    await tariffs.load(conn, now - _OPENED, account_ids=account_ids, site_ids=sites)
    station_ids = await _stations(conn, now, station_passwords, sites)
    numbers = await demo_network.next_numbers(conn, len(visits))
    history = await asyncio.to_thread(
        record, visits, numbers=numbers, station_ids=station_ids, cards=cards
    )
    await demo_network.add_sessions(conn, history.sessions)
    await demo_network.add_readings(conn, history.readings)
    await demo_network.add_decisions(conn, history.decisions)
    await readings.add_energy(conn, history.energy)
    for charger in CHARGERS:
        if charger.life == "offline":
            silent_since = last_seen_at(charger, now)
            said = last_words.before(charger, station_ids[charger.identity], silent_since)
            await messages.add_many(conn, said)
    return True


async def _accounts(
    conn: Conn, now: datetime, password_hashes: Mapping[str, str]
) -> dict[str, int]:
    people = [(driver.email, driver.name, "driver") for driver in DRIVERS]
    if ADMIN_EMAIL in password_hashes:
        people.append((ADMIN_EMAIL, ADMIN_NAME, "admin"))
    return await demo_network.add_accounts(
        conn,
        [
            PastAccount(email, name, role, now - _OPENED, password_hashes.get(email))
            for email, name, role in people
        ],
    )


async def _stations(
    conn: Conn, now: datetime, passwords: Mapping[str, str], sites: Mapping[str, int]
) -> dict[str, int]:
    told = []
    for charger in CHARGERS:
        salt, key_hash = station_keys.make(passwords[charger.identity])
        station = await stations.add(
            conn,
            identity=charger.identity,
            name=charger.name,
            site_id=sites[charger.site],
            key_salt=salt,
            key_hash=key_hash,
        )
        for evse, plug in enumerate(charger.plugs, 1):
            await stations.add_connector(
                conn,
                station.id,
                evse=evse,
                connector=1,
                type=plug.type,
                max_power_w=plug.max_power_w,
            )
        told.append(
            PastStation(
                id=station.id,
                vendor=charger.vendor,
                model=charger.model,
                firmware=charger.firmware,
                ocpp_version=charger.version,
                status="Faulted" if charger.life == "faulted" else "Available",
                created_at=now - _OPENED,
                last_seen_at=last_seen_at(charger, now),
            )
        )
    await demo_network.describe_stations(conn, told)
    return await demo_network.station_ids(conn, [charger.identity for charger in CHARGERS])
