"""How long rows for people are kept; what bills hang on is not among them."""

from __future__ import annotations

from db.rows import Conn

# Table, its time, days, and of which rows. Decisions and commands answer "why?" months later;
# attempts do not.
_KEPT = (
    ("connection_attempt", "at", 30, "true"),
    ("authorization_decision", "at", 400, "true"),
    ("command", "asked_at", 90, "true"),
    ("station_event", "received_at", 400, "true"),
    ("station_event", "received_at", 90, "kind <> 'security'"),
    ("report", "started_at", 90, "true"),
    # Somebody's personal data: 30 days at most, and this job runs each hour.
    ("report", "started_at", 29, "kind = 'customer_information'"),
    ("station_statement", "heard_at", 400, "true"),
    ("station_statement", "heard_at", 90, "not is_latest"),
    ("station_job_step", "at", 400, "true"),
    ("station_job", "changed_at", 400, "true"),
    ("certificate_request", "last_at", 400, "true"),
    ("charging_need", "received_at", 400, "true"),
    ("station_request", "received_at", 90, "true"),
    ("event_stream_value", "received_at", 7, "true"),
    ("event_stream", "closed_at", 90, "true"),
    ("web_session", "expires_at", 0, "true"),
    ("mail_link", "expires_at", 30, "true"),
    ("mail", "created_at", 90, "true"),
)
_BATCH = 10_000


async def delete_old(conn: Conn) -> None:
    """In bites, so that no bite holds its locks for long."""
    for table, column, days, which in _KEPT:
        done = f"DELETE {_BATCH}"
        while done == f"DELETE {_BATCH}":
            done = await conn.execute(
                f"""
                delete from {table} where ctid in (
                    select ctid from {table}
                    where {column} < now() - interval '{days} days' and {which}
                    limit {_BATCH}
                )
                """
            )
