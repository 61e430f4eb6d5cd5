"""Every setting of the product in one table, and words for a value that is wrong."""

import difflib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ConfigError(Exception):
    """Why we cannot start, as one sentence; the process prints it and ends with 2."""


@dataclass(frozen=True)
class Setting:
    name: str
    default: str
    meaning: str


SETTINGS: tuple[Setting, ...] = (
    Setting("DATABASE_URL", "", "PostgreSQL 15 or newer to use; empty: the embedded one"),
    Setting("DATA_DIR", ".data", "folder of the embedded PostgreSQL and of the secret key"),
    Setting("SECRET_KEY", "", "at least 16 characters, the same in every process; empty: made"),
    Setting("CHANGES_URL", "", "PostgreSQL past a PgBouncer, for LISTEN; empty: DATABASE_URL"),
    Setting("NODE", "", "name of this csms process; empty: host name and CSMS_PORT"),
    Setting("LOG_LEVEL", "info", "debug, info, warning or error"),
    Setting("LOG_FORMAT", "auto", "console, json, or auto: console on a terminal"),
    Setting("CSMS_HOST", "127.0.0.1", "address on which chargers connect; 0.0.0.0: every network"),
    Setting("CSMS_PORT", "9000", "port on which chargers connect"),
    Setting("CSMS_TLS_PORT", "", "port for chargers by wss:// with a password; empty: none"),
    Setting("CSMS_MTLS_PORT", "", "port for chargers by wss:// with a certificate; empty: none"),
    Setting("CSMS_TLS_CERTS", "", "PEM files of our chains, leaf first, with commas: RSA, ECDSA"),
    Setting("CSMS_TLS_KEYS", "", "PEM files of their keys, in the same order"),
    Setting("CSMS_CLIENT_CA", "", "PEM file of the authorities that make chargers' certificates"),
    Setting("CSMS_DEFLATE", "2.x", "OCPP versions that may compress: 2.x, all, or off"),
    Setting("CSMS_PING_INTERVAL_S", "30", "seconds between WebSocket pings to a charger"),
    Setting("CSMS_PING_TIMEOUT_S", "20", "seconds without a pong until a charger counts as gone"),
    Setting("CSMS_CALL_TIMEOUT_S", "30", "seconds that a charger has to answer a command"),
    Setting("CSMS_SEND_TIMEOUT_S", "10", "seconds that a frame may take to leave"),
    Setting("CSMS_MAX_CONNECTIONS", "20000", "chargers at once, of one process"),
    Setting("CSMS_MAX_HANDSHAKES", "500", "chargers that may be connecting at the same moment"),
    Setting("CSMS_MAX_PER_ADDRESS", "50", "chargers at once from one address; 0: any number"),
    Setting("CSMS_GATEWAYS", "127.0.0.0/8, ::1", "addresses or networks of any number of chargers"),
    Setting("CSMS_MAX_MESSAGE_BYTES", "1048576", "largest frame that is read"),
    Setting("CSMS_HEARTBEAT_INTERVAL_S", "300", "seconds between heartbeats asked of chargers"),
    Setting("CSMS_HOLD_S", "25", "seconds that an answer waits for a database that is away"),
    Setting(
        "CSMS_CERTIFICATE_ORGANIZATION",
        "",
        "organization (O) that a charger's certificate request must name; empty: any",
    ),
    Setting("MASTER_PASS_GROUP", "", "group whose EV cards end any session and start none"),
    Setting("UNKNOWN_STATIONS", "reject", "reject, or pending: an unknown charger is listed"),
    Setting("READINGS_DAYS", "0", "days that meter readings are kept; 0: for ever"),
    Setting("MESSAGE_LOG_DAYS", "7", "days that the message log is kept"),
    Setting("MESSAGE_LOG_GB", "5", "size at which the oldest part of the message log is dropped"),
    Setting("PORTAL_HOST", "127.0.0.1", "address of the pages and the API"),
    Setting("PORTAL_PORT", "8080", "port of the pages and the API"),
    Setting("PUBLIC_URL", "", "address that people open; empty: built from host and port"),
    Setting("TRUSTED_PROXIES", "", "addresses or networks whose X-Forwarded-For is believed"),
    Setting("OPERATOR_NAME", "Polaris Express", "name in the pages and mails"),
    Setting("OPERATOR_EMAIL", "", "address that people may write to"),
    Setting("OPERATOR_ZONE", "UTC", "time zone of counters, filters and periods"),
    Setting("OPERATOR_CURRENCY", "EUR", "currency of new sites, three letters"),
    Setting("SMTP_URL", "", "smtp://user:password@host:port for mails; empty: DATA_DIR/mail"),
    Setting("DEMO", "1", "1: in a database without chargers, a demo with simulated ones"),
    Setting(
        "ADMIN_EMAIL",
        "",
        "the first administrator, who is made at the start unless the address has an account",
    ),
    Setting("ADMIN_PASSWORD", "", "the password that it is made with, at least 12 characters"),
)

