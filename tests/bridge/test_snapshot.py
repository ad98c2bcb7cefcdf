"""The snapshot in Redis, against a real one."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import redis.asyncio

from bridge import snapshot
from bridge.snapshot import SnapshotWriter, connect, health_key, listen_for_refresh, restore, snapshot_key
from bridge.source import Source
from schemas.topics import avro_schema
from tests.bridge.conftest import RedisServer
from tests.bridge.fakes import START_MS, Clock, Lumen, poller, rows, source

WITHIN_S = 10.0


class Quiet(Lumen):
    source = "quiet"


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """What the condition returns, once that is true."""
    async with asyncio.timeout(WITHIN_S):
        while not (found := await condition()):  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
    return found


async def polled_source(clock: Clock, *keys: str) -> Source:
    polled = source(lambda _: httpx.Response(200, json=rows(*keys)), clock, interval_s=5.0)
    await poller(clock).poll(polled)
    return polled


async def written(client: "redis.asyncio.Redis", sources: dict[str, Source]) -> SnapshotWriter:
    writer = SnapshotWriter(client, sources)
    for one in sources.values():
        writer.written_soon(one)
    writer.stop()
    await writer.run()
    return writer


async def test_the_snapshot_is_what_the_architecture_says(redis_client: "redis.asyncio.Redis") -> None:
    polled = await polled_source(Clock(), "a")
    async with redis_client.pubsub() as heard:
        await heard.subscribe("gputicker:snapshots")
        await heard.get_message(timeout=WITHIN_S)
        await written(redis_client, {"lumen": polled})
        message = await heard.get_message(ignore_subscribe_messages=True, timeout=WITHIN_S)
    assert message is not None
    assert message["data"] == b"lumen"
    said = json.loads(await redis_client.get("gputicker:snapshot:lumen") or b"")
    (one,) = said.pop("offers")
    assert said == {
        "source": "lumen",
        "provider": "lumen",
        "title": "Lumen",
        "market": "simulated",
        "cadence_s": 5.0,
        "fresh_s": 15.0,
        "stale_s": 90.0,
        "polled_at_ms": START_MS,
    }
    fields = [field["name"] for field in avro_schema("provider-prices")["fields"]]
    state_fields = set(fields[fields.index("gpu") :])
    assert set(one) == state_fields | {"offer_key", "source", "provider", "observed_at_ms", "first_seen_ms"}
    assert (one["offer_key"], one["usd_per_gpu_hour_micros"], one["observed_at_ms"]) == ("a", 2_000_000, START_MS)
    assert await redis_client.smembers("gputicker:sources") == {b"lumen"}  # type: ignore[misc, unused-ignore]


async def test_health_has_the_records_fields_and_the_source_tables(redis_client: "redis.asyncio.Redis") -> None:
    await written(redis_client, {"lumen": await polled_source(Clock(), "a")})
    said = json.loads(await redis_client.get(health_key("lumen")) or b"")
    record = {field["name"] for field in avro_schema("provider-health")["fields"]}
    assert set(said) == record | {"title", "fresh_s", "stale_s", "enabled", "terms", "docs_url", "confidence"}
    assert (said["health"], said["enabled"]) == ("ok", True)


async def test_a_source_that_is_off_has_health_and_no_snapshot(redis_client: "redis.asyncio.Redis") -> None:
    off = Source(Lumen(), None, "live", off_reason="GPUTICKER_LUMEN_API_KEY is not set")
    await written(redis_client, {"lumen": off})
    said = json.loads(await redis_client.get(health_key("lumen")) or b"")
    assert (said["health"], said["enabled"], said["error"]) == ("off", False, "GPUTICKER_LUMEN_API_KEY is not set")
    assert await redis_client.get(snapshot_key("lumen")) is None


async def test_a_restart_keeps_first_seen_and_ages(redis_client: "redis.asyncio.Redis") -> None:
    clock = Clock()
    await written(redis_client, {"lumen": await polled_source(clock, "a", "b")})
    clock.passed_s = 30
    again = source(lambda _: httpx.Response(200, json=rows("a")), clock)
    assert await restore(redis_client, {"lumen": again}) == 2
    assert {held.observed_at_ms for held in again.book.offers.values()} == {START_MS}
    await poller(clock).poll(again)
    assert {key: (held.first_seen_ms, held.observed_at_ms) for key, held in again.book.offers.items()} == {
        "a": (START_MS, START_MS + 30_000)
    }


async def test_a_snapshot_of_a_bridge_that_knew_fewer_fields_is_restored(redis_client: "redis.asyncio.Redis") -> None:
    await written(redis_client, {"lumen": await polled_source(Clock(), "a")})
    said = json.loads(await redis_client.get(snapshot_key("lumen")) or b"")
    del said["offers"][0]["interruption"]
    await redis_client.set(snapshot_key("lumen"), json.dumps(said))
    again = source(lambda _: httpx.Response(200), Clock())
    assert await restore(redis_client, {"lumen": again}) == 1
    assert again.book.offers["a"].encoded.state.interruption is None


async def test_another_markets_snapshot_and_garbage_are_not_restored(
    redis_client: "redis.asyncio.Redis", caplog: pytest.LogCaptureFixture
) -> None:
    await written(redis_client, {"lumen": await polled_source(Clock(), "a")})
    assert await restore(redis_client, {"lumen": Source(Lumen(), None, "recorded")}) == 0
    await redis_client.set(snapshot_key("lumen"), b'{"market": 7')
    again = source(lambda _: httpx.Response(200), Clock())
    assert await restore(redis_client, {"lumen": again}) == 0
    assert "cannot be read" in caplog.text


async def test_without_redis_one_line_is_logged_and_the_newest_is_written_when_it_is_back(
    redis_server: RedisServer, redis_client: "redis.asyncio.Redis", caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(snapshot, "LONGEST_PAUSE_S", 0.01)
    caplog.set_level(logging.INFO)
    clock = Clock()
    polled, quiet = await polled_source(clock, "a"), source(lambda _: httpx.Response(200, json=rows("q")), clock, Quiet())
    await poller(clock).poll(quiet)
    writer = SnapshotWriter(redis_client, {"lumen": polled, "quiet": quiet})
    running = asyncio.create_task(writer.run())
    other = connect(redis_server.url)
    redis_server.stop()
    for _ in range(3):
        clock.passed_s += 5
        await poller(clock).poll(polled)
        writer.written_soon(polled)
        await until(lambda: _true("redis is away" in caplog.text))
    redis_server.start()
    newest = await until(lambda: _get(other, snapshot_key("lumen")))
    assert json.loads(newest)["polled_at_ms"] == START_MS + 15_000
    assert await until(lambda: _get(other, snapshot_key("quiet")))
    await other.aclose()
    writer.stop()
    await running
    assert caplog.text.count("redis is away") == 1
    assert "redis is back" in caplog.text


async def test_refresh_requests_are_heard_also_after_redis_was_away(
    redis_server: RedisServer, redis_client: "redis.asyncio.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "FIRST_PAUSE_S", 0.01)
    heard: list[str] = []

    async def asked(name: str) -> None:
        heard.append(name)

    listening = asyncio.create_task(listen_for_refresh(redis_client, asked))
    other = connect(redis_server.url)
    await until(lambda: other.publish("gputicker:refresh", "lumen"))
    redis_server.stop()
    redis_server.start()
    await until(lambda: _published(other))
    await until(lambda: _true(len(heard) >= 2))
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await other.aclose()
    assert set(heard) == {"lumen"}


async def _get(client: "redis.asyncio.Redis", key: str) -> Any:
    try:
        return await client.get(key)
    except redis.ConnectionError:
        return None


async def _published(client: "redis.asyncio.Redis") -> bool:
    try:
        return bool(await client.publish("gputicker:refresh", "lumen"))
    except redis.ConnectionError:
        return False


async def _true(value: bool) -> bool:
    return value
