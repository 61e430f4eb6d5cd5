"""
Background work of the portal. Every portal offers to do it; each job runs in one at a time.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from aiohttp import web

from db.jobs import Job, Runner
from portal.context import CONFIG, NOTIFIER, POOL
from portal.mails.send import Post
from portal.prices import price_due


def jobs(app: web.Application) -> list[Job]:
    return [
        Job("mail", timedelta(seconds=1), Post(app[CONFIG], app[POOL]).send_due),
        Job(
            "prices",
            timedelta(seconds=2),
            partial(price_due, app[POOL], app[NOTIFIER], app[CONFIG]),
        ),
    ]


async def run(app: web.Application) -> None:
    """Each in a runner of its own: a mail server that hangs holds up nothing else."""
    await asyncio.gather(*(Runner(app[POOL], [job]).run() for job in jobs(app)))
