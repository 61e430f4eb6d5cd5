"""The admin's portal."""

from __future__ import annotations

from portal.views.admin.audit import routes as audit
from portal.views.admin.card_page import routes as card_page
from portal.views.admin.cards import routes as cards
from portal.views.admin.charger import routes as charger
from portal.views.admin.charger_add import routes as charger_add
from portal.views.admin.charger_certificates import routes as charger_certificates
from portal.views.admin.charger_edit import routes as charger_edit
from portal.views.admin.charger_password import routes as charger_password
from portal.views.admin.charger_plugs import routes as charger_plugs
from portal.views.admin.charger_reports import routes as charger_reports
from portal.views.admin.devices import routes as devices
from portal.views.admin.dispute_steps import routes as dispute_steps
from portal.views.admin.disputes import routes as disputes
from portal.views.admin.driver import routes as driver
from portal.views.admin.drivers import routes as drivers
from portal.views.admin.overview import routes as overview
from portal.views.admin.plans import routes as plans
from portal.views.admin.quarantine_settle import routes as quarantine_settle
from portal.views.admin.reservations import routes as reservations
from portal.views.admin.site_members import routes as site_members
from portal.views.admin.sites import routes as sites
from portal.views.admin.stickers import routes as stickers
from portal.views.admin.system import routes as system
from portal.views.admin.tariffs import routes as tariffs
from portal.views.admin.transaction import routes as transaction
from portal.views.admin.transaction_close import routes as transaction_close
from portal.views.admin.transaction_export import routes as transaction_export
from portal.views.admin.transactions import routes as transactions

# The forms first: /admin/chargers/new is not a charger called new.
routes = [
    *overview,
    *quarantine_settle,
    *transactions,
    *transaction_export,
    *transaction_close,
    *transaction,
    *devices,
    *charger_add,
    *charger_password,
    *charger_edit,
    *charger_plugs,
    *charger_certificates,
    *charger_reports,
    *charger,
    *sites,
    *site_members,
    *reservations,
    *disputes,
    *dispute_steps,
    *drivers,
    *driver,
    *cards,
    *card_page,
    *audit,
    *stickers,
    *system,
    *tariffs,
    *plans,
]
