"""Drivers as the admin sees them: found, invited, on a plan, switched off."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from db.rows import Pool
from tests.portal import build
from tests.portal.browser import Browser, add_person, browser, signed_in
from tests.portal.conftest import Api

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"
NEW = "/admin/drivers/new"


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, OMAR, role="admin")
    async with signed_in(api.port, OMAR) as page:
        yield page


async def plan(pool: Pool, name: str = "Fleet") -> int:
    tariff = await pool.fetchval("insert into tariff (name) values ($1) returning id", name)
    await pool.execute("insert into tariff_version values ($1, 1, 'EUR', '{}', now())", tariff)
    made: int = await pool.fetchval(
        "insert into plan (name, tariff_id) values ($1, $2) returning id", name, tariff
    )
    return made


async def hold_mails(pool: Pool) -> None:
    """A mail that was sent has lost its link."""
    await pool.execute(
        "insert into job (name, next_at) values ('mail', 'infinity')"
        " on conflict (name) do update set next_at = 'infinity'"
    )


async def test_a_new_driver_is_invited_by_mail_and_signs_in_with_it(
    api: Api, desk: Browser, pool: Pool
) -> None:
    await hold_mails(pool)
    fleet = await plan(pool)
    fields = {"name": "Ada", "email": ADA, "password": "", "invite": "on", "plan": str(fleet)}

    shown = await desk.post(NEW, fields, page=NEW)

    assert f"A link is on its way to {ADA}." in shown.text
    assert "Fleet" in shown.text
    assert await pool.fetchval("select plan_id from account where email = $1", ADA) == fleet
    (mail,) = await pool.fetch("select kind, recipient, body_text, body_html from mail")
    assert (mail["kind"], mail["recipient"]) == ("invitation", ADA)
    found = re.search(r"token=([\w-]+)", mail["body_text"])
    assert found
    assert found[1] in mail["body_html"]
    async with browser(api.port) as phone:
        page = f"/sign-in/link?token={found[1]}"
        assert "Ada" in (await phone.get(page)).text
        await phone.post("/sign-in/link", {"token": found[1]}, page=page)
        assert (await phone.get("/cards")).path == "/cards"
    (row,) = await pool.fetch("select detail, subject from audit where action = 'account.added'")
    detail = json.loads(row["detail"])
    assert (detail["has_password"], detail["is_invited"]) == (False, True)
    assert found[1] not in row["detail"]


async def test_without_an_invitation_no_mail_is_sent(desk: Browser, pool: Pool) -> None:
    fields = {"name": "Ada", "email": ADA, "password": "a few long words"}

    shown = await desk.post(NEW, fields, page=NEW)

    assert "Tell them the address and the password." in shown.text
    assert await pool.fetchval("select count(*) from mail") == 0


async def test_an_address_that_is_taken_sends_nothing(desk: Browser, pool: Pool) -> None:
    await add_person(pool, ADA)
    fields = {"name": "Ada", "email": ADA.upper(), "password": "", "invite": "on"}

    shown = await desk.post(NEW, fields, page=NEW)

    assert shown.status == 422
    assert "There is an account with this address already" in shown.text
    assert await pool.fetchval("select count(*) from mail") == 0
    assert await pool.fetchval("select count(*) from audit where action like 'account.%'") == 0


async def test_a_sign_in_link_is_sent_on_request_and_written_down(
    desk: Browser, pool: Pool
) -> None:
    ada = await add_person(pool, ADA)
    path = f"/admin/drivers/{ada.id}"

    shown = await desk.post(f"{path}/link", {}, page=path)

    assert "A link is on its way" in shown.text
    (mail,) = await pool.fetch("select kind, recipient, account_id from mail")
    assert tuple(mail) == ("sign_in_link", ADA, ada.id)
    (row,) = await pool.fetch("select actor, subject from audit where action = 'account.link_sent'")
    assert tuple(row) == (OMAR, f"account:{ada.id}")
    await desk.post(f"{path}/active", {"active": "0"}, page=path)
    await desk.post(f"{path}/link", {}, page=path)
    assert await pool.fetchval("select count(*) from mail") == 1, "none to who is switched off"


@pytest.mark.parametrize(
    "changed", [{"email": "ada@elsewhere.example"}, {"password": "quite another password"}]
)
async def test_a_link_in_the_old_mailbox_opens_nothing_after_a_new_address_or_password(
    api: Api, desk: Browser, pool: Pool, changed: dict[str, str]
) -> None:
    ada = await add_person(pool, ADA)
    path = f"/admin/drivers/{ada.id}"
    await hold_mails(pool)
    await desk.post(f"{path}/link", {}, page=path)
    text = await pool.fetchval("select body_text from mail")
    found = re.search(r"token=([\w-]+)", text)
    assert found
    fields = {"name": "Ada", "email": ADA, "password": "", "plan": ""}

    async with browser(api.port) as phone:
        link = f"/sign-in/link?token={found[1]}"
        assert (await phone.get(link)).status == 200
        await desk.post(f"{path}/edit", fields, page=f"{path}/edit")
        assert (await phone.get(link)).status == 200  # only the name was changed
        await desk.post(f"{path}/edit", fields | changed, page=f"{path}/edit")
        assert (await phone.get(link)).status == 410


async def test_a_plan_is_chosen_and_taken_away(desk: Browser, pool: Pool) -> None:
    ada, fleet = await add_person(pool, ADA), await plan(pool)
    path = f"/admin/drivers/{ada.id}"
    fields = {"name": "Ada", "email": ADA, "password": ""}
    for chosen, kept in ((str(fleet), fleet), ("999", fleet), ("", None)):
        shown = await desk.post(f"{path}/edit", fields | {"plan": chosen}, page=f"{path}/edit")

        assert shown.status == (422 if chosen == "999" else 200)
        assert await pool.fetchval("select plan_id from account where email = $1", ADA) == kept


async def test_the_page_shows_cards_sessions_and_browsers(
    api: Api, desk: Browser, pool: Pool
) -> None:
    ada = await add_person(pool, ADA)
    async with pool.acquire() as conn:
        station = await build.station(conn, "CP-1", evses=2)
        await build.card(conn, "ADA-1", account_id=ada.id)
        for energy_wh in (1_500, 2_250):
            await build.session(conn, station, account_id=ada.id, energy_wh=energy_wh)
        await build.session(conn, station, account_id=ada.id, running=True, live_wh="250")
    path = f"/admin/drivers/{ada.id}"
    async with signed_in(api.port, ADA) as phone:
        page = (await desk.get(path)).text
        assert "Sign out everywhere" in page
        await desk.post(f"{path}/sign-out", {}, page=path)
        assert (await phone.get("/cards")).path == "/sign-in"

    assert "ADA-1" in page
    assert f"{(1_500 + 2_250 + 250) / 1000:.2f}" in page
    assert len(set(re.findall(r'id="session-(\d+)"', page))) == 3
    assert f"/admin/audit?subject=account%3A{ada.id}" in page
    assert "In no browser now." in (await desk.get(path)).text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"ada", "grace", "100%"}),
        ("?q=ADA", {"ada"}),
        ("?q=%25", {"100%"}),
        ("?status=active", {"ada", "grace"}),
        ("?status=off", {"100%"}),
        ("?status=without-card", {"grace"}),
        ("?status=nonsense", {"ada", "grace", "100%"}),
        ("?after=nonsense", {"ada", "grace", "100%"}),
    ],
)
async def test_drivers_are_found(desk: Browser, pool: Pool, query: str, found: set[str]) -> None:
    ada = await add_person(pool, ADA)
    await add_person(pool, GRACE)
    await add_person(pool, "100%@example.org")
    await pool.execute("update account set is_active = false where name = '100%'")
    async with pool.acquire() as conn:
        await build.card(conn, "ADA-1", account_id=ada.id)

    page = (await desk.get(f"/admin/drivers{query}")).text

    assert {name for name in ("ada", "grace", "100%") if f"{name}@example.org<" in page} == found


async def test_fifty_drivers_are_shown_and_the_rest_is_loaded(desk: Browser, pool: Pool) -> None:
    await pool.execute(
        """
        insert into account (email, name)
        select 'd' || n || '@example.org', case when n % 2 = 0 then 'Same name' end
        from generate_series(1, 120) n
        """
    )
    seen: list[str] = []
    path: str | None = "/admin/drivers"
    while path:
        page = (
            (await desk.get(path, HX_Request="true")).text if seen else (await desk.get(path)).text
        )
        seen += re.findall(r"/admin/drivers/(\d+)\"", page)
        found = re.search(r'hx-get="(/admin/drivers\?after=\d+)"', page)
        path = found[1] if found else None

    assert len(seen) == len(set(seen)) == 120
