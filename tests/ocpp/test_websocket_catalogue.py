"""Reliability D-W01 to W23: every frame that is wrong, or only odd, with the result of its row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from csms.ocpp import door
from tests.catalogue.marks import by_row, row
from tests.ocpp.conftest import LIMIT_BYTES, Central, Log
from tests.raw_socket import (
    BINARY,
    CLOSE,
    CONT,
    HEARTBEAT,
    PING,
    PONG,
    TEXT,
    Frame,
    frame,
    header,
    joined,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("log")]

BEAT = frame(TEXT, HEARTBEAT)
# A message id with an umlaut, cut in the middle of it.
UMLAUT = '[2,"ä","Heartbeat",{}]'.encode()
CUT = UMLAUT.index(b"\xa4")
BROKEN = b'[2,"\xff","Heartbeat",{}]'


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2) + reason)


# Row, frames, the code they are closed with.
CLOSED: list[tuple[str, bytes, int]] = [
    ("W01 unmasked", frame(TEXT, HEARTBEAT, mask=False), 1002),
    ("W02 not UTF-8", frame(TEXT, BROKEN), 1007),
    ("W02 not UTF-8 in the second piece", frame(TEXT, UMLAUT[:CUT], fin=False) + frame(CONT), 1007),
    ("W04 binary", frame(BINARY, HEARTBEAT), 1003),
    ("W04 binary in pieces", frame(BINARY, b"[", fin=False) + frame(CONT, b"]"), 1003),
    ("W05 RSV1", frame(TEXT, HEARTBEAT, rsv=4), 1002),
    ("W06 RSV2", frame(TEXT, HEARTBEAT, rsv=2), 1002),
    ("W06 RSV3", frame(TEXT, HEARTBEAT, rsv=1), 1002),
    *[(f"W07 opcode {code}", frame(code), 1002) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    ("W08 continuation first", frame(CONT, HEARTBEAT), 1002),
    ("W09 text inside a message", frame(TEXT, b"[", fin=False) + BEAT, 1002),
    *[
        (f"W10 half a control frame {code}", frame(code, fin=False), 1002)
        for code in (CLOSE, PING, PONG)
    ],
    ("W11 ping of 126 bytes", frame(PING, bytes(126)), 1002),
    ("W14 one byte", frame(CLOSE, b"\x03"), 1002),
    *[(f"W14 code {code}", closing(code), 1002) for code in (1005, 1006, 999, 0, 1015, 5000)],
    ("W16 reason not UTF-8", closing(1000, b"\xff"), 1007),
    ("W18 limit and one", header(TEXT, LIMIT_BYTES + 1), 1009),
    ("W19 2^62 bytes", header(TEXT, 1 << 62), 1009),
    ("W19 highest bit", header(TEXT, 1 << 63), 1009),
    ("W19 ping of 2^62 bytes", header(PING, 1 << 62), 1009),
    (
        "W20 pieces over the limit",
        frame(TEXT, b" " * LIMIT_BYTES, fin=False) + header(CONT, 1),
        1009,
    ),
    ("W21 empty pieces", frame(TEXT, fin=False) + frame(CONT, fin=False) * 100_000, 1009),
]


@pytest.mark.parametrize(("name", "sent", "code"), by_row(CLOSED))
async def test_a_frame_is_closed_with_the_code_of_its_row(
    central: Central, log: Log, name: str, sent: bytes, code: int
) -> None:
    async with joined(central.port) as raw:
        raw.send(sent)

        assert (await raw.closed())[0] == code
        assert await raw.ended() == b""
    assert (await log.line("station.disconnected"))["code"] == code
    log.check_is_quiet()


# Row, frames, the messages that are answered by their ids.
ACCEPTED: list[tuple[str, bytes, list[str]]] = [
    (
        "W03 UTF-8 cut in mid-codepoint",
        frame(TEXT, UMLAUT[:CUT], fin=False) + frame(CONT, UMLAUT[CUT:]),
        ["ä"],
    ),
    ("W13 pong nobody asked for", frame(PONG, b"hello"), []),
    ("W13 empty pong", frame(PONG), []),
    ("W17 limit", frame(TEXT, HEARTBEAT.ljust(LIMIT_BYTES)), ["beat"]),
    (
        "W17 limit in pieces",
        frame(TEXT, HEARTBEAT.ljust(4_000), fin=False) + frame(CONT, b" " * 96),
        ["beat"],
    ),
    (
        "W21 as many pieces as may be",
        frame(TEXT, fin=False) + frame(CONT, fin=False) * 4_000 + frame(CONT, HEARTBEAT),
        ["beat"],
    ),
    ("W22 empty text", frame(TEXT), []),
    ("W22 empty text in pieces", frame(TEXT, fin=False) + frame(CONT), []),
]


@pytest.mark.parametrize(("name", "sent", "answered"), by_row(ACCEPTED))
async def test_an_odd_frame_is_accepted_and_the_socket_stays_open(
    central: Central, name: str, sent: bytes, answered: list[str]
) -> None:
    async with joined(central.port) as raw:
        raw.send(sent)

        for message_id in answered:
            assert (await raw.text())[:2] == [3, message_id]
        await raw.heartbeat()


@row("D-W12")
@pytest.mark.parametrize("size", [0, 1, 125], ids="{} bytes".format)
async def test_a_ping_is_answered_with_the_same_bytes(central: Central, size: int) -> None:
    async with joined(central.port) as raw:
        raw.send(frame(PING, b"x" * size))

        assert await raw.frame() == Frame(PONG, b"x" * size)
        await raw.heartbeat()


@row("D-W12")
async def test_a_ping_between_two_pieces_is_answered_at_once(central: Central) -> None:
    async with joined(central.port) as raw:
        raw.send(frame(TEXT, HEARTBEAT[:5], fin=False), frame(PING, b"between"))
        assert await raw.frame() == Frame(PONG, b"between")

        raw.send(frame(CONT, HEARTBEAT[5:]))

        assert (await raw.text())[:2] == [3, "beat"]
        await raw.heartbeat()


@row("D-W15")
@pytest.mark.parametrize("code", [1000, 3000, 4321])
async def test_a_right_close_is_echoed_and_the_end_is_clean(
    central: Central, log: Log, code: int
) -> None:
    async with joined(central.port) as raw:
        raw.send(closing(code, b"bye"))

        assert await raw.closed() == (code, "bye")
        assert await raw.ended() == b""
    assert (await log.line("station.disconnected"))["code"] == code
    assert log.events() == ["station.connected", "station.disconnected"]
    log.check_is_quiet()


@row("D-W15")
async def test_a_close_without_a_code_is_echoed_without_one(central: Central) -> None:
    async with joined(central.port) as raw:
        raw.send(frame(CLOSE))

        assert await raw.frame() == Frame(CLOSE, b"")
        assert await raw.ended() == b""


@row("D-W18")
async def test_a_message_over_the_limit_raises_an_alarm(central: Central, log: Log) -> None:
    async with joined(central.port) as raw:
        raw.send(frame(TEXT, HEARTBEAT.ljust(LIMIT_BYTES + 1)))
        assert (await raw.closed())[0] == 1009

    alarm = await log.line("station.may_be_wedged")
    assert alarm["log_level"] == "warning"
    assert alarm["station"] == "CP-1"


@row("D-W19")
async def test_an_announced_size_allocates_nothing(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The close comes on the header alone: no byte of the message was sent."""
    heard: list[int] = []
    hear = door.Door.data_received
    monkeypatch.setattr(
        door.Door,
        "data_received",
        lambda self, data: heard.append(len(data)) or hear(self, data),  # type: ignore[func-returns-value]
    )
    async with joined(central.port) as raw:
        heard.clear()

        raw.send(header(TEXT, 1 << 62))

        assert (await raw.closed())[0] == 1009
        assert sum(heard) == 14


@row("D-W21")
async def test_a_message_of_too_many_pieces_is_closed_at_the_first_too_many(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast they come: what is read after the limit is thrown away unparsed."""
    parsed: list[Any] = []
    process = door.Door.process_event
    monkeypatch.setattr(
        door.Door,
        "process_event",
        lambda self, event: parsed.append(event) or process(self, event),  # type: ignore[func-returns-value]
    )
    async with joined(central.port) as raw:
        raw.send(frame(TEXT, fin=False), frame(CONT, fin=False) * 100_000)

        assert (await raw.closed())[0] == 1009
        assert await raw.ended() == b""
    assert len(parsed) < 3 * 4_096


@row("D-R42", "D-R43")
async def test_a_thousand_messages_sent_at_once_are_all_answered_in_order(
    central: Central,
) -> None:
    async with joined(central.port) as raw:
        raw.send(
            *(frame(TEXT, json.dumps([2, f"m{n}", "Heartbeat", {}]).encode()) for n in range(1_000))
        )

        answered = [(await raw.text())[1] for _ in range(1_000)]

    assert answered == [f"m{n}" for n in range(1_000)]
