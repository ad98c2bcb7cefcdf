"""The dashboard and the API page: files in api/static, read once. No asset comes from another host, and the policy header says so."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from api.http import Answer
from schemas.vocabulary import Market

STATIC = Path(__file__).parent / "static"
CONTENT_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
NAMES: Mapping[str, str] = {"index.html": "/", "docs.html": "/docs"}
"""Files that have another path than /static/NAME."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
BANNERS: Mapping[Market, str] = {
    "simulated": "Simulated market — not real prices",
    "recorded": "Recorded market — real answers of another day, not today’s prices",
    "live": "",
}


class Page:
    """One file, ready to be sent."""

    def __init__(self, body: bytes, content_type: str) -> None:
        self._body = body
        self._etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        self._headers = [
            ("content-type", content_type),
            ("cache-control", "no-cache"),
            ("etag", self._etag),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", POLICY),
        ]

    def answer(self, if_none_match: str | None) -> Answer:
        """The file, or 304 where the browser holds it already."""
        if if_none_match is not None and self._etag in if_none_match:
            return Answer(304, self._headers, b"")
        return Answer(200, self._headers, self._body)


def load_pages(market: Market) -> dict[str, Page]:
    """Every file in api/static by its path, `{{market}}` and `{{banner}}` replaced."""
    pages = {}
    for file in sorted(STATIC.iterdir()):
        body = file.read_bytes()
        if file.suffix == ".html":
            body = body.replace(b"{{market}}", market.encode()).replace(b"{{banner}}", BANNERS[market].encode())
        pages[NAMES.get(file.name, f"/static/{file.name}")] = Page(body, CONTENT_TYPES[file.suffix])
    return pages
