"""Reliability D-W27 to W43: who may not come in, and what each is told."""

from __future__ import annotations

import random
import ssl
from typing import Any, NamedTuple

import pytest

from csms.ocpp import door
from tests.catalogue.marks import by_row, row
from tests.ocpp.conftest import Central, Log
from tests.raw_socket import PLAIN, asking, dialled, login, request
from tests.wire import KEY, basic

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("log")]


def client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="central")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


class Row(NamedTuple):
    name: str
    sent: bytes
    status: int
    reason: str
    headers: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, never written to


UPGRADE = {"upgrade": "websocket"}
ASKS = {"www-authenticate": 'Basic realm="ocpp"'}
NO_KEY, NO_CHARGER = "the charger gave no readable password", "the path names no charger"
NOT_IN_IT = "the identity has characters that none may have"
BODY, NOT_HTTP = "the request is not readable: ", "this is not HTTP"
FOREIGN = "a browser's page of another origin may not connect"
BINARY = random.Random(42).randbytes(2_000)

REFUSED = [
    Row("W31 unknown", request("/ocpp/nobody"), 404, "no charger nobody is known here"),
    Row("W32 no key", asking(Authorization=None), 401, NO_KEY, ASKS),
    Row("W32 wrong key", asking(**basic("CP-1", "x")), 401, "the password is wrong", ASKS),
    Row("W32 part of the key", asking(**basic("CP-1", KEY[:-1])), 401, "the password", ASKS),
    Row("W32 another's name", asking(**basic("CP-2")), 401, "the user name is not", ASKS),
    Row("W35 no colon", asking(**login(b"CP-1")), 401, NO_KEY, ASKS),
    Row("W35 bad base64", asking(Authorization="Basic *?"), 401, NO_KEY, ASKS),
    Row("W35 not ASCII", asking(Authorization="Basic ä"), 401, NO_KEY, ASKS),
    Row("W35 cut base64", asking(Authorization="Basic Q1A"), 401, NO_KEY, ASKS),
    Row("W35 no base64", asking(Authorization="Basic"), 401, NO_KEY, ASKS),
    Row("W35 empty", asking(Authorization=""), 401, NO_KEY, ASKS),
    Row("W35 Bearer", asking(**login(b"CP-1:" + KEY.encode(), "Bearer")), 401, NO_KEY, ASKS),
    Row("W35 twice", request(more="Authorization: Basic Q1A=\r\n"), 400, "more than one Authoriz"),
    *[
        Row(f"W36 {path}", request(path), 404, NO_CHARGER)
        for path in ("/", "/ocpp", "/ocpp/", "/ocpp/a/b", "/ocpp/CP-1//", "//[", "*", "CP-1", "")
    ],
    *[
        Row(f"W36 {path}", request(f"/ocpp/{path}"), 400, NOT_IN_IT)
        for path in ("%2e%2e", "..", ".", "%00", "%0a", "a%2Fb", "CP%3A1", "CP:1", "CP%252D1", "%")
    ],
    Row("W36 49 characters", request("/ocpp/" + "x" * 49), 400, "longer than 48 characters"),
    Row("W36 48 characters", request("/ocpp/" + "x" * 48), 404, "is known"),
    Row("W36 emoji", request("/ocpp/%F0%9F%98%80"), 404, "no charger 😀 is known here"),
    Row("W36 not UTF-8", request("/ocpp/%ff"), 400, "the identity is not UTF-8"),
    Row("W36 bare UTF-8", request("/ocpp/ä"), 400, BODY),
    Row("W37 long path", request("/ocpp/" + "x" * 9_000), 414, "the path is too long"),
    Row("W37 headers", request(more="X: y\r\n" * 129), 431, "the headers are too many"),
    Row("W37 long header", request(more=f"X: {'y' * 8_300}\r\n"), 431, "the headers are too many"),
    *[
        Row(f"W39 GET {path}", request(path, PLAIN), 426, "missing Connection", UPGRADE)
        for path in ("/", "/ocpp/CP-1")
    ],
    Row("W39 POST", request(headers=PLAIN, method="POST"), 405, "method: POST", {"allow": "GET"}),
    Row("W39 POST to upgrade", request(method="POST"), 405, "method: POST", {"allow": "GET"}),
    Row("W40 length", request(more="Content-Length: 5\r\n") + b"hello", 400, BODY + "unsupported"),
    Row("W40 chunked", request(more="Transfer-Encoding: chunked\r\n"), 400, BODY + "transfer"),
    Row("W40 POST", request(more="Content-Length: 2\r\n", method="POST") + b"{}", 400, BODY),
    Row("W41 version 8", asking(Sec_WebSocket_Version="8"), 400, "Version header: 8"),
    Row("W41 short key", asking(Sec_WebSocket_Key="AAAA"), 400, "Key header: AAAA"),
    Row("W41 no key", asking(Sec_WebSocket_Key=None), 400, "missing Sec-WebSocket-Key"),
    Row("W41 two keys", request(more="Sec-WebSocket-Key: AAAA\r\n"), 400, "multiple values"),
    Row("W41 no Upgrade", asking(Upgrade=None), 426, "missing Upgrade header"),
    Row("W41 no Connection", asking(Connection=None), 426, "missing Connection header"),
    Row("W41 h2c", asking(Upgrade="h2c"), 426, "invalid Upgrade header: h2c"),
    Row("W42 HTTP/1.0", request(protocol="HTTP/1.0"), 505, "HTTP/1.0"),
    Row("W42 HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), 400, BODY + "unsupp"),
    Row("W42 TLS", client_hello(), 400, "TLS (wss://) on a port that has none"),
    Row("W42 binary", b"\x80" + BINARY, 400, NOT_HTTP),
    Row("W42 a letter, then binary", b"A" + BINARY + b"\r\n\r\n", 400, BODY),
    Row("W42 a frame first", b"\x81\x80\0\0\0\0", 400, NOT_HTTP),
    Row("W42 empty lines", b"\r\n\r\n", 400, NOT_HTTP),
    Row("W42 bare line feeds", request().replace(b"\r\n", b"\n"), 400, BODY),
    Row("W42 SSH", b"SSH-2.0-OpenSSH_9.9\r\n", 400, BODY + "invalid HTTP request line"),
    Row("W43 evil", asking(Origin="https://evil"), 403, FOREIGN),
    Row("W43 evil without a key", asking(Origin="https://evil", Authorization=None), 403, FOREIGN),
    Row("W43 null", asking(Origin="null"), 403, FOREIGN),
    Row("W43 broken", asking(Origin="http://["), 403, FOREIGN),
]  # fmt: skip


@pytest.mark.parametrize("case", by_row(REFUSED))
async def test_a_refusal_has_the_status_of_its_row_and_leaves_one_row_with_a_reason(
    central: Central, log: Log, case: Row
) -> None:
    before, after = await central.everything_else(), await central.last_attempt()

    async with dialled(central.port) as raw:
        raw.send(case.sent)
        response = await raw.response()
        assert await raw.ended() == b""

    assert response.status == case.status
    assert response.headers.items() >= case.headers.items()
    assert case.reason in response.body or case.status in (414, 431)
    attempt = await central.attempt(after)
    assert attempt["http_status"] == case.status
    assert case.reason in attempt["reason"]
    assert attempt["remote_address"] == "127.0.0.1"
    assert (await log.line("connection.refused"))["why"]
    assert log.events() == ["connection.refused"]
    log.check_is_quiet()
    assert await central.everything_else() == before


async def test_an_attempt_says_who_asked_for_what(central: Central) -> None:
    after = await central.last_attempt()

    async with dialled(central.port) as raw:
        raw.send(request("/ocpp/CP-1?a=b", {"Authorization": None, "User-Agent": "Wall/1"}))
        await raw.response()

    attempt = await central.attempt(after)
    assert attempt["identity"] == "CP-1"
    assert attempt["station_id"] == await central.pool.fetchval("select id from station")
    assert attempt["path"] == "/ocpp/CP-1?a=b"
    assert attempt["offered"] == "ocpp1.6"
    assert attempt["user_agent"] == "Wall/1"


@pytest.mark.parametrize(
    ("offered", "reason"),
    [
        pytest.param(None, "offered no OCPP version", id="W27 none", marks=row("D-W27")),
        pytest.param(
            "ocpp1.5", "offered ocpp1.5; we speak ocpp1.6", id="W28 1.5", marks=row("D-W28")
        ),
        pytest.param(
            "ocpp1.5, ocpp9", "offered ocpp1.5, ocpp9; we speak", id="W28 two", marks=row("D-W28")
        ),
        pytest.param(
            "OCPP1.6", "offered OCPP1.6; we speak ocpp1.6", id="W29 upper case", marks=row("D-W29")
        ),
    ],
)
async def test_without_a_version_the_handshake_is_completed_without_one_and_then_closed(
    central: Central, log: Log, offered: str | None, reason: str
) -> None:
    before, after = await central.everything_else(), await central.last_attempt()

    async with dialled(central.port) as raw:
        response = await raw.upgrade(request(headers={"Sec-WebSocket-Protocol": offered}))
        assert await raw.closed() == (1002, "no common OCPP version")
        assert await raw.ended() == b""

    assert "sec-websocket-protocol" not in response.headers
    attempt = await central.attempt(after)
    assert attempt["http_status"] == 101
    assert reason in attempt["reason"]
    assert await central.everything_else() == before
    log.check_is_quiet()


@row("D-W38")
@pytest.mark.parametrize(
    "said", [b"GET /ocpp/CP-1 HT", request()[:-2], b"A"], ids="{!r:.20}".format
)
async def test_a_handshake_that_is_never_finished_is_closed(
    central: Central, log: Log, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    assert door.REQUEST_S <= 10
    monkeypatch.setattr(door, "REQUEST_S", 0.2)
    after = await central.last_attempt()

    async with dialled(central.port) as raw:
        raw.send(said)
        response = await raw.response()
        assert await raw.ended() == b""

    attempt = await central.attempt(after)
    assert (response.status, attempt["http_status"]) == (408, 408)
    assert "the request took over" in attempt["reason"]
    log.check_is_quiet()


@row("D-W38")
async def test_who_says_nothing_is_closed_and_leaves_no_row(
    central: Central, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "REQUEST_S", 0.2)
    after = await central.last_attempt()

    async with dialled(central.port) as raw:
        assert (await raw.response()).status == 408
        assert await raw.ended() == b""
    await first_row_of_a_later_one(central)

    assert len(await central.attempts(after)) == 1
    assert "connection.refused" not in log.events()[:-1]


@row("D-W38")
async def test_a_handshake_that_its_client_ends_leaves_a_row(central: Central, log: Log) -> None:
    after = await central.last_attempt()

    async with dialled(central.port) as raw:
        raw.send(b"GET /ocpp/CP-1 HTTP/1.1\r\n")
        raw.writer.write_eof()
        assert await raw.ended() == b""

    assert "ended before its request did" in (await central.attempt(after))["reason"]
    log.check_is_quiet()


async def first_row_of_a_later_one(central: Central) -> dict[str, Any]:
    after = await central.last_attempt()
    async with dialled(central.port) as raw:
        raw.send(request("/ocpp/later"))
        await raw.response()
    return await central.attempt(after)
