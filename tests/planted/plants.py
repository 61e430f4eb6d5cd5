"""Bugs, each in the code behind a statement: the statement's tests have to notice them."""

from __future__ import annotations

from tests.planted.plant import Plant
from tests.planted.wire_plants import WIRE_PLANTS

PAGE_PLANTS = [
    Plant(
        "the estimate moves with a later version of the tariff",
        9,
        "db/tariffs_in_force.py",
        """
            order by v.created_at <= at desc, case when v.created_at <= at then -v.version end,
                v.version
""",
        """
            order by v.version desc
""",
    ),
    Plant(
        "another driver's session is forbidden instead of not found",
        24,
        "portal/views/driver/session.py",
        """
    return await driver_sessions.get(
        conn, people.person(request).id, number, zone=shown.operator_zone(request)
    )
""",
        """
    try:
        return await driver_sessions.get(
            conn, people.person(request).id, number, zone=shown.operator_zone(request)
        )
    except NotFound:
        raise web.HTTPForbidden from None
""",
    ),
    Plant("six recent sessions", 33, "db/driver_home.py", "RECENT = 5\n", "RECENT = 6\n"),
    Plant(
        "a cancelled reservation is the next one",
        38,
        "db/reservations.py",
        "where account_id = $3 and ends_at > $1 and {_STANDS}",
        "where account_id = $3 and ends_at > $1",
    ),
    Plant(
        "Offline only after two hours",
        46,
        "portal/views/driver/status.py",
        "UNSEEN_FOR = timedelta(hours=1)",
        "UNSEEN_FOR = timedelta(hours=2)",
    ),
    Plant(
        "the oldest update comes first",
        53,
        "db/admin_sessions.py",
        "order by updated_at desc, number desc limit {arguments.add(limit)}",
        "order by updated_at, number limit {arguments.add(limit)}",
    ),
    Plant(
        "a counter counts what the filters match",
        55,
        "portal/views/admin/transactions.py",
        "        figures = await panel(request, _counters(request, conn))\n",
        """\
        figures = await panel(request, _counters(request, conn))
        if figures.value and asked.filters.is_any:
            from dataclasses import replace

            matching_now = await _count(conn, asked)
            figures = Panel(replace(figures.value, active=matching_now))
""",
    ),
    Plant(
        "the average divides by all sessions there ever were",
        59,
        "db/counters.py",
        """
                where is_finalized and updated_at > $2
            ) + running.recent as recent,
""",
        """
                where is_finalized
            ) + running.recent as recent,
""",
    ),
    Plant(
        "To ends where its day begins",
        61,
        "portal/views/admin/transaction_filters.py",
        "midnight(until + timedelta(days=1), zone) if until else None",
        "midnight(until, zone) if until else None",
    ),
    Plant(
        "% and _ in a tag stand for anything",
        62,
        "db/session_filters.py",
        "where strpos(uid, lower($1)) > 0 order by uid",
        "where uid like '%' || lower($1) || '%' order by uid",
    ),
]

PLANTS = [*PAGE_PLANTS, *WIRE_PLANTS]
