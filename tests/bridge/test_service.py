"""The bridge as a whole, in this process: real Redis, Kafka in memory or away."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis.asyncio
from pydantic import SecretStr

from adapters.base import Adapter
from bridge import service
from bridge.archive import Archive
from bridge.build import BadSettings, build_sources, check, chosen
from bridge.guard import Guard
from bridge.kafka import LatestOffers
from bridge.looks import Looks
from bridge.looks_kept import KeptLooks
from bridge.publisher import Publisher
from bridge.rates import RateKeeper
from bridge.service import Bridge
from bridge.settings import BridgeSettings, credentials_for, read_credentials
from bridge.snapshot import connect
from bridge.source import Source
from schemas.topics import PROVIDER_HEALTH, PROVIDER_PRICES, TOPICS
from tests.bridge.conftest import RedisServer
from tests.bridge.fakes import Clock, FakeProducer, Lumen, client, rows
from tests.bridge.test_snapshot import until

IDS = {topic.name: number for number, topic in enumerate(TOPICS, 1)}


class WithKey(Lumen):
    source = "keyed"
    auth = "bearer"
    credential = ("KEYED_API_KEY",)


class Setting:
    """A bridge over one provider that is a function, on the wall clock."""

    def __init__(
        self,
        server: RedisServer,
        folder: Path,
        adapter: Adapter | None = None,
        others: Sequence[Source] = (),
        **settings: Any,
    ) -> None:
        from adapters.rates import fixed_rates
        from bridge.poller import Poller

        self.asked = 0
        self.kafka = FakeProducer()
        values: dict[str, Any] = {"redis_url": server.url, "data_dir": folder, "history_hours": 0, "upstream_url": "https://u", **settings}
        made = BridgeSettings(**values)
        self.source = Source(adapter or Lumen(), client(self.answer), "simulated", interval_s=made.interval_s)
        publisher = Publisher(self.kafka, "simulated", observe_every_ms=60_000)
        archive = Archive(folder / "archive", 10**6)
        redis_client = connect(server.url)
        keeper = RateKeeper(None, redis_client, "simulated", fixed_rates(), off_reason="no bank here")
        guard = Guard(looks=Looks(KeptLooks(folder / "looks", "simulated", {self.source.name: self.source.adapter})))
        self.bridge = Bridge(
            made,
            {one.name: one for one in (self.source, *others)},
            Poller(keeper.rates, guard=guard),
            publisher,
            redis_client,
            archive,
            keeper,
        )

    def answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(200, json=rows("a"))


@pytest.fixture
def kafka_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "register_schemas", lambda _: IDS)
    monkeypatch.setattr(service, "newest_event_ms", lambda *_: None)
    monkeypatch.setattr(service, "read_latest_offers", lambda *_: LatestOffers({}))


@pytest.fixture
def kafka_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> dict[str, int]:
        raise ConnectionRefusedError("registry")

    monkeypatch.setattr(service, "register_schemas", refuse)


async def test_it_polls_publishes_and_ends_with_everything_delivered(
    redis_server: RedisServer, redis_client: "redis.asyncio.Redis", tmp_path: Path, kafka_ready: None
) -> None:
    setting = Setting(redis_server, tmp_path, interval_s=0.05)
    running = asyncio.create_task(setting.bridge.run())
    await until(lambda: _true(setting.asked >= 3 and len(setting.kafka.on(PROVIDER_PRICES.name)) >= 7))
    setting.bridge.stop()
    async with asyncio.timeout(10):
        assert await running == 0
    assert setting.kafka.queue == []
    assert len(setting.kafka.on(PROVIDER_HEALTH.name)) >= 2
    snapshot = json.loads(await redis_client.get("gputicker:snapshot:lumen") or b"")
    assert snapshot["polled_at_ms"] == setting.source.polled_at_ms
    assert (tmp_path / "archive" / "journal").is_dir()
    looks = KeptLooks(tmp_path / "looks", "simulated", {"lumen": setting.source.adapter}).read()
    assert "types.rows[].price" in looks["lumen"].shape.counts
    assert looks["lumen"].shape.counts["types.rows[].price"].objects > 1, "the end writes what the first poll did not know yet"


async def test_the_fresh_path_waits_for_neither_kafka_nor_registry(
    redis_server: RedisServer, redis_client: "redis.asyncio.Redis", tmp_path: Path, kafka_away: None
) -> None:
    setting = Setting(redis_server, tmp_path, interval_s=0.05)
    running = asyncio.create_task(setting.bridge.run())
    assert await until(lambda: redis_client.get("gputicker:snapshot:lumen"))
    await until(lambda: _true(setting.asked >= 3))
    assert setting.kafka.on(PROVIDER_PRICES.name) == []
    setting.bridge.stop()
    assert await running == 0


async def test_without_redis_kafka_goes_on(redis_server: RedisServer, tmp_path: Path, kafka_ready: None) -> None:
    redis_server.stop()
    setting = Setting(redis_server, tmp_path, interval_s=0.05)
    running = asyncio.create_task(setting.bridge.run())
    await until(lambda: _true(len(setting.kafka.on(PROVIDER_PRICES.name)) >= 1))
    setting.bridge.stop()
    assert await running == 0


async def test_kafka_output_waits_for_the_backfill_and_redis_does_not(
    redis_server: RedisServer, redis_client: "redis.asyncio.Redis", tmp_path: Path, kafka_ready: None
) -> None:
    setting = Setting(redis_server, tmp_path, interval_s=0.05, history_hours=24)
    running = asyncio.create_task(setting.bridge.run())
    assert await until(lambda: redis_client.get("gputicker:snapshot:lumen"))
    await until(lambda: _true(setting.asked >= 3))
    assert setting.kafka.on(PROVIDER_PRICES.name) == []
    await redis_client.hset("gputicker:backfill", "state", "done")  # type: ignore[misc, unused-ignore]
    await until(lambda: _true(len(setting.kafka.on(PROVIDER_PRICES.name)) >= 1))
    setting.bridge.stop()
    assert await running == 0


async def test_a_hanging_provider_does_not_hold_up_the_end(redis_server: RedisServer, tmp_path: Path, kafka_ready: None) -> None:
    setting = Setting(redis_server, tmp_path)
    hanging = asyncio.Event()

    async def hangs(_: httpx.Request) -> httpx.Response:
        hanging.set()
        await asyncio.Event().wait()
        raise AssertionError

    setting.source.client = client(hangs)  # type: ignore[arg-type]
    running = asyncio.create_task(setting.bridge.run())
    await hanging.wait()
    setting.bridge.stop()
    async with asyncio.timeout(8):
        assert await running == 0


async def test_a_producer_that_failed_for_good_ends_the_process(redis_server: RedisServer, tmp_path: Path, kafka_ready: None) -> None:
    setting = Setting(redis_server, tmp_path)
    setting.bridge._publisher.fatal = "Local: Fenced"
    async with asyncio.timeout(8):
        assert await setting.bridge.run() == 1


async def test_once_polls_each_source_once_and_ends(
    redis_server: RedisServer, redis_client: "redis.asyncio.Redis", tmp_path: Path, kafka_ready: None
) -> None:
    setting = Setting(redis_server, tmp_path)
    assert await setting.bridge.run_once() == 0
    assert setting.asked == 1
    assert await redis_client.get("gputicker:snapshot:lumen")
    assert len(setting.kafka.on(PROVIDER_PRICES.name)) >= 1


async def test_a_refresh_polls_at_once_but_not_twice_within_a_second(redis_server: RedisServer, tmp_path: Path, kafka_ready: None) -> None:
    setting = Setting(redis_server, tmp_path)
    clock = Clock()
    setting.bridge._clock = clock
    running = asyncio.create_task(setting.bridge.run())
    await until(lambda: _true(setting.asked == 1 and not setting.bridge._polling))
    await setting.bridge.refresh("nobody")
    await setting.bridge.refresh("lumen")
    assert not setting.bridge._wake["lumen"].is_set()
    clock.passed_s = 1.0
    setting.source.breaker.failed(retry_after_s=60.0)
    await setting.bridge.refresh("lumen")
    assert not setting.bridge._wake["lumen"].is_set()
    setting.source.breaker.succeeded()
    await setting.bridge.refresh("lumen")
    await until(lambda: _true(setting.asked == 2))
    setting.bridge.stop()
    assert await running == 0


async def test_a_provider_that_wants_to_be_left_alone_is(redis_server: RedisServer, tmp_path: Path, kafka_ready: None) -> None:
    asked: list[int] = []
    brisk_asked: list[int] = []

    def brisk(_: httpx.Request) -> httpx.Response:
        brisk_asked.append(1)
        return httpx.Response(200, json=rows("b"))

    def throttled(_: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(200, json=rows("a"), headers={"ratelimit-remaining": "0", "ratelimit-reset": "60"})

    other = Source(WithKey(), client(brisk, WithKey()), "simulated", interval_s=0.05)
    setting = Setting(redis_server, tmp_path, others=[other], interval_s=0.05)
    setting.source.client = client(throttled)
    running = asyncio.create_task(setting.bridge.run())
    await until(lambda: _true(setting.source.last_success_ms is not None and "lumen" not in setting.bridge._polling))
    await setting.bridge.refresh("lumen")
    assert not setting.bridge._wake["lumen"].is_set()
    await until(lambda: _true(len(brisk_asked) >= 4))
    assert (len(asked), setting.source.rests_s) == (1, 60.0)
    setting.bridge.stop()
    assert await running == 0


async def test_a_refresh_never_hurries_a_live_source_past_its_fastest(redis_server: RedisServer, tmp_path: Path) -> None:
    setting, clock = Setting(redis_server, tmp_path), Clock()
    setting.bridge._clock = clock
    setting.source.market = "live"
    setting.bridge._polled_at["lumen"] = 0.0
    clock.passed_s = setting.source.cadence.fastest_s - 1.0
    await setting.bridge.refresh("lumen")
    assert not setting.bridge._wake["lumen"].is_set()
    clock.passed_s += 1.0
    await setting.bridge.refresh("lumen")
    assert setting.bridge._wake["lumen"].is_set()
    await setting.bridge._redis.aclose()


async def _true(value: bool) -> bool:
    return value


def test_a_missing_credential_turns_that_source_off_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    settings = BridgeSettings(market="live")
    sources = build_sources(settings, {"keyed": WithKey(), "lumen": Lumen()}, {})
    assert (sources["keyed"].enabled, sources["lumen"].enabled) == (False, True)
    assert sources["keyed"].off_reason == "GPUTICKER_KEYED_API_KEY is not set"
    assert [record.getMessage() for record in caplog.records] == ["keyed is off: GPUTICKER_KEYED_API_KEY is not set"]


def test_credentials_come_from_the_environment_and_only_to_the_live_market(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUTICKER_KEYED_API_KEY", "hunter2")
    known = read_credentials([WithKey(), Lumen()])
    assert known == {"KEYED_API_KEY": SecretStr("hunter2")}
    assert "hunter2" not in repr(known)
    assert credentials_for(WithKey(), "live", known) == {"KEYED_API_KEY": "hunter2"}
    assert credentials_for(WithKey(), "simulated", known) == {"KEYED_API_KEY": "sim-key"}
    assert credentials_for(WithKey(), "recorded", known) == {}
    assert credentials_for(WithKey(), "live", {}) is None
    monkeypatch.setenv("GPUTICKER_KEYED_API_KEY", "")
    assert read_credentials([WithKey()]) == {}


@pytest.mark.parametrize(("observe_s", "window_s", "every_ms"), [(60, 300, 60_000), (60, 10, 5_000), (2, 10, 2_000)])
def test_every_window_holds_every_live_offer(observe_s: float, window_s: float, every_ms: int) -> None:
    assert BridgeSettings(observe_every_s=observe_s, window_s=window_s).observe_every_ms == every_ms


@pytest.mark.parametrize(("market", "upstream"), [("live", "https://127.0.0.1:1"), ("simulated", ""), ("recorded", "")])
def test_requests_never_go_to_the_wrong_place(market: Any, upstream: str) -> None:
    with pytest.raises(BadSettings, match="GPUTICKER_UPSTREAM_URL"):
        check(BridgeSettings(market=market, upstream_url=upstream))


def test_sources_are_chosen_by_name() -> None:
    adapters = {"keyed": WithKey(), "lumen": Lumen()}
    assert list(chosen(adapters, ["lumen"])) == ["lumen"]
    assert list(chosen(adapters, [])) == ["keyed", "lumen"]
    with pytest.raises(BadSettings, match="no source named nobody"):
        chosen(adapters, ["nobody"])
