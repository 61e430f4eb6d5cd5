"""
What can go wrong, and who hears about it.

CsmsError
├── OcppError            the station hears: a CALLERROR frame
├── NoSession            dispatch hears: the reading's session is not known yet
└── CallFailed           the operator hears: a failed command
    ├── CannotSay        the station's version has no words for it
    ├── StationGone      the socket closed before the answer
    ├── CallTimedOut
    └── CallRefused      the station answered with a CALLERROR, or with something unreadable

What the database says is in `db.errors`.
"""

from __future__ import annotations


class CsmsError(Exception):
    """Anything of ours."""


class OcppError(CsmsError):
    """A CALLERROR; `code` is in the words of OCPP 2.0.1, `frames.call_error` says it in 1.6's."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class NoSession(CsmsError):  # noqa: N818 - it reads as what happened
    """A reading names a session that was never opened."""


class CallFailed(CsmsError):  # noqa: N818 - it reads as what happened
    """A command that did not get its CALLRESULT."""


class CannotSay(CallFailed):
    pass


class StationGone(CallFailed):
    def __init__(self, action: str) -> None:
        super().__init__(f"the connection was lost before {action} was answered")


class CallTimedOut(CallFailed):
    def __init__(self, action: str, timeout_s: float) -> None:
        super().__init__(f"no answer to {action} within {timeout_s:g} s")


class CallRefused(CallFailed):
    pass
