import pytest

from simulators import NotPossible, ScriptError, Vehicle
from simulators.commands import (
    HELP,
    Charge,
    Command,
    Fault,
    Find,
    Hop,
    Plug,
    Quit,
    Reboot,
    Suspend,
    Swipe,
    Unplug,
    Wait,
    Watch,
)
from simulators.picture import lines
from simulators.play import run
from simulators.screen import Screen
from simulators.script import READERS, parse, parse_script
from tests.simulators.cast import ADA, energy_told, reason_told, station
from tests.simulators.central import Central


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("plug", Plug(1, Vehicle())),
        ("plug 2 battery 40 soc 55", Plug(2, Vehicle(battery_wh=40_000, soc_pct=55))),
        ("unplug 2", Unplug(2)),
        ("swipe 1 ADA-1", Swipe(1, "ADA-1")),
        ("swipe ADA-1", Swipe(1, "ADA-1")),
        ("swipe", Swipe(1, None)),
        ("charge 5 kWh", Charge(1, energy_wh=5000)),
        ("charge 2 2.5 kWh", Charge(2, energy_wh=2500)),
        ("charge 2 500Wh", Charge(2, energy_wh=500)),
        ("charge 10 min", Charge(1, seconds=600)),
        ("charge 3 full", Charge(3)),
        ("suspend vehicle", Suspend(1, by_vehicle=True)),
        ("fault 2 HighTemperature keep", Fault(2, "HighTemperature", ends_session=False)),
        ("fault", Fault(1, "GroundFailure", ends_session=True)),
        ("find", Find(None)),
        ("hop ws://127.0.0.1:9001/ocpp", Hop("ws://127.0.0.1:9001/ocpp")),
        ("reboot resume", Reboot("resume")),
        ("reboot", Reboot("end")),
        ("wait 2 h  # the night", Wait(7200)),
        ("watch", Watch(60)),
        ("watch 5 s", Watch(5)),
        ("QUIT", Quit()),
        ("# nothing", None),
        ("", None),
    ],
)
def test_a_command_is_understood(line: str, command: Command | None) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("dance", 'there is no command "dance"; "help" lists them'),
        ("charge", '"charge" needs an amount: charge 5 kWh, charge 10 min, charge full'),
        ("charge 2 5 bananas", '"5" needs a unit, one of wh, kwh, s, min, h'),
        ("wait 5 kWh", '"5" needs a unit, one of s, min, h'),
        ("plug 1 soc lots", '"soc" needs a number, not "lots"'),
        ("plug 1 soc", '"soc" needs a number, not "nothing"'),
        ("plug 1 soc 140", "states of charge are percentages"),
        ("unplug 1 now", '"unplug" does not understand "now"'),
        ("hop", '"hop" needs the address of the other server'),
        ("find http://x", '"http://x" is not a ws:// or wss:// address'),
        ("reboot never", '"reboot" knows end, resume and forget, not "never"'),
        ('swipe "ADA', "a quote is not closed"),
    ],
)
def test_a_mistake_is_answered_with_a_clear_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ScriptError) as error:
        parse(line)

    assert str(error.value).startswith(sentence)


def test_a_mistake_in_a_file_names_its_line() -> None:
    with pytest.raises(ScriptError, match="line 3: there is no command"):
        parse_script("plug\n\nswim\n")


def test_every_command_is_in_the_help() -> None:
    told = {word.strip(",") for line in HELP.splitlines() for word in line.split()[:2]}

    assert set(READERS) <= told


async def test_a_script_lives_through_a_session(
    central: Central, capsys: pytest.CaptureFixture[str]
) -> None:
    script = """
        plug battery 60 soc 20
        swipe            # the card of the command line
        charge 1 kWh
        lose
        charge 500 Wh
        find
        suspend
        resume
        status
        unplug
    """
    async with station(central, "2.0.1") as cp:
        screen = Screen("CP-1", cp.clock)
        for command in parse_script(script):
            assert await run(cp, command, card=ADA, screen=screen)

    assert energy_told(central) == 1500
    assert reason_told(central) == "EVDisconnected"
    said = capsys.readouterr().out
    assert "CP-1  EVSE 1: 1000 Wh delivered\n" in said
    assert "ADA-1 has 1500 Wh" in said


async def test_the_rest_of_the_commands_do_what_they_say(central: Central) -> None:
    script = "plug\nswipe\nfault keep\nclear\nreboot resume\nemergency\nwait 1 min\nhelp\nquit\n"
    async with station(central, "1.6") as cp:
        screen = Screen("CP-1", cp.clock)
        going = [
            await run(cp, command, card=ADA, screen=screen) for command in parse_script(script)
        ]
        hop = parse(f"hop {central.url}")
        assert hop is not None
        await run(cp, hop, card=None, screen=screen)
        assert lines(cp)[0] == "online, Accepted, 0 messages wait"

    assert going[-1] is False
    assert reason_told(central) == "EmergencyStop"


async def test_a_swipe_needs_a_card(central: Central) -> None:
    async with station(central, "1.6") as cp:
        with pytest.raises(NotPossible, match="which card"):
            await run(cp, Swipe(1, None), card=None, screen=Screen("CP-1", cp.clock))
