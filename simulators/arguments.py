"""What the verbs of the command line have in common: their arguments and how they read them."""

import argparse
import re
from collections.abc import Callable
from urllib.parse import urlsplit

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
