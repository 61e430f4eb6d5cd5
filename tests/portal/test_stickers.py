"""Stickers: what the code says is the address of the charger's public page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import segno

from db.rows import Pool
from portal.context import CONFIG
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api
from tests.wire import add_station

OMAR = "omar@example.org"


@pytest.fixture
async def desk(api: Api, pool: Pool, database_url: str) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    for identity in ("CP-1", "CP-2"):
        await add_station(database_url, identity)
    await pool.execute("insert into site (name) values ('Harbour')")
    await pool.execute("update station set site_id = 1, name = 'Quay 2' where identity = 'CP-2'")
    async with signed_in(api.port, OMAR) as page:
        api.app._state[CONFIG] = replace(api.app[CONFIG], public_url="http://charge.example")
        yield page


async def test_a_sticker_holds_the_code_the_letters_the_name_and_the_address(
    desk: Browser, pool: Pool
) -> None:
    public_id = await pool.fetchval("select public_id from station where identity = 'CP-2'")

    shown = await desk.get("/admin/stickers?charger=CP-2")

    url = f"http://charge.example/c/{public_id}"
    drawn = re.search(r'<path[^>]* d="([^"]+)"', shown.text[shown.text.index('class="qr"') :])
    expected = segno.make(url, error="h", micro=False)
    again = re.search(r' d="([^"]+)"', expected.svg_inline(omitsize=True, dark="#000"))
    assert expected.error == "H"
    assert again is not None
    dark = re.findall(r'<path[^>]*stroke="#000"[^>]* d="([^"]+)"', shown.text)
    assert dark == [again[1]], drawn
    assert f"{public_id[:4]} {public_id[4:]}" in shown.text
    assert "Quay 2" in shown.text
    assert url in shown.text
    assert shown.text.count('class="qr"') == 1


async def test_a_sheet_is_of_a_charger_a_site_or_all(desk: Browser) -> None:
    counts = [
        (await desk.get(f"/admin/stickers{query}")).text.count('class="qr"')
        for query in ("", "?site=1", "?charger=CP-1")
    ]

    assert counts == [2, 1, 1]
    assert (await desk.get("/admin/stickers?charger=CP-9")).status == 404
    assert (await desk.get("/admin/stickers?site=x")).status == 404
