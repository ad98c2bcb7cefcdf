"""The gap that an absence leaves: when there is one, what is published of it, and that it is filled before anything live."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from adapters.rates import PastRates, fixed_rates
from bridge import backfill, gap, kafka, service
from bridge.backfill import Orphaned, Undelivered, fill_gap, publish_history
from bridge.history import NoHistory
from bridge.quarantine import Fault
from bridge.settings import BridgeSettings
from schemas.codec import Decoder, UndecodableRecord
from schemas.topics import LATEST_OFFERS, PROVIDER_PRICES
from tests.bridge.conftest import RedisServer
from tests.bridge.fakes import START_MS, FakeProducer, rows
from tests.bridge.test_backfill import ADAPTERS, STEP_MS, line, lines, publication, said
from tests.bridge.test_service import Setting, kafka_ready  # noqa: F401 - a fixture
from tests.bridge.test_snapshot import until

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("newest_ms", "now_ms", "expected"),
    [
        (START_MS, START_MS + STEP_MS, True),
        (START_MS + 1, START_MS + STEP_MS, False),
        (START_MS + 1, START_MS + 2 * STEP_MS - 1, False),
        (START_MS + 1, START_MS + 2 * STEP_MS, True),
        (START_MS, START_MS - MINUTE_MS, False),
    ],
)
def test_a_gap_is_a_whole_window_that_nobody_spoke_in(newest_ms: int, now_ms: int, expected: bool) -> None:
    assert gap.is_gap(newest_ms, now_ms, STEP_MS) is expected


@pytest.mark.parametrize(("absent_s", "expected"), [(59.9, False), (60.0, True)])
def test_a_restart_after_a_crash_is_no_absence_however_short_the_windows(absent_s: float, expected: bool) -> None:
    assert gap.is_gap(START_MS, START_MS + int(absent_s * 1000), 10_000) is expected


async def _gap(after: FakeProducer, *given: bytes) -> FakeProducer:
    """History, published upon what an earlier process left acknowledged."""
    filled = FakeProducer(100_000)
    one = publication(filled)
    earlier = publication(after)
    await publish_history(lines(line(0, "lumen", rows("a", "b", "c"))), earlier, ADAPTERS, RATES, None, to_ms=START_MS * 2)
    one.stated.update(earlier.stated)
    await publish_history(lines(*given), one, ADAPTERS, RATES, None, to_ms=START_MS * 2)
    return filled


RATES = PastRates(fixed_rates(), {})


async def test_what_is_said_of_a_gap_follows_what_was_said_before_it() -> None:
    filled = await _gap(
        FakeProducer(1000), line(1, "lumen", rows("a", "b", price="15.00")), line(2, "lumen", rows("a", "d", price="15.00"))
    )
    assert [((r["event_time_ms"] - START_MS) // STEP_MS, r["kind"], r["offer_key"]) for r in said(filled) if r["kind"] != "tick"] == [
        (1, "changed", "a"),
        (1, "changed", "b"),
        (1, "gone", "c"),
        (2, "observed", "a"),
        (2, "appeared", "d"),
        (2, "gone", "b"),
    ]
    records = said(filled)
    assert [r["event_time_ms"] for r in records] == sorted(r["event_time_ms"] for r in records)
    newest = {message.key(): message.value() for message in filled.on(LATEST_OFFERS.name)}
    assert {key: value is None for key, value in newest.items()} == {
        b"lumen/a": False,
        b"lumen/b": True,
        b"lumen/c": True,
        b"lumen/d": False,
    }


async def test_every_moment_of_a_gap_is_a_checkpoint_and_one_is_never_said_twice() -> None:
    """After a break it goes on from Kafka's newest event, whose moment may be whole: then latest-offers has it."""
    first = line(1, "lumen", rows("a", "b", "c", price="15.00"))
    filled = await _gap(FakeProducer(1000), first, line(2, "lumen", rows("a", "b", "c", price="14.00")))
    assert len(filled.on(LATEST_OFFERS.name)) == 6
    again = FakeProducer(1000)
    one = publication(again)
    earlier = publication(FakeProducer(1000))
    await publish_history(lines(first), earlier, ADAPTERS, RATES, None, to_ms=START_MS * 2)
    one.stated.update(earlier.stated)
    await publish_history(lines(first), one, ADAPTERS, RATES, None, to_ms=START_MS * 2)
    assert [r["kind"] for r in said(again) if r["kind"] != "tick"] == []


