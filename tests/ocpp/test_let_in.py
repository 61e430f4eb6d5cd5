"""Reliability D-W27 to W43: who may come in, however odd, and what else the port answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from db import station_keys
from tests.catalogue.marks import by_row, row
from tests.ocpp.conftest import Central, Log
from tests.raw_socket import HEARTBEAT, PLAIN, TEXT, asking, dialled, frame, joined, login, request
from tests.wire import KEY, basic

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("log")]

ACCEPTED = [
    ("W30 client's order", asking(Sec_WebSocket_Protocol="ocpp2.0.1, ocpp1.6"), "2.0.1"),
    ("W30 the other order", asking(Sec_WebSocket_Protocol="ocpp1.6,ocpp2.0.1"), "1.6"),
    ("W30 first we speak", asking(Sec_WebSocket_Protocol="ocpp9, ocpp2.1, ocpp1.6"), "2.1"),
    ("W30 two headers", request(more="Sec-WebSocket-Protocol: ocpp2.1\r\n"), "1.6"),
    ("W35 lower case", asking(**login(f"CP-1:{KEY}".encode(), "basic")), "1.6"),
    ("W36 trailing slash", request("/ocpp/CP-1/"), "1.6"),
    ("W36 query", request("/ocpp/CP-1?key=1&b=/"), "1.6"),
    ("W36 slash and query", request("/ocpp/CP-1/?"), "1.6"),
    ("W36 percent-encoded", request("/ocpp/%43P%2d1"), "1.6"),
    ("W36 no prefix", request("/CP-1"), "1.6"),
    ("W36 as in SteVe", request("/steve/websocket/CentralSystemService/CP-1"), "1.6"),
    ("W36 whole URL", request("ws://central:9000/ocpp/CP-1"), "1.6"),
    ("W37 128 headers", request(more="X: y\r\n" * 121), "1.6"),
    ("W40 length of zero", request(more="Content-Length: 0\r\n"), "1.6"),
    ("W41 case of values", asking(Upgrade="WebSocket", Connection="keep-alive, upgrade"), "1.6"),
    ("W43 own origin", asking(Origin="http://central"), "1.6"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "asked", "version"), by_row(ACCEPTED))
async def test_what_is_only_odd_is_let_in(
    central: Central, name: str, asked: bytes, version: str
) -> None:
    after = await central.last_attempt()
    async with dialled(central.port) as raw:
        response = await raw.upgrade(asked)
        await raw.heartbeat()

        assert response.headers["sec-websocket-protocol"] == f"ocpp{version}"
        link = await central.link()
        assert link is not None
        assert link["ocpp_version"] == version
    attempt = await central.attempt(after)
    assert (attempt["http_status"], attempt["reason"]) == (101, "let in")


@row("D-W27")
async def test_assume_1_6_lets_in_who_offers_nothing_and_nobody_else(central: Central) -> None:
    after = await central.last_attempt()
    async with dialled(central.port) as raw:
        await raw.upgrade(asking(Sec_WebSocket_Protocol=None))
        await raw.closed()
    assert "switch on assume_1_6" in (await central.attempt(after))["reason"]

    await central.pool.execute("update station set assume_1_6 = true")
    try:
        async with joined(central.port, asking(Sec_WebSocket_Protocol=None)):
            link = await central.link()
        async with dialled(central.port) as raw:
            await raw.upgrade(asking(Sec_WebSocket_Protocol="ocpp1.5"))
            assert await raw.closed() == (1002, "no common OCPP version")
    finally:
        await central.pool.execute("update station set assume_1_6 = false")

    assert link is not None
    assert link["ocpp_version"] == "1.6"


@asynccontextmanager
async def keyed(central: Central, password: str) -> AsyncIterator[None]:
    """CP-1 has another password meanwhile."""
    mine = await central.pool.fetchrow("select key_salt, key_hash from station")
    assert mine is not None
    change = "update station set key_salt = $1, key_hash = $2"
    await central.pool.execute(change, *station_keys.make(password))
    try:
        yield
    finally:
        await central.pool.execute(change, *mine)


@row("D-W35")
async def test_a_password_may_have_a_colon(central: Central) -> None:
    async with (
        keyed(central, "a:b:c-and-so-on-:"),
        joined(central.port, asking(**basic("CP-1", "a:b:c-and-so-on-:"))),
    ):
        pass


# As in the appendix of the white paper: 20 bytes of which some are no text, and one is a colon.
BINARY_KEY = bytes.fromhex("0001020304FF3A0A0D80C3A9DEADBEEF11223344")
FORMS = [BINARY_KEY, BINARY_KEY.hex().encode(), BINARY_KEY.hex().upper().encode()]


@row("D-W33", "D-W34")
@pytest.mark.parametrize("given", FORMS, ids=["bytes", "digits", "capital digits"])
@pytest.mark.parametrize("kept", [FORMS[1], FORMS[2]], ids=["kept small", "kept capital"])
async def test_a_binary_key_and_its_digits_are_the_same_password(
    central: Central, log: Log, kept: bytes, given: bytes
) -> None:
    async with keyed(central, kept.decode()):
        async with joined(central.port, asking(**login(b"CP-1:" + given))):
            pass
        async with dialled(central.port) as raw:
            raw.send(asking(**login(b"CP-1:" + given[:-1] + b"\x45")))
            assert (await raw.response()).status == 401
    log.check_is_quiet()


@row("D-W39")
@pytest.mark.parametrize(
    ("path", "body"),
    [("/health/live", "live\n"), ("/health/ready", "ready\n")],
    ids="{}".format,
)
@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/1.0"])
async def test_health_is_answered_on_the_same_port_and_leaves_no_row(
    central: Central, path: str, body: str, protocol: str
) -> None:
    after = await central.last_attempt()

    async with dialled(central.port) as raw:
        raw.send(request(path, PLAIN, protocol=protocol))
        response = await raw.response()
        assert await raw.ended() == b""

    assert (response.status, response.body) == (200, body)
    assert await central.attempts(after) == []


async def test_while_the_database_is_away_chargers_are_told_to_come_again(
    central: Central, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("csms.ocpp.admission.links.find_comer", away)
        async with dialled(central.port) as raw:
            raw.send(request())
            response = await raw.response()

    assert response.status == 503
    assert response.headers["retry-after"] == "5"
    log.check_is_quiet()


async def test_the_first_frame_may_come_with_the_request(central: Central) -> None:
    async with dialled(central.port) as raw:
        raw.send(request(), frame(TEXT, HEARTBEAT))

        assert (await raw.response()).status == 101
        assert (await raw.text())[:2] == [3, "beat"]
        await raw.heartbeat()
