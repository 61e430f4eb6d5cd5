"""The numbers that a transaction's events had, as the message log has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec


class _Info(msgspec.Struct, frozen=True):
    transactionId: Any = None  # noqa: N815 - as it is said


class _Event(msgspec.Struct, frozen=True):
    seqNo: Any = None  # noqa: N815
    transactionInfo: _Info = _Info()  # noqa: N815


_decode = msgspec.json.Decoder(tuple[Any, Any, Any, _Event]).decode


def of_transaction(bodies: Iterable[bytes], transaction_id: str) -> set[int]:
    """What cannot be read, or was cut, says none."""
    found = set()
    for body in bodies:
        try:
            event = _decode(body)[3]
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
        if event.transactionInfo.transactionId == transaction_id and type(event.seqNo) is int:
            found.add(event.seqNo)
    return found
