"""
Tell what changed to who waits in the API and to open pages: names only, all re-read what changed.

An account that was signed out or switched off is told as the topic `account:12`: its pages are
asked again who they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from db.changes import RELOAD

if TYPE_CHECKING:
    from db.accounts import Account

MOST_NAMES = 100
MOST_PAGES = 20  # of one account; the oldest gives way
#: What lists listen to, beside the names of what they show.
LISTS = {"session": "sessions", "station": "stations", "dispute": "disputes"}


class Page:
    """One open page, and the names that it has yet to hear: a bounded set, never a backlog."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.is_over = False
        self.is_doubted = False  # whether the account may still look has to be asked again
        self.is_crowded_out = False
        self._names: dict[str, None] = {}  # in the order in which they came
        self._something = asyncio.Event()

    def may_hear(self, kind: str, account_id: str) -> bool:
        """
        Admins hear all; drivers what is theirs, and the chargers that all of them see.

        Notices are everybody's own.
        """
        is_own = account_id == str(self.account.id)
        if kind == "notices":
            return is_own
        return (
            self.account.role == "admin"
            or kind == "station"
            or (kind in {"session", "command"} and is_own)
        )

    def hear(self, *names: str) -> None:
        self._names |= dict.fromkeys(names)
        if len(self._names) > MOST_NAMES or RELOAD in self._names:
            self._names = {RELOAD: None}
        self._something.set()

    def doubt(self) -> None:
        self.is_doubted = True
        self._something.set()

    def end(self) -> None:
        self.is_over = True
        self._something.set()

    async def names(self, timeout_s: float) -> list[str]:
        """What changed since the last call, as soon as something did; nothing after the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._something.wait()
        except TimeoutError:
            return []
        self._something.clear()
        names, self._names = list(self._names), {}
        return names


class Live:
    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._pages: dict[int, list[Page]] = {}  # by account, the oldest first
        self.is_closing = False

    def heard(self, topics: set[str]) -> None:
        self._wake(topics)
        if self._pages:
            self._tell(topics)

    def close(self) -> None:
        """Let everybody who waits answer with what there is: the process is ending."""
        self.is_closing = True
        self._wake({RELOAD})
        for pages in self._pages.values():
            for page in pages:
                page.end()

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

    @contextmanager
    def subscribe(self, account: Account) -> Iterator[Page]:
        """A page that hears the names which its account may see, until the block ends."""
        page = Page(account)
        if self.is_closing:
            page.end()
        pages = self._pages.setdefault(account.id, [])
        pages.append(page)
        for old in pages[:-MOST_PAGES]:
            old.is_crowded_out = True
            old.end()
        try:
            yield page
        finally:
            pages.remove(page)
            if not pages and self._pages.get(account.id) is pages:
                del self._pages[account.id]

    def _wake(self, topics: set[str]) -> None:
        if RELOAD in topics:
            names = set(self._waiting)
        else:
            # A topic may name the account that can see it; who waits here was let in already.
            names = {topic.partition("@")[0] for topic in topics} & self._waiting.keys()
        for name in names:
            for event in self._waiting[name]:
                event.set()

    def _tell(self, topics: set[str]) -> None:
        heard = [_parsed(topic) for topic in sorted(topics)]
        for account_id, pages in self._pages.items():
            for page in pages:
                if RELOAD in topics:
                    page.hear(RELOAD)
                    continue
                if f"account:{account_id}" in topics:
                    page.doubt()
                for name, kind, seen_by in heard:
                    if page.may_hear(kind, seen_by):
                        page.hear(name, *LISTS.get(kind, "").split())


def _parsed(topic: str) -> tuple[str, str, str]:
    """`session:7@12` as its name, its kind and the account that may see it."""
    name, _, account_id = topic.partition("@")
    return name, name.partition(":")[0], account_id
