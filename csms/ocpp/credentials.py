"""Whether a charger gave its password, checked beside the event loop where that takes long."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from csms.ocpp.handshake import Refused
from db import station_keys
from db.model.stations import Station

_MOST_KNOWN = 20_000
# About a second of work: who comes later than that comes again.
_MOST_WAITING = 50


class Credentials:
    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[int, bytes] = OrderedDict()
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._waiting = 0

    async def matches(self, station: Station, given: bytes) -> bool:
        """
        Of a station with a key. What was right once is remembered as a digest of this process.

        Raises Refused (503) when too many wait.
        """
        salt, key_hash = station.key_salt, station.key_hash
        assert salt is not None
        assert key_hash is not None
        if not station_keys.is_slow(salt):
            return station_keys.matches(salt, key_hash, given)
        # With the hash in it, so that a new password ends it.
        mark = hmac.digest(self._secret, key_hash + given, "sha256")
        if hmac.compare_digest(self._known.get(station.id, b""), mark):
            self._known.move_to_end(station.id)
            return True
        if self._waiting >= _MOST_WAITING:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too many passwords are being checked: come again soon",
                {"Retry-After": "5"},
            )
        self._waiting += 1
        try:
            is_right = await asyncio.get_running_loop().run_in_executor(
                self._beside, station_keys.matches, salt, key_hash, given
            )
        finally:
            self._waiting -= 1
        if is_right:
            self._known[station.id] = mark
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return is_right

    def close(self) -> None:
        self._beside.shutdown(wait=False, cancel_futures=True)
