"""Reliability D-P06, D-P56: no text of a charger is anything but text on any page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from db.rows import Pool
from tests.catalogue.marks import row
from tests.fuzz import spoilt, wholes
from tests.fuzz.crawler import crawl
from tests.fuzz.spoilt import MARKUP
from tests.ocpp.payloads import START, STOP, metered
from tests.portal.browser import add_person, signed_in
from tests.portal.conftest import Api, api
from tests.raw_socket import asking, dialled
from tests.wire import KEY, Charger, Csms, add_station, basic, charger, csms

__all__ = ["api"]

ADA, OMAR = "ada@example.org", "omar@example.org"
VERSIONS = ("1.6", "2.0.1", "2.1")


def with_markup(version: str, action: str) -> dict[str, Any]:
    """A whole payload, in which every text that a charger is free to choose is markup."""
    payload = wholes.whole(version, action)
    for field in wholes.fields(version, action):
        schema = field.schema
        if schema.get("type") != "string" or "enum" in schema or "format" in schema:
            continue
        part: Any = payload
        for step in field.path[:-1]:
            part = part[step]
        part[field.path[-1]] = MARKUP[: schema.get("maxLength", len(MARKUP))]
    return payload


async def tell_everything(cp: Charger, version: str) -> None:
    for number, action in enumerate(spoilt.actions(version)):
        payload = with_markup(version, action)
        if action == "NotifyPeriodicEventStream":
            await cp.socket.send(json.dumps([6, f"s{number}", action, payload]))
        else:
            answer = await cp.frame([2, f"m{number}", action, payload], f"m{number}")
            assert answer[0] == 3, (action, answer)


async def charge(cp: Charger) -> None:
    """A session that ended and one that runs, of a card with such a number; and one in doubt."""
    start = START | {"idTag": MARKUP}
    number = (await cp.call("StartTransaction", start))["transactionId"]
    readings = metered("1.6", value=2_000, unit=MARKUP, measurand=MARKUP, phase=MARKUP)
    values = {"connectorId": 1, "transactionId": number, "meterValue": readings}
    assert await cp.call("MeterValues", values) == {}
    stop = STOP | {"transactionId": number, "reason": MARKUP, "idTag": MARKUP}
    assert "idTagInfo" in await cp.call("StopTransaction", stop)
    running = START | {"idTag": MARKUP, "timestamp": MARKUP, "connectorId": 2, "surprise": MARKUP}
    assert "transactionId" in await cp.call("StartTransaction", running)


async def knock(server: Csms) -> None:
    """A connection attempt that is refused, with markup in all that a stranger may say."""
    async with dialled(server.port) as raw:
        more = {"User-Agent": MARKUP, "Sec_WebSocket_Protocol": MARKUP}
        raw.send(asking(**basic("CP-1", KEY + "x"), **more))
        assert (await raw.response()).status == 400


@row("D-P06", "D-P56")
async def test_no_text_of_a_charger_becomes_markup_on_any_page(
    api: Api, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    ada = await add_person(pool, ADA)
    await add_person(pool, OMAR, role="admin")
    await pool.execute(
        """
        insert into id_token (uid, type, status, account_id, label)
        values ($1, 'Central', 'Accepted', $2, 'hers')
        """,
        MARKUP,
        ada.id,
    )
    async with csms(database_url, tmp_path) as server:
        for place, version in enumerate(VERSIONS, 1):
            await add_station(database_url, f"CP-{place}")
            async with charger(server.url, f"CP-{place}", version) as cp:
                if version != "1.6":
                    boot = with_markup(version, "BootNotification")
                    assert (await cp.call("BootNotification", boot))["status"] == "Accepted"
                await tell_everything(cp, version)
                if version == "1.6":
                    await charge(cp)
        await knock(server)

        async with signed_in(api.port, OMAR) as browser:
            admin = await crawl(browser, "/admin")
        async with signed_in(api.port, ADA) as browser:
            driver = await crawl(browser, "/")

    check_seen(admin, least=30, with_markup_least=8)
    check_seen(driver, least=8, with_markup_least=2)
    for path in ("/admin/quarantine", "/admin/system", "/admin/chargers/CP-1"):
        assert "xq" in admin[path], path
    assert any("xq" in text for path, text in admin.items() if "/admin/transactions/" in path)


def check_seen(pages: dict[str, str], *, least: int, with_markup_least: int) -> None:
    """Enough was seen, and much of it shows the texts: else it would prove nothing."""
    assert len(pages) >= least, sorted(pages)
    shown = [path for path, text in pages.items() if "&lt;xq" in text]
    assert len(shown) >= with_markup_least, (sorted(shown), sorted(pages))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_markup_is_in_most_messages(version: str) -> None:
    said = [json.dumps(with_markup(version, action)) for action in spoilt.actions(version)]

    assert sum("<xq" in text for text in said) >= len(said) / 3
