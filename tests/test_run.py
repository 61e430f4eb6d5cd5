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

import pytest

import run
from tests.db.test_embedded import eventually, holder, lives, postgres

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
MAIN = """
import json, sys
import run
sys.exit(run.main(json.loads(sys.argv[1])))
"""


class Run:
    """run.py with stand-ins for csms and portal, in a folder of its own."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.behaviours = {"csms": "", "portal": ""}
        self.env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "DATA_DIR": str(self.data_dir),
            "DATABASE_URL": database_url,
            "CSMS_PORT": str(free_port()),
            "PORTAL_PORT": str(free_port()),
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
                until(process.stdout, "Polaris Express is up")
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


def until(output: IO[str] | None, words: str) -> None:
    assert output
    heard = []
    for line in output:
        heard.append(line)
        if words in line:
            return
    raise AssertionError(f"never said: {words}; but {heard}")


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> Run:
    """With a database that is up already, which is quicker."""
    return Run(tmp_path, database_url)


def test_it_says_what_to_open_and_what_to_type_next(here: Run) -> None:
    with here.up() as process:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate()

    assert f"http://127.0.0.1:{here.env['PORTAL_PORT']}/api/v1" in said
    assert f"ws://127.0.0.1:{here.env['CSMS_PORT']}/ocpp" in said
    assert "python -m portal token create --name me --scope admin" in said


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
    here = Run(tmp_path)
    with here.up() as process:
        pid, parent = postgres(here.data_dir), holder(here.data_dir)
        process.kill()

    eventually(here.all_ended)
    eventually(lambda: not lives(pid) and not lives(parent))


def test_when_make_is_killed_it_ends(here: Run) -> None:
    make = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    with started([PYTHON, "-c", make, *here.command(run.WITH_MAKE)], here.env) as process:
        until(process.stdout, "Polaris Express is up")
        process.kill()

    eventually(here.all_ended)


def test_a_process_that_dies_is_started_again(here: Run) -> None:
    with here.up() as process:
        for _ in range(run.DEATHS + 1):
            os.kill(here.lives("csms")[-1], signal.SIGKILL)
            until(process.stdout, "csms is ready.")

        assert len(here.lives("csms")) == run.DEATHS + 2
        assert len(here.lives("portal")) == 1


def test_three_deaths_in_a_row_before_it_was_ready_end_it_with_the_reason(here: Run) -> None:
    here.behaviours["portal"] = "ends7"

    assert here.refused() == "portal does not start (status 7); it says why above."

    assert len(here.lives("portal")) == run.DEATHS
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
