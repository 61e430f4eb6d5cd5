"""Every setting of the csms process, read once from the environment."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from db import settings
from db.config import ConfigError, DatabaseConfig
from db.settings import Network

Deflate = Literal["2.x", "all", "off"]  # of which versions compression is agreed on

_LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1"),
)


@dataclass(frozen=True)
class Tls:
    """PEM files: chains, leaf first, each with the key of the same place in the list."""

    chains: tuple[Path, ...]
    keys: tuple[Path, ...]
    client_ca: Path | None = None  # whose certificates chargers show

    def files(self) -> tuple[Path, ...]:
        return (*self.chains, *self.keys, *([self.client_ca] if self.client_ca else []))


@dataclass(frozen=True)
class Config:
    database: DatabaseConfig
    host: str = "127.0.0.1"
    port: int = 9000
    tls_port: int | None = None
    mtls_port: int | None = None
    tls: Tls | None = None
    node: str = "csms"
    unknown_stations: Literal["reject", "pending"] = "reject"
    deflate: Deflate = "2.x"
    ping_interval_s: float = 30
    ping_timeout_s: float = 20
    call_timeout_s: float = 30
    send_timeout_s: float = 10
    max_connections: int = 20_000
    max_handshakes: int = 500
    max_per_address: int = 50  # 0: any number
    gateways: tuple[Network, ...] = _LOOPBACK  # any number from there
    trusted_proxies: tuple[Network, ...] = ()
    hold_s: float = 25
    max_message_bytes: int = 1_048_576
    heartbeat_interval_s: int = 300
    readings_days: int = 0  # 0: for ever
    message_log_days: int = 7
    message_log_gb: float = 5
    certificate_organization: str = ""  # empty: whichever
    master_pass_group: str = ""  # empty: none
    log_level: str = "info"
    log_format: str = "auto"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Config:
        """Raises ConfigError with a sentence that says what to change."""
        port = settings.port(env, "CSMS_PORT")
        return cls(
            database=DatabaseConfig.from_env(env),
            host=settings.text(env, "CSMS_HOST"),
            port=port,
            tls_port=settings.maybe_port(env, "CSMS_TLS_PORT"),
            mtls_port=settings.maybe_port(env, "CSMS_MTLS_PORT"),
            tls=_tls(env),
            node=settings.text(env, "NODE") or f"{socket.gethostname()}:{port}",
            unknown_stations=cast(
                'Literal["reject", "pending"]',
                settings.choice(env, "UNKNOWN_STATIONS", ("reject", "pending")),
            ),
            deflate=cast("Deflate", settings.choice(env, "CSMS_DEFLATE", ("2.x", "all", "off"))),
            ping_interval_s=settings.number(env, "CSMS_PING_INTERVAL_S", least=0.1),
            ping_timeout_s=settings.number(env, "CSMS_PING_TIMEOUT_S", least=0.1),
            call_timeout_s=settings.number(env, "CSMS_CALL_TIMEOUT_S", least=0.1),
            send_timeout_s=settings.number(env, "CSMS_SEND_TIMEOUT_S", least=0.1),
            max_connections=settings.integer(env, "CSMS_MAX_CONNECTIONS", least=1),
            max_handshakes=settings.integer(env, "CSMS_MAX_HANDSHAKES", least=1),
            max_per_address=settings.integer(env, "CSMS_MAX_PER_ADDRESS"),
            gateways=settings.networks(env, "CSMS_GATEWAYS"),
            trusted_proxies=settings.networks(env, "TRUSTED_PROXIES"),
            hold_s=settings.number(env, "CSMS_HOLD_S", least=0.1),
            max_message_bytes=settings.integer(env, "CSMS_MAX_MESSAGE_BYTES", least=4_096),
            heartbeat_interval_s=settings.integer(env, "CSMS_HEARTBEAT_INTERVAL_S", least=1),
            readings_days=settings.integer(env, "READINGS_DAYS"),
            message_log_days=settings.integer(env, "MESSAGE_LOG_DAYS", least=1),
            message_log_gb=settings.number(env, "MESSAGE_LOG_GB"),
            certificate_organization=settings.text(env, "CSMS_CERTIFICATE_ORGANIZATION"),
            master_pass_group=settings.text(env, "MASTER_PASS_GROUP"),
            log_level=settings.choice(env, "LOG_LEVEL", ("debug", "info", "warning", "error")),
            log_format=settings.choice(env, "LOG_FORMAT", ("auto", "console", "json")),
        )


def _tls(env: Mapping[str, str]) -> Tls | None:
    chains, keys = settings.files(env, "CSMS_TLS_CERTS"), settings.files(env, "CSMS_TLS_KEYS")
    authorities = settings.files(env, "CSMS_CLIENT_CA")
    is_mutual = bool(settings.text(env, "CSMS_MTLS_PORT"))
    is_wanted = is_mutual or bool(settings.text(env, "CSMS_TLS_PORT"))
    if len(chains) != len(keys):
        raise ConfigError(
            f"CSMS_TLS_CERTS names {len(chains)} files and CSMS_TLS_KEYS {len(keys)}: "
            "name one key for each chain, in the same order."
        )
    if is_wanted and not chains:
        raise ConfigError("CSMS_TLS_PORT and CSMS_MTLS_PORT need CSMS_TLS_CERTS and CSMS_TLS_KEYS.")
    if chains and not is_wanted:
        raise ConfigError("CSMS_TLS_CERTS is of no use without CSMS_TLS_PORT or CSMS_MTLS_PORT.")
    if is_mutual != bool(authorities) or len(authorities) > 1:
        raise ConfigError(
            "CSMS_MTLS_PORT and CSMS_CLIENT_CA go together: the port for chargers with a "
            "certificate, and one file with the authorities that made these."
        )
    return Tls(chains, keys, authorities[0] if authorities else None) if chains else None
