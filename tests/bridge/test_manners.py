"""A source and its provider over real sockets: pauses that are asked for, failures, answers that stand unchanged."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from adapters.fetch.client import ProviderClient
from adapters.fetch.transport import PooledTransport
from adapters.rates import fixed_rates
from bridge.poller import Poller
from bridge.results import PollResult
from bridge.retry import CircuitBreaker, RetryPolicy, first_rest_s
from bridge.source import Source
from tests.bridge.fakes import Clock, Lumen, rows

Reply = tuple[int, dict[str, str], bytes]


class Provider(ThreadingHTTPServer):
    """Answers on 127.0.0.1 with what stands in `replies`, the last one again and again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.replies: list[Reply] = []
        self.seen: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_GET(self) -> None:
        replies = self.server.replies
        status, headers, body = replies.pop(0) if len(replies) > 1 else replies[0]
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Guest:
    """A source that asks the provider, on a clock of its own."""

    def __init__(self, provider: Provider, adapter: Lumen | None = None) -> None:
        self.clock = Clock()
        adapter = adapter or Lumen()
        transport = PooledTransport(provider.url)
        client = ProviderClient(adapter, transport, upstream_url=provider.url, clock=self.clock, now=self.clock.now, sleep=self.clock.sleep)
        breaker = CircuitBreaker(clock=self.clock, rest_s=first_rest_s(60.0))
        self.source = Source(adapter, client, "simulated", breaker=breaker)
        self.rates = fixed_rates()
        retry = RetryPolicy(clock=self.clock, sleep=self.clock.sleep, random=lambda: 1.0)
        self.poller = Poller(self.rates, retry=retry, now=self.clock.now, clock=self.clock)

    async def poll(self) -> PollResult:
        return await self.poller.poll(self.source)


Guests = Callable[..., Guest]


@pytest.fixture
async def visit(provider: Provider) -> AsyncIterator[Guests]:
    made: list[Guest] = []

    def make(adapter: Lumen | None = None) -> Guest:
        made.append(Guest(provider, adapter))
        return made[-1]

    yield make
    for guest in made:
        assert guest.source.client is not None
        await guest.source.client.aclose()


def good(**headers: str) -> Reply:
    return 200, {name.replace("_", "-"): value for name, value in headers.items()}, msgspec.json.encode(rows("a", "b"))


async def test_a_short_pause_that_is_asked_for_is_kept_within_the_poll(visit: Guests, provider: Provider) -> None:
    provider.replies = [(503, {"retry-after": "5"}, b""), good()]
    guest = visit()
    result = await guest.poll()
    assert (result.health.health, result.health.requests, guest.clock.passed_s) == ("ok", 2, 5.0)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("when", ["300", "Sat, 21 Nov 2026 12:05:00 GMT"])
async def test_a_long_pause_that_is_asked_for_is_kept_whoever_polls(visit: Guests, provider: Provider, status: int, when: str) -> None:
    provider.replies = [(status, {"retry-after": when}, b""), good()]
    guest = visit()
    result = await guest.poll()
    assert (result.health.health, result.health.http_status, guest.source.rests_s) == ("down", status, 300.0)
    guest.clock.passed_s = 200.0
    result = await guest.poll()
    assert (result.health.health, result.health.requests, len(provider.seen)) == ("down", 0, 1)
    assert result.health.error == "lumen: types: the provider wants to be left alone"
    guest.clock.passed_s = 300.0
    assert (await guest.poll()).health.health == "ok"
    assert guest.source.rests_s == 0.0


async def test_an_allowance_that_is_used_up_is_waited_for_after_a_good_answer(visit: Guests, provider: Provider) -> None:
    reset = str(int(Clock().now().timestamp()) + 120)
    provider.replies = [good(ratelimit_limit="250", ratelimit_remaining="0", ratelimit_reset=reset), good()]
    guest = visit()
    result = await guest.poll()
    assert (result.health.health, guest.source.rests_s) == ("ok", 120.0)


async def test_one_throttled_part_keeps_the_others_quiet(visit: Guests, provider: Provider) -> None:
    class Zoned(Lumen):
        zones = ("north", "south")

    provider.replies = [(429, {"retry-after": "60"}, b""), good()]
    guest = visit(Zoned())
    await guest.poll()
    assert guest.source.rests_s == 60.0
    assert (await guest.poll()).health.requests == 0


