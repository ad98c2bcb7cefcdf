"""Redis killed under the running server: fresh, then stale, then expired and 503; then it comes back, empty, and is filled."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import ApiServer, RedisServer, eventually
from tests.api.market import health, offer, snapshot


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def feed(server: RedisServer) -> None:
    at_ms, limits = now_ms(), {"fresh_s": 2.0, "stale_s": 10.0}
    server.feed("lumen", snapshot("lumen", [offer("a", "2.50")], at_ms, **limits), health("lumen", at_ms, **limits))


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()
    server.client.close()


@pytest.fixture
def own_api(own_redis: RedisServer) -> Iterator[ApiServer]:
    server = ApiServer(own_redis.url)
    server.start()
    yield server
    server.stop()


def freshness(api: ApiServer) -> str:
    """`fresh`, `stale`, or `expired` where the answer is a 503."""
    response = api.get("/v1/offers")
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        assert int(response.headers["retry-after"]) > 0
        assert response.json()["error"]["message"]
        return "expired"
    told: str = response.json()["offers"][0]["freshness"]
    return told


def fed(server: RedisServer, api: ApiServer) -> str:
    """The freshness of what is served after another poll."""
    feed(server)
    return freshness(api)


def test_without_redis_the_copy_ages_until_nothing_is_servable(own_redis: RedisServer, own_api: ApiServer) -> None:
    assert own_api.get("/readyz").status_code == 503, "nothing has been seen yet"
    assert freshness(own_api) == "expired"
    eventually("a fresh offer", lambda: fed(own_redis, own_api) == "fresh")
    own_redis.kill()
    eventually("the metric", lambda: own_api.metric("gputicker_redis_up") == 0)
    assert eventually("not fresh any more", lambda: (seen := freshness(own_api)) != "fresh" and seen) == "stale"
    answer = own_api.get("/v1/offers").json()
    assert 2.0 <= answer["offers"][0]["age_s"] <= 10.0
    assert [one["part"] for one in answer["degraded"]] == ["redis"]
    assert own_api.get("/readyz").status_code == 200
    assert own_api.client.post("/v1/refresh", json={"source": "lumen"}).status_code == 503

    eventually("expired", lambda: freshness(own_api) == "expired")
    unready = own_api.get("/readyz")
    assert (unready.status_code, unready.json()["redis"]) == (503, "down")
    assert own_api.get("/healthz").status_code == 200, "a restart would not help"
    providers = own_api.get("/v1/providers").json()
    assert providers["offers"] == {"fresh": 0, "stale": 0, "expired": 1}
    assert providers["providers"][0]["health"] == "down"
    assert own_api.metric('gputicker_offers{freshness="expired"}') == 1
    assert (own_api.metric("gputicker_redis_down_seconds") or 0) > 0

    own_redis.start()
    eventually("redis is seen", lambda: own_api.metric("gputicker_redis_up") == 1)
    assert freshness(own_api) == "expired", "an empty Redis takes nothing away and brings nothing"
    eventually("fresh again", lambda: fed(own_redis, own_api) == "fresh")
    assert own_api.get("/v1/offers").json()["degraded"] == []


def test_it_starts_without_redis_and_stops_when_told(own_redis: RedisServer) -> None:
    own_redis.kill()
    api = ApiServer(own_redis.url)
    api.start()
    assert api.get("/readyz").status_code == 503
    assert api.stop() == 0
