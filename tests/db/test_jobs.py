"""Background work in rows: due, taken by one, done, and due again."""

from __future__ import annotations

from datetime import timedelta

from db import expiry, jobs
from db.rows import Pool

MINUTE = timedelta(minutes=1)


async def test_a_job_is_taken_by_one_and_is_due_again_later(pool: Pool) -> None:
    async with pool.acquire() as ours, pool.acquire() as theirs:
        for name in ("energy", "energy", "mail"):
            await jobs.add(ours, name)
        async with ours.transaction():
            assert await jobs.take(ours, ["energy"]) == "energy"
            assert await jobs.take(theirs, ["energy"]) is None
            await jobs.record_run(ours, "energy", again_after=MINUTE, took_ms=7, error="no")

        assert await jobs.take(ours, ["energy"]) is None
        assert await jobs.take(ours, ["mail", "energy"]) == "mail"
        row = await ours.fetchrow("select * from job where name = 'energy'")
        assert row is not None
        assert (row["took_ms"], row["error"]) == (7, "no")
        assert row["next_at"] - row["ran_at"] == MINUTE

        # Adding it again does not bring it forward.
        await jobs.add(ours, "energy")
        assert await jobs.take(ours, ["energy"]) is None


async def test_what_a_failed_transaction_took_is_due_still(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await jobs.add(conn, "energy")
        taking = conn.transaction()
        await taking.start()
        assert await jobs.take(conn, ["energy"]) == "energy"
        await jobs.record_run(conn, "energy", again_after=MINUTE, took_ms=1, error=None)
        await taking.rollback()

        assert await jobs.take(conn, ["energy"]) == "energy"


async def test_the_longest_due_comes_first(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for name in ("a", "b"):
            await jobs.add(conn, name)
        await conn.execute("update job set next_at = now() - interval '1 h' where name = 'b'")

        assert await jobs.take(conn, ["a", "b"]) == "b"


async def test_old_rows_go_in_bites_until_none_is_left(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.execute(
            """
            insert into connection_attempt (at, identity, remote_address, path, http_status, reason)
            select now() - interval '31 days', 'CP-1', '', '', 401, 'wrong key'
            from generate_series(1, 20001)
            """
        )
        await expiry.delete_old(conn)

        assert await conn.fetchval("select count(*) from connection_attempt") == 0
