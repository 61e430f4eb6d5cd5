"""Commands on the wire: a row is taken, said in the station's version, and settled by its words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from csms import say
from csms.ocpp import runner as runner_module
from csms.ocpp.server import OcppServer
from db import changes, commands, sessions
from db.model.commands import Command, Raw, StartSession, StopSession, TypedCommand
from db.model.stations import Station
from db.rows import Pool
from tests.catalogue.marks import by_row, row
from tests.ocpp.conftest import until
from tests.wire import Charger, Csms, add_station, charger, csms

PATIENCE_S = 20
HARD = Raw("Reset", msgspec.Raw(b'{"type":"Hard"}'))
SOFT = Raw("Reset", msgspec.Raw(b'{"type":"Soft"}'))
BOOT_2 = {"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": "Two"}}


@pytest.fixture
async def station(database_url: str) -> Station:
    return await add_station(database_url, "CP-1")


@pytest.fixture
async def server(database_url: str, tmp_path: Path, station: Station) -> AsyncIterator[Csms]:
    async with csms(database_url, tmp_path, call_timeout_s=PATIENCE_S) as server:
        yield server


@asynccontextmanager
async def ready(
    server: Csms, identity: str = "CP-1", version: str = "1.6"
) -> AsyncIterator[Charger]:
    """A charger that was answered once, so that it may be asked."""
    async with charger(server.url, identity, version) as cp:
        if version == "1.6":
            assert "currentTime" in await cp.call("Heartbeat", {})
        else:
            assert (await cp.call("BootNotification", BOOT_2))["status"] == "Accepted"
        yield cp


async def ask(
    pool: Pool, station: Station, command: TypedCommand, valid_for_s: float = 60
) -> Command:
    async with pool.acquire() as conn:
        asked = await commands.ask(
            conn, station.id, command, asked_by="omar", valid_for=timedelta(seconds=valid_for_s)
        )
        await wake(conn)
    return asked


async def wake(conn: Any) -> None:
    await conn.execute("select pg_notify($1, 'command:1:1')", changes.CHANNEL)


async def heard(cp: Charger) -> str:
    """The next frame, as it came."""
    async with asyncio.timeout(PATIENCE_S):
        text = await cp.socket.recv()
    assert isinstance(text, str)
    return text


async def heard_call(cp: Charger) -> Any:
    frame = json.loads(await heard(cp))
    assert frame[0] == 2, frame
    return frame


async def now(pool: Pool, command: Command) -> Command:
    async with pool.acquire() as conn:
        return await commands.get(conn, command.station_id, command.id)


async def settled(pool: Pool, command: Command) -> Command:
    async def is_settled() -> bool:
        return (await now(pool, command)).settled_at is not None

    await until(is_settled)
    return await now(pool, command)


def outcome(command: Command) -> tuple[str, str | None]:
    return command.state, command.reason


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        ("1.6", "Reset", b'{ "type" :\t"Hard"\n}'),
        (
            "1.6",
            "SetChargingProfile",
            b'{"csChargingProfiles":{"stackLevel":0,"chargingSchedule":{"chargingRateUnit":"A",'
            b'"chargingSchedulePeriod":[{"limit":16.0,"startPeriod":0}, {"startPeriod":1,'
            b' "limit":1.0}]},"chargingProfileKind":"Absolute","chargingProfilePurpose":'
            b'"TxDefaultProfile","chargingProfileId":1},"connectorId":1}',
        ),
        ("1.6", "DataTransfer", '{"vendorId":"A\\u00e9\\/x","data":"é"}'.encode()),
        ("2.0.1", "Reset", b'{"type" : "Immediate"}'),
        ("2.1", "Reset", b'{"type"  :"ImmediateAndResume"}'),
    ],
)
async def test_a_raw_action_is_said_byte_for_byte(
    server: Csms, pool: Pool, station: Station, version: str, action: str, payload: bytes
) -> None:
    async with ready(server, version=version) as cp:
        asked = await ask(pool, station, Raw(action, msgspec.Raw(payload)))
        said = await heard(cp)

        message_id = json.loads(said)[1]
        assert said == f'[2,"{message_id}","{action}",{payload.decode()}]'
        await cp.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        done = await settled(pool, asked)

    assert outcome(done) == ("done", None)
    assert (done.action, done.payload) == (action, payload)
    assert done.answer == b'{"status":"Accepted"}'
    assert done.node == "here"
    assert done.sent_at is not None


async def test_the_log_has_what_was_asked_with_its_answer_and_no_password(
    server: Csms, pool: Pool, station: Station
) -> None:
    secret = Raw(
        "ChangeConfiguration", msgspec.Raw(b'{"key":"AuthorizationKey","value":"5ec4e7c0ffee"}')
    )
    async with ready(server) as cp:
        for command in (HARD, secret):
            await ask(pool, station, command)
            frame = await heard_call(cp)
            await cp.socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
        sql = "select * from message where is_ours order by id"

        async def are_logged() -> bool:
            return len(await pool.fetch(sql)) == 2

        await until(are_logged)
    rows = await pool.fetch(sql)
    assert [row["action"] for row in rows] == ["Reset", "ChangeConfiguration"]
    assert json.loads(rows[0]["body"])[2:] == ["Reset", {"type": "Hard"}]
    assert json.loads(rows[0]["answer"]) == {"status": "Accepted"}
    assert json.loads(rows[1]["body"])[3] == {"key": "AuthorizationKey", "value": "***"}
    assert frame[3]["value"] == "5ec4e7c0ffee"


@pytest.mark.parametrize(
    ("version", "action", "payload", "why"),
    [
        ("1.6", "GetVariables", b"{}", "OCPP 1.6 has no action GetVariables"),
        ("2.0.1", "RemoteStartTransaction", b"{}", "OCPP 2.0.1 has no action"),
        ("2.0.1", "AFRRSignal", b"{}", "OCPP 2.0.1 has no action AFRRSignal"),
        ("1.6", "Reset", b'{"type":"Gently"}', "type: "),
    ],
)
async def test_what_the_version_cannot_say_is_refused_without_a_word_to_the_station(
    server: Csms,
    pool: Pool,
    station: Station,
    version: str,
    action: str,
    payload: bytes,
    why: str,
) -> None:
    async with ready(server, version=version) as cp:
        done = await settled(pool, await ask(pool, station, Raw(action, msgspec.Raw(payload))))

        assert done.state == "refused"
        assert done.reason is not None
        assert why in done.reason
        assert (done.action, done.answer) == (None, None)
        # The next thing that is heard is the answer to this.
        assert "currentTime" in await cp.call("Heartbeat", {})
        assert cp.asked == []


@pytest.mark.parametrize(
    ("version", "answer", "wanted"),
    [
        ("1.6", {"status": "Accepted"}, ("done", None)),
        ("1.6", {"status": "Rejected"}, ("refused", "Rejected")),
        (
            "2.0.1",
            {
                "status": "Rejected",
                "statusInfo": {"reasonCode": "InternalError", "additionalInfo": "hot"},
            },
            ("refused", "Rejected: InternalError: hot"),
        ),
        ("2.1", {"status": "Scheduled"}, ("done", None)),
    ],
)
async def test_the_stations_own_words_settle_a_command(
    server: Csms,
    pool: Pool,
    station: Station,
    version: str,
    answer: dict[str, Any],
    wanted: tuple[str, str | None],
) -> None:
    reset = HARD if version == "1.6" else Raw("Reset", msgspec.Raw(b'{"type":"OnIdle"}'))
    async with ready(server, version=version) as cp:
        asked = await ask(pool, station, reset)
        frame = await heard_call(cp)
        await cp.socket.send(json.dumps([3, frame[1], answer]))
        done = await settled(pool, asked)

    assert outcome(done) == wanted
    assert done.answer is not None
    assert json.loads(done.answer) == answer


# Row, the answer without its id, why the command is refused, the message id if it is another.
REFUSALS: list[tuple[str, list[Any], str, str | None]] = [
    ("R34 no payload", [3, None], "the answer was not readable", None),
    ("R34 null", [3, None, None], "the answer was not readable", None),
    ("R34 text", [3, None, "yes"], "the answer was not readable", None),
    ("R34 more", [3, None, {"status": "Accepted"}, {}], "the answer was not readable", None),
    ("R35 bad word", [3, None, {"status": "Perhaps"}], "the answer was not readable: status", None),
    ("R35 nothing", [3, None, {}], "the answer was not readable: payload", None),
    ("R36 as it should", [4, None, "NotSupported", "no such thing", {}], "NotSupported: no", None),
    ("R36 no text", [4, None, "InternalError", "", {}], "InternalError", None),
    ("R36 unknown code", [4, None, "Nonsense", "x", {}], "Nonsense: x", None),
    ("R36 two", [4, None], "no code", None),
    ("R36 three", [4, None, "GenericError"], "GenericError", None),
    ("R36 four", [4, None, "GenericError", "x"], "GenericError: x", None),
    ("R36 six", [4, None, "GenericError", "x", {}, {}], "GenericError: x", None),
    ("R36 null details", [4, None, "GenericError", "x", None], "GenericError: x", None),
    ("R36 code a number", [4, None, 5, {}, {}], "5", None),
    ("R36 NUL", [4, None, "a\0b", "c\0d", {}], "a\ufffdb: c\ufffdd", None),
    ("R37 the id -1", [4, None, "GenericError", "", {}], "GenericError", "-1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer", "why", "message_id"), by_row(REFUSALS))
async def test_an_error_or_an_unreadable_answer_is_a_refusal(
    server: Csms,
    pool: Pool,
    station: Station,
    name: str,
    answer: list[Any],
    why: str,
    message_id: str | None,
) -> None:
    async with ready(server) as cp:
        asked = await ask(pool, station, HARD)
        asked_id = (await heard_call(cp))[1]
        said = [answer[0], message_id or asked_id, *answer[2:]]
        await cp.socket.send(json.dumps(said))
        done = await settled(pool, asked)
        assert "currentTime" in await cp.call("Heartbeat", {})
        assert cp.asked == []

    assert done.state == "refused"
    assert (done.reason or "").startswith(why)
    assert done.answer is None


@row("D-R33")
async def test_no_answer_in_time_expires_the_command_and_a_late_one_is_ignored(
    database_url: str, tmp_path: Path, pool: Pool, station: Station
) -> None:
    async with csms(database_url, tmp_path, call_timeout_s=0.2) as server, ready(server) as cp:
        first = await ask(pool, station, HARD)
        late = await heard_call(cp)
        assert outcome(await settled(pool, first)) == (
            "expired",
            "no answer to Reset within 0.2 s",
        )

        await cp.socket.send(json.dumps([3, late[1], {"status": "Accepted"}]))
        # Heard and dealt with before this is answered.
        await cp.call("Heartbeat", {})
        assert (await now(pool, first)).state == "expired"

        # The next one goes out. Its answer may come too late here, but goes out it does.
        second = await ask(pool, station, SOFT)
        frame = await heard_call(cp)
        assert frame[3] == {"type": "Soft"}
        await cp.socket.send(json.dumps([3, late[1], {"status": "Accepted"}]))
        assert (await settled(pool, second)).state == "expired"


async def test_a_connection_lost_in_mid_call_expires_the_command(
    server: Csms, pool: Pool, station: Station
) -> None:
    async with ready(server) as cp:
        asked = await ask(pool, station, HARD)
        await heard_call(cp)

    assert outcome(await settled(pool, asked)) == (
        "expired",
        "the connection was lost before Reset was answered",
    )


async def test_what_waits_for_a_station_that_is_away_expires_with_that_reason(
    server: Csms, pool: Pool, station: Station
) -> None:
    asked = await ask(pool, station, HARD, valid_for_s=0)

    assert outcome(await settled(pool, asked)) == ("expired", "the charger was not connected")


async def test_what_waits_behind_another_command_expires_with_that_reason(
    server: Csms, pool: Pool, station: Station
) -> None:
    async with ready(server) as cp:
        await ask(pool, station, HARD)
        await heard_call(cp)
        behind = await ask(pool, station, SOFT, valid_for_s=0)

        assert outcome(await settled(pool, behind)) == (
            "expired",
            "the charger was busy until the time was up",
        )


async def test_what_waits_for_a_station_goes_out_when_it_comes(
    server: Csms, pool: Pool, station: Station
) -> None:
    asked = await ask(pool, station, HARD)

    async with ready(server) as cp:
        frame = await heard_call(cp)
        await cp.socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
        assert (await settled(pool, asked)).state == "done"


async def test_one_call_at_a_time_in_the_order_of_asking(
    server: Csms, pool: Pool, station: Station
) -> None:
    async with ready(server) as cp:
        asked = [await ask(pool, station, command) for command in (HARD, SOFT, HARD, SOFT)]
        for place, command in enumerate(asked):
            frame = await heard_call(cp)
            # What was taken stands in the rows, so that nothing else can be on its way.
            states = [(await now(pool, each)).state for each in asked]
            assert states == ["done"] * place + ["sent"] + ["waiting"] * (3 - place)
            assert frame[3] == json.loads(command_payload(command))
            # Also not when the runner is woken again and has looked.
            await until_all_were_looked_at(pool, station)
            assert (await now(pool, command)).state == "sent"
            await cp.socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
            await settled(pool, command)


def command_payload(command: Command) -> bytes:
    decoded = msgspec.json.decode(command.arguments, type=Raw)
    return bytes(decoded.payload)


async def until_all_were_looked_at(pool: Pool, beside: Station) -> None:
    """Twice, for a look begins with the commands that are over."""
    for _ in range(2):
        assert (await settled(pool, await ask_elsewhere(pool, beside))).state == "expired"


async def ask_elsewhere(pool: Pool, beside: Station) -> Command:
    """A command that is over at once."""
    number = await pool.fetchval(
        """
        insert into station (identity, public_id) values ($1, 'ABCDEFGH')
        on conflict (identity) do update set identity = excluded.identity
        returning id
        """,
        f"beside {beside.identity}",
    )
    async with pool.acquire() as conn:
        asked = await commands.ask(
            conn, number, HARD, asked_by="omar", valid_for=timedelta(seconds=0)
        )
        await wake(conn)
    return asked


async def test_a_station_that_was_never_answered_is_not_asked(
    server: Csms, pool: Pool, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csms.ocpp.link._READY_AFTER_S", 60.0)  # longer than this takes
    async with charger(server.url, "CP-1") as cp:

        async def is_linked() -> bool:
            return bool(await pool.fetchval("select count(*) from link") == 1)

        await until(is_linked)
        asked = await ask(pool, station, HARD)
        await until_all_were_looked_at(pool, station)
        assert (await now(pool, asked)).state == "waiting"

        await cp.socket.send('[2,"1","Heartbeat",{}]')

        assert json.loads(await heard(cp))[:2] == [3, "1"]
        assert (await heard_call(cp))[2] == "Reset"


async def test_a_station_that_has_a_row_but_no_link_yet_is_not_asked(
    server: Csms, pool: Pool, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = OcppServer._take
    is_in = asyncio.Event()

    async def slowly(*args: Any) -> Any:
        held = await take(*args)
        await is_in.wait()
        return held

    monkeypatch.setattr(OcppServer, "_take", slowly)
    async with charger(server.url, "CP-1") as cp:

        async def has_a_row() -> bool:
            return bool(await pool.fetchval("select count(*) from link") == 1)

        await until(has_a_row)
        asked = await ask(pool, station, HARD)
        await until_all_were_looked_at(pool, station)
        assert (await now(pool, asked)).state == "waiting"

        is_in.set()
        await cp.socket.send('[2,"1","Heartbeat",{}]')
        assert json.loads(await heard(cp))[:2] == [3, "1"]
        assert (await heard_call(cp))[2] == "Reset"


async def test_an_answer_is_heard_while_a_handler_works(
    server: Csms, pool: Pool, station: Station
) -> None:
    start = {
        "connectorId": 1,
        "idTag": "ADA-1",
        "meterStart": 0,
        "timestamp": "2026-05-01T09:00:00Z",
    }
    async with ready(server) as cp:
        async with pool.acquire() as conn, conn.transaction():
            await sessions.lock_station(conn, station.id)
            await cp.socket.send(json.dumps([2, "s1", "StartTransaction", start]))
            asked = await ask(pool, station, HARD)
            frame = await heard_call(cp)
            await cp.socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
            assert (await settled(pool, asked)).state == "done"
        answer = json.loads(await heard(cp))

    assert answer[:2] == [3, "s1"]


@pytest.mark.parametrize(
    ("version", "start", "stop"),
    [
        (
            "1.6",
            ["RemoteStartTransaction", {"idTag": "ADA-1", "connectorId": 2}],
            ["RemoteStopTransaction", {"transactionId": 41}],
        ),
        (
            "2.0.1",
            [
                "RequestStartTransaction",
                {"idToken": {"idToken": "ADA-1", "type": "ISO14443"}, "evseId": 2},
            ],
            ["RequestStopTransaction", {"transactionId": "41"}],
        ),
        (
            "2.1",
            [
                "RequestStartTransaction",
                {"idToken": {"idToken": "ADA-1", "type": "ISO14443"}, "evseId": 2},
            ],
            ["RequestStopTransaction", {"transactionId": "41"}],
        ),
    ],
)
async def test_start_and_stop_are_said_in_the_words_of_the_version(
    server: Csms,
    pool: Pool,
    station: Station,
    version: say.Version,
    start: list[Any],
    stop: list[Any],
) -> None:
    async with ready(server, version=version) as cp:
        for command, wanted in (
            (StartSession("ADA-1", "ISO14443", 2), start),
            (StopSession(41, "41"), stop),
        ):
            asked = await ask(pool, station, command)
            frame = await heard_call(cp)
            assert say.violation(version, frame[2], frame[3]) is None
            # A station repeats our number in what it starts.
            number = frame[3].pop("remoteStartId", None)
            assert number == (asked.id if frame[2] == "RequestStartTransaction" else None)
            assert frame[2:] == wanted
            await cp.socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
            assert (await settled(pool, asked)).state == "done"


async def test_a_start_anywhere_names_no_connector(
    server: Csms, pool: Pool, station: Station
) -> None:
    async with ready(server) as cp:
        await ask(pool, station, StartSession("ADA-1", "Central"))

        assert (await heard_call(cp))[3] == {"idTag": "ADA-1"}


async def test_a_card_that_1_6_has_no_room_for_is_refused(
    server: Csms, pool: Pool, station: Station
) -> None:
    async with ready(server) as cp:
        done = await settled(pool, await ask(pool, station, StartSession("A" * 21, "Central")))
        assert done.state == "refused"
        assert "no room for a card" in (done.reason or "")

        await ask(pool, station, StartSession("A" * 20, "Central"))
        assert (await heard_call(cp))[3] == {"idTag": "A" * 20}


async def test_a_stop_of_what_1_6_cannot_name_is_refused_and_does_not_hang(
    server: Csms, pool: Pool, station: Station
) -> None:
    """The session began before the box was set back to 1.6."""
    async with ready(server) as cp:
        done = await settled(pool, await ask(pool, station, StopSession(41, "tx-41")))
        assert done.state == "refused"

        await ask(pool, station, HARD)
        assert (await heard_call(cp))[2] == "Reset"


async def test_a_command_that_we_fail_to_say_is_over_and_the_next_goes_out(
    server: Csms, pool: Pool, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a defect of ours")

    async with ready(server) as cp:
        with monkeypatch.context() as patch:
            patch.setattr(runner_module, "decode", fail)
            done = await settled(pool, await ask(pool, station, HARD))
        assert done.state == "expired"

        await ask(pool, station, SOFT)
        assert (await heard_call(cp))[3] == {"type": "Soft"}


async def test_what_a_killed_process_had_sent_expires_when_it_starts_again(
    database_url: str, tmp_path: Path, pool: Pool, station: Station
) -> None:
    await pool.execute(
        """
        insert into node (name, started_at, lease_until) values
            ('alive', now(), now() + interval '1 minute'), ('dead', now(), now())
        """
    )
    asked = {}
    for node in ("here", "dead", "never seen", "alive"):
        asked[node] = await ask(pool, station, HARD)
        await pool.execute(
            "update command set state = 'sent', sent_at = now(), node = $2 where id = $1",
            asked[node].id,
            node,
        )

    async with csms(database_url, tmp_path, node="here"):
        stopped = "expired", "the server stopped before the charger had answered"
        for node in ("here", "dead", "never seen"):
            assert outcome(await now(pool, asked[node])) == stopped
        assert (await now(pool, asked["alive"])).state == "sent"


async def test_a_command_reaches_the_process_that_holds_the_link(
    database_url: str, tmp_path: Path, pool: Pool, station: Station
) -> None:
    async with (
        csms(database_url, tmp_path, node="one") as one,
        csms(database_url, tmp_path, node="two") as two,
    ):
        for server, node in ((two, "two"), (one, "one"), (two, "two")):
            async with ready(server) as cp:
                asked = await ask(pool, station, HARD)
                frame = await heard_call(cp)
                assert (await now(pool, asked)).node == node
                await cp.socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
                assert (await settled(pool, asked)).state == "done"


async def test_two_processes_never_take_the_same_command(
    pool: Pool, station: Station, database_url: str
) -> None:
    for _ in range(20):
        await ask(pool, station, HARD)
    await pool.execute(
        "insert into link (station_id, node, ocpp_version) values ($1, 'one', '1.6')", station.id
    )
    conns = [await asyncpg.connect(database_url) for _ in range(4)]
    try:
        taken = await asyncio.gather(*(commands.take(conn, node="one", busy=[]) for conn in conns))
        late = await commands.take(conns[0], node="one", busy=[station.id])
    finally:
        for conn in conns:
            await conn.close()

    numbers = [command.id for batch in taken for command in batch]
    assert len(numbers) == len(set(numbers)) >= 1
    assert late == []
