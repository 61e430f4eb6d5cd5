"""Which tariff is in force where somebody charges, and what says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from db.rows import Conn


class Place(NamedTuple):
    """Where and when somebody charged: what decides which tariff is in force."""

    account_id: int | None
    station_id: int
    site_id: int | None
    at: datetime


Scope = Literal["plan", "station", "site", "default"]


@dataclass(frozen=True, slots=True)
class InForce:
    """
    The tariff that is in force at a place, and the name of what says so.

    A session is priced by the version that was the newest when it started; the first one, where
    it started before there was any.
    """

    tariff_id: int
    tariff: str  # its name
    version: int
    currency: str
    terms: str
    scope: Scope
    scope_name: str

    @property
    def why(self) -> str:
        """plan Home, charger Bay 1, site Harbour, the operator's default"""
        noun = {"plan": "plan", "station": "charger", "site": "site"}.get(self.scope)
        return f"{noun} {self.scope_name}" if noun else "the operator's default"


NO_TARIFF = "no tariff is set"


async def in_force(conn: Conn, places: Sequence[Place]) -> list[InForce | None]:
    """
    For each place the tariff of the account's plan, else of the charger, the site, the default.

    What was assigned when the session started counts, whatever was since. Where nothing was by
    then, what was first assigned to charger, site or by default does. One query.
    """
    records = await conn.fetch(
        """
        with place as (
            select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[])
                with ordinality as t (account_id, station_id, site_id, at, n)
        ), assigned as (
            select place.*, plan_id, assigned_at('plan', plan_id, at) as of_plan,
                assigned_at('station', station_id, at) as of_station,
                assigned_at('site', site_id, at) as of_site,
                assigned_at('default', 0, at) as of_default
            from place
            cross join lateral (select assigned_at('account', account_id, at) as plan_id) account
        ), chosen as (
            select assigned.*, choice.*
            from assigned cross join lateral (
                select tariff_id, scope from (values
                    (1, of_plan, 'plan'), (2, of_station, 'station'), (3, of_site, 'site'),
                    (4, of_default, 'default'),
                    (5, first_assigned('station', station_id), 'station'),
                    (6, first_assigned('site', site_id), 'site'),
                    (7, first_assigned('default', 0), 'default')
                ) as option (rank, tariff_id, scope)
                where tariff_id is not null
                order by rank limit 1
            ) choice
        )
        select n, tariff_id, tariff.name as tariff, version.version, version.currency,
            version.terms, scope,
            case scope
                when 'plan' then (select name from plan where plan.id = plan_id)
                when 'station' then
                    (select coalesce(name, identity) from station where station.id = station_id)
                when 'site' then (select name from site where site.id = site_id)
                else ''
            end as scope_name
        from chosen
        join tariff on tariff.id = tariff_id
        cross join lateral (
            select v.version, v.currency, v.terms::text as terms from tariff_version v
            where v.tariff_id = chosen.tariff_id
            order by v.created_at <= at desc, case when v.created_at <= at then -v.version end,
                v.version
            limit 1
        ) version
        """,
        [place.account_id for place in places],
        [place.station_id for place in places],
        [place.site_id for place in places],
        [place.at for place in places],
    )
    found: list[InForce | None] = [None] * len(places)
    for record in records:
        values = dict(record)
        place = values.pop("n") - 1
        found[place] = InForce(**values)
    return found
