"""Begins the lives of a fleet, shows them, and ends them."""

import asyncio
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.live import Live

from simulators.ending import told_to_end
from simulators.fleet.board import Board, Figures, summary
from simulators.fleet.cast import Role
from simulators.fleet.resident import Resident, World
from simulators.terminal import console


@dataclass(frozen=True)
class Plan:
    url: str
    seed: int
    speed: float = 1
    spread_s: float = 30
    """All have connected after so many seconds."""
    duration_s: float | None = None
    """None: until told to end."""
    with_parent: bool = False
    draws: bool = False
    """A table that redraws itself; else a line every so often."""
    every_s: float = 10


async def run(roles: Sequence[Role], plan: Plan) -> int:
    """Live until told to end; 1 when a transaction message was dropped or never delivered."""
    board = Board()
    world = World(
        plan.url, plan.seed, plan.speed, say=board.note, warn=board.note if plan.draws else _warn
    )
    residents = board.residents = [Resident(role, world) for role in roles]
    rng = random.Random(f"{plan.seed}/spread")
    until = "until Ctrl-C" if plan.duration_s is None else f"for {plan.duration_s:g} s"
    _write(f"{len(roles)} stations at {plan.url}, seed {plan.seed}, {until}")
    async with asyncio.TaskGroup() as group:
        lives = [group.create_task(one.live(rng.uniform(0, plan.spread_s))) for one in residents]
        lives.append(group.create_task(_show(board, plan)))
        why = await told_to_end(with_parent=plan.with_parent, after_s=plan.duration_s)
        for life in lives:
            life.cancel()
    _write(f"{why}: the vehicles leave")
    ends = await asyncio.gather(*(one.leave() for one in residents), return_exceptions=True)
    for one, error in zip(residents, ends, strict=True):
        if isinstance(error, Exception):
            _write(f"{one.role.identity}: {error!r}")
    for line in summary(residents):
        _write(line)
    return int(any(one.station.dropped or one.station.waiting for one in residents))


async def _show(board: Board, plan: Plan) -> None:
    if plan.draws:
        with Live(get_renderable=board.picture, console=console(), refresh_per_second=2):
            await asyncio.Event().wait()
    while True:
        await asyncio.sleep(plan.every_s)
        _write(str(Figures.of(board.residents)))


def _warn(identity: str, text: str) -> None:
    _write(f"{identity}: {text}")


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
