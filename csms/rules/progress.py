"""How far a station's job is, by the word that it says of it (digest 5.8, 5.9)."""

from __future__ import annotations

from db.model.reports import Progress

_OVER: dict[str, Progress] = {
    # firmware
    "installed": "done",
    "downloadfailed": "failed",
    "installationfailed": "failed",
    "installverificationfailed": "failed",
    "invalidsignature": "failed",
    # firmware of a local controller for others
    "published": "done",
    "invalidchecksum": "failed",
    "publishfailed": "failed",
    # logs and diagnostics
    "uploaded": "done",
    "uploadfailed": "failed",
    "uploadfailure": "failed",
    "badmessage": "failed",
    "notsupportedoperation": "failed",
    "permissiondenied": "failed",
    "acceptedcanceled": "cancelled",
    # only after a trigger: no job runs
    "idle": "idle",
}


def progress(status: str) -> Progress:
    """A word that no standard has is taken for a step of a job that runs."""
    return _OVER.get(status.strip().casefold(), "running")
