"""Wake whoever waits for a topic: names only, everybody re-reads what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from db.changes import RELOAD


class Live:
    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.is_closing = False

    def heard(self, topics: set[str]) -> None:
        if RELOAD in topics:
            names = set(self._waiting)
        else:
            # A topic may name the account that can see it; who waits here was let in already.
            names = {topic.partition("@")[0] for topic in topics} & self._waiting.keys()
        for name in names:
            for event in self._waiting[name]:
                event.set()

    def close(self) -> None:
        """Let everybody who waits answer with what there is: the process is ending."""
        self.is_closing = True
        self.heard({RELOAD})

    @contextmanager
    def watch(self, topic: str) -> Iterator[asyncio.Event]:
        """An event that is set at each change of the topic; whoever waits clears it."""
        event = asyncio.Event()
        self._waiting.setdefault(topic, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[topic].discard(event)
            if not self._waiting[topic]:
                del self._waiting[topic]
