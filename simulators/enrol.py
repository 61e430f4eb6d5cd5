"""Makes stations and cards known to Polaris Express by its API, so that a fleet can begin."""

import argparse
import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from simulators.errors import SimulatorError

PASSWORD = "a-password-for-simulators"  # noqa: S105 - of stations that are no more than programs
_TIMEOUT_S = 20


class EnrolError(SimulatorError):
    """Why something could not be made known."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--api",
        type=_address,
        help="first make the stations and cards known here: http://127.0.0.1:8080/api/v1",
    )
    parser.add_argument("--token", help="the API's bearer token")


async def enrol(
    api: str,
    token: str | None,
    *,
    stations: Iterable[tuple[str, list[float]]],
    password: str,
    cards: Iterable[str],
) -> None:
    """Whatever is known already stays as it is. `stations`: identity, power of each EVSE in W."""
    for identity, powers_w in stations:
        connectors = [
            {"evse": evse, "max_power_w": round(power_w)}
            for evse, power_w in enumerate(powers_w, 1)
        ]
        about = {"identity": identity, "password": password, "connectors": connectors}
        await asyncio.to_thread(_post, f"{api}/stations", token, about)
    for uid in cards:
        about = {"uid": uid, "type": "ISO14443"}
        await asyncio.to_thread(_post, f"{api}/id-tokens", token, about)


def own_card(number: int) -> str:
    """Of the station of this number, from 0: an ISO 14443 UID of 7 bytes."""
    return f"04F1EE7000{number + 1:04X}"


def _post(address: str, token: str | None, about: dict[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310 - _address lets only http and https in
        address,
        data=json.dumps(about).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token or ''}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.CONFLICT:
                return
            if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise EnrolError(f"{address} does not accept this --token") from None
            what = error.read(300).decode(errors="replace")
            raise EnrolError(f"{address} answers with HTTP {error.code}: {what}") from None
    except (OSError, TimeoutError) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        raise EnrolError(f"{address} cannot be reached: {why}") from None


def _address(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https"):
        raise argparse.ArgumentTypeError(f"{text} is not an http:// or https:// address")
    return text.rstrip("/")
