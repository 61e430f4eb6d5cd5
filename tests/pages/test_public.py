"""A driver scans a charger's sticker, signs in, starts, and sees it charge."""

from __future__ import annotations

from decimal import Decimal

import pytest
from playwright.async_api import expect

from csms.rules.pricing_terms import Terms, encode
from db import tariffs
from simulators import Vehicle
from tests.pages.conftest import ADMIN, DRIVER, PASSWORD, Site
from tests.pages.test_live import charger
from tests.pages.test_look import look, looked_at


async def price(site: Site) -> None:
    async with site.pool.acquire() as conn, conn.transaction():
        terms = Terms(
            currency="EUR",
            per_kwh=Decimal("0.52"),
            per_idle_minute=Decimal("0.10"),
            idle_grace_min=20,
        )
        made = await tariffs.add(conn, name="Public", currency="EUR", terms=encode(terms))
        await tariffs.make_default(conn, made)


async def public_id(site: Site, identity: str) -> str:
    found: str = await site.pool.fetchval(
        "select public_id from station where identity = $1", identity
    )
    return found


@pytest.mark.parametrize("java_script", [True, False])
async def test_a_driver_scans_signs_in_starts_and_sees_it(site: Site, java_script: bool) -> None:
    await price(site)
    path = f"/c/{await public_id(site, 'CP-2')}"
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1, Vehicle())
        phone = await site.nobody(java_script_enabled=java_script)
        await phone.goto(path)
        await expect(phone.get_by_role("heading", level=1)).to_have_text("Harbour south")
        await expect(phone.locator(".price")).to_contain_text("€0.52")
        await phone.get_by_role("link", name="Sign in and start").click()
        await phone.get_by_text("Use a password").click()
        form = phone.locator("form[action='/sign-in']")
        await form.get_by_label("E-mail").fill(DRIVER)
        await form.get_by_label("Password", exact=True).fill(PASSWORD)
        await form.get_by_role("button", name="Sign in", exact=True).click()
        await phone.wait_for_url(f"**{path}")
        await phone.get_by_role("button", name="Start charging").click()
        await station.until(lambda: bool(station.sessions))
        await phone.goto(path)
        await expect(phone.get_by_role("link", name="See your session")).to_be_visible()
        await phone.get_by_role("link", name="See your session").click()
        await expect(phone.locator("#active section")).to_contain_text("Harbour south")
        await station.unplug(1)


async def test_the_page_of_a_sticker_is_under_50_kilobytes(site: Site) -> None:
    await price(site)
    page = await site.nobody()
    client = await page.context.new_cdp_session(page)
    await client.send("Network.enable")
    carried = [0]
    client.on(
        "Network.loadingFinished",
        lambda said: carried.__setitem__(0, carried[0] + int(said["encodedDataLength"])),
    )
    await page.goto(f"/c/{await public_id(site, 'CP-1')}")
    await site.pause(1)
    assert 5_000 < carried[0] < 50_000


async def test_nothing_is_wrong_with_these_pages(site: Site) -> None:
    await price(site)
    await site.pool.execute(
        """
        insert into reservation (station_id, account_id, starts_at, ends_at)
        select station.id, account.id, now() + interval '1 d', now() + interval '25 h'
        from station, account where identity = 'CP-2' and email = $1
        """,
        DRIVER,
    )
    await site.pool.execute(
        """
        insert into quarantine (station_id, received_at, action, body, problem)
        select id, now(), 'StopTransaction', '[2,"7","StopTransaction",{}]', 'no meterStop'
        from station where identity = 'CP-2'
        """
    )
    await site.pool.execute(
        """
        insert into mail (kind, recipient, subject, body_text, body_html, died_at, error)
        values ('session_summary', 'ada@example.org', 'Yours', 'a', 'a', now(), 'no such box')
        """
    )
    await site.pool.execute(
        "insert into site_member select site.id, account.id from site, account where email = $1",
        DRIVER,
    )
    await site.pool.execute(
        """
        update connector set status = 'Faulted', reported = 'Faulted', error = 'GroundFailure',
            status_received_at = now()
        where evse = 2
        """
    )
    await site.pool.execute(
        """
        insert into connection_attempt (at, identity, path, remote_address, http_status, reason)
        values (now(), 'CP-9', '/ocpp/CP-9', '192.0.2.7', 404, 'no charger CP-9 is known here'),
            (now(), null, '', '192.0.2.8', 0, 'the charger refuses our certificate')
        """
    )
    kept = await site.pool.fetchrow("select station_id, id from quarantine")
    assert kept is not None
    one, two = await public_id(site, "CP-1"), await public_id(site, "CP-2")
    wrong: list[str] = []
    for_all = [f"/c/{one}", f"/c/{two}", "/c/NOTHERE2"]
    for_admins = [
        "/admin",
        "/admin/needs/faulted",
        "/admin/needs/review",
        "/admin/quarantine",
        f"/admin/quarantine/{kept['station_id']}/{kept['id']}",
        "/admin/system",
        "/admin/stickers",
        "/admin/reservations",
        "/admin/reservations/new",
        "/admin/chargers/CP-1/connectors/new",
        "/admin/chargers/CP-1/connectors/1/1",
    ]
    async with charger(site, "CP-2", "1.6"), charger(site, "CP-1", "2.0.1", connectors=2):
        for email, paths in (
            (None, for_all),
            (DRIVER, for_all),
            (ADMIN, [*for_admins, f"/c/{one}"]),
        ):
            page = await looked_at(site, email)
            for path in paths:
                wrong += await look(page, path)
    site.wrong[:] = [said for said in site.wrong if "404" not in said]
    assert wrong == []
