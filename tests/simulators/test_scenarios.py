"""Each scenario, shortened, against the small central system; `tests/whole` has the real one."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.__main__ import main
from simulators.scenarios.command import SCENARIOS, play, verdict
from simulators.scenarios.stage import Row, Stage
from tests.simulators.cast import starts, stops
from tests.simulators.central import Central

SHORT = {"morning_rush": (3, 4.0), "flaky_network": (2, 4.0), "replay_after_outage": (3, 20.0)}


def stage(central: Central, name: str, said: list[str] | None = None) -> Stage:
    count, duration_s = SHORT.get(name, (1, 2.0))
    return Stage(
        url=central.url,
        password=None,
        seed=1,
        identities=tuple(f"PLAY-{number}" for number in range(count)),
        cards=tuple(f"CARD-{number}" for number in range(count)),
        duration_s=duration_s,
        say=(lambda _: None) if said is None else said.append,
    )


@pytest.mark.parametrize("name", SHORT)
async def test_all_that_happened_is_told_and_the_verdict_is_good(
    central: Central, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = await play(SCENARIOS[name], stage(central, name))

    assert verdict(rows)
    assert [row.open for row in rows] == [[] for _ in rows]
    assert len(starts(central)) == len(stops(central)) == sum(row.sessions for row in rows)
    assert all(row.energy_wh > 0 for row in rows)
    assert all(row.sent >= row.answered > 0 for row in rows)
    out = capsys.readouterr().out
    assert "PLAY-0" in out
    assert out.endswith("Everything was answered that had to be.\n")


async def test_a_message_that_is_never_answered_well_makes_a_bad_verdict(
    central: Central, capsys: pytest.CaptureFixture[str]
) -> None:
    central.refused_cards = {"CARD-0"}

    rows = await play(SCENARIOS["morning_rush"], stage(central, "morning_rush"))

    assert not verdict(rows)
    assert rows[0].open == ["1 sessions never began"]
    assert capsys.readouterr().out.endswith("1 of 3 did not get what they had to.\n")


async def test_replayed_messages_carry_the_times_at_which_they_happened(central: Central) -> None:
    await play(SCENARIOS["replay_after_outage"], stage(central, "replay_after_outage"))

    for identity in ("PLAY-0", "PLAY-1", "PLAY-2"):
        told = [call for call in central.calls if call.identity == identity]
        began = [str(start["timestamp"]) for start in starts(replace(central, calls=told))]
        assert len(began) == len(set(began)) == 6
        assert began == sorted(began)
        assert len({text[:13] for text in began}) >= 4  # of different hours


def test_the_verdict_shows_what_a_station_said_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = Row("PLAY-1", "1.6", 1, 1500, 5, 3, 1, ["StopTransaction [red]5[/red] had no answer"])

    assert not verdict([row])
    assert "StopTransaction [red]5[/red] had no answer" in capsys.readouterr().out


def test_the_list_tells_all_and_plays_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "--list"]) == 0

    out = capsys.readouterr().out
    assert all(f"{name}: " in out for name in SCENARIOS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "which scenario? --list tells what there is"),
        (["lunch"], "invalid choice: 'lunch'"),
        (["rogue"], "rogue needs 1 cards, one for each station"),
        (["rogue", "--stations", "2"], "rogue is about one station"),
        (["rogue", "--api", "ftp://x"], "ftp://x is not an http:// or https:// address"),
        (["rogue", "--duration", "soon"], "soon is not a time such as 30s, 5min or 2h"),
    ],
)
def test_a_mistake_on_the_command_line_is_said(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["scenario", *arguments])

    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


async def test_a_central_system_that_refuses_a_station_is_a_sentence(tmp_path: Path) -> None:
    async with Central(passwords={"SOMEBODY": "else"}) as central:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators", "scenario", "flaky_network",
            "--url", central.url, "--stations", "2", "--card", "A", "--card", "B",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
        )  # fmt: skip
        _, err = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 1
    assert b"the central system does not know PLAY-0" in err
    assert err.count(b"\n") == 1