async def test_a_moment_that_broke_off_is_said_again_under_the_same_ids() -> None:
    first = line(1, "lumen", rows("a", "b", price="15.00"))
    ids = [{r["event_id"] for r in said(await _gap(FakeProducer(1000), first))} for _ in range(2)]
    assert ids[0] == ids[1]


class Asked:
    """Stands in for `_publish`: what it was asked, and what it raises, attempt by attempt."""

    def __init__(self, *raised: Exception | None) -> None:
        self.since: list[int | None] = []
        self._raised = list(raised)

    async def __call__(self, _: Any, __: str, ___: Any, since_ms: int | None, store: Any, parent: int | None) -> int:
        assert store is None and parent == os.getppid()
        self.since.append(since_ms)
        error = self._raised.pop(0)
        if error is not None:
            raise error
        return 0


async def test_each_attempt_asks_kafka_how_far_it_got(monkeypatch: pytest.MonkeyPatch) -> None:
    newest = iter((1000, 2000, 3000))
    monkeypatch.setattr(backfill, "newest_event_ms", lambda *_: next(newest))
    monkeypatch.setattr(backfill, "PAUSE_S", 0)
    asked = Asked(Undelivered("3 records"), OSError("reset"), None)
    monkeypatch.setattr(backfill, "_publish", asked)
    assert await fill_gap(BridgeSettings(), "place", ADAPTERS, os.getppid()) == 0
    assert asked.since == [1000, 2000, 3000]


async def test_a_market_without_history_has_no_gap_to_fill_and_a_failure_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "newest_event_ms", lambda *_: 1000)
    monkeypatch.setattr(backfill, "PAUSE_S", 0)
    for raised, code in (([NoHistory("none")], 0), ([OSError("reset")] * backfill.ATTEMPTS, 1)):
        monkeypatch.setattr(backfill, "_publish", Asked(*raised))
        assert await fill_gap(BridgeSettings(), "place", ADAPTERS, os.getppid()) == code


async def test_it_ends_with_the_bridge_that_waits_for_it() -> None:
    alive = [one async for one in backfill._while_lives(os.getppid(), lines(b"1", b"2"))]
    assert alive == [b"1", b"2"]
    with pytest.raises(Orphaned):
        [one async for one in backfill._while_lives(os.getppid() + 1, lines(b"1"))]


class Message:
    def __init__(self, partition: int, at_ms: int | None, error: KafkaError | None = None) -> None:
        self._partition, self._at_ms, self._error = partition, at_ms, error

    def topic(self) -> str:
        return PROVIDER_PRICES.name

    def partition(self) -> int:
        return self._partition

    def value(self) -> int | None:
        return self._at_ms

    def error(self) -> KafkaError | None:
        return self._error


class Topic:
    """A consumer over partitions of event times; None cannot be decoded."""

    def __init__(self, *partitions: list[int | None]) -> None:
        self._partitions = partitions
        self.closed = False
        self._waiting: Iterator[list[Message]] = iter(())

    def get_watermark_offsets(self, part: TopicPartition, timeout: float) -> tuple[int, int]:
        assert timeout > 0
        return 0, len(self._partitions[part.partition]) if part.partition < len(self._partitions) else 0

    def assign(self, parts: list[TopicPartition]) -> None:
        found = [Message(one.partition, at_ms) for one in parts for at_ms in self._partitions[one.partition][one.offset :]]
        ends = [Message(one.partition, None, KafkaError(KafkaError._PARTITION_EOF)) for one in parts]
        self._waiting = iter([found, ends])

    def consume(self, _: int, timeout: float) -> list[Message]:
        assert timeout > 0
        return next(self._waiting)

    def close(self) -> None:
        self.closed = True


