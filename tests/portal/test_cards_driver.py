"""A driver's EV cards: what each did, its name, and that one is lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms import cards as gate
from db import driver_commands
from db.accounts import Account
from db.model.id_tokens import IdToken
from db.model.stations import Station
from db.rows import Pool
from tests.portal import build
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api

ADA, GRACE, OMAR = "ada@example.org", "grace@example.org", "omar@example.org"
NOW = datetime.now(UTC)


class World:
    def __init__(self, pool: Pool, ada: Account, station: Station, card: IdToken) -> None:
        self.pool = pool
        self.ada = ada
        self.station = station
        self.card = card

    async def tap(self, *, uid: str = "ADA-1", at: datetime | None = None) -> str:
        """What the central system itself says to an Authorize."""
        async with self.pool.acquire() as conn, conn.transaction():
            decision, _ = await gate.judge(
                conn,
                station_id=self.station.id,
                uid=uid,
                type=None,
                purpose="authorize",
                at=at or datetime.now(UTC),
            )
        return decision.status

    async def charge(self, **more: object) -> int:
        async with self.pool.acquire() as conn:
            made = await build.session(
                conn,
                self.station,
                **({"account_id": self.ada.id} | more),  # type: ignore[arg-type]
            )
        return made.id


@pytest.fixture
async def world(pool: Pool) -> World:
    ada = await add_person(pool, ADA)
    await add_person(pool, OMAR, role="admin")
    async with pool.acquire() as conn:
        station = await build.station(conn, "CP-1", evses=2)
        card = await build.card(conn, "ADA-1", account_id=ada.id)
    await pool.execute("update station set name = 'Harbour north'")
    return World(pool, ada, station, card)


async def report(browser: Browser, card: int, reason: str = "") -> str:
    shown = await browser.post(
        f"/cards/{card}/lost", {"reason": reason}, page=f"/cards/{card}/lost"
    )
    assert shown.status == 200, shown.text
    return shown.text


async def test_each_card_says_what_it_did(api: Api, world: World) -> None:
    await world.charge(energy_wh=2_500)
    await world.charge(id_token="ada-1", energy_wh=12_340)
    await world.charge(running=True, live_wh="660")
    await world.charge(id_token="ADA-2", energy_wh=9_000)
    await world.pool.execute("update id_token set label = 'Blue keyring'")
    async with signed_in(api.port, ADA) as browser:
        listed = (await browser.get("/cards")).text
        page = (await browser.get(f"/cards/{world.card.id}")).text

    assert "Blue keyring" in listed
    assert "ADA-1" in listed
    assert "Active" in listed
    assert "3 sessions" in listed
    assert f"{(2_500 + 12_340 + 660) / 1000:.2f} kWh" in listed
    assert page.count('href="/sessions/') == 3
    assert "In progress" in page


async def test_the_apps_token_and_others_cards_are_not_listed(api: Api, world: World) -> None:
    grace = await add_person(world.pool, GRACE)
    async with world.pool.acquire() as conn:
        await build.card(conn, "GRACE-1", account_id=grace.id)
        await driver_commands.choose_token(conn, grace.id, most_characters=1)  # makes the app's
        theirs = await conn.fetchval("select id from id_token where uid = 'GRACE-1'")
        app = await conn.fetchval("select id from id_token where is_app")
    async with signed_in(api.port, GRACE) as browser:
        assert (await browser.get(f"/cards/{app}")).status == 404
        assert "1 card" in (await browser.get("/cards")).text
    async with signed_in(api.port, ADA) as browser:
        listed = (await browser.get("/cards")).text
        not_hers = await browser.get(f"/cards/{theirs}")
        not_there = await browser.get("/cards/999999")
        absurd = await browser.get(f"/cards/{10**30}")
        refused = await browser.post(f"/cards/{theirs}/lost", {}, page="/cards")

    assert "GRACE-1" not in listed
    assert not_hers.status == not_there.status == absurd.status == refused.status == 404
    assert await world.pool.fetchval("select count(*) from id_token where status = 'Blocked'") == 0


async def test_without_a_card_the_operator_is_named(api: Api, world: World) -> None:
    await world.pool.execute("delete from id_token")
    async with signed_in(api.port, ADA) as browser:
        page = (await browser.get("/cards")).text

    assert "No EV cards yet" in page
    assert "does not recognise my card" in page


async def test_a_card_is_given_a_name(api: Api, world: World) -> None:
    path = f"/cards/{world.card.id}"
    async with signed_in(api.port, ADA) as browser:
        shown = await browser.post(path, {"label": "<b>Blue</b>"}, page=path)
        too_long = await browser.post(path, {"label": "x" * 61}, page=path)

    assert "&lt;b&gt;Blue&lt;/b&gt;" in shown.text
    assert too_long.status == 422
    assert await world.pool.fetchval("select label from id_token") == "<b>Blue</b>"
    (row,) = await world.pool.fetch("select * from audit where action like 'card.%'")
    assert (row["action"], row["subject"]) == ("card.renamed", f"card:{world.card.id}")
    assert row["account_id"] == world.ada.id


async def test_each_refusal_is_told_in_plain_words_with_its_charger(api: Api, world: World) -> None:
    await world.tap()
    for status, expires_at in (("Blocked", None), ("Accepted", NOW - timedelta(days=1))):
        await world.pool.execute(
            "update id_token set status = $1, expires_at = $2", status, expires_at
        )
        await world.tap()
    async with signed_in(api.port, ADA) as browser:
        page = (await browser.get(f"/cards/{world.card.id}")).text

    assert "The card was blocked." in page
    assert "The card had expired." in page
    assert page.count("held before the charger") == 2, "what was accepted is not among them"
    assert "Harbour north" in page


async def test_the_last_ten_refusals_are_shown(api: Api, world: World) -> None:
    await world.pool.execute("update id_token set status = 'Blocked'")
    for hour in range(12):
        await world.tap(at=NOW - timedelta(hours=hour))
    async with signed_in(api.port, ADA) as browser:
        page = (await browser.get(f"/cards/{world.card.id}")).text

    assert page.count("The card was blocked.") == 10


async def test_what_a_card_did_before_it_was_hers_is_not_shown(api: Api, world: World) -> None:
    grace = await add_person(world.pool, GRACE)
    await world.pool.execute("update id_token set status = 'Blocked'")
    await world.tap()
    await world.charge()
    await world.pool.execute("update id_token set status = 'Accepted', account_id = $1", grace.id)
    async with signed_in(api.port, GRACE) as browser:
        page = (await browser.get(f"/cards/{world.card.id}")).text

    assert "No charger refused it" in page
    assert "It has not charged yet" in page
    async with signed_in(api.port, ADA) as browser:
        assert (await browser.get(f"/cards/{world.card.id}")).status == 404


async def test_a_lost_card_is_refused_at_once_and_its_session_is_asked_to_stop(
    api: Api, world: World
) -> None:
    running = await world.charge(running=True, evse=1)
    other = await world.charge(running=True, evse=2, id_token="ADA-2")
    assert await world.tap() == "Accepted"
    async with signed_in(api.port, ADA) as browser:
        confirm = (await browser.get(f"/cards/{world.card.id}/lost")).text
        assert f"Session {running} at Harbour north is stopped." in confirm
        assert f"Session {other}" not in confirm
        assert await world.tap() == "Accepted", "asking changes nothing"

        told = await report(browser, world.card.id, "left on the train")

    assert await world.tap() == "Blocked"
    assert "The card was blocked." not in told
    assert "You reported this card lost" in told
    stops = await world.pool.fetch("select * from command")
    assert [stop["kind"] for stop in stops] == ["stop"]
    assert msgspec.json.decode(stops[0]["arguments"])["session_id"] == running
    assert stops[0]["asked_by"] == f"driver:{world.ada.id}"
    assert stops[0]["state"] == "waiting"
    (card,) = await world.pool.fetch("select * from id_token")
    assert card["lost_reason"] == "left on the train"
    assert abs(card["lost_at"] - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_start_at_the_moment_of_the_report_is_refused_or_stopped(
    api: Api, world: World
) -> None:
    """Judged before the block, and committed after it: still one of what is to be stopped."""
    async with signed_in(api.port, ADA) as page, world.pool.acquire() as conn:
        async with conn.transaction():
            decision, _ = await gate.judge(
                conn,
                station_id=world.station.id,
                uid="ADA-1",
                type=None,
                purpose="start",
                at=datetime.now(UTC),
            )
            assert decision.accepted
            reported = asyncio.create_task(report(page, world.card.id))
            await asyncio.sleep(0.5)
            made = await build.session(conn, world.station, running=True, account_id=world.ada.id)
        said = await reported

    assert f"Session {made.id} is asked to stop" in said
    assert await world.tap() == "Blocked"


async def test_a_lost_card_is_told_to_every_admin_and_written_down(api: Api, world: World) -> None:
    await add_person(world.pool, "second@example.org", role="admin")
    await world.pool.execute("update account set is_active = false where email like 'first@%'")
    async with signed_in(api.port, ADA) as browser:
        await report(browser, world.card.id, "left on the train")

    rows = await world.pool.fetch(
        "select email, kind, title, body, path from notice join account on account.id = account_id"
    )
    assert {row["email"] for row in rows} == {OMAR, "second@example.org"}
    assert {row["kind"] for row in rows} == {"card.lost"}
    assert "left on the train" in rows[0]["body"]
    async with signed_in(api.port, OMAR) as browser:
        assert "1 unread" in (await browser.get("/notices/bell")).text
        assert (await browser.get(rows[0]["path"])).status == 200
    audits = await world.pool.fetch("select * from audit where action = 'card.lost'")
    assert len(audits) == 1
    assert audits[0]["subject"] == f"card:{world.card.id}"


async def test_a_card_is_lost_once(api: Api, world: World) -> None:
    await world.charge(running=True)
    async with signed_in(api.port, ADA) as browser:
        await browser.get(f"/cards/{world.card.id}/lost")
        path = f"/cards/{world.card.id}/lost"
        for _ in range(2):
            await browser.post(path, {}, page=f"/cards/{world.card.id}")
        page = (await browser.get(path)).text

    assert "There is nothing more to do" in page
    (counts,) = await world.pool.fetch(
        """
        select (select count(*) from command) as commands,
            (select count(*) from audit where action = 'card.lost') as audits
        """
    )
    assert tuple(counts) == (1, 1)


async def test_a_reason_that_is_too_long_blocks_nothing(api: Api, world: World) -> None:
    path = f"/cards/{world.card.id}/lost"
    async with signed_in(api.port, ADA) as browser:
        shown = await browser.post(path, {"reason": "x" * 281}, page=path)
        assert shown.status == 422
        assert "Use 280 characters at most" in shown.text
        assert await world.tap() == "Accepted"

        await browser.post(path, {"reason": "x" * 280}, page=path)

    assert await world.tap() == "Blocked"


async def test_if_telling_fails_nothing_is_blocked(api: Api, world: World) -> None:
    await world.charge(running=True)
    await world.pool.execute("alter table notice add constraint never check (kind <> 'card.lost')")
    path = f"/cards/{world.card.id}/lost"
    async with signed_in(api.port, ADA) as browser:
        shown = await browser.post(path, {}, page=path)

    assert shown.status == 500
    assert await world.tap() == "Accepted"
    assert await world.pool.fetchval("select count(*) from command") == 0


async def test_a_session_that_another_pays_for_goes_on(api: Api, world: World) -> None:
    grace = await add_person(world.pool, GRACE)
    await world.charge(running=True, account_id=grace.id)
    async with signed_in(api.port, ADA) as browser:
        await report(browser, world.card.id)

    assert await world.pool.fetchval("select count(*) from command") == 0


async def test_a_card_of_an_account_that_is_switched_off_is_refused(world: World) -> None:
    await world.pool.execute("update account set is_active = false where id = $1", world.ada.id)

    assert await world.tap() == "Blocked"


async def test_a_card_whose_groups_card_is_blocked_is_refused(world: World) -> None:
    async with world.pool.acquire() as conn:
        await build.card(conn, "FLEET", status="Blocked")
    await world.pool.execute("update id_token set group_uid = 'fleet' where uid = 'ADA-1'")
    assert await world.tap() == "Blocked"

    await world.pool.execute("update id_token set status = 'Accepted' where uid = 'FLEET'")

    assert await world.tap() == "Accepted"
