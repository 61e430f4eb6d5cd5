"""The driver's portal."""

from __future__ import annotations

from portal.views.driver import charging, home
from portal.views.driver.shown import active

routes = [*home.routes, *charging.routes]

__all__ = ["active", "routes"]
