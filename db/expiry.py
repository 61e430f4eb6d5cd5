"""How long rows for people are kept; what bills hang on is not among them."""

from __future__ import annotations

from db.rows import Conn

# Table, its time, days. Decisions and commands answer "why?" months later; attempts do not.
_KEPT = (
    ("connection_attempt", "at", 30),
    ("authorization_decision", "at", 400),
    ("command", "asked_at", 90),
    ("notification", "received_at", 90),
    ("web_session", "expires_at", 0),
    ("mail_link", "expires_at", 30),
    ("mail", "created_at", 90),
)
_BATCH = 10_000


async def delete_old(conn: Conn) -> None:
    """In bites, so that no bite holds its locks for long."""
    for table, column, days in _KEPT:
        done = f"DELETE {_BATCH}"
        while done == f"DELETE {_BATCH}":
            done = await conn.execute(
                f"""
                delete from {table} where ctid in (
                    select ctid from {table}
                    where {column} < now() - interval '{days} days'
                    limit {_BATCH}
                )
                """
            )
