"""Every page and fragment that links lead to, and whether anything in it is not ours."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from tests.portal.browser import Browser

_NAME = re.compile(r"[a-zA-Z_@:][-a-zA-Z0-9_@:.]*")
_LEFT_OUT = re.compile(r"^/(static|live|health|switch|sign-out)|\.(csv|xlsx)$")
_MOST_ALIKE = 4  # pages whose paths differ only in a number or a query


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.strange: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag.startswith("xq"):
            self.strange.append(f"<{tag}>")
        for name, value in attrs:
            if not _NAME.fullmatch(name) or name == "zz":
                self.strange.append(f"{name} of <{tag}>")
            if name in ("href", "src", "action") and (value or "").startswith("javascript:"):
                self.strange.append(f"{name}={value}")
            if name in ("href", "hx-get") and value:
                self.links.append(value)


async def crawl(browser: Browser, start: str) -> dict[str, str]:
    """
    What each page that was found is, by its path. Fails for one that is broken.

    Markup of a charger is `<xq zz=1>`: it may be shown as text, never be an element or attribute.
    """
    found: dict[str, str] = {}
    alike: Counter[str] = Counter()
    ahead = [start]
    while ahead:
        path = ahead.pop(0)
        kind = re.sub(r"\d+", "0", urlsplit(path).path)
        if path in found or _LEFT_OUT.search(urlsplit(path).path) or alike[kind] == _MOST_ALIKE:
            continue
        alike[kind] += 1
        shown = await browser.get(path)
        assert shown.status in (200, 404), (path, shown.status)
        found[path] = shown.text
        page = _Page()
        page.feed(shown.text)
        assert page.strange == [], (path, page.strange)
        assert "<xq" not in shown.text, path
        for link in page.links:
            address = urlsplit(urljoin(f"{browser.url}{path}", urldefrag(link).url))
            if f"{address.scheme}://{address.netloc}" == browser.url:
                ahead.append(address._replace(scheme="", netloc="").geturl())
    return found
