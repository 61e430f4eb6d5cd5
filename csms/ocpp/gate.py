"""Who may say what: which actions have a handler, and what a station may say before it is in."""

from __future__ import annotations

from csms import say
from csms.errors import OcppError
from csms.ocpp import v2, v16
from csms.ocpp.handling import Chosen, Handler
from csms.ocpp.link import Link
from csms.say import TRANSACTION_ACTIONS

_TOLD_ACTION = 100

_TABLES: dict[str, dict[str, Handler | Chosen]] = {
    "1.6": v16.HANDLERS,
    "2.0.1": v2.HANDLERS,
    "2.1": v2.HANDLERS | v2.ADDED_IN_2_1,
}


def said_by_stations(version: str) -> frozenset[str]:
    return frozenset(_TABLES[version])


def handler_of(version: str, action: str) -> Handler | Chosen:
    """Raises OcppError."""
    handler = _TABLES[version].get(action)
    if handler is None:
        raise _no_handler(version, action)
    return handler


def check_sent(action: str) -> None:
    """
    What is answered is said in a CALL; what somebody charged is kept, however it was said.

    Raises OcppError.
    """
    if action not in v2.SENT and action not in TRANSACTION_ACTIONS:
        raise OcppError("FormatViolation", "it is answered, and so no SEND")


def _no_handler(version: str, action: str) -> OcppError:
    name = action[:_TOLD_ACTION]
    if action.removesuffix("-Signed") in say.actions(version):
        return OcppError("NotSupported", f"{name} is not for a central system to receive")
    return OcppError("NotImplemented", f"{name} is not implemented")


def check_registered(link: Link, action: str) -> None:
    """
    Who may say what before it is accepted (decision 3; B01.FR.10, B02.FR.09, B03.FR.07).

    Raises OcppError.
    """
    if action == "BootNotification":
        return
    if action in TRANSACTION_ACTIONS and not (link.station.strict and link.version != "1.6"):
        return
    if link.station.registration != "Accepted":
        raise OcppError("SecurityError", f"this station is {link.station.registration}")
    if link.version != "1.6" and not link.is_booted:
        raise OcppError("SecurityError", "a BootNotification comes first")