# A variable that begins so is meant for us; other programs own the likes of LOG_ and DATA_.
_PREFIXES = (
    "ADMIN_",
    "CHANGES_",
    "CSMS_",
    "MESSAGE_LOG_",
    "OPERATOR_",
    "PORTAL_",
    "READINGS_",
    "SMTP_",
    "TRUSTED_PROX",
    "UNKNOWN_STATION",
)

_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


def refuse_unknown(env: Mapping[str, str]) -> None:
    """Refuse a variable that is meant for us and that nothing reads: it is a typing error."""
    for name in sorted(env):
        if name.startswith(_PREFIXES) and name not in _DEFAULTS:
            near = difflib.get_close_matches(name, _DEFAULTS, n=1)
            hint = f"did you mean {near[0]}?" if near else "README lists the settings."
            raise ConfigError(f"There is no setting {name}: {hint}")


def text(env: Mapping[str, str], name: str) -> str:
    """The value of a setting; an empty one is its default."""
    return env.get(name, "").strip() or _DEFAULTS[name]


def integer(env: Mapping[str, str], name: str, *, least: int = 0, most: int = 2**31 - 1) -> int:
    value = text(env, name)
    # isascii: int() also takes digits of other scripts, and signs and underscores.
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise ConfigError(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def port(env: Mapping[str, str], name: str) -> int:
    return integer(env, name, least=1, most=65535)


def maybe_port(env: Mapping[str, str], name: str) -> int | None:
    return port(env, name) if text(env, name) else None


def files(env: Mapping[str, str], name: str) -> tuple[Path, ...]:
    """Paths with commas between them, absolute."""
    parts = [part.strip() for part in text(env, name).split(",")]
    return tuple(Path(part).expanduser().absolute() for part in parts if part)


def networks(env: Mapping[str, str], name: str) -> tuple[Network, ...]:
    found = []
    for part in text(env, name).replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(part, strict=False))
        except ValueError:
            raise ConfigError(
                f"{name} must be addresses or networks such as 10.0.0.0/8, not {part!r}."
            ) from None
    return tuple(found)


def number(env: Mapping[str, str], name: str, *, least: float = 0.0) -> float:
    """A number with an optional fraction, such as seconds or gigabytes."""
    value = text(env, name)
    try:
        result = float(value)
    except ValueError:
        result = float("nan")
    if not least <= result < float("inf"):
        raise ConfigError(f"{name} must be a number of at least {least:g}, not {value!r}.")
    return result


def flag(env: Mapping[str, str], name: str) -> bool:
    value = text(env, name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ConfigError(f"{name} must be 1 or 0, not {value!r}.")


def choice(env: Mapping[str, str], name: str, options: tuple[str, ...]) -> str:
    value = text(env, name).lower()
    if value not in options:
        raise ConfigError(f"{name} must be one of {', '.join(options)}, not {value!r}.")
    return value
