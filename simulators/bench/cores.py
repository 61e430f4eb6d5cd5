"""One core for the server that is measured, another for PostgreSQL and the load."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Cores:
    """Empty sets where nothing can be pinned."""

    server: frozenset[int]
    rest: frozenset[int]

    @classmethod
    def choose(cls) -> "Cores":
        if not hasattr(os, "sched_setaffinity"):
            return cls(frozenset(), frozenset())
        first, *others = sorted(os.sched_getaffinity(0))
        if not others:
            return cls(frozenset(), frozenset())
        return cls(frozenset({first}), frozenset({others[0]}))

    @property
    def are_apart(self) -> bool:
        return bool(self.server)

    def pin_the_rest(self) -> None:
        """This process, and what it starts outside of `for_the_server`."""
        if self.are_apart:
            os.sched_setaffinity(0, self.rest)

    @contextmanager
    def for_the_server(self) -> Iterator[None]:
        """What is started in here is on the server's core from its first instruction."""
        if not self.are_apart:
            yield
            return
        os.sched_setaffinity(0, self.server)
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.rest)

    def __str__(self) -> str:
        if not self.are_apart:
            return "not pinned: this machine has one core, or cannot pin"
        return f"server on core {min(self.server)}, PostgreSQL and load on core {min(self.rest)}"
