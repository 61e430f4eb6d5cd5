"""A file of JSON lines: what was said, and what was answered, for comparison afterwards."""

import json
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Journal:
    """
    One object a line, flushed at once, so that it survives the death of this process.

    {"station", "message_id", "action", "request", "outcome", "answer", "at"}
        one CALL; outcome is answered, refused, unanswered, lost (the simulator threw the answer
        away) or invalid (the answer breaks its schema); `at` is the station's clock
    {"station", "session": {...}}
        the truth about a session, when it has ended
    """

    def __init__(self, path: Path | str) -> None:
        self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - closed by close
        self._lock = threading.Lock()

    def write(self, **fact: Any) -> None:
        line = json.dumps(fact, default=str, separators=(",", ":"))
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
