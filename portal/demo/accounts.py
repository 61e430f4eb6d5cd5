"""
The accounts that people sign in with: their passwords are known to all the world while only this
machine can reach the portal, and random otherwise.
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from db import accounts, web_sessions
from db.rows import Conn
from portal import passwords
from portal.config import Config
from portal.demo import files
from portal.demo.cast import ADMIN_EMAIL, DRIVER_EMAIL

KNOWN = {DRIVER_EMAIL: "demo-driver-password", ADMIN_EMAIL: "demo-admin-password"}


@dataclass(frozen=True, slots=True)
class SignIn:
    """`password` None: somebody gave it one that we do not know."""

    email: str
    password: str | None
    is_new: bool = False  # it was made just now, in the place of another


def path(config: Config) -> Path:
    return config.database.data_dir / "demo" / "accounts.txt"


def is_private(config: Config) -> bool:
    """Whether nobody but this machine reaches the portal."""
    public_host = urlsplit(config.public_url).hostname if config.public_url else config.host
    return _is_loopback(config.host) and _is_loopback(public_host) and not config.trusted_proxies


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def first_passwords(config: Config) -> dict[str, str]:
    """
    By e-mail, for accounts that are to be made; kept in the file before they are used.

    Who names an administrator of his own (ADMIN_EMAIL) does not get ours.
    """
    chosen = {
        email: known if is_private(config) else _random()
        for email, known in KNOWN.items()
        if email != ADMIN_EMAIL or config.admin_email is None
    }
    _write(config, chosen)
    return chosen


async def close_known(conn: Conn, config: Config) -> list[str]:
    """
    Known passwords give way to random ones where others reach the portal: the e-mails.

    The caller holds a transaction, and had better not let anybody in before.
    """
    if is_private(config):
        return []
    hashes = await _hashes(conn)
    closed = [
        email
        for email, known in KNOWN.items()
        if email in hashes and await passwords.verify(hashes[email], known)
    ]
    for email in closed:
        await _replace(conn, config, email)
    return closed


async def settle(conn: Conn, config: Config) -> list[SignIn]:
    """
    How to sign in now.

    A password that is neither known nor in the file is replaced if the file is lost, and left to
    whoever chose it otherwise. The caller holds a transaction.
    """
    new = await close_known(conn, config)
    hashes = await _hashes(conn)
    kept = _read(config)
    found = []
    for email, known in KNOWN.items():
        if email not in hashes:
            continue
        password = await _first_that_fits(hashes[email], known, kept.get(email))
        if password is None and email not in kept:
            password = await _replace(conn, config, email)
            new.append(email)
        found.append(SignIn(email, password, is_new=email in new))
    _write(config, _read(config) | {one.email: one.password for one in found if one.password})
    return found


async def _first_that_fits(hashed: str, *candidates: str | None) -> str | None:
    for password in candidates:
        if password is not None and await passwords.verify(hashed, password):
            return password
    return None


async def _replace(conn: Conn, config: Config, email: str) -> str:
    """In the file first: what is committed is never lost."""
    password = _random()
    _write(config, _read(config) | {email: password})
    account = await accounts.find_by_email(conn, email)
    assert account is not None
    await accounts.set_password(conn, account.id, await passwords.hash_(password))
    await web_sessions.end_all(conn, account.id)
    return password


async def _hashes(conn: Conn) -> dict[str, str]:
    """By e-mail, of our accounts that are there and have a password."""
    found = {}
    for email in KNOWN:
        account = await accounts.find_by_email(conn, email)
        hashed = await accounts.password_hash(conn, account.id) if account else None
        if hashed is not None:
            found[email] = hashed
    return found


def _random() -> str:
    return secrets.token_urlsafe(15)


def _read(config: Config) -> dict[str, str]:
    lines = files.read(path(config)).splitlines()
    return dict(line.split() for line in lines if len(line.split()) == 2)


def _write(config: Config, chosen: dict[str, str]) -> None:
    lines = [f"{email} {password}\n" for email, password in chosen.items()]
    files.write(path(config), "".join(lines))
