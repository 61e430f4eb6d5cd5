"""The ports on which chargers connect, one for each security profile, and the certificates."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from csms.certificates import Certificates
from csms.config import Config
from db.config import ConfigError
from db.model.stations import Profile

#: Connections that the kernel keeps until they are accepted: all come at once (reliability C25).
BACKLOG = 4_096


@dataclass(frozen=True)
class Listeners:
    """`sockets` by the profile of who comes in there; a station without a key has 0 on 1 and 2."""

    sockets: Mapping[Profile, socket.socket]
    certificates: Certificates | None

    def port(self, profile: Profile = 1) -> int:
        return int(self.sockets[profile].getsockname()[1])


@contextlib.contextmanager
def open_listeners(config: Config) -> Iterator[Listeners]:
    """
    Before the database is started: a port in use, a broken file is said at once.

    Raises ConfigError.
    """
    certificates = Certificates(config.tls) if config.tls else None
    ports: list[tuple[Profile, str, int | None]] = [
        (1, "CSMS_PORT", config.port),
        (2, "CSMS_TLS_PORT", config.tls_port),
        (3, "CSMS_MTLS_PORT", config.mtls_port),
    ]
    with contextlib.ExitStack() as stack:
        sockets = {
            profile: stack.enter_context(_open(config.host, port, setting))
            for profile, setting, port in ports
            if port is not None
        }
        yield Listeners(sockets, certificates)


def _open(host: str, port: int, setting: str) -> socket.socket:
    try:
        sock = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=BACKLOG,
        )
        # asyncio does this for sockets of its own only; without it every second answer waits 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    except OSError as error:
        raise ConfigError(
            f"The csms cannot listen on {host}:{port} ({error.strerror}): "
            f"end what uses it, or set CSMS_HOST and {setting}."
        ) from None
