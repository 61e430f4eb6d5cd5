"""What one can see of a station from outside, whatever made it do so."""

from simulators.evse import Evse
from simulators.firmware import Firmware
from simulators.session import Session
from simulators.traffic import Traffic


class Seen:
    firmware: Firmware

    @property
    def sessions(self) -> list[Session]:
        """The truth about every session, oldest first."""
        return self.firmware.box.sessions

    @property
    def online(self) -> bool:
        return self.firmware.reporter.online

    @property
    def registration(self) -> str | None:
        """The central system's answer to the last boot; None before the first."""
        return self.firmware.registration

    @property
    def dropped(self) -> list[str]:
        """Transaction messages that were given up. Empty when all is well."""
        return self.firmware.outbox.dropped

    @property
    def complaints(self) -> list[str]:
        """CALLERRORs and answers that break their schema, one sentence each."""
        return self.firmware.network.complaints

    @property
    def waiting(self) -> int:
        """Transaction messages that are not answered yet."""
        return self.firmware.outbox.kept

    @property
    def traffic(self) -> Traffic:
        return self.firmware.network.traffic

    @property
    def evses(self) -> list[Evse]:
        return self.firmware.box.evses

    def evse(self, evse_id: int = 1) -> Evse:
        return self.firmware.box.evse(evse_id)

    def session(self, evse_id: int = 1) -> Session | None:
        """The running session of an EVSE."""
        return self.evse(evse_id).session
