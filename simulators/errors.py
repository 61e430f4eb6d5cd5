"""
What can go wrong in a simulated station.

SimulatorError
├── NoSuchEvse       the test or the person names an EVSE that the box does not have
├── NotPossible      the box cannot do that now, and says why
├── TookTooLong      what was waited for did not happen
├── ScriptError      a command that cannot be understood
├── CannotConnect    nobody listens there, or it is no central system
│   └── Refused      the central system turned the station away (401, 404, no common version)
└── CallFailed       one CALL was not answered by a CALLRESULT
    ├── CallRefused  it was answered by a CALLERROR
    │   └── BadAnswer  it was answered by a CALLRESULT that breaks its schema
    ├── NoAnswer     nothing came in time
    └── Disconnected the socket closed first
"""

# ruff: noqa: N818 - an error is named for what happened


class SimulatorError(Exception):
    """Its text is one sentence for the person who runs the simulator."""


class NoSuchEvse(SimulatorError):
    def __init__(self, evse_id: int, count: int) -> None:
        super().__init__(f"there is no EVSE {evse_id}; this station has 1 to {count}")


class NotPossible(SimulatorError):
    pass


class TookTooLong(SimulatorError):
    pass


class ScriptError(SimulatorError):
    pass


class CannotConnect(SimulatorError):
    pass


class Refused(CannotConnect):
    def __init__(self, text: str, *, status: int) -> None:
        super().__init__(text)
        self.status = status


class CallFailed(SimulatorError):
    pass


class CallRefused(CallFailed):
    def __init__(self, action: str, code: str, description: str) -> None:
        super().__init__(f"{action} was answered with {code}: {description or 'no description'}")
        self.code = code


class BadAnswer(CallRefused):
    def __init__(self, action: str, why: str) -> None:
        super().__init__(action, "an answer that breaks its schema", why)


class NoAnswer(CallFailed):
    pass


class Disconnected(CallFailed):
    pass
