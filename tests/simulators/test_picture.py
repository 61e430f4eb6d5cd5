import asyncio
import os
import pty
import sys
from io import StringIO

import pytest
from rich.console import Console

from simulators import Station
from simulators.picture import lines, picture
from simulators.screen import Screen
from tests.simulators.cast import begin, station
from tests.simulators.central import Central

QUIET = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def drawn(cp: Station, *, width: int = 90) -> str:
    out = StringIO()
    Console(file=out, width=width, markup=False).print(picture(cp))
    return out.getvalue()


async def test_a_picture_shows_cable_power_energy_link_and_messages(
    central: Central, version: str
) -> None:
    async with station(central, version, connectors=2) as cp:
        await begin(cp)
        await cp.charge(1, energy_wh=1500)
        busy = drawn(cp)
        await cp.lose_network()
        await cp.charge(1, seconds=120)
        alone = drawn(cp)

    assert f"CP-1 · OCPP {version}" in busy
    assert "online, Accepted, 0 messages wait" in busy
    (first,) = (line for line in busy.splitlines() if "ADA-1" in line)
    assert {"1", "in", "Charging", "11.0", "1.50", "█" * 16} <= set(first.split())
    (second,) = (line for line in busy.splitlines() if "Available" in line)
    assert {"2", "-", "░" * 16, "0.0"} <= set(second.split())
    said = "MeterValues" if version == "1.6" else "TransactionEvent"
    assert f"→ {said}, answered" in busy
    assert "no network, Accepted, 2 messages wait" in alone


async def test_a_picture_fits_into_a_narrow_terminal(central: Central) -> None:
    async with station(central, "2.1") as cp:
        await begin(cp)
        narrow = drawn(cp, width=60)

    assert max(map(len, narrow.splitlines())) == 60


async def test_without_a_terminal_a_status_is_plain_lines(
    central: Central, capsys: pytest.CaptureFixture[str]
) -> None:
    async with station(central, "1.6") as cp:
        screen = Screen("CP-1", cp.clock)
        screen.show(cp)
        await screen.watch(cp, 0.01)
        told = lines(cp)

    out = capsys.readouterr().out
    assert out.count("online, Accepted, 0 messages wait\n") == 3
    assert "\x1b" not in out
    assert told[1].startswith("EVSE 1: Available, ")


@pytest.mark.parametrize("options", [[], ["--plain"]])
async def test_on_a_terminal_a_status_is_a_picture_unless_it_is_to_be_plain(
    central: Central, options: list[str]
) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "station", "CP-1", "--url", central.url, *options,
        stdin=asyncio.subprocess.PIPE, stdout=theirs, stderr=asyncio.subprocess.PIPE,
        env={**QUIET, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    reading = asyncio.create_task(asyncio.to_thread(all_of, ours))
    _, err = await asyncio.wait_for(
        process.communicate(b"plug\nswipe ADA-1\nstatus\nwatch 1 s\nunplug\nquit\n"), 30
    )
    out = await reading

    assert (process.returncode, err) == (0, b"")
    assert ("CP-1 · OCPP 1.6" in out) is (options == [])
    assert "session over" in out


def all_of(terminal: int) -> str:
    """What was written, until nobody has it open any more."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # Linux says so at the end
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode(errors="replace")
