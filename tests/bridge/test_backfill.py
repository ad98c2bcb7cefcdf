"""The backfill: history in time order, ticks, checkpoints, and going on after a break."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import fastavro
import pytest
import redis.asyncio

from adapters.rates import PastRates, fixed_rates
from bridge import backfill
from bridge.backfill import Publication, Undelivered, asked_range, publish_history
from bridge.encoding import EventEncoder
from bridge.history import lines_from
from bridge.progress import Progress, ProgressStore
from bridge.snapshot import connect
from schemas.topics import LATEST_OFFERS, PARTITIONS, PROVIDER_PRICES, avro_schema
from tests.bridge.conftest import RedisServer
from tests.bridge.fakes import START_MS, FakeProducer, Lumen, rows

SCHEMA = fastavro.parse_schema(avro_schema("provider-prices"))
STEP_MS = 300_000


class Umbra(Lumen):
    source = "umbra"
    provider = "umbra"


ADAPTERS = {"lumen": Lumen(), "umbra": Umbra()}


class Store:
    """Progress in a list."""

    def __init__(self) -> None:
        self.written: list[Progress] = []

    async def write(self, progress: Progress) -> None:
        self.written.append(progress)


def line(step: int, source: str, body: Any) -> bytes:
    page = {"name": "types", "page": 1, "status": 200, "headers": {}, "body": body}
    return json.dumps({"at_ms": START_MS + step * STEP_MS, "source": source, "slices": [{"name": "", "pages": [page]}]}).encode()


async def lines(*given: bytes) -> AsyncIterator[bytes]:
    for one in given:
        yield one


def publication(kafka: FakeProducer | None = None) -> Publication:
    return Publication(kafka or FakeProducer(100_000), EventEncoder(1, "simulated"), ADAPTERS)


async def publish(one: Publication, *given: bytes, store: Store | None = None, to_ms: int = START_MS * 2) -> int:
    return await publish_history(lines(*given), one, ADAPTERS, PastRates(fixed_rates(), {}), store or Store(), to_ms=to_ms)  # type: ignore[arg-type]


def said(kafka: FakeProducer) -> list[dict[str, Any]]:
    records = []
    for message in kafka.on(PROVIDER_PRICES.name):
        value = message.value()
        assert value is not None
        record = fastavro.schemaless_reader(io.BytesIO(value[5:]), SCHEMA, None)
        assert isinstance(record, dict)
        records.append(record)
    return records


async def test_one_statement_per_offer_and_step_in_global_time_order_then_ticks() -> None:
    kafka = FakeProducer()
    history = [
        line(0, "lumen", rows("a", "b")),
        line(0, "umbra", rows("u")),
        line(1, "lumen", rows("a", price="15.00")),
        line(1, "umbra", rows("u")),
    ]
    assert await publish(publication(kafka), *history) == 2
    records = said(kafka)
    assert [(r["event_time_ms"] - START_MS, r["kind"], r["offer_key"]) for r in records if r["kind"] != "tick"] == [
        (0, "appeared", "a"),
        (0, "appeared", "b"),
        (0, "appeared", "u"),
        (STEP_MS, "changed", "a"),
        (STEP_MS, "gone", "b"),
        (STEP_MS, "observed", "u"),
    ]
    assert [r["event_time_ms"] for r in records] == sorted(r["event_time_ms"] for r in records)
    assert all(r["observed_at_ms"] == r["event_time_ms"] for r in records)
    assert [r["seq"] for r in records] == list(range(1, len(records) + 1))
    ticks = [message.partition() for message, r in zip(kafka.on(PROVIDER_PRICES.name), records, strict=True) if r["kind"] == "tick"]
    assert sorted(ticks) == sorted(list(range(PARTITIONS)) * 2)
    newest = {message.key(): message.value() for message in kafka.on(LATEST_OFFERS.name)}
    assert newest[b"lumen/b"] is None
    assert len(kafka.on(LATEST_OFFERS.name)) == 3


async def test_ids_are_the_same_when_history_is_published_again() -> None:
    first, second = FakeProducer(), FakeProducer()
    for kafka in (first, second):
        await publish(publication(kafka), line(0, "lumen", rows("a")), line(1, "lumen", rows("a", price="15.00")))
    assert [r["event_id"] for r in said(first)] == [r["event_id"] for r in said(second)]


async def test_progress_stands_only_after_delivery() -> None:
    kafka, store = FakeProducer(), Store()
    kafka.up = False
    with pytest.raises(Undelivered):
        await publish(publication(kafka), line(0, "lumen", rows("a")), store=store)
    assert store.written == []
    kafka.up = True
    await publish(publication(kafka), line(0, "lumen", rows("a")), store=store)
    assert [(one.state, one.published_to_ms) for one in store.written] == [("running", START_MS + 1)]


async def test_a_checkpoint_every_so_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "CHECKPOINT_STEPS", 2)
    store = Store()
    await publish(publication(), *(line(i, "lumen", rows("a")) for i in range(5)), store=store)
    assert [(one.published_to_ms or 0) - START_MS - 1 for one in store.written] == [STEP_MS, 3 * STEP_MS, 4 * STEP_MS]


async def test_nothing_of_the_future_and_nothing_unreadable() -> None:
    kafka = FakeProducer()
    history = [line(0, "lumen", {"items": []}), line(0, "nobody", {}), line(1, "lumen", rows("a")), b"", line(9, "lumen", rows("z"))]
    await publish(publication(kafka), *history, to_ms=START_MS + 2 * STEP_MS)
    assert [r["offer_key"] for r in said(kafka) if r["kind"] != "tick"] == ["a"]


async def test_history_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="time order"):
        await publish(publication(), line(1, "lumen", rows("a")), line(0, "lumen", rows("a")))


@pytest.mark.parametrize("suffix", ["ndjson", "ndjson.zst"])
async def test_lines_come_from_a_file(tmp_path: Path, suffix: str) -> None:
    import zstandard

    text = line(0, "lumen", rows("a")) + b"\n" + line(1, "lumen", rows("a")) + b"\n"
    path = tmp_path / f"history.{suffix}"
    path.write_bytes(zstandard.compress(text) if suffix.endswith("zst") else text)
    found = [one async for one in lines_from(str(path), ca_file=None, from_ms=0, to_ms=1, step_ms=1)]
    assert found == text.splitlines()


@pytest.mark.parametrize(
    ("now_ms", "published_to_ms", "first_ms"),
    [(10 * STEP_MS, None, 4 * STEP_MS), (10 * STEP_MS + 1, None, 5 * STEP_MS), (10 * STEP_MS, 7 * STEP_MS + 1, 8 * STEP_MS)],
)
def test_the_range_is_whole_steps_up_to_now(now_ms: int, published_to_ms: int | None, first_ms: int) -> None:
    assert asked_range(now_ms, 0.5, STEP_MS, published_to_ms) == (first_ms, now_ms + 1)


async def test_progress_is_in_redis_for_others_and_in_a_file_for_a_redis_that_forgot(
    redis_server: RedisServer, redis_client: "redis.asyncio.Redis", tmp_path: Path
) -> None:
    store = ProgressStore(tmp_path, redis_client)
    assert await store.read() is None
    await store.write(Progress("running", 5, 6))
    assert await redis_client.hgetall("gputicker:backfill") == {  # type: ignore[misc, unused-ignore]
        b"state": b"running",
        b"published_to_ms": b"5",
        b"updated_at_ms": b"6",
    }
    assert await ProgressStore(tmp_path / "elsewhere", redis_client).read() == Progress("running", 5, 6)
    await store.write(Progress("done", 7, 8))
    redis_server.stop()
    away = connect(redis_server.url)
    assert await ProgressStore(tmp_path, away).read() == Progress("done", 7, 8)
    assert await ProgressStore(tmp_path / "elsewhere", away).read() is None
    await away.aclose()
