"""The dashboard and the API page: nothing from another host, the market said in the page itself, headers that hold it to that."""

import re
from html.parser import HTMLParser

import pytest

from api.pages import BANNERS, STATIC, load_pages
from schemas.vocabulary import Market

NAMESPACES = {"http://www.w3.org/2000/svg"}
"""Names, not addresses: nothing is fetched from them."""


class Links(HTMLParser):
    """Every address an HTML page fetches or links to, and whether anything is inline."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "action", "data") and value]
        self.inline += [name for name in names if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.inline.append(tag)


@pytest.mark.parametrize("file", sorted(STATIC.iterdir()), ids=lambda file: file.name)
def test_no_file_names_another_host(file: object) -> None:
    text = (STATIC / getattr(file, "name")).read_text()  # noqa: B009 - ids need the bare object
    found = {match for match in re.findall(r"(?:https?:)?//[A-Za-z0-9][^\s\"'`)<>]*", text) if "." in match}
    assert found <= NAMESPACES


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_fetch_only_what_is_served_here(path: str) -> None:
    pages = load_pages("simulated")
    links = Links()
    links.feed(pages[path].answer(None).body.decode())
    assert links.addresses
    assert links.inline == [], "the policy header forbids inline script and style"
    for address in links.addresses:
        assert address.startswith("/"), address
        if address.startswith("/static/"):
            assert address in pages


def test_modules_import_only_what_is_served_here() -> None:
    pages = load_pages("simulated")
    for file in STATIC.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', file.read_text()):
            assert f"/static/{name}" in pages, f"{file.name} imports {name}"


@pytest.mark.parametrize("market", ["simulated", "recorded", "live"])
def test_the_market_is_said_in_the_page_itself(market: Market) -> None:
    body = load_pages(market)["/"].answer(None).body.decode()
    assert "{{" not in body
    assert f'data-market="{market}"' in body
    assert BANNERS[market] in body
    assert ("not real prices" in body) is (market == "simulated")


def test_headers_and_304() -> None:
    page = load_pages("simulated")["/"]
    answer = page.answer(None)
    headers = dict(answer.headers)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert page.answer(headers["etag"]).status == 304
    assert page.answer('"other"').status == 200
