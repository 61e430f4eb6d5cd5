import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.__main__ import main
from tests.simulators.cast import energy_told, reason_told
from tests.simulators.central import Central, eventually

PASSWORD = "a-password-of-many-characters"
# Of asyncio's debug mode this process may print what it likes, the started ones may not.
QUIET = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.fixture
async def locked() -> AsyncIterator[Central]:
    async with Central(passwords={"CP-1": PASSWORD}) as central:
        yield central


async def simulators(
    *arguments: str | Path, typed: str = "", identity: str = "CP-1"
) -> tuple[int, str, str]:
    """Run the command to its end: exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "station", identity, *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=QUIET,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(typed.encode()), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_script_file_runs_to_its_end(locked: Central, tmp_path: Path) -> None:
    script, journal = tmp_path / "life.txt", tmp_path / "journal.jsonl"
    script.write_text("plug\nswipe\ncharge 1 kWh\nswipe\nunplug\n")

    code, out, err = await simulators(
        "--url", locked.url, "--password", PASSWORD, "--version", "2.0.1", "--speed", "600",
        "--card", "ADA-1", "--script", script, "--journal", journal,
    )  # fmt: skip

    assert (code, err) == (0, "")
    assert energy_told(locked) >= 1000
    assert "accepted by the central system" in out
    assert "EVSE 1, ADA-1" in out.splitlines()[-1]
    assert journal.read_text().count("\n") == len(locked.calls) + 1


async def test_commands_are_read_from_standard_input(locked: Central) -> None:
    code, out, err = await simulators(
        "--url", locked.url, "--password", PASSWORD, "--speed", "600",
        typed="help\nplug\nswipe ADA-1\nfly\ncharge 3 1 kWh\ncharge 1 kWh\nunplug\n",
    )  # fmt: skip

    assert code == 0
    assert err == 'there is no command "fly"; "help" lists them\n'
    assert "there is no EVSE 3; this station has 1 to 1" in out
    assert reason_told(locked) == "EVDisconnected"


async def test_a_refusal_is_one_sentence_and_an_exit_code(locked: Central) -> None:
    wrong = await simulators("--url", locked.url, "--password", "wrong")
    unknown = await simulators("--url", locked.url, identity="CP-9")

    assert wrong[0] == unknown[0] == 1
    assert wrong[2] == "the central system refused the password of CP-1 (HTTP 401)\n"
    assert unknown[2].startswith("the central system does not know CP-9 (HTTP 404")
    assert unknown[2].count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--version", "1.5"], "invalid choice: '1.5'"),
        (["--url", "http://x"], "http://x is not a ws:// or wss:// address"),
        (["--connectors", "0"], "0 is not between 1 and 99"),
        (["--power-w", "-1"], "-1 is not above zero"),
        (["--script", "/nowhere"], "cannot read /nowhere"),
    ],
)
def test_a_mistake_on_the_command_line_is_said(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["station", "CP-1", *arguments])

    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


async def test_a_live_station_ends_politely_when_told_to(locked: Central) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "station", "CP-1", "--url", locked.url,
        "--password", PASSWORD, "--no-prompt",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=QUIET,
    )  # fmt: skip
    await eventually(lambda: "1 Available" in locked.words(), within_s=30)
    process.terminate()
    _, err = await asyncio.wait_for(process.communicate(), 10)

    assert (process.returncode, err) == (0, b"")


async def test_a_port_without_a_server_is_tried_again_and_said() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "station", "CP-1", "--url", "ws://127.0.0.1:1",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    process.terminate()
    await asyncio.wait_for(process.communicate(), 10)

    assert b"nobody answers at ws://127.0.0.1:1" in line
    assert b"trying again in" in line
