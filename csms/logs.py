"""structlog, set up once: an event is `noun.past_verb`, values are fields with units."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_VALUE_CHARACTERS = 2_048


def _tame(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Chargers choose strings: no control character, no bidi override, no novel in one field."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            short = value[:_VALUE_CHARACTERS]
            if not short.isprintable():
                short = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in short)
            event[key] = short
    return event


def setup(level: str = "info", format: str = "auto") -> None:
    """`level` is debug, info, warning or error; `format` is console, json or auto."""
    is_console = format == "console" or (format == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if is_console
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(
                fmt="%H:%M:%S" if is_console else "iso", utc=not is_console
            ),
            structlog.processors.format_exc_info,
            _tame,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through logging: only what an operator should hear.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
