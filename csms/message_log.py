"""Messages that are yet to be logged: nobody waits for them, and there are never too many."""

from __future__ import annotations

from collections import deque

import structlog

from db.messages import Message

log = structlog.get_logger()

_MOST = 10_000
_MOST_BYTES = 64 * 2**20
_BODY_BYTES = 64 * 2**10


class MessageLog:
    """When the database is slow the oldest go."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self.lost = 0

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message) -> None:
        if len(message.body) > _BODY_BYTES:
            message = message._replace(body=message.body[:_BODY_BYTES])
        self._messages.append(message)
        self._bytes += len(message.body)
        if self._bytes > _MOST_BYTES or len(self._messages) > _MOST:
            self._bound()

    def add_again(self, messages: list[Message]) -> None:
        """What was not written comes first, and is what goes when there is no room."""
        self._messages.extendleft(reversed(messages))
        self._bytes = sum(len(message.body) for message in self._messages)
        self._bound()

    def take(self) -> list[Message]:
        messages = list(self._messages)
        self._messages.clear()
        self._bytes = 0
        return messages

    def _bound(self) -> None:
        while len(self._messages) > _MOST or self._bytes > _MOST_BYTES:
            self._bytes -= len(self._messages.popleft().body)
            self.lost += 1
            if self.lost % 10_000 == 1:
                log.warning("messages.not_logged", so_far=self.lost)
