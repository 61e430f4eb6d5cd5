"""Our REST API, version 1: typed requests in, typed answers out, one module per noun."""

from __future__ import annotations

from portal.api.v1 import commands, device_model, events, id_tokens, sessions, statements, stations

routes = [
    *stations.routes,
    *id_tokens.routes,
    *sessions.routes,
    *commands.routes,
    *events.routes,
    *device_model.routes,
    *statements.routes,
]
