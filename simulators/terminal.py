"""A terminal that shows texts as they are: in what chargers say, [red] is no colour."""

import sys

from rich.console import Console

PLAIN_WIDTH = 160


def console() -> Console:
    """Where there is no terminal, lines are long rather than folded."""
    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    return Console(markup=False, highlight=False, emoji=False, width=width)
