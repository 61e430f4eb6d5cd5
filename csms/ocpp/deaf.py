"""
Stations that answer no pings, and are judged by their messages instead (MH#626, MH#338, HA#140).

Their connection would be cut every 50 s for ever. They are known by that: two connections in a row
that said something, never answered a ping, and were cut for it. Known to this process alone, and
until such a station answers a ping after all.
"""

from __future__ import annotations

import structlog

from csms.ocpp.socket import PING_TIMEOUT, Socket

log = structlog.get_logger()

_CUT_IN_A_ROW = 2
_MOST_KNOWN = 10_000
_MARGIN_S = 30


class Deaf:
    def __init__(self, heartbeat_interval_s: float) -> None:
        #: Two Heartbeats may be missed before it is taken for gone (digest 7.7).
        self._silence_s = 2 * heartbeat_interval_s + _MARGIN_S
        self._cut: dict[str, int] = {}

    def silence_s(self, identity: str) -> float | None:
        """How long it may say nothing; None where pings tell."""
        return self._silence_s if self._cut.get(identity, 0) >= _CUT_IN_A_ROW else None

    def ended(self, identity: str, socket: Socket) -> None:
        if socket.has_ponged:
            self._cut.pop(identity, None)
            return
        closed = socket.protocol.close_sent
        is_cut = closed is not None and closed.reason == PING_TIMEOUT
        if is_cut and socket.messages_heard and len(self._cut) < _MOST_KNOWN:
            self._cut[identity] = self._cut.get(identity, 0) + 1
            if self._cut[identity] == _CUT_IN_A_ROW:
                log.info("station.answers_no_pings", station=identity)
