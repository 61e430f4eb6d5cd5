"""A small central system on the `ocpp` package that accepts everything and remembers it."""

import asyncio
import json
from base64 import b64decode
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import ocpp.messages
import ocpp.v16
import ocpp.v21
import ocpp.v201
from ocpp.charge_point import ChargePoint
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

LIBRARIES = {"ocpp1.6": ocpp.v16, "ocpp2.0.1": ocpp.v201, "ocpp2.1": ocpp.v21}


@dataclass
class Frame:
    """A CALL as it came."""

    identity: str
    connection: int
    message_id: str
    action: str
    payload: dict[str, Any]


@dataclass
class Central:
    """`calls` holds every CALL that came; the other fields say how to answer."""

    passwords: dict[str, str] = field(default_factory=dict)
    refused_cards: set[str] = field(default_factory=set)
    groups: dict[str, str] = field(default_factory=dict)
    registrations: deque[str] = field(default_factory=deque)
    """Answers to the next boots; Accepted when empty."""
    call_errors: dict[str, int] = field(default_factory=dict)
    """By action, how many CALLs get a CALLERROR."""
    silent: set[str] = field(default_factory=set)
    """Actions that get no answer."""
    boot_interval_s: int = 300
    calls: list[Frame] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    """CALLs that break their schema, by the library's judgement."""
    lines: dict[str, "Line"] = field(default_factory=dict)
    url: str = ""
    _silences: int | None = None
    _server: Server | None = None
    _numbers: Any = field(default_factory=lambda: count(1001))
    _connections: Any = field(default_factory=count)

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def listen(self, port: int = 0) -> None:
        self._server = await serve(
            self._take,
            "127.0.0.1",
            port,
            subprotocols=[Subprotocol(name) for name in LIBRARIES],
            process_request=self._admit,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/ocpp"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def answers_again_after(self, silences: int) -> None:
        """Be silent so many times more."""
        self._silences = silences

    def keeps_silent(self, action: str) -> bool:
        if action not in self.silent or self._silences == 0:
            return False
        if self._silences is not None:
            self._silences -= 1
        return True

    def of(self, *actions: str) -> list[dict[str, Any]]:
        """The payloads of these actions, in the order in which they came."""
        return [call.payload for call in self.calls if call.action in actions]

    def words(self) -> list[str]:
        """What came, as one would tell it."""
        return [said(call) for call in self.calls]

    async def call(self, identity: str, action: str, /, **payload: Any) -> Any:
        """Send a CALL to a station and give its answer, as the library's object."""
        line = self.lines[identity]
        request = getattr(line._call, action)(**payload)
        return await line.call(request, suppress=False)

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        identity = unquote(request.path.rsplit("/", 1)[-1])
        wanted = self.passwords.get(identity)
        if self.passwords and wanted is None:
            return connection.respond(HTTPStatus.NOT_FOUND, "unknown station\n")
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        if wanted is not None and b64decode(given).decode() != f"{identity}:{wanted}":
            return connection.respond(HTTPStatus.UNAUTHORIZED, "wrong password\n")
        return None

    async def _take(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        identity = unquote(socket.request.path.rsplit("/", 1)[-1])
        line = Line(self, identity, socket, next(self._connections))
        self.lines[identity] = line
        try:
            await line.start()
        except ConnectionClosed:
            return


class Line(ChargePoint):  # type: ignore[misc]
    """One connection, in the version that was agreed."""

    def __init__(
        self, central: Central, identity: str, socket: ServerConnection, number: int
    ) -> None:
        super().__init__(identity, socket, response_timeout=5)
        library = LIBRARIES[socket.subprotocol or ""]
        self._call, self._call_result = library.call, library.call_result
        self._ocpp_version = (socket.subprotocol or "").removeprefix("ocpp")
        self._central = central
        self._number = number

    async def route_message(self, raw: str) -> None:
        frame = json.loads(raw)
        if frame[0] != 2:
            self._response_queue.put_nowait(ocpp.messages.unpack(raw))
            return
        _, message_id, action, payload = frame
        central = self._central
        central.calls.append(Frame(self.id, self._number, message_id, action, payload))
        message = ocpp.messages.unpack(raw)
        try:
            await ocpp.messages.validate_payload(message, self._ocpp_version)
        except Exception as error:
            central.invalid.append(f"{action}: {error}")
        if central.keeps_silent(action):
            return
        if central.call_errors.get(action, 0) > 0:
            central.call_errors[action] -= 1
            await self._send(json.dumps([4, message_id, "InternalError", "on purpose", {}]))
            return
        answer = message.create_call_result(self._answer(action, payload))
        await ocpp.messages.validate_payload(answer, self._ocpp_version)
        await self._send(answer.to_json())

    def _answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        central = self._central
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        match action:
            case "BootNotification":
                status = central.registrations.popleft() if central.registrations else "Accepted"
                return {"status": status, "currentTime": now, "interval": central.boot_interval_s}
            case "Heartbeat":
                return {"currentTime": now}
            case "StartTransaction":
                info = self._judge(payload["idTag"])
                return {"transactionId": next(central._numbers), "idTagInfo": info}
            case "Authorize" if self._ocpp_version == "1.6":
                return {"idTagInfo": self._judge(payload["idTag"])}
            case "Authorize":
                return {"idTokenInfo": self._judge(payload["idToken"]["idToken"])}
            case "TransactionEvent" if "idToken" in payload:
                return {"idTokenInfo": self._judge(payload["idToken"]["idToken"])}
        return {}

    def _judge(self, uid: str) -> dict[str, Any]:
        if uid in self._central.refused_cards:
            return {"status": "Blocked"}
        group = self._central.groups.get(uid)
        if group is None:
            return {"status": "Accepted"}
        if self._ocpp_version == "1.6":
            return {"status": "Accepted", "parentIdTag": group}
        return {"status": "Accepted", "groupIdToken": {"idToken": group, "type": "Central"}}


def said(call: Frame) -> str:
    """A CALL in a few words, for comparing conversations."""
    payload = call.payload
    match call.action:
        case "StatusNotification":
            number = payload.get("evseId", payload["connectorId"])
            return f"{number} {payload.get('status') or payload['connectorStatus']}"
        case "TransactionEvent":
            state = payload["transactionInfo"].get("chargingState")
            return f"{payload['eventType']} {payload['triggerReason']} {state}"
    return call.action


async def eventually(happened: Any, within_s: float = 5) -> None:
    """Wait for something that comes over a real socket."""
    async with asyncio.timeout(within_s):
        while not happened():
            await asyncio.sleep(0.005)
