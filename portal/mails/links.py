"""Addresses for mails: made of the configuration, never of what a request says its host is."""

from __future__ import annotations

from urllib.parse import urlsplit

from portal.config import Config


def absolute(config: Config, path: str) -> str:
    """A path of ours (`/sessions/7`) as somebody elsewhere can follow it."""
    return f"{config.public_url or _own(config)}{path}"


def host(config: Config) -> str:
    """For Message-ID and for the address that mails come from."""
    return urlsplit(absolute(config, "/")).hostname or "localhost"


def _own(config: Config) -> str:
    """Of every network is none to connect to: then this machine's own."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104
    return f"http://{f'[{name}]' if ':' in name else name}:{config.port}"
