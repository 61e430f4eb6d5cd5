"""A charger as the page behind its sticker shows it, and the tariff that holds there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from db.model.stations import Registration
from db.rows import Conn, maybe


@dataclass(frozen=True, slots=True)
class PublicCharger:
    """
    `may_see`: its site is for all, or the account is a member. `tariff_from` says what brought the
    tariff: the account's plan before the charger, its site and the default.
    """

    id: int
    identity: str
    public_id: str
    name: str
    site: str | None
    address: str | None
    zone: str
    registration: Registration
    is_out_of_service: bool
    may_see: bool
    tariff_id: int | None
    tariff_from: Literal["plan", "charger", "site", "default"] | None

    @property
    def is_in_service(self) -> bool:
        return self.registration == "Accepted" and not self.is_out_of_service


async def find(
    conn: Conn, public_id: str, *, account_id: int | None, zone: str
) -> PublicCharger | None:
    return await maybe(
        conn,
        PublicCharger,
        """
        select station.id, identity, public_id, coalesce(station.name, identity) as name,
            site.name as site, address, coalesce(site.zone, $3) as zone, registration,
            out_of_service_at is not null as is_out_of_service,
            not coalesce(site.is_members_only, false) or exists (
                select from site_member member
                where member.site_id = site.id and member.account_id = $2
            ) as may_see,
            coalesce(plan.tariff_id, station.tariff_id, site.tariff_id, usual.id) as tariff_id,
            case
                when plan.tariff_id is not null then 'plan'
                when station.tariff_id is not null then 'charger'
                when site.tariff_id is not null then 'site'
                when usual.id is not null then 'default'
            end as tariff_from
        from station
        left join site on site.id = site_id
        left join account on account.id = $2::bigint
        left join plan on plan.id = account.plan_id
        left join tariff usual on usual.is_default
        where public_id = $1
        """,
        public_id,
        account_id,
        zone,
    )
