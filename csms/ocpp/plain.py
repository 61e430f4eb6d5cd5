"""
The plainest WebSocket frame, which is nearly every one: a whole text message in one piece.

Read and written here without the library's steps; whatever is a little different is the library's.
"""

from __future__ import annotations

from websockets.speedups import apply_mask

#: Bytes of a message; less than any limit that is set on messages.
LONGEST = 4_096

_TEXT = 0x81  # the last piece, and the first; no extension
_MASKED = 0x80
_TWO_BYTES = 126  # in place of a length: two bytes of it follow
_BEGINNING = bytes((_TEXT, _MASKED | _TWO_BYTES))


def message_of(data: bytes) -> bytes | None:
    """The message, if `data` is a client's frame, whole, with 126 bytes to LONGEST of text."""
    size = len(data) - 8
    if (
        _TWO_BYTES <= size <= LONGEST
        and data.startswith(_BEGINNING)
        and data[2] << 8 | data[3] == size
    ):
        return apply_mask(data[8:], data[4:8])
    return None


def frame_of(message: bytes) -> bytes:
    """A server's frame for a message of up to LONGEST bytes."""
    size = len(message)
    if size < _TWO_BYTES:
        return bytes((_TEXT, size)) + message
    return bytes((_TEXT, _TWO_BYTES, size >> 8, size & 0xFF)) + message
