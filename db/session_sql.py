"""Parts of queries about sessions that must mean the same wherever they are asked."""

from __future__ import annotations

#: How long a session that runs has lasted; `live` is its session_live.
# The charger's clock may be wrong: its own times are taken from each other, and ours from ours.
TOOK_SO_FAR = """
    coalesce(live.register_at - live.started_at + (now() - live.updated_at),
        now() - live.started_at)
"""
#: `plug` is the connector of the session `s`; where the charger named an EVSE alone, its first.
PLUG = """
    left join lateral (
        select type, max_power_w from connector
        where connector.station_id = s.station_id and connector.evse = s.evse
        order by coalesce(connector.connector = s.connector, false) desc, connector.connector
        limit 1
    ) plug on true
"""
