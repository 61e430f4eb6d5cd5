"""The bench of pages in small: that each was asked for and told; never how long it took."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from simulators.bench.empty_page import WORD, show
from simulators.bench.errors import BenchError
from simulators.bench.page_times import Target, measure

ROOT = Path(__file__).parents[2]
PAGES = {
    "driver_home": "/",
    "driver_sessions": "/sessions",
    "admin_home": "/admin",
    "sessions": "/admin/transactions",
    "sessions_active": "/admin/transactions?status=active",
    "sessions_completed": "/admin/transactions?status=completed",
    "sessions_tag_percent": "/admin/transactions?tag=%25",
    "sessions_counters": "/admin/transactions/counters",
}


async def bench(*words: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.bench.pages", "--quick", *words),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def sorry(_: web.Request) -> web.Response:
    return web.Response(text="<h1>Overview</h1> The figures could not be read.")


@pytest.fixture
async def empty_url() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_get("/sorry", sorry)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_every_page_is_told_beside_the_empty_one_and_nothing_is_left_behind(
    tmp_path: Path,
) -> None:
    written = tmp_path / "bench.json"
    written.write_text('{"ratio_vs_naive_200": 4.5}')

    process = await bench("--output", str(written), folder=tmp_path)
    out, err = await process.communicate()

    assert process.returncode == 0, err.decode()
    figures = json.loads(written.read_text())
    assert figures["ratio_vs_naive_200"] == 4.5
    about, times = figures["pages"]["about"], figures["pages"]["times"]
    assert (about["sessions"], about["readings"], about["rounds"]) == (200, 2_000, 2)
    assert about["load_s"] > 0
    assert times["empty"]["ratio"] == 1
    assert {name: times[name]["path"] for name in PAGES} == PAGES
    for name, told in times.items():
        assert 0 < told["median_ms"] <= told["p95_ms"], name
        ratio = told["median_ms"] / times["empty"]["median_ms"]
        assert told["ratio"] == pytest.approx(ratio, rel=0.02), name
        assert told["bytes"] > 100, name
        assert name in out.decode()
    assert list(tmp_path.glob("polaris-bench-*")) == []


async def test_ctrl_c_while_it_loads_ends_all_that_was_started(tmp_path: Path) -> None:
    words = ("--sessions", "300000", "--output", str(tmp_path / "x"))
    process = await bench(*words, folder=tmp_path)
    assert process.stderr
    while b"load: 300 chargers" not in await process.stderr.readline():
        assert process.returncode is None

    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()

    assert process.returncode == 130
    assert "Traceback" not in err.decode()
    assert list(tmp_path.glob("polaris-bench-*")) == []


async def test_a_file_without_figures_is_told_before_anything_is_started(tmp_path: Path) -> None:
    written = tmp_path / "bench.json"
    written.write_text("no figures")

    process = await bench("--output", str(written), folder=tmp_path)
    _, err = await process.communicate()

    assert process.returncode == 1
    assert "holds no figures" in err.decode()
    assert "PostgreSQL 1" not in err.decode()
    assert written.read_text() == "no figures"


@pytest.mark.parametrize(
    ("path", "words", "why"),
    [
        ("/", ("<h1>Dashboard</h1>",), "was answered without '<h1>Dashboard</h1>'"),
        ("/elsewhere", (), "was answered with 404, not 200"),
        ("/sorry", ("<h1>Overview</h1>",), "says that something could not be read"),
    ],
)
async def test_an_answer_that_is_not_the_page_is_the_end_of_the_run(
    empty_url: str, path: str, words: tuple[str, ...], why: str
) -> None:
    good = Target("empty", empty_url + "/", "", (WORD,))
    bad = Target("bad", empty_url + path, "", words)

    with pytest.raises(BenchError, match=f"bad {why}"):
        await measure([good, bad], rounds=2, warm_up=0, say=print)


async def test_what_warms_up_is_not_measured(empty_url: str) -> None:
    times = await measure(
        [Target("empty", empty_url + "/", "", (WORD,))], rounds=3, warm_up=2, say=print
    )

    assert len(times[0].answers_ms) == 3
