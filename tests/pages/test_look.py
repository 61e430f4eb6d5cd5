"""Every page, on a phone and on a desk, dark and light: accessible, in one column, and light."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, ViewportSize

from simulators import Vehicle
from tests.pages.conftest import ADMIN, DESK, DRIVER, PHONE, Site
from tests.pages.test_live import charger

NARROW = ViewportSize(width=320, height=640)
#: Both themes and widths, but not each with each: colours do not depend on the width.
_LOOKS = [(DESK, "dark"), (PHONE, "light")]
FOR_NOBODY = ["/sign-in", "/nothing"]
FOR_DRIVERS = ["/", "/nothing"]
FOR_ADMINS = [
    "/admin/transactions",
    "/admin/devices",
    "/admin/chargers/new",
    "/admin/chargers/CP-1",
    "/admin/chargers/CP-1/edit",
    "/admin/chargers/CP-1/password",
    "/admin/chargers/CP-1/key",
    "/admin/chargers/CP-2",
    "/admin/sites",
    "/admin/sites/new",
    "/admin/sites/1",
    "/admin/nothing",
]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


#: The innermost elements that reach out of the window.
TOO_WIDE = """[...document.querySelectorAll("main *")]
    .filter(each => each.getBoundingClientRect().right > innerWidth)
    .filter((each, _, all) => !all.some(other => other !== each && each.contains(other)))
    .slice(0, 3).map(each => each.outerHTML.slice(0, 120)).join(" ")"""


async def looked_at(site: Site, email: str | None) -> Page:
    """For `look`: axe is a script that no page of ours allows."""
    if email is None:
        return await site.nobody(bypass_csp=True)
    return await site.signed_in(email, bypass_csp=True)


async def look(page: Page, path: str) -> list[str]:
    """What is wrong with a page, in words. Chromium shows it, then gets narrower."""
    await page.set_viewport_size(DESK)
    await page.emulate_media(reduced_motion="reduce")  # else colours are on their way
    await page.goto(path)
    for details in await page.locator("details").all():
        await details.evaluate("each => { each.open = true }")
    wrong: list[str] = []
    for viewport, theme in _LOOKS:
        await page.set_viewport_size(viewport)
        await page.evaluate("name => { document.documentElement.dataset.theme = name }", theme)
        found = await Axe().run(page, options=RULES)
        wrong += [
            f"{path}, {theme}: {each['id']} at {each['nodes'][0]['target']}"
            for each in found.response["violations"]
        ]
        wrong += await sideways(page, path)
    await page.set_viewport_size(NARROW)
    wrong += await sideways(page, path)
    if await page.locator("h1").count() != 1:
        wrong.append(f"{path} has not one h1")
    return wrong


async def sideways(page: Page, path: str) -> list[str]:
    await page.wait_for_timeout(100)  # a chart takes its new size in the next frame
    if not await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        return []
    assert page.viewport_size is not None
    what = await page.evaluate(TOO_WIDE)
    return [f"{path} at {page.viewport_size['width']} px scrolls sideways: {what}"]


async def test_nothing_is_wrong_with_any_page(site: Site) -> None:
    wrong: list[str] = []
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1, Vehicle())
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=1_000)
        for email, paths in ((None, FOR_NOBODY), (DRIVER, FOR_DRIVERS), (ADMIN, FOR_ADMINS)):
            page = await looked_at(site, email)
            for path in paths:
                wrong += await look(page, path)
        await station.unplug(1)
    site.wrong[:] = [said for said in site.wrong if "404" not in said]
    assert wrong == []


async def test_an_empty_portal_is_in_order_too(site: Site) -> None:
    await site.pool.execute("truncate station, site, id_token cascade")
    wrong: list[str] = []
    for email, paths in (
        (DRIVER, ["/"]),
        (ADMIN, ["/admin/transactions", "/admin/devices", "/admin/sites", "/admin/cards"]),
    ):
        page = await looked_at(site, email)
        for path in paths:
            wrong += await look(page, path)
    assert wrong == []


async def test_a_drivers_page_is_under_100_kilobytes(site: Site) -> None:
    page = await site.nobody()
    client = await page.context.new_cdp_session(page)
    await client.send("Network.enable")
    carried = [0]
    client.on(
        "Network.loadingFinished",
        lambda said: carried.__setitem__(0, carried[0] + int(said["encodedDataLength"])),
    )
    async with charger(site, "CP-2", "1.6") as station:
        await station.plug_in(1, Vehicle())
        await station.swipe(1, "ADA-1")
        await station.charge(1, energy_wh=1_000)
        await page.goto("/sign-in")
        await page.get_by_text("Use a password").click()
        form = page.locator("form[action='/sign-in']")
        await form.get_by_label("E-mail address").fill(DRIVER)
        await form.get_by_label("Password", exact=True).fill("a password for tests")
        await form.get_by_role("button", name="Sign in", exact=True).click()
        await page.locator("#active section").wait_for()
        await site.pause(1)
        await station.unplug(1)
    print(f"{carried[0] / 1000:.1f} kB with the sign-in page")
    assert 10_000 < carried[0] < 100_000
