"""The service and the server's cache with a clock moved by hand."""

import asyncio
from typing import Any

import msgspec
import pytest

from api.answers import OffersTold, RatesTold
from api.errors import Unavailable
from api.metrics import Metrics
from api.params import OffersParameters
from api.server import Server
from api.service import STUCK_AFTER_MS, Service
from api.store import Store
from tests.api.market import NOW_MS, Clock, health, offer, snapshot, store_of


class QuietFeed:
    """A feed without a Redis: it notes what it is asked."""

    def __init__(self) -> None:
        self.down_since_ms: int | None = None
        self.tried_at_ms = NOW_MS
        self.refreshes_asked: dict[str, int] = {}
        self.asked: list[str] = []

    def ask_soon(self, sources: list[str]) -> None:
        self.asked += sources


class NoHistory:
    """A ClickHouse that has not been looked at."""

    up = None


class Exchange:
    """An RSGI request and its answer."""

    def __init__(self, path: str, query: str = "", method: str = "GET") -> None:
        self.path, self.query_string, self.method = path, query, method
        self.headers: dict[str, str] = {}
        self.status, self.body = 0, b""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.body = status, body


class World:
    """A server over a store, without sockets."""

    def __init__(self, store: Store) -> None:
        self.clock, self.feed, self.store = Clock(), QuietFeed(), store
        feed: Any = self.feed
        history: Any = NoHistory()
        self.service = Service(store, feed, history, self.clock, 300.0)
        self.server = Server(self.service, Metrics())

    def get(self, path: str, query: str = "") -> Exchange:
        exchange = Exchange(path, query)
        asyncio.run(self.server.__rsgi__(exchange, exchange))
        return exchange

    def offer(self) -> dict[str, Any]:
        told: dict[str, Any] = msgspec.json.decode(self.get("/v1/offers").body)["offers"][0]
        return told


def test_the_envelope_put_together_by_hand_is_the_documented_type() -> None:
    world = World(store_of(lumen=[offer("a", "2"), offer('b"\\é', "3", region='"\n')]))
    world.feed.down_since_ms = NOW_MS - 3_000
    world.store.take("cumulus", None, health("cumulus", health="down", error='says "no"'))
    body = world.service.offers(OffersParameters(limit=1))
    told = msgspec.json.decode(body, type=OffersTold)
    assert msgspec.json.encode(told) == body
    assert told.as_of == "2026-11-21T08:00:00.000Z"
    assert msgspec.json.decode(world.service.offers(OffersParameters(limit=5)), type=OffersTold).offers[1].offer_key == 'b"\\é'


def test_an_answer_is_reused_within_its_second_only() -> None:
    world = World(store_of(lumen=[offer("a", "2")]))
    first = world.get("/v1/offers").body
    world.clock.now_ms += 900
    assert world.get("/v1/offers").body is first
    world.clock.now_ms += 100
    assert world.offer()["age_s"] == 1.0


def test_a_new_snapshot_is_answered_at_once() -> None:
    world = World(store_of(lumen=[offer("a", "2")]))
    assert world.offer()["usd_per_gpu_hour"] == "2.000000"
    world.store.take("lumen", snapshot("lumen", [offer("a", "3")]), None)
    assert world.offer()["usd_per_gpu_hour"] == "3.000000"


def test_no_label_is_wrong_even_within_the_second() -> None:
    world = World(store_of(lumen=[offer("a", "2", observed_at_ms=NOW_MS - 14_500)]))
    assert world.offer()["freshness"] == "fresh"
    world.clock.now_ms += 500
    assert world.offer()["freshness"] == "fresh"
    world.clock.now_ms += 1
    assert world.offer()["freshness"] == "stale"


def test_an_expired_offer_is_gone_even_within_the_second() -> None:
    world = World(store_of(lumen=[offer("a", "2", observed_at_ms=NOW_MS - 89_500)]))
    assert world.get("/v1/offers").status == 200
    world.clock.now_ms += 501
    assert world.get("/v1/offers").status == 503


def test_a_cached_answer_asks_for_a_refresh_too() -> None:
    world = World(store_of(lumen=[offer("a", "2", observed_at_ms=NOW_MS - 10_000)]))
    world.get("/v1/offers")
    assert world.feed.asked == []
    world.clock.now_ms += 1
    world.get("/v1/providers")
    assert world.feed.asked == [], "only a read of offers asks"
    world.get("/v1/offers")
    world.get("/v1/offers")
    assert world.feed.asked == ["lumen"]


def test_nothing_servable_is_503() -> None:
    world = World(Store("simulated"))
    with pytest.raises(Unavailable, match="no offer has been seen yet"):
        world.service.offers(OffersParameters())
    assert world.get("/readyz").status == 503
    assert world.get("/v1/providers").status == 200


def test_health_fails_when_the_feed_hangs() -> None:
    world = World(store_of(lumen=[offer("a", "2")]))
    world.clock.now_ms += STUCK_AFTER_MS
    assert world.get("/healthz").status == 200
    world.clock.now_ms += 1
    assert world.get("/healthz").status == 503


def test_a_fault_of_ours_is_a_500_that_says_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    world = World(store_of(lumen=[offer("a", "2")]))

    def broken(now_ms: int) -> bool:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(world.store, "servable", broken)
    answer = world.get("/v1/offers", "gpu=L4")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert "secret detail" in caplog.text
    assert "gpu=L4" not in caplog.text


def test_unknown_methods_do_not_multiply_metrics() -> None:
    world = World(store_of(lumen=[offer("a", "2")]))
    for number in range(3):
        exchange = Exchange(f"/nowhere/{number}", method=f"M{number}")
        asyncio.run(world.server.__rsgi__(exchange, exchange))
        assert exchange.status == 404
    assert 'gputicker_api_requests_total{route="unmatched",method="other",status="404"} 3' in world.get("/metrics").body.decode()


def kept_rates(market: str = "simulated") -> bytes:
    rates = [
        {"currency": "EUR", "usd": "1.1214", "date": "2026-11-11", "source": "ecb"},
        {"currency": "RON", "usd": "0.22", "date": "2026-11-10", "source": "ecb"},
    ]
    told = {"market": market, "asked_at_ms": NOW_MS - 5_000, "answered_at_ms": None, "error": "HTTP 503", "rates": rates}
    return msgspec.json.encode(told)


def test_rates_are_told_with_day_and_age() -> None:
    world = World(Store("simulated"))
    assert world.get("/v1/rates").status == 503
    world.store.take_rates(kept_rates())
    told = msgspec.json.decode(world.get("/v1/rates").body, type=RatesTold)
    assert (told.asked_at, told.answered_at, told.error, told.count) == ("2026-11-21T07:59:55.000Z", None, "HTTP 503", 2)
    assert [(one.currency, one.usd, one.date, one.source, one.stale) for one in told.rates] == [
        ("EUR", "1.1214", "2026-11-11", "ecb", False),
        ("RON", "0.22", "2026-11-10", "ecb", True),
    ]


@pytest.mark.parametrize("body", [kept_rates("live"), b"{}", b"x"])
def test_rates_of_another_market_or_kind_are_left_alone(body: bytes) -> None:
    world = World(Store("simulated"))
    world.store.take_rates(kept_rates())
    world.store.take_rates(body)
    assert world.get("/v1/rates").status == 200
