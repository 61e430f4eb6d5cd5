"""
How often one may try: tokens that fill up again, one bucket for each who tries.

In this process alone: two portals let through twice as much, which is no harm.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from aiohttp import web

from portal.context import CONFIG
from portal.errors import Problem

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MOST_BUCKETS = 10_000


class Limit:
    """`most` at once, and so many again every `per_s` seconds."""

    def __init__(
        self, most: int, per_s: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._per_s = per_s
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, at

    def take(self, who: str) -> None:
        """Raises Problem (429) with the seconds until one may try again."""
        now = self._clock()
        left, at = self._buckets.pop(who, (float(self._most), now))
        left = min(self._most, left + (now - at) * self._most / self._per_s)
        if left < 1:
            self._buckets[who] = left, now
            wait_s = math.ceil((1 - left) * self._per_s / self._most)
            raise Problem(
                429, "Too many attempts: wait a little.", headers={"Retry-After": str(wait_s)}
            )
        self._buckets[who] = left - 1, now
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)


class Limits:
    """Those of one portal."""

    def __init__(self) -> None:
        self.sign_in_by_address = Limit(20, 60)
        self.sign_in_by_email = Limit(10, 60)
        self.mail_by_email = Limit(5, 900)  # links to one address
        self.charging = Limit(20, 60)  # starts and stops of one account
        self.forms = Limit(120, 60)  # anything else that one account or address sends
        self.public = Limit(60, 60)  # looks at the pages behind stickers


def address(request: web.Request) -> str:
    """Who is at the far end: past proxies that we trust, never by what just anybody says."""
    remote = _parsed(request.remote or "")
    if remote is None:
        return ""
    trusted = request.app[CONFIG].trusted_proxies
    said = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    for hop in reversed(said):
        before = _parsed(hop.strip())
        if before is None or not any(remote in network for network in trusted):
            break
        remote = before
    return str(remote)


def network(request: web.Request) -> str:
    """What one subscriber holds: an IPv4 address, or 2^64 of IPv6."""
    who = address(request)
    return str(ipaddress.ip_network(f"{who}/64", strict=False)) if ":" in who else who


def _parsed(text: str) -> Address | None:
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A socket that hears both says ::ffff:192.0.2.1.
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip
