"""The admin's portal."""

from __future__ import annotations

from portal.views.admin.cards import routes as cards
from portal.views.admin.charger import routes as charger
from portal.views.admin.charger_forms import routes as charger_forms
from portal.views.admin.devices import routes as devices
from portal.views.admin.drivers import routes as drivers
from portal.views.admin.sites import routes as sites
from portal.views.admin.transactions import routes as transactions

# The forms first: /admin/chargers/new is not a charger called new.
routes = [
    *transactions,
    *devices,
    *charger_forms,
    *charger,
    *sites,
    *drivers,
    *cards,
]