async def test_what_fails_on_and_on_rests_longer_each_time(visit: Guests, provider: Provider) -> None:
    provider.replies = [(500, {}, b"")]
    guest, rests = visit(), []
    for _ in range(6):
        await guest.poll()
        rests.append(guest.source.rests_s)
        guest.clock.passed_s += guest.source.rests_s
    assert rests == [0.0, 0.0, 120.0, 240.0, 300.0, 300.0]
    provider.replies = [good()]
    assert (await guest.poll()).health.breaker == "closed"
    assert guest.source.rests_s == 0.0


class Listed(Lumen):
    conditional = True
    cadence = timedelta(hours=1)
    parsed = 0

    def parse(self, pages: Any, observed_at: Any) -> Any:
        # The guard's own look at what is read comes over mappings of its own.
        type(self).parsed += type(pages[0].body) is dict
        return super().parse(pages, observed_at)


UNCHANGED: Reply = (304, {}, b"")


@pytest.mark.parametrize(
    ("validator", "condition"),
    [({"etag": '"v1"'}, {"if-none-match": '"v1"'}), ({"last-modified": "x"}, {"if-modified-since": "x"})],
)
async def test_an_unchanged_answer_stands_observed_now_and_is_not_parsed_again(
    visit: Guests, provider: Provider, validator: dict[str, str], condition: dict[str, str]
) -> None:
    Listed.parsed = 0
    body = good()[2]
    provider.replies = [(200, validator, body), UNCHANGED]
    guest = visit(Listed())
    await guest.poll()
    guest.clock.passed_s = 60.0
    health = (await guest.poll()).health
    assert (health.health, health.offers, health.http_status, health.requests) == ("ok", 2, 304, 1)
    assert (health.unchanged_answers, health.bytes_saved, health.bytes, Listed.parsed) == (1, len(body), 0, 1)
    assert {held.observed_at_ms for held in guest.source.book.offers.values()} == {guest.clock.now_ms()}
    assert condition.items() <= provider.seen[1].items()
    assert not condition.keys() & provider.seen[0].keys()


async def test_an_answer_that_changed_takes_the_earlier_ones_place(visit: Guests, provider: Provider) -> None:
    Listed.parsed = 0
    newer = msgspec.json.encode(rows("a", price="17.00"))
    provider.replies = [good(etag='"v1"'), (200, {"etag": '"v2"'}, newer), UNCHANGED]
    guest = visit(Listed())
    for _ in range(3):
        health = (await guest.poll()).health
    assert (health.offers, Listed.parsed, provider.seen[2]["if-none-match"]) == (1, 2, '"v2"')
    assert guest.source.book.offers["a"].encoded.state.amount == "17.0"


async def test_an_unchanged_answer_is_priced_anew_where_a_rate_moved(visit: Guests, provider: Provider) -> None:
    Listed.parsed = 0
    provider.replies = [good(etag='"v1"'), UNCHANGED]
    guest = visit(Listed())
    await guest.poll()
    guest.rates |= fixed_rates("1.2000", "2026-11-20")
    await guest.poll()
    assert Listed.parsed == 2


async def test_an_answer_that_was_not_believed_is_asked_for_in_full(visit: Guests, provider: Provider) -> None:
    provider.replies = [(200, {"etag": '"v1"'}, b'{"nothing": 1}'), good(etag='"v1"')]
    guest = visit(Listed())
    assert (await guest.poll()).health.health == "down"
    assert (await guest.poll()).health.health == "ok"
    assert "if-none-match" not in provider.seen[1]


async def test_a_source_that_does_not_say_so_is_asked_in_full(visit: Guests, provider: Provider) -> None:
    provider.replies = [good(etag='"v1"')]
    guest = visit()
    await guest.poll()
    await guest.poll()
    assert "if-none-match" not in provider.seen[1]


async def test_304_to_a_question_without_condition_is_no_answer(visit: Guests, provider: Provider) -> None:
    provider.replies = [UNCHANGED]
    result = await visit(Listed()).poll()
    assert (result.health.health, result.health.error) == ("down", "lumen: types: HTTP 304")
