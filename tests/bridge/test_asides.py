"""What only describes offers: one file for all slices, asked once for all of them, and never in the way of a price."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import httpx
import msgspec
import pytest

from adapters.base import Page, Request, Slice
from adapters.fetch import asides
from adapters.models import Offer, Rejected
from bridge.source import Source
from tests.bridge.fakes import Clock, Lumen, poller, rows, source

ADVICE = {"bands": {"eu": "<5%"}}


class Advised(Lumen):
    """Three zones, and a file that says of their region how often a machine is taken back."""

    zones = ("north", "south", "west")

    def slices(self) -> Sequence[Slice]:
        advisor = Request(name="advisor", path="/advice.json", host="files.lumen.example", public=True, aside=True)
        return [msgspec.structs.replace(part, requests=(*part.requests, advisor)) for part in super().slices()]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        bands = {region: band for page in pages if page.request.aside for region, band in page.body.get("bands", {}).items()}
        for row in super().parse([page for page in pages if not page.request.aside], observed_at):
            yield msgspec.structs.replace(row, interruption=bands.get(row.region)) if isinstance(row, Offer) else row


class Provider:
    """Zones that always answer, and a file that answers as `advice` says."""

    def __init__(self, advice: httpx.Response | Exception) -> None:
        self.advice = advice
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "files.lumen.example":
            return httpx.Response(200, json=rows(f"{request.url.path.rpartition('/')[2]}-1"))
        self.asked.append(request)
        if isinstance(self.advice, Exception):
            raise self.advice
        return httpx.Response(self.advice.status_code, headers=self.advice.headers, content=self.advice.content)


def told(polled: Source) -> dict[str, str | None]:
    return {key: held.encoded.state.interruption for key, held in polled.book.offers.items()}


EVERYWHERE = {"north-1": "<5%", "south-1": "<5%", "west-1": "<5%"}


async def test_one_question_serves_every_slice_and_later_polls_until_its_time_is_up() -> None:
    clock, provider = Clock(), Provider(httpx.Response(200, headers={"etag": '"1"'}, json=ADVICE))
    polled = source(provider, clock, Advised())
    result = await poller(clock).poll(polled)
    assert (result.health.health, result.health.error, told(polled)) == ("ok", None, EVERYWHERE)
    clock.passed_s = asides.KEPT_S - 1
    await poller(clock).poll(polled)
    assert len(provider.asked) == 1
    assert "if-none-match" not in provider.asked[0].headers

    provider.advice = httpx.Response(304)
    clock.passed_s = asides.KEPT_S + 1
    result = await poller(clock).poll(polled)
    assert [request.headers.get("if-none-match") for request in provider.asked] == [None, '"1"']
    assert (result.health.health, told(polled)) == ("ok", EVERYWHERE)
    assert result.health.unchanged_answers == 1


@pytest.mark.parametrize(
    ("advice", "why"),
    [
        (httpx.Response(403), "lumen: advisor: HTTP 403"),
        (httpx.Response(404), "lumen: advisor: HTTP 404"),
        (httpx.Response(200, content=b"<html>"), "lumen: advisor: body is HTML or XML, not JSON"),
        (httpx.ConnectError("refused"), "lumen: advisor: "),
    ],
    ids=str,
)
async def test_without_it_prices_come_and_health_says_what_is_missing(advice: Any, why: str) -> None:
    clock, provider = Clock(), Provider(advice)
    polled = source(provider, clock, Advised())
    result = await poller(clock).poll(polled)
    assert told(polled) == dict.fromkeys(EVERYWHERE)
    assert result.health.health == "degraded"
    assert (result.health.error or "").startswith(why)
    assert (result.health.offers, polled.breaker.failures, len(provider.asked)) == (3, 0, 1)

    provider.advice = httpx.Response(200, json=ADVICE)
    clock.passed_s = asides.REST_S - 1
    await poller(clock).poll(polled)
    assert told(polled) == dict.fromkeys(EVERYWHERE)
    clock.passed_s = asides.REST_S
    result = await poller(clock).poll(polled)
    assert (result.health.health, result.health.error, told(polled)) == ("ok", None, EVERYWHERE)


async def test_the_last_one_stands_in_for_a_day() -> None:
    clock, provider = Clock(), Provider(httpx.Response(200, json=ADVICE))
    polled = source(provider, clock, Advised())
    await poller(clock).poll(polled)
    provider.advice = httpx.Response(500)
    clock.passed_s = asides.STANDS_IN_S
    result = await poller(clock).poll(polled)
    assert (result.health.health, told(polled)) == ("degraded", EVERYWHERE)
    clock.passed_s = asides.STANDS_IN_S + 1
    await poller(clock).poll(polled)
    assert told(polled) == dict.fromkeys(EVERYWHERE)


async def test_its_host_may_ask_for_a_rest_of_its_own() -> None:
    clock, provider = Clock(), Provider(httpx.Response(503, headers={"retry-after": "600"}))
    polled = source(provider, clock, Advised())
    for at_s in (0.0, 300.0, 599.0):
        clock.passed_s = at_s
        result = await poller(clock).poll(polled)
        assert (result.health.health, result.health.offers, polled.rests_s) == ("degraded", 3, 0.0)
    assert len(provider.asked) == 1
    clock.passed_s = 600.0
    await poller(clock).poll(polled)
    assert len(provider.asked) == 2


async def test_a_file_that_hangs_is_given_up_before_the_prices_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asides, "PATIENCE_S", 0.01)
    never = asyncio.Event()
    asked = 0

    async def hangs(_: Request) -> str:
        nonlocal asked
        asked += 1
        await never.wait()
        return "late"

    store = asides.Asides(hangs, Clock())
    request = Request(name="advisor", path="/advice.json", aside=True)
    told = await asyncio.gather(store.of(request), store.of(request))
    assert list(told) == [(None, "advisor: no whole answer within 0 s")] * 2
    assert asked == 1


async def test_its_keys_are_no_part_of_what_the_guard_compares() -> None:
    clock, provider = Clock(), Provider(httpx.Response(200, json=ADVICE))
    polled, one = source(provider, clock, Advised()), poller(clock)
    for _ in range(8):
        await one.poll(polled)
        clock.passed_s += asides.KEPT_S + 1
    provider.advice = httpx.Response(200, json={})
    result = await one.poll(polled)
    assert (result.health.health, told(polled)) == ("ok", dict.fromkeys(EVERYWHERE))
