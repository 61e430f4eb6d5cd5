"""Every setting of the portal process, read once from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db import settings
from db.config import ConfigError, DatabaseConfig, secret_key
from db.model.stations import Profile
from db.settings import Network


@dataclass(frozen=True)
class Config:
    database: DatabaseConfig
    secret: str = field(default="", repr=False)  # as given; empty: made in DATA_DIR
    host: str = "127.0.0.1"
    port: int = 8080
    csms_host: str = "127.0.0.1"  # where chargers connect, to be told to whoever adds one
    csms_port: int = 9000
    csms_tls_port: int | None = None
    csms_mtls_port: int | None = None
    public_url: str | None = None  # None: built from host and port
    trusted_proxies: tuple[Network, ...] = ()
    operator_name: str = "Polaris Express"
    operator_email: str | None = None
    operator_zone: str = "UTC"
    operator_currency: str = "EUR"
    master_pass_group: str = ""  # empty: none
    smtp_url: str | None = field(default=None, repr=False)
    demo: bool = True
    admin_email: str | None = None
    admin_password: str | None = field(default=None, repr=False)
    log_level: str = "info"
    log_format: str = "auto"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Config:
        """Raises ConfigError with a sentence that says what to change."""
        database = DatabaseConfig.from_env(env)
        if settings.text(env, "SECRET_KEY"):
            secret_key(database, env)  # one that is too short is said now, not at the first use
        return cls(
            database=database,
            secret=settings.text(env, "SECRET_KEY"),
            host=settings.text(env, "PORTAL_HOST"),
            port=settings.port(env, "PORTAL_PORT"),
            csms_host=settings.text(env, "CSMS_HOST"),
            csms_port=settings.port(env, "CSMS_PORT"),
            csms_tls_port=settings.maybe_port(env, "CSMS_TLS_PORT"),
            csms_mtls_port=settings.maybe_port(env, "CSMS_MTLS_PORT"),
            public_url=_public_url(settings.text(env, "PUBLIC_URL")),
            trusted_proxies=settings.networks(env, "TRUSTED_PROXIES"),
            operator_name=settings.text(env, "OPERATOR_NAME"),
            operator_email=_email(env, "OPERATOR_EMAIL"),
            operator_zone=_zone(settings.text(env, "OPERATOR_ZONE")),
            operator_currency=_currency(settings.text(env, "OPERATOR_CURRENCY")),
            master_pass_group=settings.text(env, "MASTER_PASS_GROUP"),
            smtp_url=_smtp_url(settings.text(env, "SMTP_URL")),
            demo=settings.flag(env, "DEMO"),
            admin_email=_email(env, "ADMIN_EMAIL"),
            admin_password=env.get("ADMIN_PASSWORD") or None,
            log_level=settings.choice(env, "LOG_LEVEL", ("debug", "info", "warning", "error")),
            log_format=settings.choice(env, "LOG_FORMAT", ("auto", "console", "json")),
        )

    def charger_url(self, identity: str, least_profile: Profile) -> str:
        """What to enter in a charger that must show so much; `identity` as it is to be read."""
        port = {2: self.csms_tls_port, 3: self.csms_mtls_port}.get(least_profile)
        # Without such a port it ends at a proxy, whose address we do not know.
        scheme, port = ("wss", port) if port else ("ws", self.csms_port)
        return f"{scheme}://{self.charger_host}:{port}/ocpp/{identity}"

    @property
    def charger_host(self) -> str:
        """The host that a charger is told: an address of every network is none to connect to."""
        host = self.csms_host
        if host in {"0.0.0.0", "::"}:  # noqa: S104
            host = (urlsplit(self.public_url).hostname if self.public_url else None) or "127.0.0.1"
        return f"[{host}]" if ":" in host else host


def _public_url(value: str) -> str | None:
    if not value:
        return None
    try:
        parts = urlsplit(value)
        is_good = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and not (parts.query or parts.fragment or parts.username)
        )
    except ValueError:
        is_good = False
    if not is_good:
        raise ConfigError(f"PUBLIC_URL must be like https://charge.example.com, not {value!r}.")
    return value.rstrip("/")


def _email(env: Mapping[str, str], name: str) -> str | None:
    value = settings.text(env, name)
    if value and not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise ConfigError(f"{name} must be an e-mail address, not {value!r}.")
    return value or None


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if value == "UTC":
            return value  # a machine without a time zone database still knows this one
        raise ConfigError(
            f"OPERATOR_ZONE must be a time zone such as Europe/Berlin, not {value!r}."
        ) from None
    return value


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", value):
        raise ConfigError(f"OPERATOR_CURRENCY must be three letters such as EUR, not {value!r}.")
    return value.upper()


def _smtp_url(value: str) -> str | None:
    if not value:
        return None
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        # Not repeated: it may hold a password.
        raise ConfigError("SMTP_URL must be like smtp://user:password@mail.example.com:587.")
    return value
