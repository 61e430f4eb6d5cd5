"""Opens the socket, or says in one sentence why it cannot be opened."""

import base64
import ssl
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, NegotiationError
from websockets.typing import Subprotocol

from simulators.errors import CannotConnect, Refused


async def open_socket(
    url: str,
    *,
    identity: str,
    password: str | None,
    subprotocol: str,
    ping_s: int,
    tls: ssl.SSLContext | None = None,
) -> ClientConnection:
    """Connect to `url` + the identity, or say in one sentence why not."""
    address = f"{url.rstrip('/')}/{quote(identity, safe='')}"
    headers = {}
    more: dict[str, Any] = {} if tls is None else {"ssl": tls}
    if password is not None:
        basic = base64.b64encode(f"{identity}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {basic}"
    try:
        socket = await connect(
            address,
            subprotocols=[Subprotocol(subprotocol)],
            additional_headers=headers,
            ping_interval=ping_s or None,
            open_timeout=15,
            close_timeout=2,
            max_size=2**20,
            proxy=None,
            **more,
        )
    except InvalidStatus as error:
        raise refused(error.response.status_code, identity, address) from None
    except NegotiationError as error:
        raise Refused(f"{address}: {error}", status=101) from None
    except InvalidURI:
        raise Refused(f"{url} is not a ws:// or wss:// address", status=0) from None
    except InvalidHandshake as error:
        raise CannotConnect(f"{address} is no central system: {error}") from None
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", None) or error.reason
        raise CannotConnect(f"there is no TLS with {address}: {why}") from None
    except (OSError, TimeoutError, EOFError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise CannotConnect(f"nobody answers at {url}: {why or error or 'timed out'}") from None
    if socket.subprotocol != subprotocol:
        await socket.close()
        raise Refused(f"the central system does not speak {subprotocol}", status=101)
    return socket


def refused(status: int, identity: str, address: str) -> Refused | CannotConnect:
    match status:
        case 401:
            text = f"the central system refused the password of {identity} (HTTP {status})"
        case 403:
            text = f"the central system does not let {identity} in this way (HTTP {status})"
        case 404:
            text = f"the central system does not know {identity} (HTTP 404 at {address})"
        case _ if status >= 500:
            return CannotConnect(f"the central system cannot take {identity} now (HTTP {status})")
        case _:
            text = f"the central system refused {identity} (HTTP {status} at {address})"
    return Refused(text, status=status)
