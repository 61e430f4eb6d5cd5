"""What the processes of a measurement used: CPU time and memory."""

import time
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """CPU seconds since each began, at one moment."""

    at: float
    server_s: float
    database_s: float
    client_s: float
    machine_s: float  # everything that runs on this machine, or that its host took from it

    def since(self, earlier: "Usage") -> "Usage":
        return Usage(
            self.at - earlier.at,
            self.server_s - earlier.server_s,
            self.database_s - earlier.database_s,
            self.client_s - earlier.client_s,
            self.machine_s - earlier.machine_s,
        )

    @property
    def others_s(self) -> float:
        """What the neighbours used, which disturbs the measurement."""
        return max(0.0, self.machine_s - self.server_s - self.database_s - self.client_s)


class Watched:
    """The server, and the PostgreSQL that one of its connections belongs to."""

    def __init__(self, server_pid: int, backend_pid: int) -> None:
        self._server = psutil.Process(server_pid)
        postmaster = psutil.Process(backend_pid).parent()
        assert postmaster is not None, "a backend has a postmaster"
        self._postmaster = postmaster
        self._client = psutil.Process()

    def usage(self) -> Usage:
        machine = psutil.cpu_times()
        return Usage(
            time.perf_counter(),
            _own(self._server),
            _family(self._postmaster),
            _own(self._client),
            sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - _guest(machine),
        )

    def server_mb(self) -> float:
        return float(self._server.memory_info().rss) / 1e6


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _family(parent: psutil.Process) -> float:
    """Of a process, its children, and those that have ended."""
    times = parent.cpu_times()
    total = _own(parent) + times.children_user + times.children_system
    for child in parent.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += _own(child)
    return float(total)


def _guest(machine: object) -> float:
    """Linux counts a guest's time twice."""
    return float(getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0))
