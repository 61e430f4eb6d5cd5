"""Bad HTTP and bad bodies: each has its status and a problem document, never a 500."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from db.rows import Pool
from portal.app import MAX_BODY_BYTES
from portal.context import POOL, READINESS
from tests.portal.conftest import Api

STATION = "/api/v1/stations"


async def test_an_unknown_address_is_a_problem(api: Api) -> None:
    assert (await api.get("/api/v1/nothing")).status == 404


METHODS = ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"]


async def test_another_method_is_told_what_is_allowed(api: Api) -> None:
    for method in METHODS:
        answer = await api.ask(method, STATION)

        assert answer.status == 405, method
        assert answer.headers["Allow"] == "GET, HEAD, POST"


NO_HTTP = [
    b"GETT /health/live HTTP/1.1",
    b"get /health/live HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01",
    b"GET /health/live HTTP/9.9",
]


async def test_what_is_no_http_is_400_without_our_name(api: Api) -> None:
    for start in NO_HTTP:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(start + b"\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(5):
            said = await reader.read()
        writer.close()

        assert said.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
        assert b"application/problem+json" in said
        assert b"erver:" not in said
        assert b"aiohttp" not in said


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(
        f"POST {STATION} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {10**9}\r\n\r\n".encode()
    )
    async with asyncio.timeout(5):
        status = await reader.readline()
    writer.close()

    assert b" 413 " in status


async def test_a_long_body_without_a_length_is_refused(api: Api) -> None:
    async def chunks() -> object:
        for _ in range(MAX_BODY_BYTES // 65536 + 2):
            yield b" " * 65536

    async with api.http.post(
        f"http://127.0.0.1:{api.port}{STATION}",
        data=chunks(),
        headers={"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"},
    ) as response:
        assert response.status == 413


OTHER_KINDS = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "application/json; charset=latin-1"},
    {"Content-Encoding": "gzip"},
]


async def test_another_kind_of_body_is_415(api: Api) -> None:
    for headers in OTHER_KINDS:
        answer = await api.post(STATION, {"identity": "CP-1"}, headers=headers)

        assert answer.status == 415, headers


NO_JSON = [
    b"",
    b"{",
    b"nonsense",
    b'{"identity": "CP-1",}',
    b'{"identity": "CP-1"} more',
    b'{"identity": NaN}',
    b'{"identity": Infinity}',
    b'{"identity": -Infinity}',
    b'{"identity": "\xff"}',
    b'\xef\xbb\xbf{"identity": "CP-1"}',
    b'{"identity": "CP-1", "identity": "CP-2"}',
    b'{"identity": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"identity": ' + b"9" * 5_000 + b"}",
    b'"' * 1_000_001,
    b"[" * 500_000 + b'"' * 500_000,
]


async def test_what_is_no_json_is_400(api: Api) -> None:
    for raw in NO_JSON:
        assert (await api.post(STATION, raw=raw)).status == 400


WRONG_FIELDS = [
    (b'{"identity": "a\\u0000b"}', "identity"),
    (b'{"identity": "a\\ud800"}', "identity"),
    (b'{"identity": "a", "name": "\\udfff"}', "name"),
    (
        b'{"identity": "a", "connectors": [{"evse": 1, "type": "\\u0000"}]}',
        "connectors[0].type",
    ),
    (b'{"identity": "a", "na\\u0000me": 1}', "$"),
    (b'{"identity": "a", "deep": {"er": ["\\udc00"]}}', "deep.er[0]"),
    (b"[]", "$"),
    (b"null", "$"),
    (b'"CP-1"', "$"),
    (b"{}", "identity"),
    (b'{"identity": "a", "more": 1}', "more"),
    (b'{"identity": "a", "connectors": [{"evse": 1}, {"evse": 2, "x": 1}]}', "connectors[1].x"),
    (b'{"identity": "a", "connectors": [{}]}', "connectors[0].evse"),
    (b'{"identity": "a", "connectors": [{"evse": "1"}]}', "connectors[0].evse"),
]


async def test_a_field_that_is_wrong_is_named(api: Api) -> None:
    for raw, field in WRONG_FIELDS:
        answer = await api.post(STATION, raw=raw)

        assert answer.status == 422, raw
        assert answer.fields == [field], raw


async def test_brackets_within_a_text_are_not_depth(api: Api) -> None:
    body = json.dumps({"identity": "CP-1", "name": '[{"' * 30}).encode()

    assert (await api.post(STATION, raw=body)).status == 201


async def test_a_failure_has_a_reference_that_is_in_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> object:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("portal.api.params.identity", fail)
    answer = await api.get(f"{STATION}/CP-1")
    logged = capsys.readouterr()

    assert answer.status == 500
    assert "secret" not in json.dumps(answer.body)
    assert answer.body["reference"] in logged.out + logged.err


async def test_a_database_that_goes_away_is_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (
        ConnectionRefusedError(),
        asyncpg.AdminShutdownError("x"),
        asyncpg.QueryCanceledError("x"),
    ):

        def fail(*_: object, error: Exception = error) -> object:
            raise error

        monkeypatch.setattr("portal.api.params.identity", fail)
        answer = await api.get(f"{STATION}/CP-1")

        assert answer.status == 503, error
        assert "Retry-After" in answer.headers


async def test_a_full_pool_is_503(api: Api) -> None:
    pool: Pool = api.app[POOL]
    held = [await pool.acquire() for _ in range(10)]
    try:
        answer = await api.get(STATION)
        ready = await api.http.get(f"http://127.0.0.1:{api.port}/health/live")
    finally:
        for conn in held:
            await pool.release(conn)

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert ready.status == 200


async def test_health_needs_no_token_and_tells_the_truth(api: Api) -> None:
    base = f"http://127.0.0.1:{api.port}/health"
    assert (await api.http.get(f"{base}/ready")).status == 200

    api.app[READINESS].reason = "the database does not answer"
    ready = await api.http.get(f"{base}/ready")

    assert ready.status == 503
    assert "does not answer" in (await ready.json())["reason"]
    assert (await api.http.get(f"{base}/live")).status == 200
    assert (await api.get(STATION)).status == 503


async def test_answers_are_not_kept_by_caches(api: Api) -> None:
    answer = await api.get(STATION)

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
