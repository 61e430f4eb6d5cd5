"""
From the outbox to the mail server, or to a file where none is set (SMTP_URL).

A mail is taken for a while, sent, and recorded. Who dies in between has it sent again: twice is
better than never, and both carry the same Message-ID.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from db import mails
from db.mails import Mail
from db.rows import Pool
from portal.config import Config
from portal.mails.links import host

log = structlog.get_logger()

MOST_TRIES = 9  # over four hours
_TAKEN_FOR = timedelta(minutes=3)
_TIMEOUT_S = 15.0
_RUN_S = 20.0


class Refused(Exception):  # noqa: N818 - it reads as what happened
    """The server will never take this mail."""


def again_after(tries: int) -> timedelta | None:
    """After so many tries that failed: 1 minute, doubling; None when it is given up."""
    return timedelta(minutes=2 ** (tries - 1)) if tries < MOST_TRIES else None


@dataclass(frozen=True, slots=True)
class Server:
    hostname: str
    port: int
    is_tls: bool  # from the first byte; else as soon as the server offers it
    username: str | None
    password: str | None

    @classmethod
    def of(cls, smtp_url: str) -> Server:
        """Without a port: 465 for smtps; 587 where somebody signs in, else 25."""
        parts = urlsplit(smtp_url)
        assert parts.hostname is not None, "the settings were checked"
        usual = 465 if parts.scheme == "smtps" else 587 if parts.username else 25
        return cls(
            parts.hostname,
            parts.port or usual,
            parts.scheme == "smtps",
            unquote(parts.username) if parts.username else None,
            unquote(parts.password or "") if parts.username else None,
        )


class Post:
    """What the job `mail` does."""

    def __init__(self, config: Config, pool: Pool) -> None:
        self._config = config
        self._pool = pool
        self._server = Server.of(config.smtp_url) if config.smtp_url else None

    async def send_due(self) -> None:
        """Until none is due, one fails, or others want their turn too."""
        until = time.monotonic() + _RUN_S
        while time.monotonic() < until:
            async with self._pool.acquire(timeout=5) as conn:
                mail = await mails.take(conn, busy_for=_TAKEN_FOR)
            if mail is None or not await self._send(mail):
                return

    async def _send(self, mail: Mail) -> bool:
        try:
            if self._server is None:
                self._keep(mail)
            else:
                await _deliver(self._server, message(mail, self._config))
        except (Refused, ValueError) as error:  # ValueError: nothing that a mail can say
            await self._failed(mail, error, None)
            return True
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            await self._failed(mail, error, again_after(mail.tries))
            return False
        async with self._pool.acquire(timeout=5) as conn:
            await mails.record_sent(conn, mail.id)
        log.info("mail.sent", mail=mail.id, kind=mail.kind, tries=mail.tries)
        return True

    async def _failed(self, mail: Mail, error: Exception, wait: timedelta | None) -> None:
        why = f"{type(error).__name__}: {error}" if not isinstance(error, Refused) else str(error)
        async with self._pool.acquire(timeout=5) as conn:
            await mails.record_failed(conn, mail.id, error=why, again_after=wait)
        event = log.error if wait is None else log.warning
        event(
            "mail.died" if wait is None else "mail.failed",
            mail=mail.id,
            kind=mail.kind,
            tries=mail.tries,
            error=why,
        )

    def _keep(self, mail: Mail) -> None:
        """As a file that only we can read; what it says stays out of the log."""
        folder = self._config.database.data_dir / "mail"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{mail.created_at:%Y%m%dT%H%M%SZ}-{mail.id}-{mail.kind}.eml"
        # Not quoted-printable, so that a person can copy the link.
        _write(path, message(mail, self._config, cte="8bit").as_bytes())
        log.info("mail.kept", mail=mail.id, kind=mail.kind, file=str(path))


def message(mail: Mail, config: Config, *, cte: str | None = None) -> EmailMessage:
    """Raises ValueError for an address or a subject that no header can carry."""
    made = EmailMessage(policy=SMTP_POLICY)
    made["From"] = Address(
        config.operator_name, addr_spec=config.operator_email or f"noreply@{host(config)}"
    )
    made["To"] = Address(addr_spec=mail.recipient)
    made["Subject"] = mail.subject
    made["Date"] = format_datetime(mail.created_at)
    # The same at each try: who gets it twice can tell.
    made["Message-ID"] = f"<{mail.id}.{mail.created_at.timestamp():.6f}@{host(config)}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(mail.body_text, cte=cte)
    made.add_alternative(mail.body_html, subtype="html", cte=cte)
    return made


async def _deliver(server: Server, made: EmailMessage) -> None:
    """Raises Refused, or what may go away by itself: SMTPException, OSError."""
    client = aiosmtplib.SMTP(
        hostname=server.hostname,
        port=server.port,
        use_tls=server.is_tls,
        start_tls=None,  # where it is offered
        timeout=_TIMEOUT_S,
    )
    async with asyncio.timeout(2 * _TIMEOUT_S):
        await client.connect()
        try:
            if server.username is not None:
                await _sign_in(client, server)
            await client.send_message(made)
        except aiosmtplib.SMTPRecipientsRefused as error:
            (refused, *_) = error.recipients
            _judge(refused)
            raise
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            _judge(error)
            raise
        finally:
            await _leave(client)


async def _sign_in(client: aiosmtplib.SMTP, server: Server) -> None:
    is_private = client.get_transport_info("sslcontext") is not None
    if not is_private and not _is_loopback(client):
        raise aiosmtplib.SMTPException("the server offers no TLS, and we say no password without")
    await client.login(server.username or "", server.password or "")


def _is_loopback(client: aiosmtplib.SMTP) -> bool:
    peer = client.get_transport_info("peername")
    return bool(peer) and str(peer[0]).startswith(("127.", "::1"))


def _judge(error: aiosmtplib.SMTPResponseException) -> None:
    if error.code >= 500:
        raise Refused(f"{error.code} {error.message}") from None


async def _leave(client: aiosmtplib.SMTP) -> None:
    """What was said stays said, however the server takes our leave."""
    try:
        await client.quit()
    except (aiosmtplib.SMTPException, OSError):
        client.close()


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
