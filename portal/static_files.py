"""Scripts, styles and icons: read once, compressed once, at addresses that name their content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "static"
PREFIX = "/static/"
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}
_TEXTS = {*_TYPES, ".txt"}
_HASH_LENGTH = 12
_FOR_EVER = "public, max-age=31536000, immutable"

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Asset:
    path: str  # below the folder, such as css/base.css
    hash: str
    content_type: str
    body: bytes
    packed: bytes | None  # gzip, where that is smaller

    @property
    def url(self) -> str:
        return f"{PREFIX}{self.hash}/{self.path}"

    @property
    def etag(self) -> str:
        return f'"{self.hash}"'


@cache
def assets() -> dict[str, Asset]:
    """Every file by its path. A request can only name one of these: nothing is opened for it."""
    found = (file for file in sorted(FOLDER.rglob("*")) if file.is_file())
    return {asset.path: asset for asset in map(_read, found)}


def url(path: str) -> str:
    """The address of a file; a path that does not exist is a mistake in a template."""
    return assets()[path].url


def _read(file: Path) -> Asset:
    body = file.read_bytes()
    is_text = file.suffix in _TEXTS
    packed = gzip.compress(body, 9, mtime=0) if is_text else None
    guessed = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]
    content_type = guessed or "application/octet-stream"
    return Asset(
        path=file.relative_to(FOLDER).as_posix(),
        hash=hashlib.sha256(body).hexdigest()[:_HASH_LENGTH],
        content_type=f"{content_type}; charset=utf-8" if is_text else content_type,
        body=body,
        packed=packed if packed and len(packed) < len(body) else None,
    )


@routes.get(PREFIX + "{path:.+}", name="static")
async def static(request: web.Request) -> web.Response:
    path = request.match_info["path"]
    hash_, _, rest = path.partition("/")
    asset = assets().get(rest)
    is_exact = asset is not None and hash_ == asset.hash
    if not is_exact and len(hash_) != _HASH_LENGTH:
        asset = assets().get(path)
    if asset is None:
        raise web.HTTPNotFound
    # An older page may ask for an older hash: it gets what there is, and keeps nothing.
    headers = {
        "Cache-Control": _FOR_EVER if is_exact else "no-cache",
        "ETag": asset.etag,
        "Vary": "Accept-Encoding",
    }
    if asset.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    body = asset.body
    if asset.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = asset.packed, "gzip"
    headers["Content-Type"] = asset.content_type
    return web.Response(body=body, headers=headers)
