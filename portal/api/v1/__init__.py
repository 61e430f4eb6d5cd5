"""Our REST API, version 1: typed requests in, typed answers out, one module per noun."""

from __future__ import annotations

from portal.api.v1 import (
    asked_by_stations,
    commands,
    device_model,
    event_streams,
    events,
    id_tokens,
    sessions,
    statements,
    stations,
)

routes = [
    *stations.routes,
    *id_tokens.routes,
    *sessions.routes,
    *commands.routes,
    *events.routes,
    *device_model.routes,
    *statements.routes,
    *asked_by_stations.routes,
    *event_streams.routes,
]
