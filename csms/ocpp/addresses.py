"""Where a charger is: past the proxies that we trust, never by what just anybody says."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parsed(text: str) -> Address | None:
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A socket that hears both says ::ffff:192.0.2.1.
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def far_end(remote: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """`forwarded`: the X-Forwarded-For headers; their last part is what our own proxy saw."""
    address = parsed(remote)
    if address is None:
        return remote
    for hop in reversed(",".join(forwarded).split(",")):
        before = parsed(hop.strip())
        if before is None or not is_in(address, proxies):
            break
        address = before
    return str(address)


def subscriber(address: str) -> str:
    """What one subscriber holds: an IPv4 address, or 2^64 of IPv6."""
    ip = parsed(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network(f"{ip}/64", strict=False))
    return address
