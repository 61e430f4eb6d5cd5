"""The driver's portal."""

from __future__ import annotations

from portal.views.driver import (
    account,
    cards,
    charging,
    disputes,
    home,
    session,
    session_files,
    sessions,
    statement,
)
from portal.views.driver.shown import active, banner

routes = [
    *home.routes,
    *charging.routes,
    *cards.routes,
    *account.routes,
    *disputes.routes,
    *sessions.routes,
    *session.routes,
    *session_files.routes,
    *statement.routes,
]

__all__ = ["active", "banner", "routes"]
