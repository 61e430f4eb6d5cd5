"""`make bench` in small: that its figures are whole and honest; never how large they are."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from simulators.bench.dialects import OCPP_16, OCPP_201, Dialect
from simulators.bench.errors import BenchError
from simulators.bench.load import Load
from simulators.bench.wire import split
from tests.simulators.central import Central

ROOT = Path(__file__).parents[2]
RATIOS = ("ratio_vs_naive_4", "p99_vs_naive_4", "hostile_p99_ratio", "hostile_messages_ratio")
FIGURES = ("messages_per_s", "p50_ms", "p99_ms", "server_us", "database_us", "client_us")


async def bench(*words: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.bench", "--quick", *words),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_every_figure_is_there_and_nothing_is_left_behind(tmp_path: Path) -> None:
    written = tmp_path / "bench.json"

    process = await bench("--output", str(written), folder=tmp_path)
    out, err = await process.communicate()

    assert process.returncode == 0, err.decode()
    figures = json.loads(written.read_text())
    names = [f"{case}_{name}" for case in ("naive", "ours", "ours_201") for name in FIGURES]
    for name in (*RATIOS, *names, "ours_server_mb"):
        assert figures[name] >= 0, name
        least, most = figures["spread"][name]
        assert least <= most
    assert figures["about"]["links"] == 4
    assert figures["about"]["versions"]["ocpp"]
    assert "ratio_vs_naive_4" in out.decode()
    assert list(tmp_path.glob("polaris-bench-*")) == []


async def test_ctrl_c_ends_all_that_was_started(tmp_path: Path) -> None:
    process = await bench("--seconds", "60", "--output", str(tmp_path / "x"), folder=tmp_path)
    assert process.stderr
    while b"chargers and cards" not in await process.stderr.readline():
        assert process.returncode is None

    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()

    assert process.returncode == 130
    assert "Traceback" not in err.decode()
    assert list(tmp_path.glob("polaris-bench-*")) == []


@pytest.mark.parametrize("dialect", [OCPP_16, OCPP_201], ids=["1.6", "2.0.1"])
async def test_each_message_fits_its_schema_and_is_another_one(
    central: Central, dialect: Dialect
) -> None:
    load = Load(dialect, urlsplit(central.url).port or 0)
    try:
        await load.open(3)
        load.go()
        await load.wait(0.3)
        answered = await load.finish()
    finally:
        load.close()

    said = [
        call.payload["meterValue"][0]
        for call in central.calls
        if call.action == dialect.action and "meterValue" in call.payload
    ]
    assert len(said) == answered > 3
    assert all(len(element["sampledValue"]) == 6 for element in said)
    first = [call for call in central.calls if call.message_id.endswith("000001")]
    assert len(first) == 3
    ids = {call.message_id for call in central.calls if len(call.message_id) == 36}
    assert len(ids) == answered


async def test_a_refused_message_is_the_end_of_the_run(central: Central) -> None:
    central.call_errors["MeterValues"] = 1
    load = Load(OCPP_16, urlsplit(central.url).port or 0)
    try:
        await load.open(2)
        load.go()
        with pytest.raises(BenchError, match="was refused"):
            await load.wait(10)
    finally:
        load.close()


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_of_any_size_is_read_when_it_is_all_there(size: int) -> None:
    payload = b"x" * size
    head = bytes([0x81, size]) if size < 126 else b""
    if 126 <= size < 65_536:
        head = b"\x81\x7e" + size.to_bytes(2, "big")
    if size >= 65_536:
        head = b"\x81\x7f" + size.to_bytes(8, "big")

    assert split(head + payload + b"rest") == (0x81, payload, b"rest")
    assert split((head + payload)[:-1]) is None
