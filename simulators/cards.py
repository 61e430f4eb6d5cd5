"""The card reader: who may charge, asked of the central system or decided without it."""

from simulators.box import Box
from simulators.dialect import Verdict
from simulators.errors import CallFailed
from simulators.evse import Evse, Grant
from simulators.network import Network
from simulators.session import Reason, Token, Trigger


class Cards:
    def __init__(self, box: Box, network: Network) -> None:
        self.box = box
        self._network = network
        self.known: dict[str, Verdict] = {}
        """What the central system accepted once, upper case: good without a network."""

    async def authorize(self, token: Token) -> Verdict:
        """Ask the central system; without one, decide as the settings say."""
        if not self.box.reporter.accepted:
            self.box.say(
                f"{token.uid} is not read: the central system has not accepted this station"
            )
            return Verdict("NotInService")
        if self.box.reporter.online:
            try:
                answer = await self._network.ask(self.box.dialect.authorize(token))
            except CallFailed as error:
                self.box.say(f"{token.uid} could not be authorized: {error}")
            else:
                verdict = self.box.dialect.read_authorize(answer)
                if verdict.accepted:
                    self.known[token.uid.upper()] = verdict
                else:
                    self.known.pop(token.uid.upper(), None)
                    self.box.say(f"{token.uid} is refused: {verdict.status}")
                return verdict
        known = self.known.get(token.uid.upper())
        if known is not None and self.box.settings.flag("offline_known"):
            return known
        unknown = self.box.settings.flag("offline_unknown")
        return Verdict("Accepted" if unknown else "Unknown")

    async def swipe(self, evse: Evse, token: Token) -> bool:
        """A card at the reader: ends its own session, or begins one if it is accepted."""
        session = evse.session
        if session is not None and session.token.same_as(token):
            self.box.end(evse, Reason.LOCAL, token=token)
            return True
        if session is None and not self.box.free(evse):
            self.box.say(f"EVSE {evse.id} is out of order, {token.uid} is not read")
            return False
        verdict = await self.authorize(token)
        if not verdict.accepted:
            return False
        if evse.session is not None:
            if verdict.group is None or verdict.group != evse.session.group:
                self.box.say(f"EVSE {evse.id} charges for another card than {token.uid}")
                return False
            self.box.end(evse, Reason.LOCAL, token=token)
            return True
        if not self.box.free(evse):
            return False
        self.box.grant(evse, Grant(token, group=verdict.group), Trigger.AUTHORIZED)
        return True
