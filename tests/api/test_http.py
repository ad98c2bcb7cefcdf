"""The real server over a real Redis, ClickHouse absent: routes, shapes, errors, healing, refresh."""

import os
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

import msgspec
import pytest

from api.answers import ErrorTold, OffersTold, ProvidersTold, StatusTold
from tests.api.conftest import ROOT, ApiServer, RedisServer, eventually
from tests.api.market import health, offer, snapshot


def now_ms() -> int:
    return time.time_ns() // 1_000_000


OFFERS = [
    offer("a", "2.50", region="Quebec, CA", country="CA"),
    offer("b", "2.20", gpu_count=8, availability="sold_out"),
    offer("c", "1.10", price_type="spot", availability="low"),
    offer("d", "0.40", gpu="L4-PCIE-24"),
]


@pytest.fixture(autouse=True)
def market(redis_server: RedisServer, api: ApiServer) -> None:
    """A fresh source, and one that is down, in Redis and in the API."""
    at_ms = now_ms()
    redis_server.feed("lumen", snapshot("lumen", OFFERS, at_ms), health("lumen", at_ms))
    redis_server.feed("cumulus", None, health("cumulus", at_ms, health="down", error="status 500", last_success_ms=None))
    eventually("the snapshot of now is served", lambda: _observed(api) == at_ms)


def _observed(api: ApiServer) -> int:
    answer = api.get("/v1/offers", limit=1)
    return round(datetime.fromisoformat(answer.json()["offers"][0]["observed_at"]).timestamp() * 1000) if answer.status_code == 200 else 0


def test_offers(api: ApiServer) -> None:
    response = api.get("/v1/offers", gpu="H100", min_gpus=1, available="true", sort="-price")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    answer = msgspec.json.decode(response.content, type=OffersTold)
    assert [one.offer_key for one in answer.offers] == ["a", "c"]
    assert (answer.market, answer.count, answer.total, answer.next_cursor) == ("simulated", 2, 2, None)
    assert [(one.source, one.reason, one.age_s) for one in answer.missing] == [("cumulus", "down: status 500", None)]
    assert answer.degraded == []
    assert {one.freshness for one in answer.offers} == {"fresh"}
    assert all(0 <= one.age_s < 10 for one in answer.offers)


def test_ages_are_right_to_a_second(api: ApiServer) -> None:
    for _ in range(20):
        offer_told = api.get("/v1/offers", limit=1).json()["offers"][0]
        really_s = time.time() - datetime.fromisoformat(offer_told["observed_at"]).timestamp()
        assert offer_told["age_s"] == pytest.approx(really_s, abs=1.2)
        time.sleep(0.03)


def test_pages(api: ApiServer) -> None:
    first = api.get("/v1/offers", limit=3).json()
    second = api.get("/v1/offers", limit=3, cursor=first["next_cursor"]).json()
    assert [one["offer_key"] for one in first["offers"] + second["offers"]] == ["d", "c", "b", "a"]
    assert (second["total"], second["count"], second["next_cursor"]) == (4, 1, None)
    refused = api.get("/v1/offers", limit=3, sort="age", cursor=first["next_cursor"])
    assert (refused.status_code, refused.json()["error"]["parameter"]) == (422, "cursor")


def test_cheapest(api: ApiServer) -> None:
    answer = msgspec.json.decode(api.get("/v1/cheapest", gpu="H100-SXM-80").content, type=OffersTold)
    assert [(one.price_type, one.offer_key, one.usd_per_gpu_hour) for one in answer.offers] == [
        ("on_demand", "a", "2.500000"),
        ("spot", "c", "1.100000"),
    ]


def test_providers(api: ApiServer) -> None:
    answer = msgspec.json.decode(api.get("/v1/providers").content, type=ProvidersTold)
    told = {one.source: one for one in answer.providers}
    assert (told["lumen"].health, told["lumen"].offers, told["lumen"].fresh) == ("ok", 4, 4)
    assert (told["cumulus"].health, told["cumulus"].error, told["cumulus"].age_s) == ("down", "status 500", None)
    assert answer.offers.fresh == 4


@pytest.mark.parametrize(
    ("method", "path", "status", "parameter"),
    [
        ("GET", "/v1/offers?limit=many", 422, "limit"),
        ("GET", "/v1/offers?gpus=H100", 422, "gpus"),
        ("GET", "/v1/offers?gpu=H10", 422, "gpu"),
        ("GET", "/v1/cheapest?limit=1", 422, "limit"),
        ("GET", "/v1/providers?a=1", 422, "a"),
        ("GET", "/v1/windows?from=yesterday", 422, "from"),
        ("GET", "/v1/windows?from=2026-13-41T00:00:00Z", 422, "from"),
        ("GET", "/v1/windows?to=9426-01-01T00:00:00Z", 422, "to"),
        ("GET", "/v1/windows?gpu=H100", 422, "gpu"),
        ("GET", "/v1/anomalies?kind=odd", 422, "kind"),
        ("GET", "/v1/history?hours=0", 422, "hours"),
        ("GET", "/v1/windows", 503, None),
        ("GET", "/v1/anomalies", 503, None),
        ("GET", "/v1/history", 503, None),
        ("GET", "/v1", 404, None),
        ("GET", "/static/../server.py", 404, None),
        ("GET", "/static/%2e%2e/server.py", 404, None),
        ("POST", "/v1/offers", 405, None),
        ("DELETE", "/v1/refresh", 405, None),
        ("POST", "/", 405, None),
    ],
)
def test_every_error_is_json(api: ApiServer, method: str, path: str, status: int, parameter: str | None) -> None:
    response = api.client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    told = msgspec.json.decode(response.content, type=ErrorTold)
    assert told.error.parameter == parameter
    if status == 503:
        assert int(response.headers["retry-after"]) > 0
        assert "ClickHouse" in told.error.message
    if status == 405:
        assert "OPTIONS" in response.headers["allow"]


