"""One charger that sends the worst that chargers send, and then behaves."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.clock import text_of
from simulators.errors import Refused, SimulatorError
from simulators.handshake import open_socket
from simulators.scenarios.raw import Raw
from simulators.scenarios.stage import Row, Scenario, Stage
from simulators.station import Station
from simulators.vehicle import Vehicle

ENERGY_WH = 2500
_MINUTES = 15
_GARBAGE = (
    ("no JSON", "hello, I am a charger"),
    ("half a frame", '[2,"x","Heartbeat",{'),
    ("an empty array", "[]"),
    ("brackets, 2000 deep", "[" * 2000 + "]" * 2000),
    ("a message type that is none", '[99,"x","Heartbeat",{}]'),
    ("an answer that nobody asked for", '[3,"never-asked",{"status":"Accepted"}]'),
    ("an error that nobody asked for", '[4,"never-asked","Nonsense","",{}]'),
)


async def play(stage: Stage) -> list[Row]:
    identity = stage.identities[0]
    await _wrong_versions(stage, identity)
    row = await _misbehave(stage, identity)
    return [row, await _behave(stage)]


async def _wrong_versions(stage: Stage, identity: str) -> None:
    """What nobody speaks must be refused at the door."""
    for subprotocol in ("ocpp1.5", "ocpp3.0"):
        try:
            socket = await open_socket(
                stage.url,
                identity=identity,
                password=stage.password,
                subprotocol=subprotocol,
                ping_s=0,
            )
        except Refused as error:
            if error.status in (401, 403, 404):
                raise
            stage.say(f"speaks {subprotocol}: refused")
        else:
            await socket.close()
            raise SimulatorError(f"the central system says that it speaks {subprotocol}")


async def _misbehave(stage: Stage, identity: str) -> Row:
    begins = datetime.now(UTC) - timedelta(minutes=_MINUTES + 1)
    card = stage.cards[0]
    meter_wh = stage.rng("rogue").randrange(100_000, 900_000)

    def at(minute: float) -> str:
        return text_of(begins + timedelta(minutes=minute))

    async with Raw(stage, identity) as raw:
        boot = {"chargePointVendor": "Rogue", "chargePointModel": "R1"}
        await raw.call("a boot", "BootNotification", boot)
        for what, frame in _GARBAGE:
            await raw.garbage(what, frame)
        await raw.call("an action of another version", "TransactionEvent", {"eventType": "Started"})
        await raw.call("an action of no version", "MakeCoffee", {"sugar": 2})
        await raw.call("a status that is none", "StatusNotification",
                       {"connectorId": "one", "errorCode": {}, "status": 5})  # fmt: skip
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        await raw.call("a message", "StatusNotification", status, message_id="twice")
        await raw.call("another message of the same id", "Heartbeat", {}, message_id="twice")

        start = {
            "connectorId": 1,
            "idTag": card,
            "meterStart": meter_wh,
            "timestamp": at(0),
        }
        first = await raw.call("a start", "StartTransaction", start, message_id="start")
        number = _transaction(first)
        for what, message_id in (("the same start again", "start"), ("and under a new id", None)):
            again = await raw.call(what, "StartTransaction", start, message_id=message_id)
            if _transaction(again) != number:
                raw.open.append(f"{what} became session {_transaction(again)}, not {number}")
        for what, value in (
            ("a register that falls", str(meter_wh - 5000)),
            ("a register that leaps by 9 GWh", str(meter_wh + 9_000_000_000)),
            ("a register that is no number", "NaN"),
            ("a register below nothing", "-7"),
        ):
            await raw.call(what, "MeterValues", _reading(number, at(5), value))
        odd = (("from 1970", "1970-01-01T00:00:00Z"), ("from 2099", "2099-01-01T00:00:00Z"),
               ("from no day at all", "2026-02-31T25:61:00"))  # fmt: skip
        for when, text in odd:
            reading = _reading(number, text, str(meter_wh + 1000))
            await raw.call(f"a reading {when}", "MeterValues", reading)
        await raw.call(
            "a good reading", "MeterValues", _reading(number, at(8), str(meter_wh + 1200))
        )
        stop = {
            "transactionId": number or -1,
            "meterStop": meter_wh + ENERGY_WH,
            "timestamp": at(_MINUTES),
            "reason": "Local",
            "idTag": card,
        }
        await raw.call("a stop", "StopTransaction", stop, message_id="stop")
        await raw.call("the same stop again", "StopTransaction", stop, message_id="stop")
        await raw.call("and under a new id", "StopTransaction", stop)
        unknown = stop | {"transactionId": 2_000_000_000}
        del unknown["idTag"]
        await raw.call("the stop of nobody's session", "StopTransaction", unknown)
        return raw.row(sessions=1, energy_wh=ENERGY_WH)


async def _behave(stage: Stage) -> Row:
    """The same charger with a cured firmware."""
    stage.say("now it behaves: a vehicle comes and charges")
    station: Station = stage.station(0, speed=1, settings={"sample_s": "2"})
    async with station:
        await station.plug_in(1, Vehicle(soc_pct=40))
        await station.swipe(1, stage.cards[0])
        await asyncio.sleep(stage.duration_s)
        await station.unplug(1)
        await station.flush()
    return Row.of(station, sessions=1)


def _reading(number: int | None, at: str, value: str) -> dict[str, Any]:
    sample = {"value": value, "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    reading = {"timestamp": at, "sampledValue": [sample]}
    return {"connectorId": 1, "transactionId": number or -1, "meterValue": [reading]}


def _transaction(answer: Any) -> int | None:
    number = answer.get("transactionId") if isinstance(answer, dict) else None
    return number if isinstance(number, int) else None


SCENARIO = Scenario(
    name="rogue",
    stations=1,
    duration_s=20,
    does="One charger asks for versions that do not exist, sends garbage, actions of other "
    "versions, message ids twice, readings that cannot be, and every start and stop again; then "
    "it behaves and charges for 20 seconds.",
    look_at="The charger's page: it stays connected, its messages are all there, and what was "
    "wrong is named. Of its misbehaviour come one session of 2.5 kWh, and one that nobody can "
    "place, marked for a person; then an ordinary one.",
    play=play,
)
