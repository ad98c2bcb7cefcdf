"""The loop over Kafka in memory and the real front: exactly once, wherever it is cut off."""
# ruff: noqa: S608 - table names of our own

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from pydantic import SecretStr

from clickhouse.loader.loop import Loader
from clickhouse.loader.rows import FEEDS
from clickhouse.loader.settings import LoaderSettings
from clickhouse.loader.sink import ClickHouseSink, SinkAway
from clickhouse.migrate import MigrateSettings
from schemas.codec import RegistryAway
from schemas.topics import DEAD_LETTERS, PRICE_WINDOWS, PROVIDER_PRICES
from tests.clickhouse.kafka import FakeConsumer, FakeKafka, decoder, examples, frame

TABLES = (*(feed.table for feed in FEEDS.values()), "dead_letters", "offers_current")


class Crash(Exception):
    """The process is gone."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def sink(migrated: MigrateSettings, client: Client) -> ClickHouseSink:
    for table in TABLES:
        client.command(f"TRUNCATE TABLE {table}")
    return ClickHouseSink(
        LoaderSettings(
            clickhouse_url=migrated.clickhouse_url,
            clickhouse_database="gputicker",
            clickhouse_user="default",
            clickhouse_password=SecretStr(""),
        )
    )


class WatchedSink:
    """The sink, with something done before and after each insert."""

    def __init__(self, sink: ClickHouseSink, before: Callable[[], None], after: Callable[[], None] = lambda: None) -> None:
        self._sink, self._before, self._after = sink, before, after

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], token: str) -> None:
        self._before()
        self._sink.insert(table, columns, rows, token)
        self._after()


def loader(consumer: FakeConsumer, sink: Any, clock: Clock | None = None, block_rows: int = 1000, decode: Any = None) -> Loader:
    made = Loader(
        consumer,
        decode or decoder(),
        sink,
        flush_s=1.0,
        block_rows=block_rows,
        buffer_bytes=1 << 20,
        clock=clock or Clock(),
    )
    made.subscribe()
    return made


def drain(working: Loader) -> None:
    working.step()
    working.finish()


def offer_events(count: int, first: int = 0) -> list[bytes]:
    record = examples(PROVIDER_PRICES)[0]
    return [
        frame(
            PROVIDER_PRICES,
            {**record, "event_id": f"e{number}", "offer_key": f"k{number}", "event_time_ms": record["event_time_ms"] + number},
        )
        for number in range(first, first + count)
    ]


def test_every_example_arrives_in_its_table(client: Client, sink: ClickHouseSink) -> None:
    kafka = FakeKafka()
    for feed in FEEDS.values():
        kafka.produce(feed.topic, [frame(feed.topic, record) for record in examples(feed.topic)])
    kafka.produce(DEAD_LETTERS, [b"raw \xff"], headers={"gputicker.source": b"vast", "__connect.errors.exception.message": b"no price"})
    drain(loader(FakeConsumer(kafka), sink))
    for feed in FEEDS.values():
        kept = [record for record in examples(feed.topic) if record.get("kind") != "tick"]
        stored = client.query(f"SELECT * EXCEPT ingested_at FROM {feed.table} ORDER BY offset").named_results()
        times = {field.column for field in feed.fields if field.low is not None and field.name.endswith("_ms")}
        for row, record in zip(stored, kept, strict=True):
            for field in feed.fields:
                value = row[field.column]
                if field.column in times and value is not None:
                    value = round(value.timestamp() * 1000)
                assert value == record[field.name], field.name
    letters = client.query("SELECT source, reason, hex(value), topic FROM dead_letters").result_rows
    assert [tuple(row) for row in letters] == [("vast", "no price", b"raw \xff".hex().upper(), DEAD_LETTERS.name)]


def test_ticks_are_counted_not_stored(client: Client, sink: ClickHouseSink) -> None:
    kafka = FakeKafka()
    tick = next(record for record in examples(PROVIDER_PRICES) if record["kind"] == "tick")
    kafka.produce(PROVIDER_PRICES, [frame(PROVIDER_PRICES, tick)] * 5)
    working = loader(FakeConsumer(kafka), sink)
    drain(working)
    assert working.counts["ticks"] == 5
    assert kafka.offsets[PROVIDER_PRICES.name, 0] == (5, "")
    assert client.command("SELECT count() FROM offer_events") == 0


def run_until_crash(kafka: FakeKafka, sink: ClickHouseSink, crash_at: int) -> bool:
    """A loader that dies at its crash_at-th meeting with the outside; False where it lives to the end."""
    meetings = 0

    def meet() -> None:
        nonlocal meetings
        meetings += 1
        if meetings == crash_at:
            raise Crash

    working = loader(FakeConsumer(kafka, before_commit=meet), WatchedSink(sink, before=meet, after=meet), block_rows=7)
    try:
        for _ in range(3):
            drain(working)
    except Crash:
        return True
    return False


def test_exactly_once_wherever_it_is_cut_off(client: Client, sink: ClickHouseSink) -> None:
    """Cut off at every commit and before and after every insert in turn; more records come before the next start."""
    crash_at, lived = 0, False
    while not lived:
        crash_at += 1
        for table in TABLES:
            client.command(f"TRUNCATE TABLE {table}")
        kafka = FakeKafka(now_ms=1_795_000_000_000 + crash_at * 60_000)
        kafka.produce(PROVIDER_PRICES, [*offer_events(9), b"garbage"], partition=0)
        kafka.produce(PROVIDER_PRICES, offer_events(5, first=100), partition=1)
        lived = not run_until_crash(kafka, sink, crash_at)
        kafka.produce(PROVIDER_PRICES, offer_events(4, first=200), partition=0)
        kafka.produce(PROVIDER_PRICES, offer_events(1, first=300), partition=1)
        working = loader(FakeConsumer(kafka), sink, block_rows=5)
        for _ in range(4):
            drain(working)
        assert counts(client, "offer_events") == (19, 19), f"crash at {crash_at}"
        assert counts(client, "offers_current FINAL") == (19, 19), f"crash at {crash_at}"
        assert counts(client, "dead_letters") == (1, 1), f"crash at {crash_at}"
        assert kafka.offsets == {(PROVIDER_PRICES.name, 0): (14, ""), (PROVIDER_PRICES.name, 1): (6, "")}
    assert crash_at > 8


def counts(client: Client, table: str) -> tuple[int, int]:
    row = client.query(f"SELECT count(), uniqExact(topic, partition, offset) FROM {table}").result_rows[0]
    return row[0], row[1]


def test_what_is_away_is_waited_for_and_nothing_is_taken_meanwhile(client: Client, sink: ClickHouseSink) -> None:
    kafka, clock = FakeKafka(), Clock()
    kafka.produce(PROVIDER_PRICES, offer_events(3))
    away: list[Exception] = [
        SinkAway("ClickHouse is away"),
        KafkaException(KafkaError(KafkaError._TIMED_OUT)),
        SinkAway("ClickHouse is away"),
        RegistryAway("the registry is away"),
    ]

    def trouble() -> None:
        if away and not isinstance(away[-1], RegistryAway):
            raise away.pop()

    def decode(value: bytes) -> dict[str, Any]:
        if away and isinstance(away[-1], RegistryAway):
            raise away.pop()
        return decoder()(value)

    consumer = FakeConsumer(kafka, before_commit=trouble)
    working = loader(consumer, WatchedSink(sink, before=trouble), clock, decode=decode)
    clock.now = 1.0
    working.step()
    assert len(away) == 3
    waits = []
    while away:
        kafka.produce(PROVIDER_PRICES, offer_events(1, first=10 + len(away)))
        before, started = len(away), clock.now
        while len(away) == before:
            clock.now += 0.25
            working.step()
            assert consumer.paused == {(PROVIDER_PRICES.name, 0)}
        waits.append(clock.now - started)
    assert waits == sorted(waits)
    assert len(set(waits)) == len(waits)
    clock.now += 60
    working.step()
    assert not consumer.paused
    clock.now += 60
    working.step()
    assert counts(client, "offer_events") == (6, 6)


def test_a_rebalance_while_something_is_away_ends_the_pause(client: Client, sink: ClickHouseSink) -> None:
    kafka, clock = FakeKafka(), Clock()
    kafka.produce(PROVIDER_PRICES, offer_events(3))
    away = [KafkaException(KafkaError(KafkaError._WAIT_COORD))]

    def trouble() -> None:
        if away:
            raise away.pop()

    consumer = FakeConsumer(kafka, before_commit=trouble)
    working = loader(consumer, sink, clock)
    clock.now = 1.0
    working.step()
    working.step()
    assert consumer.paused
    consumer.rebalance()
    for _ in range(3):
        clock.now += 2.0
        working.step()
    assert not consumer.paused
    assert counts(client, "offer_events") == (3, 3)


@pytest.mark.parametrize("code", [KafkaError.FENCED_INSTANCE_ID, KafkaError._FATAL])
def test_a_consumer_that_is_of_no_more_use_ends_the_process(sink: ClickHouseSink, code: int) -> None:
    """Its supervisor starts another one. These errors come without the flag that says so."""
    kafka, clock = FakeKafka(), Clock()
    kafka.produce(PROVIDER_PRICES, offer_events(3))

    def fenced() -> None:
        raise KafkaException(KafkaError(code))

    working = loader(FakeConsumer(kafka, before_commit=fenced), sink, clock)
    clock.now = 1.0
    with pytest.raises(KafkaException):
        working.step()


def test_a_full_buffer_is_written_before_its_time(client: Client, sink: ClickHouseSink) -> None:
    kafka = FakeKafka()
    kafka.produce(PROVIDER_PRICES, offer_events(8))
    working = loader(FakeConsumer(kafka), sink, block_rows=8)  # the clock stands still
    working.step()
    assert counts(client, "offer_events") == (8, 8)


def test_a_revoked_partition_is_left_to_its_next_owner(client: Client, sink: ClickHouseSink) -> None:
    kafka, clock = FakeKafka(), Clock()
    kafka.produce(PROVIDER_PRICES, offer_events(3))
    consumer = FakeConsumer(kafka)
    working = loader(consumer, sink, clock)
    working.step()
    assert consumer.on_revoke is not None
    consumer.on_revoke(consumer, [TopicPartition(PROVIDER_PRICES.name, 0)])
    clock.now = 5
    working.step()
    working.finish()
    assert counts(client, "offer_events") == (0, 0)
    drain(loader(FakeConsumer(kafka), sink))
    assert counts(client, "offer_events") == (3, 3)


def test_a_block_begun_in_a_topic_that_was_made_anew_is_given_up(client: Client, sink: ClickHouseSink) -> None:
    kafka = FakeKafka()
    kafka.produce(PROVIDER_PRICES, offer_events(3))
    kafka.offsets[PROVIDER_PRICES.name, 0] = (2, "900")
    drain(loader(FakeConsumer(kafka), sink))
    assert counts(client, "offer_events") == (1, 1)
    assert kafka.offsets[PROVIDER_PRICES.name, 0] == (3, "")


def test_repeats_of_a_window_fold_and_a_revision_wins(client: Client, sink: ClickHouseSink) -> None:
    kafka = FakeKafka()
    record = examples(PRICE_WINDOWS)[0]
    said = [record, record, {**record, "revision": 1, "offers": 99}, record]
    kafka.produce(PRICE_WINDOWS, [frame(PRICE_WINDOWS, one) for one in said])
    drain(loader(FakeConsumer(kafka), sink))
    assert client.query("SELECT offers, revision FROM price_windows FINAL").result_rows == [(99, 1)]