def test_head_and_options(api: ApiServer) -> None:
    head = api.client.head("/v1/offers")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 1000
    options = api.client.options("/v1/offers")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert "access-control-allow-origin" not in options.headers


def test_health_and_readiness(api: ApiServer) -> None:
    alive = msgspec.json.decode(api.get("/healthz").content, type=StatusTold)
    assert (alive.status, alive.redis, alive.clickhouse) == ("ok", "up", "down")
    ready = api.get("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["offers"]["fresh"]) == (200, "ready", 4)


def test_metrics(api: ApiServer) -> None:
    assert api.metric("gputicker_redis_up") == 1
    assert api.metric("gputicker_clickhouse_up") == 0
    assert api.metric('gputicker_offers{freshness="fresh"}') == 4
    assert api.metric('gputicker_source_health{source="cumulus",health="down"}') == 1
    assert api.metric('gputicker_price_usd_per_gpu_hour{gpu="H100-SXM-80",price_type="on_demand",provider="lumen"}') == 2.5
    before = api.metric('gputicker_api_requests_total{route="/v1/offers",method="GET",status="422"}') or 0
    api.get("/v1/offers", limit=0)
    assert api.metric('gputicker_api_requests_total{route="/v1/offers",method="GET",status="422"}') == before + 1
    assert (api.metric('gputicker_api_request_seconds_bucket{route="/v1/offers",le="+Inf"}') or 0) > 0


def test_a_change_is_served_at_once_and_a_missed_message_heals(api: ApiServer, redis_server: RedisServer) -> None:
    def price() -> str:
        told: str = api.get("/v1/offers", gpu="L4-PCIE-24").json()["offers"][0]["usd_per_gpu_hour"]
        return told

    redis_server.feed("lumen", snapshot("lumen", [offer("d", "0.55", gpu="L4-PCIE-24")], now_ms()), None)
    eventually("the message", lambda: price() == "0.550000", within_s=2)
    redis_server.feed("lumen", snapshot("lumen", [offer("d", "0.66", gpu="L4-PCIE-24")], now_ms()), None, publish=False)
    eventually("the full check", lambda: price() == "0.660000", within_s=10)


def test_old_data_is_asked_for_once(api: ApiServer, redis_server: RedisServer) -> None:
    client: Any = redis_server.client
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe("gputicker:refresh")
        pubsub.get_message(timeout=1)
        asked: list[str] = []

        def heard() -> list[str]:
            while (message := pubsub.get_message(timeout=0.05)) is not None:
                asked.append(message["data"].decode())
            return [name for name in asked if name == "borealis"]

        redis_server.feed(
            "borealis", snapshot("borealis", [offer("x", "3", observed_at_ms=now_ms() - 9_000)], now_ms()), health("borealis", now_ms())
        )
        eventually("borealis", lambda: api.get("/v1/offers", provider="borealis").json()["total"] == 1)
        assert heard() == [], "9 s are not old"
        redis_server.feed("borealis", snapshot("borealis", [offer("x", "3", observed_at_ms=now_ms() - 11_000)], now_ms()), None)
        eventually("the refresh", lambda: (api.get("/v1/offers"), heard())[1])
        for _ in range(30):
            assert api.get("/v1/offers").status_code == 200
        api.get("/v1/cheapest")
        assert heard() == ["borealis"]
        time_left_ms: Any = redis_server.client.pttl("gputicker:refresh:borealis")
        assert 0 < time_left_ms <= 10_000
    redis_server.client.srem("gputicker:sources", "borealis")
    redis_server.client.delete("gputicker:snapshot:borealis", "gputicker:health:borealis")


def test_a_taken_port_is_refused(api: ApiServer) -> None:
    port = api.client.base_url.port
    second = subprocess.run(
        [sys.executable, "-m", "api"], cwd=ROOT, env={**os.environ, "GPUTICKER_PORT": str(port)}, capture_output=True, text=True, timeout=30
    )
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr


def test_post_refresh(api: ApiServer, redis_server: RedisServer) -> None:
    redis_server.client.delete("gputicker:refresh:lumen")
    first, second = (api.client.post("/v1/refresh", json={"source": "lumen"}) for _ in range(2))
    assert (first.status_code, first.json()) == (202, {"source": "lumen", "asked": True})
    assert (second.status_code, second.json()) == (202, {"source": "lumen", "asked": False})
    unknown = api.client.post("/v1/refresh", json={"source": "nobody"})
    assert (unknown.status_code, unknown.json()["error"]["parameter"]) == (422, "source")
    long = api.client.post("/v1/refresh", content=b'{"source":"' + b"x" * 10_000 + b'"}')
    assert (long.status_code, long.json()["error"]["parameter"]) == (413, "body")
