"""How long what stations report is kept."""

from __future__ import annotations

from db import expiry
from db.rows import Pool
from tests.portal import build

_OLD = "now() - $1::int * interval '1 day'"


async def test_reports_are_kept_for_as_long_as_they_are_needed(pool: Pool) -> None:
    async with pool.acquire() as conn:
        station = await build.station(conn)
        for kind, age in (("security", 399), ("security", 401), ("event", 89), ("event", 91)):
            await conn.execute(
                f"""
                insert into station_event (station_id, fingerprint, kind, type, at, received_at,
                    is_critical)
                values ($2, $3, $4, '', now(), {_OLD}, false)
                """,
                age,
                station.id,
                str(age).encode(),
                kind,
            )
        for kind, age in (
            ("customer_information", 28),
            ("customer_information", 30),
            ("variables", 89),
            ("variables", 91),
        ):
            await conn.execute(
                f"""
                with made as (
                    insert into report (station_id, kind, request_id, started_at, heard_at)
                    values ($2, $3, $1::int, {_OLD}, now()) returning station_id, id
                )
                insert into report_part
                    (station_id, report_id, seq_no, fingerprint, received_at, items)
                select station_id, id, 0, '', now(), 1 from made
                """,
                age,
                station.id,
                kind,
            )
        for is_latest, age in ((True, 399), (True, 401), (False, 89), (False, 91)):
            await conn.execute(
                f"""
                insert into station_statement (station_id, kind, subject, state, is_latest,
                    fingerprint, at, received_at, heard_at, facts)
                values ($2, 'settlement', $1::int::text, '', $3, '', now(), now(), {_OLD}, '')
                """,
                age,
                station.id,
                is_latest,
            )
        await conn.execute(
            f"""
            with made as (
                insert into station_job (station_id, kind, progress, status, started_at, changed_at)
                values ($2, 'log', 'done', '', now(), {_OLD}) returning station_id, id
            )
            insert into station_job_step (station_id, job_id, at, status)
            select station_id, id, now(), '' from made
            """,
            401,
            station.id,
        )

        await expiry.delete_old(conn)

        for table, left in (
            ("station_event", 2),
            ("report", 2),
            ("report_part", 2),
            ("station_statement", 2),
            ("station_job", 0),
            ("station_job_step", 0),
        ):
            assert await conn.fetchval(f"select count(*) from {table}") == left, table