def _decode(at_ms: int | None) -> dict[str, int]:
    if at_ms is None:
        raise UndecodableRecord("garbage")
    return {"event_time_ms": at_ms}


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (Topic(), None),
        (Topic([], [5, 9], [7]), 9),
        (Topic([9, None], [3]), 9),
        (Topic([None]), None),
        (Topic([99, *range(kafka.LAST_RECORDS)]), kafka.LAST_RECORDS - 1),
    ],
)
def test_the_newest_event_is_found_at_the_partitions_ends(topic: Topic, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_consumer", lambda _: topic)
    monkeypatch.setattr(Decoder, "from_registry", lambda _: _decode)
    assert kafka.newest_event_ms("kafka", "registry") == expected
    assert topic.closed


def test_an_error_of_kafkas_is_no_empty_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Topic([1])
    monkeypatch.setattr(broken, "consume", lambda *_, **__: [Message(0, None, KafkaError(KafkaError._ALL_BROKERS_DOWN))])
    monkeypatch.setattr(kafka, "_consumer", lambda _: broken)
    monkeypatch.setattr(Decoder, "from_registry", lambda _: _decode)
    with pytest.raises(KafkaException):
        kafka.newest_event_ms("kafka", "registry")
    assert broken.closed


async def test_a_gap_is_filled_before_anything_live_and_redis_does_not_wait(
    redis_server: RedisServer,
    redis_client: "Any",
    tmp_path: Path,
    kafka_ready: None,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filling, may_end = asyncio.Event(), asyncio.Event()

    filled: list[tuple[list[str], int]] = []

    async def fill(sources: list[str], newest_ms: int) -> None:
        filled.append((sources, newest_ms))
        filling.set()
        await may_end.wait()

    # The first filling leaves another gap, the second nothing further: history ends there.
    newest = iter((1000, 2000, 2000))
    monkeypatch.setattr(service, "newest_event_ms", lambda *_: next(newest))
    monkeypatch.setattr(gap, "fill", fill)
    setting = Setting(redis_server, tmp_path, interval_s=0.05, history_hours=24)
    await redis_client.hset("gputicker:backfill", "state", "done")
    running = asyncio.create_task(setting.bridge.run())
    await filling.wait()
    assert await until(lambda: redis_client.get("gputicker:snapshot:lumen"))
    assert setting.kafka.on(PROVIDER_PRICES.name) == []
    may_end.set()
    await until(lambda: _true(len(setting.kafka.on(PROVIDER_PRICES.name)) >= 1))
    assert filled == [(["lumen"], 1000), (["lumen"], 2000)]
    setting.bridge.stop()
    assert await running == 0


@pytest.mark.parametrize("why", ["held", "no history wanted", "nobody to ask", "just restarted"])
async def test_no_gap_is_filled(
    why: str,
    redis_server: RedisServer,
    redis_client: "Any",
    tmp_path: Path,
    kafka_ready: None,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fill(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(gap, "fill", fill)
    hours, url = (0 if why == "no history wanted" else 24), ("" if why == "nobody to ask" else "https://u")
    setting = Setting(redis_server, tmp_path, interval_s=0.05, history_hours=hours, upstream_url=url)
    newest_ms = time.time_ns() // 1_000_000 if why == "just restarted" else 1000
    monkeypatch.setattr(service, "newest_event_ms", lambda *_: newest_ms)
    await redis_client.hset("gputicker:backfill", "state", "done")
    if why == "held":
        fault = Fault("empty", "body", "empty", frozenset({"another"}))
        setting.bridge._quarantine.hold("lumen", "lumen", "simulated", fault, START_MS, [])
    running = asyncio.create_task(setting.bridge.run())
    await until(lambda: _true(setting.bridge._publisher.live))
    setting.bridge.stop()
    assert await running == 0


@pytest.mark.parametrize(("code", "said"), [(0, False), (3, True)])
async def test_the_process_that_fills_it_may_fail(
    code: int, said: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", str(_stand_in(tmp_path, f"exit {code}")))
    await gap.fill(["lumen", "vast"], START_MS)
    assert (tmp_path / "asked").read_text() == "-m bridge.backfill --gap --sources lumen,vast\n"
    assert any("the gap since 2026-11-21T12:00:00+00:00 stays" in message for message in caplog.messages) is said


async def test_a_process_that_does_not_start_leaves_the_gap(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    await gap.fill(["lumen"], START_MS)
    assert "the gap since 2026-11-21T12:00:00+00:00 stays: " in caplog.messages[0]


async def test_the_process_that_fills_it_ends_with_the_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(_stand_in(tmp_path, "exec sleep 60")))
    filling = asyncio.create_task(gap.fill(["lumen"], START_MS))
    await until(lambda: _true((tmp_path / "pid").exists()))
    filling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await filling
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def _stand_in(folder: Path, then: str) -> Path:
    script = folder / "python"
    script.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\necho $$ > {folder}/pid.part\nmv {folder}/pid.part {folder}/pid\n{then}\n')
    script.chmod(0o755)
    return script


async def _true(value: bool) -> bool:
    return value
