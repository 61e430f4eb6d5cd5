"""The statements are proved on a portal of their own, as in tests/portal."""

from tests.portal.conftest import api

__all__ = ["api"]
