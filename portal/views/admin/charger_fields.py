"""Fields that the forms of a charger share."""

from __future__ import annotations

from typing import Any, cast

from csms.rules.clocks import MOST_HOURS
from db import sites, tariffs
from db.model.stations import Profile
from db.rows import Conn
from portal.forms import Form
from portal.views.admin.charger_clock import shown

#: The five that drivers read (seed: customer tour), and a plain socket.
TYPES = ("Type 2", "CCS", "CHAdeMO", "J1772", "NACS", "Schuko")


#: The lowest OCPP security profile that a charger may connect with.
PROFILES = (
    ("0", "Any, also without a password if it has none"),
    ("1", "1: a password"),
    ("2", "2: a password, by TLS (wss://)"),
    ("3", "3: a client certificate (wss://)"),
)


#: What the clock of a charger shows while it says that it is UTC.
CLOCKS = (
    ("0", "UTC, as OCPP asks"),
    *((str(hours), shown(hours)) for hours in range(1, MOST_HOURS + 1)),
    *((str(-hours), shown(-hours)) for hours in range(1, MOST_HOURS + 1)),
)


async def place_fields(conn: Conn, form: Form) -> tuple[str | None, int | None, int | None]:
    """The name, the site's id and the tariff's."""
    name = form.text("name", required=False, most=100) or None
    known = {str(site.id): site.id for site in await sites.list_all(conn)}
    site = form.choice("site", known, label="a site", required=False)
    return name, known.get(site or ""), await tariff_field(conn, form)


async def tariff_field(conn: Conn, form: Form) -> int | None:
    known = {str(id): id for id, _ in await tariffs.list_choices(conn)}
    return known.get(form.choice("tariff", known, label="a tariff", required=False) or "")


def profile_field(form: Form, *, has_password: bool, now: Profile = 0) -> Profile:
    """`now`: it stays so where nothing is said."""
    known = {key for key, _ in PROFILES}
    given = form.choice("least_profile", known, label="a profile", required=False)
    profile = cast("Profile", int(given or now))
    if profile in (1, 2) and not has_password:
        form.wrong("least_profile", "It has no password yet: make one first")
    return profile


def clock_field(form: Form, *, now: int) -> int:
    """Whole hours ahead of UTC. `now`: it stays so where nothing is said."""
    known = {key for key, _ in CLOCKS}
    given = form.choice("clock_offset_h", known, label="what its clock shows", required=False)
    return int(given or now)


def plug_fields(form: Form, type_name: str, kw_name: str) -> tuple[str | None, int | None]:
    """The type, and the power in W."""
    kind = form.text(type_name, required=False, most=50)
    kw = form.decimal(kw_name, required=False, least=1, most=2000, places=3)
    return kind or None, None if kw is None else int(kw * 1000)


async def place_options(conn: Conn) -> dict[str, Any]:
    """`sites` and `tariffs`, to choose from."""
    return {
        "sites": [
            ("", "No site"),
            *((str(site.id), site.name) for site in await sites.list_all(conn)),
        ],
        "tariffs": await tariff_options(conn, "The site's, or the default"),
    }


async def tariff_options(conn: Conn, none: str) -> list[tuple[str, str]]:
    choices = await tariffs.list_choices(conn)
    return [("", none), *((str(id), words) for id, words in choices)]


def type_options(*given: str) -> list[tuple[str, str]]:
    """What somebody entered in another way stays."""
    others = sorted(set(given) - set(TYPES) - {""})
    return [("", "None"), *((kind, kind) for kind in [*TYPES, *others])]
