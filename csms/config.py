"""Every setting of the csms process, read once from the environment."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from db import settings
from db.config import DatabaseConfig


@dataclass(frozen=True)
class Config:
    database: DatabaseConfig
    host: str = "127.0.0.1"
    port: int = 9000
    node: str = "csms"
    unknown_stations: Literal["reject", "pending"] = "reject"
    ping_interval_s: float = 30
    ping_timeout_s: float = 20
    call_timeout_s: float = 30
    send_timeout_s: float = 10
    hold_s: float = 25
    max_message_bytes: int = 1_048_576
    heartbeat_interval_s: int = 300
    readings_days: int = 0  # 0: for ever
    message_log_days: int = 7
    message_log_gb: float = 5
    certificate_organization: str = ""  # empty: whichever
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
            node=settings.text(env, "NODE") or f"{socket.gethostname()}:{port}",
            unknown_stations=cast(
                'Literal["reject", "pending"]',
                settings.choice(env, "UNKNOWN_STATIONS", ("reject", "pending")),
            ),
            ping_interval_s=settings.number(env, "CSMS_PING_INTERVAL_S", least=0.1),
            ping_timeout_s=settings.number(env, "CSMS_PING_TIMEOUT_S", least=0.1),
            call_timeout_s=settings.number(env, "CSMS_CALL_TIMEOUT_S", least=0.1),
            send_timeout_s=settings.number(env, "CSMS_SEND_TIMEOUT_S", least=0.1),
            hold_s=settings.number(env, "CSMS_HOLD_S", least=0.1),
            max_message_bytes=settings.integer(env, "CSMS_MAX_MESSAGE_BYTES", least=4_096),
            heartbeat_interval_s=settings.integer(env, "CSMS_HEARTBEAT_INTERVAL_S", least=1),
            readings_days=settings.integer(env, "READINGS_DAYS"),
            message_log_days=settings.integer(env, "MESSAGE_LOG_DAYS", least=1),
            message_log_gb=settings.number(env, "MESSAGE_LOG_GB"),
            certificate_organization=settings.text(env, "CSMS_CERTIFICATE_ORGANIZATION"),
            log_level=settings.choice(env, "LOG_LEVEL", ("debug", "info", "warning", "error")),
            log_format=settings.choice(env, "LOG_FORMAT", ("auto", "console", "json")),
        )
