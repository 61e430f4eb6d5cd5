"""`make run`: it starts in order, heals, gives up with a reason, and leaves nothing running."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import asyncpg
import pytest

import run
from db.children import DEATHS
from portal.demo.accounts import KNOWN
from tests.db.test_embedded import eventually, holder, lives, postgres

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
MAIN = """
import json, sys
import run
sys.exit(run.main(json.loads(sys.argv[1])))
"""


class Run:
    """run.py with stand-ins for what it starts, in a folder of its own."""

    def __init__(self, folder: Path, database_url: str = "", *, demo: str = "0") -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.behaviours = {"csms": "", "portal": "", "fleet": ""}
        self.env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "DATA_DIR": str(self.data_dir),
            "DATABASE_URL": database_url,
            "CSMS_PORT": str(free_port()),
            "PORTAL_PORT": str(free_port()),
            "DEMO": demo,
        }

    def command(self, *arguments: str) -> list[str]:
        stand_ins = {
            name: [PYTHON, "-m", "tests.stand_in", name, str(self.folder), behaviour]
            for name, behaviour in self.behaviours.items()
        }
        return [PYTHON, "-c", MAIN, json.dumps(stand_ins), *arguments]

    @contextmanager
    def up(self) -> Iterator["subprocess.Popen[str]"]:
        """Running, and ready."""
        with started(self.command(), self.env) as process:
            try:
                self.said = until(process.stdout, "Ctrl-C ends all of it")
                yield process
            finally:
                process.kill()

    def refused(self, **env: str) -> str:
        """What it says when it does not start."""
        done = subprocess.run(
            self.command(), env=self.env | env, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        return done.stderr.strip()

    def lives(self, name: str) -> list[int]:
        """The process numbers that a stand-in has had."""
        path = self.folder / name
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []

    def all_ended(self) -> bool:
        return not any(lives(pid) for name in self.behaviours for pid in self.lives(name))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def started(command: list[str], env: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        command,
        env=env,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield process


def until(output: IO[str] | None, words: str) -> str:
    """All that was said up to the line with these words."""
    assert output
    heard = []
    for line in output:
        heard.append(line)
        if words in line:
            return "".join(heard)
    raise AssertionError(f"never said: {words}; but {heard}")


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> Run:
    """With a database that is up already, which is quicker."""
    return Run(tmp_path, database_url)


@pytest.fixture
def with_demo(tmp_path: Path, database_url: str) -> Run:
    return Run(tmp_path, database_url, demo="1")


def test_an_empty_system_says_where_the_first_administrator_is_made(here: Run) -> None:
    with here.up():
        assert here.lives("fleet") == []

    portal = f"http://127.0.0.1:{here.env['PORTAL_PORT']}"
    assert f"Open {portal}: its first page makes the first administrator." in here.said
    assert f"Chargers connect to ws://127.0.0.1:{here.env['CSMS_PORT']}/ocpp/" in here.said


def test_the_demo_says_what_to_open_and_as_whom(with_demo: Run) -> None:
    with with_demo.up() as process:
        eventually(lambda: len(with_demo.lives("fleet")) == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    first = with_demo.said
    assert with_demo.all_ended()

    assert f"Open http://127.0.0.1:{with_demo.env['PORTAL_PORT']} and sign in:" in first
    for email, password in KNOWN.items():
        assert email in first
        assert password in first

    with with_demo.up():
        pass
    assert tail(with_demo.said) == tail(first)


def tail(said: str) -> str:
    return said[said.index("Polaris Express is up") :]


async def test_chargers_of_the_operators_own_leave_the_demo_out(with_demo: Run) -> None:
    conn = await asyncpg.connect(with_demo.env["DATABASE_URL"])
    await conn.execute("insert into station (identity, public_id) values ('MINE', 'ABCDEFGH')")
    await conn.close()

    with with_demo.up():
        assert with_demo.lives("fleet") == []

    assert "The database has chargers of its own, so the demo is left out." in with_demo.said
    assert not any(email in with_demo.said for email in KNOWN)


def test_a_fleet_that_dies_is_started_again_and_ends_nothing(with_demo: Run) -> None:
    with_demo.behaviours["fleet"] = "ends1"
    with with_demo.up() as process:
        until(process.stdout, "The demo's fleet ended with status 1 and is started again.")
        eventually(lambda: len(with_demo.lives("fleet")) >= 3)
        assert process.poll() is None
        # Once is enough: the reason is above it.
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate()

    assert process.returncode == 0
    assert "fleet" not in said
    assert len(with_demo.lives("csms")) == len(with_demo.lives("portal")) == 1


def test_known_passwords_are_gone_before_the_portal_is_open_to_others(with_demo: Run) -> None:
    with with_demo.up():
        pass
    eventually(with_demo.all_ended)
    with_demo.env |= {"PUBLIC_URL": "https://charge.example.com", "DEMO": "0"}

    with with_demo.up():
        pass

    assert "were made just now" in with_demo.said
    assert not any(password in with_demo.said for password in KNOWN.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_everything_in_order(tmp_path: Path, number: signal.Signals) -> None:
    here = Run(tmp_path)
    with here.up() as process:
        pid, parent = postgres(here.data_dir), holder(here.data_dir)
        process.send_signal(number)
        assert process.wait() == 0

    assert here.all_ended()
    eventually(lambda: not lives(pid) and not lives(parent), timeout_s=5.0)


def test_after_a_kill_nothing_is_left_running(tmp_path: Path) -> None:
    here = Run(tmp_path, demo="1")
    with here.up() as process:
        eventually(lambda: len(here.lives("fleet")) == 1)
        pid, parent = postgres(here.data_dir), holder(here.data_dir)
        process.kill()

    eventually(here.all_ended)
    eventually(lambda: not lives(pid) and not lives(parent))

    with here.up() as process:  # and it begins again where it was
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert here.all_ended()


def test_a_postgresql_that_is_killed_ends_nothing(tmp_path: Path) -> None:
    here = Run(tmp_path, demo="1")
    with here.up() as process:
        pid = postgres(here.data_dir)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: postgres(here.data_dir) not in {0, pid})
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0

    assert here.all_ended()


def test_when_make_is_killed_it_ends(here: Run) -> None:
    make = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    with started([PYTHON, "-c", make, *here.command(run.WITH_MAKE)], here.env) as process:
        until(process.stdout, "Ctrl-C ends all of it")
        process.kill()

    eventually(here.all_ended)


def test_a_process_that_dies_is_started_again(here: Run) -> None:
    with here.up() as process:
        for _ in range(DEATHS + 1):
            os.kill(here.lives("csms")[-1], signal.SIGKILL)
            until(process.stdout, "csms is ready.")

        assert len(here.lives("csms")) == DEATHS + 2
        assert len(here.lives("portal")) == 1


def test_three_deaths_in_a_row_before_it_was_ready_end_it_with_the_reason(here: Run) -> None:
    here.behaviours["portal"] = "ends7"

    assert here.refused() == "portal does not start (status 7); it says why above."

    assert len(here.lives("portal")) == DEATHS
    assert here.all_ended()


def test_a_process_that_refuses_its_settings_is_not_asked_again(here: Run) -> None:
    here.behaviours["csms"] = "ends2"

    assert here.refused() == "csms does not start (status 2); it says why above."

    assert len(here.lives("csms")) == 1


def test_a_second_signal_ends_a_process_that_does_not_listen(here: Run) -> None:
    here.behaviours["csms"] = "stubborn"
    with here.up() as process:
        process.send_signal(signal.SIGINT)
        eventually(lambda: not lives(here.lives("portal")[-1]))
        assert process.poll() is None

        process.send_signal(signal.SIGINT)
        assert process.wait() == 1

    eventually(here.all_ended)


def test_a_taken_port_is_one_sentence(here: Run) -> None:
    with socket.create_server(("127.0.0.1", int(here.env["PORTAL_PORT"]))):
        said = here.refused()

    port = here.env["PORTAL_PORT"]
    assert said == (
        f"portal cannot listen on 127.0.0.1 port {port}: Address already in use. "
        "End what uses it, or set PORTAL_PORT."
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATABASE_URL", "nonsense", "DATABASE_URL is not an address such as postgresql://"),
        ("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x", "No PostgreSQL answers for x on"),
        ("CSMS_PORT", "none", "CSMS_PORT must be a whole number from 1 to 65535, not 'none'."),
        ("CSMS_PROT", "9000", "There is no setting CSMS_PROT: did you mean CSMS_PORT?"),
    ],
)
def test_a_wrong_setting_is_one_sentence(here: Run, name: str, value: str, words: str) -> None:
    said = here.refused(**{name: value})

    assert said.startswith(words)
    assert "\n" not in said


def make(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with our Makefile and nothing to install."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "requirements.lock").write_text("# nothing\n")
    return tmp_path


def test_a_python_too_old_is_one_sentence(checkout: Path) -> None:
    done = make(checkout, "run", "PYTHONS=false no-such-python")

    assert done.returncode != 0
    assert "Python 3.11 or newer is needed: install it" in done.stderr
    assert not (checkout / ".venv").exists()


def test_setup_installs_once_per_lock_and_again_after_a_failure(checkout: Path) -> None:
    assert "Installing" in make(checkout, "setup", f"PYTHONS={PYTHON}").stdout
    assert make(checkout, "setup").stdout == ""

    (checkout / "requirements.lock").write_text("no-such-package==1 --hash=sha256:00\n")
    os.utime(checkout / "requirements.lock", (2**32, 2**32))
    assert make(checkout, "setup").returncode != 0
    (checkout / "requirements.lock").write_text("# nothing\n")
    os.utime(checkout / "requirements.lock", (2**32, 2**32))

    assert "Installing" in make(checkout, "setup").stdout


def test_make_alone_lists_its_targets(checkout: Path) -> None:
    said = make(checkout).stdout

    for target in ("setup", "run", "test", "check", "format", "bench", "schema", "psql", "clean"):
        assert f"make {target}" in said


def test_help_is_help_and_starts_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "run.py", "--help"], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == 0
    assert "make run" in done.stdout
    assert list(tmp_path.iterdir()) == []
