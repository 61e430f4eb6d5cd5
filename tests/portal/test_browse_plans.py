"""What the admin's sessions ask the database, with twenty thousand sessions in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from db import connect, load_demo
from db.rows import Pool
from tests.conftest import MIGRATED
from tests.portal.browser import Browser, add_person, signed_in
from tests.portal.conftest import Api

pytestmark = pytest.mark.usefixtures("no_jobs")

SESSIONS, READINGS_EACH = 20_000, 6
GROWING = ("charging_session", "reading", "message", "session_price", "price_step", "audit")
FILTERS = {
    "none": "",
    "active": "status=active",
    "completed": "status=completed",
    "dates": "from={week}&to={day}",
    "a day long ago": "from=2026-08-01&to=2026-08-01",
    "tag of many": "tag=load",
    "tag of one": "tag=load000777",
    "tag of nobody's card": "tag=STRAY0",
    "tag of none": "tag=zz9",
    "all of them": "status=completed&from={week}&to={day}&tag=0",
}


@pytest.fixture
def template(template: str) -> str:
    """Without the partitions that other tests find there."""
    return MIGRATED


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await connect.create_pool(database_url, min_size=1, max_size=10)
    async with pool.acquire() as conn:
        await load_demo.load(
            conn, sessions=SESSIONS, readings=SESSIONS * READINGS_EACH, now=datetime.now(UTC)
        )
    yield pool
    await pool.close()


@dataclass
class Asked:
    """Every query with what it was asked with."""

    queries: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    noted = Asked()
    real = getattr(asyncpg.Connection, "_execute")  # noqa: B009 - every query ends there

    async def note(self: Any, query: str, args: Any, *more: Any, **named: Any) -> Any:
        noted.queries.append((query, tuple(args)))
        return await real(self, query, args, *more, **named)

    monkeypatch.setattr(asyncpg.Connection, "_execute", note)
    return noted


@pytest.fixture
async def desk(api: Api, pool: Pool) -> AsyncIterator[Browser]:
    await add_person(pool, "omar@example.org", role="admin")
    async with signed_in(api.port, "omar@example.org") as page:
        yield page


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]


async def plans(pool: Pool, asked: Asked, *, run: bool = False) -> list[tuple[str, dict[str, Any]]]:
    """(query, node) of each scan of a growing table in what was asked; `run`: with its rows."""
    found = []
    queries, asked.queries = asked.queries, []
    how = "analyze, format json" if run else "format json"
    for query, args in queries:
        if "select" not in query.lower() or "insert" in query.lower():
            continue
        plan = json.loads(await pool.fetchval(f"explain ({how}) {query}", *args))
        for node in nodes(plan[0]["Plan"]):
            table = node.get("Relation Name", "")
            if table.startswith(GROWING) and not table.endswith("_default"):  # those are empty
                found.append((query, node))
    asked.queries.clear()
    return found


async def sequential(pool: Pool, asked: Asked) -> set[tuple[str, str]]:
    """(table, query) of each sequential scan of a growing table in what was asked."""
    # Just after midnight the day's partition has hardly a row: the quickest is to read it whole.
    small = await pool.fetch(
        "select relname from pg_class where relkind = 'r' and pg_relation_size(oid) <= 8 * 8192"
    )
    names = {row["relname"] for row in small}
    return {
        (node["Relation Name"], query)
        for query, node in await plans(pool, asked)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] not in names
    }


def rows_of(scans: list[tuple[str, dict[str, Any]]]) -> int:
    """How many rows were taken in hand, those that a filter then dropped among them."""
    nodes = [node for _, node in scans]
    each = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes)
    total: float = sum(rows * node["Actual Loops"] for rows, node in zip(each, nodes, strict=True))
    return round(total)


async def test_no_page_of_the_sessions_walks_through_a_growing_table(
    desk: Browser, pool: Pool, asked: Asked
) -> None:
    now = datetime.now(UTC)
    days = {"day": f"{now:%Y-%m-%d}", "week": f"{now - timedelta(days=7):%Y-%m-%d}"}
    walked: list[tuple[str, str, str]] = []
    costs: dict[str, int] = {}
    some = await pool.fetch(
        "select id, is_finalized from charging_session order by updated_at desc limit 300"
    )
    running = next(row["id"] for row in some if not row["is_finalized"])
    ended = next(row["id"] for row in some if row["is_finalized"])
    place = f"{(now - timedelta(days=30)).isoformat().replace('+', '%2B')}_1"
    paths = {name: f"?{query.format(**days)}" for name, query in FILTERS.items()}
    paths |= {f"{name}, further": f"{query}&after={place}" for name, query in paths.items()}
    paths |= {f"{name}, live": f"/first{query}" for name, query in list(paths.items())}
    paths |= {
        "counters": "/counters",
        "banner": "/now",
        "one that runs": f"/{running}",
        "one that ended": f"/{ended}",
        "messages": f"/{ended}/frames",
        "close": f"/{running}/close",
    }
    for name, path in paths.items():
        asked.queries.clear()
        shown = await desk.get(f"/admin/transactions{path}")
        assert shown.status == 200, (name, shown.text)
        costs[name] = len([query for query, _ in asked.queries if "select" in query])
        for table, query in await sequential(pool, asked):
            if "select count(*) from charging_session s" in query:
                continue  # the filtered count (decision 25)
            walked.append((name, table, query))
    print(costs)
    assert walked == []
    assert max(cost for name, cost in costs.items() if "one that" not in name) <= 13, costs
    assert costs["one that ended"] <= 14


async def test_a_file_of_all_sessions_reads_them_by_index_too(
    desk: Browser, pool: Pool, asked: Asked
) -> None:
    asked.queries.clear()
    shown = await desk.get("/admin/transactions/export.csv?tag=load00077")
    assert len(shown.text.splitlines()) > 50
    assert await sequential(pool, asked) == set()


async def test_the_drivers_pages_read_a_drivers_own_rows_by_index(
    api: Api, pool: Pool, asked: Asked
) -> None:
    """Of one who charged 500 times, with all that she did on the last page."""
    ada = await add_person(pool, "ada@example.org")
    async with pool.acquire() as conn, conn.transaction():
        # Priced already: the job has nothing to do.
        await conn.execute("alter table charging_session disable trigger user")
        for table, id_ in (("charging_session", "id"), ("session_price", "session_id")):
            await conn.execute(f"update {table} set account_id = $1 where {id_} % 40 = 7", ada.id)
        await conn.execute("alter table charging_session enable trigger user")
    await pool.execute("vacuum analyze charging_session")
    rows = await pool.fetch(
        "select id, started_at from charging_session where account_id = $1 order by started_at",
        ada.id,
    )
    assert len(rows) >= 499
    middle = rows[250]
    place = f"{middle['started_at'].isoformat().replace('+', '%2B')}_{middle['id']}"
    day = f"{middle['started_at']:%Y-%m-%d}"
    # Rows of growing tables that a page may take in hand: which chargers she used, and which months
    # have a statement, is told by one walk over her sessions.
    paths = {
        "/": 700,
        "/?period=previous": 700,
        "/?period=year": 1100,
        "/active": 10,
        "/sessions": 700,
        "/sessions?status=active": 700,
        "/sessions?status=completed": 700,
        f"/sessions?from={day}&to={day}": 700,
        f"/sessions?after={place}": 700,
        f"/sessions/first?down_to={place}": 900,
        "/sessions.csv": 1600,
        f"/sessions/{middle['id']}": 50,
        f"/sessions/{middle['id']}/readings": 20,
        f"/statements/{middle['started_at']:%Y-%m}": 300,
        "/account": 10,
    }
    walked, costs, touched = [], {}, {}
    async with signed_in(api.port, "ada@example.org") as page:
        for path, most_rows in paths.items():
            asked.queries.clear()
            shown = await page.get(path)
            assert shown.status == 200, (path, shown.text)
            costs[path] = len([query for query, _ in asked.queries if "select" in query])
            scans = await plans(pool, asked, run=True)
            walked += [(path, query) for query, node in scans if node["Node Type"] == "Seq Scan"]
            touched[path] = rows_of(scans), most_rows
    print(costs, touched)
    assert walked == []
    assert max(costs.values()) <= 20, costs
    assert {path: rows for path, rows in touched.items() if rows[0] > rows[1]} == {}


async def test_the_other_pages_of_an_admin_walk_through_no_growing_table(
    desk: Browser, pool: Pool, asked: Asked
) -> None:
    driver = await pool.fetchval("select id from account where email = 'load7@example.org'")
    card = await pool.fetchval("select id from id_token where uid = 'LOAD000007'")
    session = await pool.fetchval("select max(id) from charging_session where is_finalized")
    paths = [
        "",
        "/overview/figures",
        "/overview/needs",
        "/needs/review",
        "/devices",
        "/chargers/LOAD-0007",
        "/chargers/LOAD-0007/said",
        "/cards?q=load0007",
        f"/cards/{card}",
        "/drivers?q=load7",
        f"/drivers/{driver}",
        "/disputes",
        "/audit?action=sign_in",
        "/quarantine",
        "/reservations",
        "/system",
        "/tariffs",
        f"/transactions/{session}/readings",
        f"/transactions/{session}/price",
    ]
    walked, costs = [], {}
    for path in paths:
        asked.queries.clear()
        shown = await desk.get(f"/admin{path}")
        assert shown.status == 200, (path, shown.text)
        costs[path] = len([query for query, _ in asked.queries if "select" in query])
        walked += [(path, *scan) for scan in await sequential(pool, asked)]
    print(costs)
    # A log of a few rows is one page, which no index reads faster.
    assert [scan for scan in walked if scan[1] != "audit"] == []
    assert max(costs.values()) <= 20, costs
