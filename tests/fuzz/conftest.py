"""The fuzz's chargers are those of the catalogue."""

from tests.ocpp.conftest import yard

__all__ = ["yard"]
