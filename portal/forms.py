"""What a person gave in a form, and what is wrong with it, each in one sentence."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from aiohttp import web

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_UNSEEN_BUT_LINES = re.compile(_UNSEEN.pattern.replace(r"\x00-\x1f", r"\x00-\x09\x0b-\x1f"))
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass
class Form:
    """
    Each validator returns the value, or notes an error under the field's name and returns None.

    `given` is drawn again as it was typed. An error is a sentence that says what to do; one under
    "" is of the form as a whole. `label` completes "Enter ...", such as "the charger's name".
    """

    given: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def read(cls, request: web.Request) -> Form:
        """The fields of a POST; of a field that came twice the last, of a file nothing."""
        posted = await request.post()
        return cls({name: value for name, value in posted.items() if isinstance(value, str)})

    @property
    def is_valid(self) -> bool:
        return not self.errors

    def wrong(self, name: str, sentence: str) -> None:
        """Note what only the handler can know, such as a name that is taken. The first stays."""
        self.errors.setdefault(name, sentence)

    def raw(self, name: str) -> str:
        """As it was typed, for passwords."""
        return self.given.get(name, "")

    def text(
        self,
        name: str,
        *,
        label: str = "this",
        required: bool = True,
        least: int = 0,
        most: int = 200,
        lines: bool = False,
    ) -> str | None:
        """Without spaces around it; "" where it may be empty. `lines`: of several lines."""
        value = self.given.get(name, "").replace("\r\n", "\n").strip()
        if not value and required:
            self.wrong(name, f"Enter {label}")
        elif (_UNSEEN_BUT_LINES if lines else _UNSEEN).search(value):
            self.wrong(name, "Leave out characters that cannot be seen")
        elif len(value) > most:
            self.wrong(name, f"Use {most} characters at most")
        elif value and len(value) < least:
            self.wrong(name, f"Use {least} characters at least")
        else:
            return value
        return None

    def email(
        self, name: str, *, label: str = "an e-mail address", required: bool = True
    ) -> str | None:
        value = self.text(name, label=label, required=required, most=254)
        if value and not _EMAIL.fullmatch(value):
            self.wrong(name, "Enter an e-mail address such as ada@example.com")
            return None
        return value

    def integer(
        self,
        name: str,
        *,
        label: str = "a whole number",
        required: bool = True,
        least: int | None = None,
        most: int | None = None,
    ) -> int | None:
        value = self.decimal(name, label=label, required=required, least=least, most=most, places=0)
        return None if value is None else int(value)

    def decimal(
        self,
        name: str,
        *,
        label: str = "a number",
        required: bool = True,
        least: int | Decimal | None = None,
        most: int | Decimal | None = None,
        places: int = 2,
    ) -> Decimal | None:
        """A plain number; a comma may stand for the point. None where it may be empty."""
        text = self.text(name, label=label, required=required, most=40)
        if not text:
            return None
        text = text.replace(",", ".")
        if not _NUMBER.fullmatch(text):
            self.wrong(name, "Enter a number such as 7.4" if places else "Enter a whole number")
            return None
        value = Decimal(text).normalize()
        if -int(value.as_tuple().exponent) > places:
            self.wrong(name, f"Use {places} decimals at most" if places else "Enter a whole number")
        elif (least is not None and value < least) or (most is not None and value > most):
            self.wrong(name, _between(least, most))
        else:
            return value
        return None

    def choice(
        self, name: str, options: Collection[str], *, label: str = "one", required: bool = True
    ) -> str | None:
        """One of `options`; "" where nothing need be chosen."""
        value = self.given.get(name, "")
        if value in options or (not value and not required):
            return value
        self.wrong(name, f"Choose {label}")
        return None

    def ticked(self, name: str) -> bool:
        return self.given.get(name, "") not in {"", "off", "false", "0"}


def _between(least: int | Decimal | None, most: int | Decimal | None) -> str:
    if least is None:
        return f"Enter {most} or less"
    if most is None:
        return f"Enter {least} or more"
    return f"Enter a number from {least} to {most}"
