"""What became of the CALLs of a station, in figures and in its last lines."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

LAST = 8


@dataclass
class Traffic:
    answered: int = 0
    refused: int = 0
    """By a CALLERROR, or by an answer that breaks its schema."""
    unanswered: int = 0
    """The socket closed first, or nothing came in time. What matters is sent again."""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST), repr=False)
    """The last exchanges in both directions, one line each, oldest first."""

    @property
    def sent(self) -> int:
        return self.answered + self.refused + self.unanswered

    def told(self, at: datetime, action: str, outcome: str) -> None:
        """The station said something, and this became of it."""
        match outcome:
            case "answered":
                self.answered += 1
            case "refused" | "invalid":
                self.refused += 1
            case _:
                self.unanswered += 1
        self.last.append(f"{at:%H:%M:%S} → {action}, {outcome}")

    def asked(self, at: datetime, action: str) -> None:
        """The central system asked for something."""
        self.last.append(f"{at:%H:%M:%S} ← {action}")
