"""One authenticated charger that says what no charger should, as fast as the server lets it."""

import asyncio
import random
from collections.abc import Callable, Iterator

from simulators.bench.errors import BenchError
from simulators.bench.wire import Link, frame

FRAMES = 1_000
_BEAT = '[2,"a","Heartbeat",{}]'


def kinds() -> Iterator[str]:
    """Each way in which a frame is bad, a few times."""
    yield from ("not json", '[2,"a","Heartbeat",{', "{}", '"x"', "5", "null", "[]", "[2]")
    yield from (_BEAT + _BEAT, _BEAT + "x", "\ufeff" + _BEAT, "[2,'a','Heartbeat',{}]")
    for depth in (33, 1_000, 100_000):
        yield "[" * depth + "]" * depth
    yield '[2,"a","Heartbeat",{"a":' + "[" * 50_000 + "]" * 50_000 + "}]"
    for value in ("NaN", "-Infinity", "1e999", "9" * 5_000, '"\\ud800"'):
        yield f'[2,"a","Heartbeat",{{"a":{value}}}]'
    yield '[2,"a","Heartbeat",{' + ",".join(f'"k{n}":0' for n in range(80_000)) + "}]"
    for kind in (1, 7, 0, -2, 99, '"2"', "2.0", "true", "null"):
        yield f'[{kind},"a","Heartbeat",{{}}]'
    yield from ('[2,"a","Heartbeat"]', '[2,"a","Heartbeat",{},{}]')
    for message_id in ("null", "{}", "[1]", "true", '""', f'"{"x" * 37}"', f'"{"x" * 256}"'):
        yield f'[2,{message_id},"Heartbeat",{{}}]'
    for action in ("5", "null", '""', "[]", '"Foo"', '"heartbeat"', '"Reset"', f'"{"A" * 10_000}"'):
        yield f'[2,"a",{action},{{}}]'
    for payload in ("[]", '"x"', "5", '"{}"'):
        yield f'[2,"a","Heartbeat",{payload}]'
    yield '[2,"a","StatusNotification",{"connectorId":"x","status":5,"errorCode":{}}]'
    yield '[2,"a","BootNotification",{"chargePointVendor":[1]}]'
    yield '[2,"a","Authorize",{"idTag":{"a":[1,2,3]}}]'
    yield from ('[3,"unknown",{}]', '[3,"a"]', '[3,"a",null]', '[3,"a",{"status":5}]')
    yield from ('[4,"a"]', '[4,"a","Nonsense"]', '[4,"-1","GenericError","",{}]')


class Hostile(Link):
    """Sends its frames again and again; after each time it must still be answered."""

    def __init__(
        self, identity: str, port: int, failed: Callable[[str], None], *, seed: int
    ) -> None:
        super().__init__(identity, port, "ocpp1.6", failed)
        self.sent = 0
        self._may_write = asyncio.Event()
        self._may_write.set()
        chosen = random.Random(seed).choices([frame(kind.encode()) for kind in kinds()], k=FRAMES)
        self._frames = chosen

    async def run(self) -> None:
        try:
            await self._run()
        except BenchError as error:
            self.fail(f"is hostile, and had no answer: {error}")

    async def _run(self) -> None:
        await self.open()
        boot = {"chargePointVendor": "Bench", "chargePointModel": "B1"}
        await self.call("boot", "BootNotification", boot)
        while True:
            for bad in self._frames:
                await self._may_write.wait()
                self.transport.write(bad)
                self.sent += 1
            await self.call(f"beat-{self.sent}", "Heartbeat", {})

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()
