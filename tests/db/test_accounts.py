"""Accounts and the browsers that are signed in to them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from db import accounts, expiry, web_sessions
from db.accounts import Account, Role
from db.errors import Conflict
from db.rows import Conn, Pool

ADA, GRACE = "ada@example.org", "grace@example.org"


async def add(conn: Conn, email: str = ADA, *, name: str = "Ada", role: Role = "driver") -> Account:
    return await accounts.add(conn, email=email, name=name, role=role, password_hash="hash")


async def begin(conn: Conn, account: Account, token: str) -> None:
    await web_sessions.begin(conn, account, token, remote_address="192.0.2.1", user_agent="x" * 999)


async def test_an_account_is_found_by_number_and_by_address(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await add(conn)

        assert await accounts.find(conn, ada.id) == ada
        assert await accounts.find_by_email(conn, ADA.upper()) == ada
        assert await accounts.find(conn, ada.id + 1) is None
        assert await accounts.find_by_email(conn, GRACE) is None
        assert await accounts.password_hash(conn, ada.id) == "hash"
        assert ada.is_active


async def test_an_address_has_one_account_however_it_is_capitalised(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await add(conn)
        grace = await add(conn, GRACE)

        with pytest.raises(Conflict, match="has an account already"):
            await add(conn, ADA.upper())
        with pytest.raises(Conflict, match="has an account already"):
            await accounts.set_details(conn, grace.id, name=None, email=ADA.title())


async def test_people_are_listed_by_what_they_are_called(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for email, name in ((GRACE, "grace"), (ADA, "Ada"), ("zoe@example.org", None)):
            await accounts.add(conn, email=email, name=name, role="driver", password_hash=None)
        await add(conn, "omar@example.org", role="admin")
        drivers = await accounts.list_by_role(conn, "driver")

    assert [driver.display_name for driver in drivers] == ["Ada", "grace", "zoe@example.org"]


async def test_details_and_password_are_changed(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await add(conn)
        await accounts.set_details(conn, ada.id, name="Countess", email=GRACE)
        await accounts.set_password(conn, ada.id, "another")
        changed = await accounts.find(conn, ada.id)

        assert changed is not None
        assert (changed.name, changed.email) == ("Countess", GRACE)
        assert await accounts.password_hash(conn, ada.id) == "another"


async def test_of_several_at_once_one_is_the_first_admin(pool: Pool) -> None:
    async def first(number: int) -> bool:
        async with pool.acquire() as conn:
            try:
                async with conn.transaction():
                    await accounts.add_first_admin(
                        conn, email=f"{number}@example.org", name=None, password_hash="hash"
                    )
                    await asyncio.sleep(0.05)
            except Conflict:
                return False
            return True

    async with pool.acquire() as conn:
        assert not await accounts.has_admin(conn)
        made = await asyncio.gather(*(first(number) for number in range(5)))

        assert made.count(True) == 1
        assert await accounts.has_admin(conn)
        assert len(await accounts.list_by_role(conn, "admin")) == 1


async def test_who_is_switched_off_is_signed_out_and_nobody_else(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada, grace = await add(conn), await add(conn, GRACE)
        await begin(conn, ada, "ada")
        await begin(conn, grace, "grace")
        await accounts.set_active(conn, ada.id, False)

        assert await conn.fetchval("select count(*) from web_session") == 1
        assert await web_sessions.find(conn, "ada") is None
        assert await web_sessions.find(conn, "grace") is not None
        await accounts.set_active(conn, ada.id, True)
        assert await web_sessions.find(conn, "ada") is None
        # One that began in the same moment is worth nothing either.
        await begin(conn, ada, "late")
        await conn.execute("update account set is_active = false where id = $1", ada.id)
        assert await web_sessions.find(conn, "late") is None


async def test_a_browser_is_known_by_its_token_alone(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await add(conn)
        token = web_sessions.make_token()
        await begin(conn, ada, token)
        session = await web_sessions.find(conn, token)
        row = await conn.fetchval("select web_session::text from web_session")

        assert session is not None
        assert session.account == ada
        assert len(token) == 43  # 32 bytes
        assert token not in row
        assert await web_sessions.find(conn, token[:-1]) is None
        await web_sessions.end(conn, token)
        assert await web_sessions.find(conn, token) is None


async def test_a_new_password_signs_out_everywhere_but_here(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await add(conn)
        for token in ("phone", "desk", "here"):
            await begin(conn, ada, token)
        await web_sessions.end_all(conn, ada.id, but_token="here")

        assert await web_sessions.find(conn, "phone") is None
        assert await web_sessions.find(conn, "here") is not None
        await web_sessions.end_all(conn, ada.id)
        assert await web_sessions.find(conn, "here") is None


async def test_a_visit_is_written_once_a_minute(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await begin(conn, await add(conn), "ada")
        session = await web_sessions.find(conn, "ada")
        assert session is not None

        assert not web_sessions.is_note_due(session, session.seen_at + timedelta(seconds=59))
        assert web_sessions.is_note_due(session, session.seen_at + timedelta(seconds=60))
        await web_sessions.note_seen(conn, session)
        assert await conn.fetchval("select seen_at from web_session") == session.seen_at
        await conn.execute("update web_session set seen_at = now() - interval '2 minutes'")
        await web_sessions.note_seen(conn, session)
        assert await conn.fetchval("select seen_at from web_session") > session.seen_at


async def test_sign_ins_that_are_over_are_deleted(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ada = await add(conn)
        await begin(conn, ada, "over")
        await conn.execute("update web_session set expires_at = now() - interval '1 minute'")
        await begin(conn, ada, "runs")
        await expiry.delete_old(conn)

        assert await conn.fetchval("select count(*) from web_session") == 1
        assert await web_sessions.find(conn, "runs") is not None
