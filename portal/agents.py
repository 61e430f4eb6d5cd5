"""What a browser calls itself, in words that its owner knows it by."""

from __future__ import annotations

# The first that is found counts: they name those that they wish to be taken for, too.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def words(user_agent: str | None) -> str:
    """Chrome on Android; a program by its own first word."""
    said = user_agent or ""
    browser = next((name for part, name in _BROWSERS if part in said), None)
    system = next((name for part, name in _SYSTEMS if part in said), None)
    if browser and system:
        return f"{browser} on {system}"
    if browser or system:
        return browser or f"A browser on {system}"
    program = said.partition("/")[0].partition(" ")[0]
    return program[:40] if program else "Unknown browser"
