"""What a version of OCPP must be able to say for the box, and what it may be asked."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from simulators.evse import Evse
from simulators.meter import UNITS, Reading
from simulators.outbox import Message
from simulators.session import Reason, Session, Token, Trigger
from simulators.wire import Handler

if TYPE_CHECKING:
    from simulators.remote import Remote

Version = Literal["1.6", "2.0.1", "2.1"]


@dataclass(frozen=True)
class Registration:
    status: str
    interval_s: int


@dataclass(frozen=True)
class Verdict:
    """What the central system, or the box itself, thinks of a card."""

    status: str
    group: str | None = None

    @property
    def accepted(self) -> bool:
        return self.status == "Accepted"


@dataclass(frozen=True)
class Facts:
    """What the box tells of itself at boot."""

    vendor: str = "Polaris Express"
    model: str = "Simulator"
    serial: str = ""
    """Made of the identity where it is empty."""
    firmware: str = "1.0.0"


class Dialect(ABC):
    """One version's words. It keeps nothing: all state is in the box and its sessions."""

    version: Version
    subprotocol: str
    library: ModuleType
    measurands: tuple[str, ...]
    """What it samples unless told otherwise."""
    supported: frozenset[str] = frozenset(UNITS)
    """What it could sample."""
    longest_uid: int

    @abstractmethod
    def handlers(self, remote: "Remote") -> dict[str, Handler]:
        """By action: what is done and answered when the central system calls."""

    @abstractmethod
    def boot(self, facts: Facts, cause: str) -> Any: ...

    def read_boot(self, answer: Any) -> Registration:
        return Registration(str(answer.status), int(answer.interval))

    def heartbeat(self) -> Any:
        return self.library.call.Heartbeat()

    @abstractmethod
    def token_kind(self, uid: str) -> str:
        """The type of a card of which only the number is known."""

    @abstractmethod
    def authorize(self, token: Token) -> Any: ...

    @abstractmethod
    def read_authorize(self, answer: Any) -> Verdict: ...

    @abstractmethod
    def status_word(self, evse: Evse) -> str: ...

    @abstractmethod
    def status(self, evse: Evse, word: str, at: datetime) -> Any: ...

    @abstractmethod
    def box_status(self, *, operative: bool, at: datetime) -> Any | None:
        """The status of the box as a whole, where the version has one."""

    @abstractmethod
    def meter_values(self, evse: Evse, reading: Reading, session: Session | None) -> Any: ...

    @abstractmethod
    def stop_word(self, reason: Reason, fault: str | None) -> str: ...

    @abstractmethod
    def new_transaction_id(self) -> str | None:
        """The station's own number of a session, where stations give it."""

    @abstractmethod
    def started(
        self,
        evse: Evse,
        session: Session,
        reading: Reading,
        trigger: Trigger,
        *,
        offline: bool,
        judged: Callable[[Verdict], None],
    ) -> Message: ...

    @abstractmethod
    def updated(
        self,
        evse: Evse,
        session: Session,
        reading: Reading,
        trigger: Trigger,
        *,
        offline: bool,
    ) -> Message | None:
        """None where the version says it by a status alone."""

    @abstractmethod
    def ended(
        self,
        evse: Evse,
        session: Session,
        reading: Reading,
        trigger: Trigger,
        *,
        token: Token | None,
        offline: bool,
    ) -> Message: ...
