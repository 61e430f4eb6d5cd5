"""
What our TLS listeners show and whom they believe: contexts made of files, made anew when these do.

As the standards ask (OCPP 1.6 security A00.FR.312 to .320, 2.0.1 A00.FR.313 to .323): TLS 1.2 and
1.3, the four suites that every central system must speak, for which an RSA and an ECDSA chain are
loaded side by side; no compression, no renegotiation.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from csms.config import Tls
from db.settings import ConfigError

log = structlog.get_logger()

# The four of A00.FR.317 (2.0.1: .318), and what has forward secrecy before what has none. Chargers
# of today speak 1.3, whose suites OpenSSL adds by itself.
_SUITES = ":".join(
    [
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
    ]
)
_LOOK_S = 5.0
_SOON = timedelta(days=30)

State = tuple[tuple[str, int, int, int], ...]


class Contexts(NamedTuple):
    server: ssl.SSLContext
    mutual: ssl.SSLContext | None  # asks for a certificate; None without CSMS_CLIENT_CA


class Certificates:
    """`now` is what new handshakes use; a socket that is there keeps what it began with."""

    def __init__(self, config: Tls) -> None:
        """Raises ConfigError with the file that is of no use, and why."""
        self._config = config
        self._seen = self._state()
        self.now = load(config)

    def reload(self) -> None:
        """Take the files as they are; when one is broken, stay with what we have and say so."""
        self._seen = self._state()
        try:
            self.now = load(self._config)
        except ConfigError as error:
            log.error("certificates.not_reloaded", why=str(error))
        else:
            log.info("certificates.reloaded")

    async def watch(self, every_s: float = _LOOK_S) -> None:
        """Until cancelled; a file may be replaced, or be what a link leads to from now on."""
        while True:
            await asyncio.sleep(every_s)
            if self._state() != self._seen:
                self.reload()

    def _state(self) -> State:
        return tuple(_stamp(path) for path in self._config.files())


def load(config: Tls) -> Contexts:
    """Raises ConfigError."""
    _check_kinds(config)
    return Contexts(
        _context(config), _mutual(config, config.client_ca) if config.client_ca else None
    )


def _context(config: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.options |= (
        ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    )
    # A session that is resumed would go by a certificate that was looked at long ago.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    for chain, key in zip(config.chains, config.keys, strict=True):
        try:
            context.load_cert_chain(chain, key, password=_no_password)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"The certificate chain {chain} cannot be used with the key {key}: {_why(error)}."
            ) from None
    return context


def _mutual(config: Tls, client_ca: Path) -> ssl.SSLContext:
    context = _context(config)
    # Who shows none is told so in HTTP and leaves a connection attempt; who shows a wrong one gets
    # no further than the handshake.
    context.verify_mode = ssl.CERT_OPTIONAL
    # An operator may name the authority of his chargers alone, and not the root above it.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(client_ca)
    except (OSError, ValueError) as error:
        raise ConfigError(f"CSMS_CLIENT_CA {client_ca} cannot be used: {_why(error)}.") from None
    return context


def _check_kinds(config: Tls) -> None:
    """One chain of each kind: OpenSSL keeps the last. Says which end soon."""
    kinds: dict[str, Path] = {}
    for path in config.chains:
        try:
            leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
            key = leaf.public_key()
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"The certificate chain {path} cannot be read: {_why(error)}."
            ) from None
        kind = {RSAPublicKey: "RSA", EllipticCurvePublicKey: "ECDSA"}
        name = next((name for of, name in kind.items() if isinstance(key, of)), "another")
        if name in kinds:
            raise ConfigError(
                f"CSMS_TLS_CERTS names two chains of the same kind ({name}), {kinds[name]} and "
                f"{path}: name one RSA and one ECDSA chain."
            )
        kinds[name] = path
        ends_at = leaf.not_valid_after_utc
        if ends_at < datetime.now(UTC) + _SOON:
            log.warning("certificate.ends_soon", file=str(path), ends_at=ends_at.isoformat())


def _no_password() -> str:
    """Nobody is there to be asked for the password of a key."""
    return ""


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return {
            "KEY_VALUES_MISMATCH": "they do not belong together",
            "NO_START_LINE": "it is no PEM file",
            None: "the key is not readable or has a password",
        }.get(error.reason, str(error.reason).replace("_", " ").lower())
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is no PEM file"


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        is_ = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), is_.st_ino, is_.st_mtime_ns, is_.st_size
