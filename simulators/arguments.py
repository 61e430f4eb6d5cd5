"""What the verbs of the command line have in common: their arguments and how they read them."""

import argparse
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from simulators.errors import SimulatorError

URL = "ws://127.0.0.1:9000/ocpp"
_SECONDS = {"": 1, "s": 1, "min": 60, "h": 3600}


def add_central(parser: argparse.ArgumentParser, *, default_url: str | None = URL) -> None:
    parser.add_argument(
        "--url",
        type=url,
        default=default_url,
        help=f"the central system's address, without the identity ({URL})",
    )
    parser.add_argument("--password", help="for HTTP Basic; none without")


def add_tls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ca", type=Path, help="PEM file of whom to trust by wss://")
    parser.add_argument("--cert", type=Path, help="PEM file of a certificate to show by wss://")
    parser.add_argument("--key", type=Path, help="PEM file of its key")


def tls(given: argparse.Namespace) -> ssl.SSLContext | None:
    """What wss:// is to go by; None: what the machine trusts. Raises SimulatorError."""
    if given.ca is None and given.cert is None and given.key is None:
        return None
    if (given.cert is None) != (given.key is None):
        raise SimulatorError("--cert and --key go together")
    if urlsplit(given.url).scheme != "wss":
        raise SimulatorError("--ca, --cert and --key are for a wss:// address")
    try:
        context = ssl.create_default_context(cafile=given.ca)
        if given.cert is not None:
            context.load_cert_chain(given.cert, given.key)
    except OSError as error:
        raise SimulatorError(f"--ca, --cert or --key cannot be used: {error}") from None
    return context


def url(text: str) -> str:
    if urlsplit(text).scheme not in ("ws", "wss"):
        raise argparse.ArgumentTypeError(f"{text} is not a ws:// or wss:// address")
    return text


def positive(text: str) -> float:
    number = _number(text)
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def whole(most: int) -> Callable[[str], int]:
    """A reader of whole numbers from 1 to `most`."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between 1 and {most}")
        return int(text)

    return read


def seconds(text: str) -> float:
    """A time such as 90, 30s, 5min or 2h, in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h)?", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text} is not a time such as 30s, 5min or 2h")
    return float(match[1]) * _SECONDS[match[2] or ""]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a number") from None
