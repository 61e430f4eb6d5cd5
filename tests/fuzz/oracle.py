"""What must come of a spoilt frame: one answer, with a code of the table, and no fault of ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from csms import say
from csms.say import TRANSACTION_ACTIONS
from tests.fuzz.spoilt import ANY, TIME, UNREADABLE, Spoilt
from tests.ocpp.yard import PATIENCE_S, PROPERTY, Cp, word

# Said by handlers, of what is right by the schema: a connector that no station has.
_BY_HANDLERS = {PROPERTY}


async def check(cp: Cp, number: int, frame: Spoilt, *, is_strict: bool) -> None:
    """Send it, and a Heartbeat behind it: both are answered, and in that order."""
    is_send = frame.version == "2.1" and frame.action == "NotifyPeriodicEventStream"
    message_id = f"f{number}"
    kind = 6 if is_send else 2
    await cp.socket.send(f'[{kind},"{message_id}","{frame.action}",{frame.text}]')
    await cp.socket.send(f'[2,"beat{number}","Heartbeat",{{}}]')
    heard = [await _heard(cp)]
    while heard[-1][1] != f"beat{number}":
        heard.append(await _heard(cp))
    *answers, beat = heard
    assert beat[0] == 3, beat
    if is_send and UNREADABLE not in frame.codes:
        assert answers == [], answers
        return
    (answer,) = answers
    if UNREADABLE in frame.codes:
        code = "GenericError" if frame.version == "1.6" else "RpcFrameworkError"
        assert answer[:3] == [4, "-1", code], answer
        return
    assert answer[1] == message_id, answer
    if answer[0] == 3:
        assert say.violation(frame.version, frame.action, answer[2], is_answer=True) is None
        assert not frame.is_wrong or not is_strict, answer
        # What is missing cannot be read leniently; only of a transaction it is kept all the same.
        assert frame.row != "D-P59" or frame.action in TRANSACTION_ACTIONS, answer
        return
    assert answer[0] == 4, answer
    assert len(answer) == 5
    assert len(answer[3]) <= 255
    assert answer[4] == {}
    assert is_strict or frame.action not in TRANSACTION_ACTIONS, answer
    codes = (frame.codes - {ANY}) or _BY_HANDLERS
    wanted = {word(frame.version, PROPERTY if code == TIME else code) for code in codes}
    assert answer[2] in wanted, (answer, wanted)


def is_to_be_kept(frame: Spoilt) -> bool:
    """By the TX rule: what is wrong and of a transaction is in quarantine; a time is a flag."""
    return frame.is_wrong and TIME not in frame.codes and frame.action in TRANSACTION_ACTIONS


async def _heard(cp: Cp) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return json.loads(await cp.socket.recv())
