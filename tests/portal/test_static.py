from __future__ import annotations

import gzip
import re
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from portal import static_files
from portal.static_files import FOLDER, assets
from tests.portal.conftest import Api

TEMPLATES = Path(static_files.__file__).parent / "templates"
KINDS = {
    "css/tokens.css": "text/css; charset=utf-8",
    "icons.svg": "image/svg+xml; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
}


async def fetch(api: Api, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    """The body as it came, not unpacked."""
    url = URL(f"http://127.0.0.1:{api.port}{path}", encoded=True)
    async with (
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.get(url, headers=headers, allow_redirects=False) as response,
    ):
        return response, await response.read()


@pytest.mark.parametrize(("path", "kind"), KINDS.items())
async def test_a_file_is_kept_for_a_year_at_the_address_of_its_content(
    api: Api, path: str, kind: str
) -> None:
    response, body = await fetch(api, static_files.url(path), **{"Accept-Encoding": "identity"})

    assert response.status == 200
    assert body == (FOLDER / path).read_bytes()
    assert response.headers["Content-Type"] == kind
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Content-Encoding" not in response.headers


async def test_who_takes_gzip_gets_less(api: Api) -> None:
    address = static_files.url("css/components.css")

    response, body = await fetch(api, address, **{"Accept-Encoding": "br, gzip"})

    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(body) == (FOLDER / "css/components.css").read_bytes()
    assert len(body) < len(gzip.decompress(body)) / 2


@pytest.mark.parametrize("path", ["/static/css/base.css", "/static/000000000000/css/base.css"])
async def test_at_another_address_a_file_is_asked_about_each_time(api: Api, path: str) -> None:
    response, body = await fetch(api, path, **{"Accept-Encoding": "identity"})
    again, nothing = await fetch(api, path, **{"If-None-Match": response.headers["ETag"]})

    assert body == (FOLDER / "css/base.css").read_bytes()
    assert response.headers["Cache-Control"] == "no-cache"
    assert (again.status, nothing) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/nothing.css",
        "/static/css",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/css/..%2f..%2f..%2fapp.py",
        "/static//etc/passwd",
        "/static/000000000000//etc/passwd",
        "/static/css/base.css%00",
    ],
)
async def test_nothing_but_the_files_can_be_named(api: Api, path: str) -> None:
    response, body = await fetch(api, path)

    assert response.status in {303, 400, 404}
    assert b"root:" not in body
    assert b"make_app" not in body


def test_no_template_names_a_file_or_an_icon_that_is_not_there() -> None:
    icons = set(re.findall(r'<symbol id="([^"]+)"', (FOLDER / "icons.svg").read_text()))
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text()
        named = set(re.findall(r'static\("([^"]+)"\)', text))
        drawn = set(re.findall(r'\bicon\("([^"]+)"\)', text))

        assert named <= assets().keys(), template
        assert drawn <= icons, template


def test_no_page_has_a_style_or_a_script_of_its_own() -> None:
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text()

        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text), template
        # Data is none: nothing runs it.
        assert not re.search(r"<script(?![^>]*\ssrc=|\stype=\"application/json\")", text), template
        assert "hx-on" not in text, template


def test_styles_and_scripts_of_a_driver_page_are_under_70_kb() -> None:
    names = ["tokens", "base", "layout", "components", "told", "records", "home"]
    paths = [f"css/{name}.css" for name in names] + ["icons.svg", "icon.svg", "live.js"]
    paths += [path for path in assets() if path.startswith("vendor/")]

    assert sum(len(assets()[path].packed or assets()[path].body) for path in paths) < 70_000
