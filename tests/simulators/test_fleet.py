"""Fleets against the small central system, in real time and therefore short."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from simulators.fleet.board import Board, Figures
from simulators.fleet.cast import Plug, Role
from simulators.fleet.crowd import Plan, run
from simulators.fleet.resident import Resident, World
from simulators.fleet.visits import visits
from simulators.terminal import console
from tests.simulators.cast import starts, stops
from tests.simulators.central import Central, eventually

RAPID = (Plug("CCS", 150_000),)
BUSY = Role("B-1", "1.6", connectors=RAPID, cards=("ADA-1",))
IDLE = Role("I-1", "2.0.1", connectors=RAPID, life="idle")
SPEED = 2000  # a visit takes a few seconds, most of it the ramp of the vehicle
# Of asyncio's debug mode this process may print what it likes, the started ones may not.
QUIET = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@asynccontextmanager
async def living(
    role: Role, central: Central, *, seed: int = 1, warned: list[str] | None = None
) -> AsyncIterator[Resident]:
    world = World(
        central.url, seed, SPEED,
        say=lambda _who, _what: None,
        warn=lambda _who, what: None if warned is None else warned.append(what),
    )  # fmt: skip
    resident = Resident(role, world)
    life = asyncio.create_task(resident.live(0))
    try:
        yield resident
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await resident.leave()


@pytest.mark.parametrize("seed", [1, 2])
async def test_sessions_have_the_energies_and_cards_of_the_seed(
    central: Central, seed: int
) -> None:
    role = replace(BUSY, cards=("ADA-1", "OMAR-1"))
    planned = list(islice(visits(role, 1, seed=seed, speed=SPEED), 2))

    async with living(role, central, seed=seed) as resident:
        truth = resident.station.sessions
        await eventually(lambda: len(truth) > 2, within_s=40)

    assert [(session.id_token, session.energy_wh) for session in truth[:2]] == [
        (visit.card, visit.energy_wh) for visit in planned
    ]
    assert len(starts(central)) == len(stops(central)) == len(truth)


async def test_a_remote_start_at_an_idle_station_becomes_a_session_with_energy(
    central: Central,
) -> None:
    async with living(IDLE, central) as resident:
        await eventually(lambda: resident.is_connected)
        answer = await central.call(
            "I-1", "RequestStartTransaction",
            remote_start_id=1, id_token={"idToken": "APP-1", "type": "Central"},
        )  # fmt: skip
        await eventually(lambda: resident.energy_wh > 0, within_s=10)
        (session,) = resident.station.sessions
        asked = await central.call(
            "I-1", "RequestStopTransaction", transaction_id=session.transaction_id
        )
        await eventually(lambda: central.words()[-1] == "1 Available", within_s=10)

    assert (answer.status, asked.status) == ("Accepted", "Accepted")
    assert (session.id_token, session.reason) == ("APP-1", "Remote")


async def test_nobody_comes_for_a_remote_start_where_the_file_says_so(central: Central) -> None:
    async with living(replace(IDLE, arrive_on_remote_start=False), central) as resident:
        await eventually(lambda: resident.is_connected)
        await central.call(
            "I-1", "RequestStartTransaction",
            remote_start_id=1, id_token={"idToken": "APP-1", "type": "Central"},
        )  # fmt: skip
        await eventually(lambda: resident.station.evse(1).grant is not None)
        await asyncio.sleep(1)

        assert resident.station.evse(1).vehicle is None


async def test_a_faulted_station_says_so_and_an_offline_one_says_nothing(central: Central) -> None:
    async with (
        living(replace(IDLE, life="faulted"), central),
        living(replace(IDLE, identity="O-1", life="offline"), central),
    ):
        await eventually(lambda: "1 Faulted" in central.words())

    assert {call.identity for call in central.calls} == {"I-1"}


async def test_a_station_tells_what_it_is_and_the_power_of_each_connector(central: Central) -> None:
    role = replace(IDLE, vendor="Alfen", model="Eve", firmware="6.6.0", connectors=(*RAPID, Plug()))

    async with living(role, central) as resident:
        await eventually(lambda: resident.is_connected)
        powers_w = [evse.power_w for evse in resident.station.evses]

    (boot,) = central.of("BootNotification")
    assert boot["chargingStation"] == {
        "vendorName": "Alfen",
        "model": "Eve",
        "firmwareVersion": "6.6.0",
        "serialNumber": "SIM-I-1",
    }
    assert powers_w == [150_000, 11_000]


async def test_the_clock_is_right_however_long_it_took_to_connect(central: Central) -> None:
    port = central.port
    await central.close()
    async with living(IDLE, central) as resident:
        resident.station.clock.step(-20)  # as if it had been made long before
        await asyncio.sleep(2)
        await central.listen(port)
        await eventually(lambda: central.of("StatusNotification"), within_s=20)
        told = datetime.fromisoformat(str(central.of("StatusNotification")[0]["timestamp"]))

    assert abs((datetime.now(UTC) - told).total_seconds()) < 2


async def test_a_card_that_is_refused_is_an_error_and_the_vehicle_leaves(central: Central) -> None:
    central.refused_cards = {"ADA-1"}
    warned: list[str] = []

    async with living(BUSY, central, warned=warned) as resident:
        await eventually(lambda: central.words().count("1 Available") > 1, within_s=10)

        assert resident.station.sessions == []
        assert resident.mistakes >= 1

    assert "EVSE 1: ADA-1 may not charge" in warned


async def test_a_station_that_is_refused_tries_again_and_the_others_live() -> None:
    warned: list[str] = []
    async with (
        Central(passwords={"I-1": "right"}) as central,
        living(BUSY, central, warned=warned) as stranger,
        living(replace(IDLE, password="right"), central) as resident,
    ):
        await eventually(lambda: resident.is_connected and warned)

        assert (stranger.is_connected, stranger.mistakes) == (False, 1)

    assert "does not know B-1 (HTTP 404" in warned[0]
    assert warned[0].endswith("trying again in 30 s")


async def test_where_there_is_no_terminal_a_line_comes_now_and_then(
    central: Central, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(central.url, 7, speed=SPEED, spread_s=0.1, duration_s=3, every_s=0.5)

    code = await run([BUSY, IDLE, replace(IDLE, identity="O-1", life="offline")], plan)

    first, *middle, why, total = capsys.readouterr().out.splitlines()
    assert code == 0
    assert first == f"3 stations at {central.url}, seed 7, for 3 s"
    assert len(middle) >= 3
    assert middle[-1].startswith("2 of 3 stations connected, ")
    assert why == "the end of its time: the vehicles leave"
    assert total.startswith("3 stations, ")
    assert total.endswith(" 0 errors")


async def test_the_table_names_each_station_and_the_last_that_happened(
    central: Central, capsys: pytest.CaptureFixture[str]
) -> None:
    board = Board()
    async with living(BUSY, central) as resident:
        board.residents = [resident]
        await eventually(lambda: resident.energy_wh > 0, within_s=10)
        board.note("B-1", "what [red]happened[/red]")
        console().print(board.picture())
        figures = Figures.of(board.residents)

    out = capsys.readouterr().out
    assert "B-1" in out
    assert "Charging" in out
    assert "B-1  what [red]happened[/red]" in out
    assert "1 of 1 stations connected, 1 sessions run, " in out
    assert figures.energy_wh > 0


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "fleet", *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=QUIET,
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, None])
async def test_told_to_end_it_ends_its_sessions_and_sums_up(
    central: Central, tmp_path: Path, how: signal.Signals | None
) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(
        f'url = "{central.url}"\nseed = 7\nspeed = 100\n[[station]]\nidentity = "B-1"\n'
        'version = "2.1"\ncards = ["ADA-1"]\n'
    )
    arguments = ["--stations", str(file), "--spread", "0.1s", "--end-with-parent"]

    async with process(*arguments) as fleet:
        await eventually(lambda: starts(central), within_s=30)
        assert fleet.stdin is not None
        if how is None:
            fleet.stdin.close()
        else:
            fleet.send_signal(how)
        assert fleet.stdout is not None
        assert fleet.stderr is not None
        out = (await asyncio.wait_for(fleet.stdout.read(), 20)).decode().splitlines()
        err = await fleet.stderr.read()
        await fleet.wait()

    assert (fleet.returncode, err) == (0, b"")
    assert len(stops(central)) == 1
    assert out[0] == f"1 stations at {central.url}, seed 7, until Ctrl-C"
    assert out[-1].startswith("1 stations, 1 sessions, ")


async def test_what_cannot_be_understood_is_one_sentence(tmp_path: Path) -> None:
    async with process("--stations", str(tmp_path / "nowhere.toml")) as fleet:
        _, err = await asyncio.wait_for(fleet.communicate(), 20)

    assert fleet.returncode == 1
    assert err.decode().startswith("cannot read ")
    assert err.count(b"\n") == 1
