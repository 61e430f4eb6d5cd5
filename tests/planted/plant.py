"""A bug, where it goes, and what has to notice it."""

from __future__ import annotations

from typing import NamedTuple


class Plant(NamedTuple):
    """
    `old` stands once in `file`; with `new` in its place the product does what `bug` says.

    `proof` is a statement's number, for all of its tests, or a test or file as pytest names it.
    """

    bug: str
    proof: int | str
    file: str
    old: str
    new: str

    @property
    def name(self) -> str:
        return f"S{self.proof}" if isinstance(self.proof, int) else self.proof
