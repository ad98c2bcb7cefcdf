"""Paging gone wrong, for every provider that pages: it never ends, leads in a circle, or brings the same page under another name."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from adapters.base import Adapter, Request
from adapters.bodies import decode_json
from adapters.errors import PayloadChanged
from tests.adapters.judged import crashes, wrong_prices
from tests.adapters.polled import Accepted, Asked, Give, key
from tests.adapters.support import ADAPTERS

pytestmark = pytest.mark.usefixtures("quiet")

MORE: dict[str, tuple[str, Callable[[int], Any]]] = {
    "alibaba-spot": ("NextOffset", lambda page: 10 * page),
    "aws-spot": ("<nextToken>", str),
    "azure": ("NextPageLink", lambda page: f"https://prices.azure.com/api/retail/prices?$skip={page}000"),
    "digitalocean": ("links.pages.next", lambda page: f"https://api.digitalocean.com/v2/sizes?page={page + 1}&per_page=200"),
    "gcp": ("nextPageToken", str),
    "gpuai": ("next_cursor", str),
    "linode": ("pages", lambda _: 10_000),
    "prime-intellect": ("totalCount", lambda _: 1_000_000),
    "scaleway": ("link:", lambda page: f'</products/servers?page={page + 1}&per_page=100&>; rel="next"'),
    "spheron": ("totalPages", lambda _: 10_000),
    "vultr": ("meta.links.next", str),
}
"""How each provider says that another page follows this one: a field, an element or a header, and what stands there."""

OTHERWISE = {
    "alibaba": "asks for the price of what is in stock: one page more",
    "clore": "asks for the rates, where a server has no price in USD: one page more",
    "vast": "64 offers are a full page; asks on from the last price, at most MAX_BANDS times",
    "voltage-park": "a second page is refused: how it is asked for is not known",
}

every_paged = pytest.mark.parametrize("source", MORE)


def test_every_provider_that_pages_is_here() -> None:
    paged = {source for source, adapter in ADAPTERS.items() if type(adapter).next_page is not Adapter.next_page}
    assert paged == MORE.keys() | OTHERWISE.keys()


@every_paged
def test_pages_without_end_leave_every_price(source: str, accepted: Callable[[str], Accepted], monkeypatch: pytest.MonkeyPatch) -> None:
    first = accepted(source)
    monkeypatch.setattr("adapters.fetch.client.MAX_PAGES", 12)
    outcome = first.poll(_given(first, lambda asked, page: _leading_on(source, asked, page)))
    assert any(isinstance(error, PayloadChanged) and "more than 12 pages" in str(error) for error in outcome.errors)
    assert not crashes(outcome)
    assert outcome.stated == first.stated


@every_paged
def test_pages_in_a_circle_leave_every_price(source: str, accepted: Callable[[str], Accepted]) -> None:
    first = accepted(source)
    outcome = first.poll(_given(first, lambda asked, _: _leading_on(source, asked, 1)))
    assert any(isinstance(error, PayloadChanged) for error in outcome.errors)
    assert not crashes(outcome)
    assert outcome.stated == first.stated


@every_paged
def test_a_page_that_comes_again_makes_no_other_price(source: str, accepted: Callable[[str], Accepted]) -> None:
    first = accepted(source)
    outcome = first.poll(_given(first, lambda asked, page: _leading_on(source, asked, 1) if page == 1 else _again(asked)))
    assert not crashes(outcome)
    assert not wrong_prices(first, outcome)


def _given(first: Accepted, answered: Callable[[Asked, int], Asked]) -> Give:
    """First pages, and those that they lead to, as a function of the true first page and the page's number."""
    firsts = [asked for asked in first.answers.values() if asked.request.page == 1]

    def give(request: Request) -> Asked:
        own = first.answers.get(key(request)) if request.page == 1 else None
        alike = (asked for asked in firsts if (asked.request.name, asked.request.path) == (request.name, request.path))
        base = own or max(alike, key=lambda asked: len(asked.request.query.items() & request.query.items()))
        return answered(base, request.page)

    return give


def _leading_on(source: str, asked: Asked, page: int) -> Asked:
    where, link = MORE[source]
    if where.endswith(":"):
        return Asked(asked.request, {**asked.headers, where[:-1]: link(page)}, asked.raw + b" " * (page - 1))
    if where.startswith("<"):
        text = re.sub(r"<nextToken>.*?</nextToken>|<nextToken */>", "", asked.raw.decode())
        raw = text.replace("</DescribeSpotPriceHistoryResponse>", f"<nextToken>{link(page)}</nextToken></DescribeSpotPriceHistoryResponse>")
        return msgspec.structs.replace(asked, raw=raw.encode())
    body = decode_json(asked.raw)
    *steps, last = where.split(".")
    parent = body
    for step in steps:
        parent = parent.setdefault(step, {})
    if last in parent or "." in where or last.startswith(("next", "Next")):
        parent[last] = link(page)
    encoded = msgspec.json.Encoder(decimal_format="number").encode(body)
    return msgspec.structs.replace(asked, raw=encoded + b" " * (page - 1))


def _again(asked: Asked) -> Asked:
    return msgspec.structs.replace(asked, raw=asked.raw + b"\n")
