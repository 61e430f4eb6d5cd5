"""Stations over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from db import station_keys, stations
from db.rows import Pool
from db.stations import StatusReport
from tests.portal import build
from tests.portal.conftest import Api

STATIONS = "/api/v1/stations"


async def test_a_station_is_made_with_a_password_that_is_told_once(api: Api, pool: Pool) -> None:
    made = await api.post(STATIONS, {"identity": "CP-1"})
    shown = await api.get(f"{STATIONS}/CP-1")
    async with pool.acquire() as conn:
        row = await stations.get(conn, "CP-1")

    assert made.status == 201
    assert made.headers["Location"] == f"{STATIONS}/CP-1"
    assert made.body["url"] == "ws://127.0.0.1:9000/ocpp/CP-1"
    assert len(made.body["password"]) == 32
    assert row.key_salt is not None
    assert row.key_hash is not None
    assert station_keys.matches(row.key_salt, row.key_hash, made.body["password"].encode())
    assert not station_keys.matches(row.key_salt, row.key_hash, b"another password")
    assert shown.body.keys() == made.body.keys() - {"url", "password"}


async def test_a_station_is_made_as_it_is_described(api: Api, pool: Pool) -> None:
    plugs = [
        {"evse": 2, "connector": 1, "type": "CCS", "max_power_w": 150_000},
        {"evse": 1, "connector": 2},
    ]
    body = {
        "identity": "Zürich 1 (50)",
        "password": "sixteen letters!",
        "registration": "Pending",
        "name": "North gate",
        "connectors": plugs,
    }
    made = await api.post(STATIONS, body)
    shown = (await api.get(f"{STATIONS}/{quote('Zürich 1 (50)', safe='')}")).body

    assert made.status == 201
    assert made.body["password"] == "sixteen letters!"
    kept = await pool.fetchval("select key_hash from station")
    assert kept.startswith(b"$argon2id$")
    assert made.body["url"].endswith("/ocpp/Z%C3%BCrich%201%20%2850%29")
    assert shown["identity"] == "Zürich 1 (50)"
    assert shown["registration"] == "Pending"
    assert shown["name"] == "North gate"
    assert [
        (p["evse"], p["connector"], p["type"], p["max_power_w"]) for p in shown["connectors"]
    ] == [
        (1, 2, None, None),
        (2, 1, "CCS", 150_000),
    ]


async def test_a_station_may_have_no_password(api: Api, pool: Pool) -> None:
    made = await api.post(STATIONS, {"identity": "CP-1", "auth": "none"})

    assert made.status == 201
    assert made.body["password"] is None
    assert await pool.fetchval("select key_hash from station") is None


async def test_a_station_gets_the_lowest_profile_that_it_may_connect_with(api: Api) -> None:
    made = await api.post(STATIONS, {"identity": "CP-1", "least_profile": 1})
    changed = await api.ask("PATCH", f"{STATIONS}/CP-1", {"least_profile": 2})
    wrong = await api.ask("PATCH", f"{STATIONS}/CP-1", {"least_profile": 4})
    unknown = await api.ask("PATCH", f"{STATIONS}/CP-9", {"least_profile": 2})
    open_ = {"identity": "CP-2", "auth": "none"}
    refused = await api.post(STATIONS, open_ | {"least_profile": 1})
    await api.post(STATIONS, open_)
    no_key = await api.ask("PATCH", f"{STATIONS}/CP-2", {"least_profile": 2})
    certificate = await api.ask("PATCH", f"{STATIONS}/CP-2", {"least_profile": 3})

    assert made.body["least_profile"] == 1
    assert (changed.status, changed.body["least_profile"]) == (200, 2)
    assert (await api.get(f"{STATIONS}/CP-1")).body["least_profile"] == 2
    assert wrong.status == refused.status == no_key.status == 422
    assert unknown.status == 404
    assert (certificate.status, certificate.body["least_profile"]) == (200, 3)


async def test_an_identity_is_given_once(api: Api) -> None:
    await api.post(STATIONS, {"identity": "CP-1"})

    assert (await api.post(STATIONS, {"identity": "CP-1"})).status == 409
    assert (await api.post(STATIONS, {"identity": "cp-1"})).status == 201


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"identity": ""}, "identity"),
    ({"identity": "x" * 49}, "identity"),
    ({"identity": "a/b"}, "identity"),
    ({"identity": "a:b"}, "identity"),
    ({"identity": " a"}, "identity"),
    ({"identity": "a "}, "identity"),
    ({"identity": "a\nb"}, "identity"),
    ({"identity": "a\u202eb"}, "identity"),
    ({"identity": ".."}, "identity"),
    ({"identity": 1}, "identity"),
    ({"identity": None}, "identity"),
    ({"password": "x" * 15}, "password"),
    ({"password": "x" * 41}, "password"),
    ({"password": "x" * 15 + "\n"}, "password"),
    ({"password": "x" * 16, "auth": "none"}, "password"),
    ({"auth": "maybe"}, "auth"),
    ({"registration": "accepted"}, "registration"),
    ({"name": ""}, "name"),
    ({"name": "a\tb"}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"connectors": {}}, "connectors"),
    ({"connectors": [{"evse": 0}]}, "connectors[0].evse"),
    ({"connectors": [{"evse": 2**31}]}, "connectors[0].evse"),
    ({"connectors": [{"evse": 1.5}]}, "connectors[0].evse"),
    ({"connectors": [{"evse": True}]}, "connectors[0].evse"),
    ({"connectors": [{"evse": 1, "connector": 0}]}, "connectors[0].connector"),
    ({"connectors": [{"evse": 1, "max_power_w": 0}]}, "connectors[0].max_power_w"),
    ({"connectors": [{"evse": 1, "type": "\n"}]}, "connectors[0].type"),
    ({"connectors": [{"evse": 1}, {"evse": 1, "connector": 1}]}, "connectors[1]"),
    ({"site": 1}, "site"),
]


async def test_a_station_that_cannot_be_is_refused(api: Api, pool: Pool) -> None:
    for change, field in REFUSED:
        answer = await api.post(STATIONS, {"identity": "CP-1"} | change)

        assert answer.status == 422, change
        assert answer.fields == [field], change
        assert await pool.fetchval("select count(*) from station") == 0


UNKNOWN = ["CP-9", "1%20OR%201=1", "%00", "%ED%A0%80", "%FF", "a%2Fb", "..."]


async def test_an_unknown_station_is_always_the_same_404(api: Api) -> None:
    for name in UNKNOWN:
        answers = [
            await api.get(f"{STATIONS}/{name}"),
            await api.get(f"{STATIONS}/{name}/commands"),
            await api.get(f"{STATIONS}/{name}/commands/1"),
            await api.post(f"{STATIONS}/{name}/start", {"id_token": "ADA-1"}),
            await api.post(f"{STATIONS}/{name}/commands", {"action": "Reset", "payload": {}}),
        ]

        assert {answer.status for answer in answers} == {404}, name
        assert {answer.body["detail"] for answer in answers} == {"No such station."}


async def test_a_station_says_how_it_is(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        row = await build.station(conn, version="1.6")
        await build.connect(conn, row)
        await stations.set_seen(conn, [row.id], build.NOON)
        await stations.record_statuses(
            conn,
            [
                StatusReport(row.id, 1, 1, "Faulted", "Faulted", "GroundFailure", at, at)
                for at in [build.NOON + timedelta(milliseconds=250)]
            ]
            + [
                StatusReport(
                    row.id, None, None, "Unavailable", "Unavailable", None, build.NOON, build.NOON
                )
            ],
        )
    shown = (await api.get(f"{STATIONS}/CP-1")).body

    assert shown["connected"] is True
    assert shown["connected_since"].endswith("Z")
    assert shown["ocpp_version"] == "1.6"
    assert shown["last_seen_at"] == "2026-03-01T12:00:00Z"
    assert shown["status"] == "Unavailable"
    assert shown["connectors"] == [
        {
            "evse": 1,
            "connector": 1,
            "type": None,
            "max_power_w": None,
            "status": "Faulted",
            "reported": "Faulted",
            "error": "GroundFailure",
            "status_at": "2026-03-01T12:00:00.250Z",
        }
    ]


async def test_stations_are_listed_page_by_page(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        for number in range(7):
            await build.station(conn, f"CP-{number}", evses=number % 3)
    items = await api.walk(f"{STATIONS}?limit=3")

    assert [item["identity"] for item in items] == [f"CP-{number}" for number in range(7)]
    assert [len(item["connectors"]) for item in items] == [0, 1, 2, 0, 1, 2, 0]
    assert not any(item["connected"] for item in items)


LIMITS = [
    ("1", 1),
    ("0", 1),
    ("-5", 1),
    ("", 3),
    ("abc", 3),
    ("1e9", 3),
    ("1000000", 3),
    ("9" * 50, 3),
    ("-" + "9" * 50, 1),
    ("٣", 3),
    ("%00", 3),
]


async def test_a_limit_is_never_refused(api: Api, pool: Pool) -> None:
    async with pool.acquire() as conn:
        for number in range(3):
            await build.station(conn, f"CP-{number}")
    for limit, count in LIMITS:
        assert (
            len((await api.get(f"{STATIONS}?limit={quote(limit, safe='%')}")).body["items"])
            == count
        )


CURSORS = ["x", "AAAA", "%00", "W10", "WzFd", "WyIiLCIiXQ", "!!!", "x" * 4000, "WyJcdTAwMDAiXQ"]


async def test_a_cursor_of_somebody_else_is_refused(api: Api) -> None:
    for cursor in CURSORS:
        for path in ("stations", "id-tokens", "sessions"):
            answer = await api.get(f"/api/v1/{path}?cursor={cursor}")

            if (path, cursor) == ("id-tokens", "WzFd"):
                continue  # [1] is a cursor there
            assert answer.status == 422
            assert answer.fields == ["cursor"]
