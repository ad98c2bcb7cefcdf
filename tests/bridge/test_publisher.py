"""The publisher against a Kafka in memory: acknowledgement, coalescing, ticks, health and dead letters."""

import io
from typing import Any

import fastavro
import httpx
import pytest

from bridge.changes import Acknowledged
from bridge.kafka import LatestOffers
from bridge.letters import DeadLetter, DeadLetters
from bridge.publisher import Publisher
from bridge.source import Source
from bridge.state import EncodedState, OfferState, state_of
from schemas.topics import DEAD_LETTERS, LATEST_OFFERS, PARTITIONS, PROVIDER_HEALTH, PROVIDER_PRICES, TOPICS, avro_schema
from tests.bridge.fakes import START_MS, Clock, FakeProducer, KafkaFailure, offer, poller, rows, source

SCHEMA = fastavro.parse_schema(avro_schema("provider-prices"))
IDS = {topic.name: number for number, topic in enumerate(TOPICS, 1)}


def read(value: bytes | None) -> dict[str, Any]:
    assert value is not None
    record = fastavro.schemaless_reader(io.BytesIO(value[5:]), SCHEMA, None)
    assert isinstance(record, dict)
    return record


def state(price: int = 16, availability: str = "available") -> OfferState:
    return state_of(offer("a", str(price), availability), price * 125_000, None, None)


class Setting:
    """One source, its publisher, and a Kafka in memory."""

    def __init__(self, latest: LatestOffers | None = None) -> None:
        self.clock = Clock()
        self.kafka = FakeProducer()
        self.publisher = Publisher(self.kafka, "simulated", observe_every_ms=60_000, now_ms=self.clock.now_ms)
        self.source: Source = source(lambda _: httpx.Response(200, json=rows("a")), self.clock)
        self.publisher.use_schemas(IDS)
        self.publisher.go_live(latest or LatestOffers({}))

    def sees(self, **states: OfferState) -> None:
        self.source.book.replace("", states, "d", self.clock.now_ms())
        self.publisher.publish(self.source)

    def events(self) -> list[tuple[str, str]]:
        said = [read(message.value()) for message in self.kafka.on(PROVIDER_PRICES.name)]
        return [(record["kind"], record["offer_key"]) for record in said if record["kind"] != "tick"]


def test_nothing_is_published_before_it_is_live() -> None:
    kafka, clock = FakeProducer(), Clock()
    publisher = Publisher(kafka, "simulated", observe_every_ms=1, now_ms=clock.now_ms)
    polled = source(lambda _: httpx.Response(200), clock)
    polled.book.replace("", {"a": state()}, "d", START_MS)
    assert publisher.publish(polled) == 0
    publisher.use_schemas(IDS)
    assert publisher.publish(polled) == 0
    publisher.tick()
    assert kafka.queue == []
    publisher.go_live(LatestOffers({}))
    assert publisher.publish(polled) == 1


def test_the_newest_state_follows_the_event_with_the_same_key_and_record() -> None:
    setting = Setting()
    setting.sees(a=state())
    assert [message.topic() for message, _ in setting.kafka.queue] == [PROVIDER_PRICES.name]
    setting.publisher.poll()
    (event,), (newest,) = setting.kafka.on(PROVIDER_PRICES.name), setting.kafka.on(LATEST_OFFERS.name)
    assert event.key() == newest.key() == b"lumen/a"
    assert event.value() == newest.value()
    record = read(event.value())
    assert (record["kind"], record["market"], record["usd_per_gpu_hour_micros"], record["seq"]) == ("appeared", "simulated", 2_000_000, 1)


def test_gone_leaves_a_tombstone() -> None:
    setting = Setting()
    setting.sees(a=state(), b=state())
    setting.publisher.poll()
    setting.sees(b=state())
    setting.publisher.poll()
    assert setting.events()[-1] == ("gone", "a")
    assert setting.kafka.on(LATEST_OFFERS.name)[-1].value() is None
    setting.sees(a=state(), b=state())
    setting.publisher.poll()
    assert setting.events()[-1] == ("appeared", "a")


def test_changed_carries_price_and_availability_before() -> None:
    setting = Setting()
    setting.sees(a=state(16, "high"))
    setting.publisher.poll()
    setting.sees(a=state(12, "sold_out"))
    setting.publisher.poll()
    record = read(setting.kafka.on(PROVIDER_PRICES.name)[-1].value())
    assert record["kind"] == "changed"
    assert (record["previous_usd_per_gpu_hour_micros"], record["usd_per_gpu_hour_micros"]) == (2_000_000, 1_500_000)
    assert (record["previous_availability"], record["availability"]) == ("high", "sold_out")


def test_an_hour_without_kafka_keeps_one_batch_and_then_says_only_where_things_stand() -> None:
    setting = Setting()
    setting.sees(a=state(16))
    setting.publisher.poll()
    setting.kafka.up = False
    for i in range(720):
        setting.clock.passed_s += 5
        setting.sees(a=state(17 + i % 3), b=state())
        setting.publisher.tick()
        setting.publisher.poll()
    assert len(setting.kafka.queue) == 2 + PARTITIONS
    setting.kafka.up = True
    setting.publisher.poll()
    setting.publisher.poll()
    assert setting.events() == [("appeared", "a"), ("changed", "a"), ("appeared", "b"), ("changed", "a"), ("observed", "b")]
    assert read(setting.kafka.on(LATEST_OFFERS.name)[-2].value())["usd_per_gpu_hour_micros"] == (17 + 719 % 3) * 125_000


@pytest.mark.parametrize("fatal", [False, True])
def test_what_was_not_delivered_is_not_acknowledged(fatal: bool) -> None:
    setting = Setting()
    setting.kafka.error = KafkaFailure(fatal)
    setting.sees(a=state())
    setting.publisher.poll()
    assert (setting.publisher.fatal is not None) == fatal
    setting.kafka.error = None
    setting.publisher.restate([setting.source])
    setting.publisher.poll()
    assert setting.events() == [("appeared", "a")]


def test_a_full_queue_loses_nothing() -> None:
    setting = Setting()
    setting.kafka.room = 2
    setting.sees(a=state(), b=state(), c=state())
    for _ in range(3):
        setting.publisher.poll()
    assert sorted(setting.events()) == [("appeared", "a"), ("appeared", "b"), ("appeared", "c")]


def test_a_restart_goes_on_from_latest_offers() -> None:
    known = {"lumen": {"a": Acknowledged(EncodedState(state(16)), START_MS - 5000, START_MS - 5000)}}
    setting = Setting(LatestOffers(known, seq=41))
    setting.sees(a=state(12))
    setting.publisher.poll()
    record = read(setting.kafka.on(PROVIDER_PRICES.name)[0].value())
    assert (record["kind"], record["seq"]) == ("changed", 42)


def test_each_partition_gets_a_tick_that_moves_event_time_only() -> None:
    setting = Setting()
    setting.publisher.tick()
    setting.publisher.poll()
    ticks = setting.kafka.on(PROVIDER_PRICES.name)
    assert sorted(message.partition() for message in ticks) == list(range(PARTITIONS))
    records = [read(message.value()) for message in ticks]
    assert {(record["kind"], record["event_time_ms"], record["gpu"]) for record in records} == {("tick", START_MS, None)}
    assert len({record["event_id"] for record in records}) == PARTITIONS
    assert setting.kafka.on(LATEST_OFFERS.name) == []


def test_event_time_never_goes_back_with_the_wall_clock() -> None:
    setting = Setting()
    setting.clock.passed_s = 10
    setting.publisher.tick()
    setting.clock.passed_s = 5
    setting.sees(a=state())
    setting.publisher.poll()
    times = [read(message.value())["event_time_ms"] for message in setting.kafka.on(PROVIDER_PRICES.name)]
    assert times == sorted(times)


async def test_health_is_one_record_a_poll_and_does_not_pile_up() -> None:
    setting = Setting()
    result = await poller(setting.clock).poll(setting.source)
    setting.kafka.up = False
    for _ in range(5):
        setting.publisher.health(result.health)
    assert len(setting.kafka.queue) == 1
    setting.kafka.up = True
    setting.publisher.poll()
    (message,) = setting.kafka.on(PROVIDER_HEALTH.name)
    value = message.value()
    assert value is not None
    record = fastavro.schemaless_reader(io.BytesIO(value[5:]), fastavro.parse_schema(avro_schema("provider-health")), None)
    assert isinstance(record, dict)
    assert (message.key(), record["health"], record["offers"], record["error"]) == (b"lumen", "ok", 1, None)


async def letters_of(answer: Any, letters: DeadLetters, clock: Clock) -> list[DeadLetter]:
    content = answer if isinstance(answer, bytes) else None
    polled = source(lambda _: httpx.Response(200, content=content, json=None if content is not None else answer), clock)
    return letters.of(await poller(clock).poll(polled))


async def test_dead_letters_say_why_as_kafka_connect_does() -> None:
    html = b"<html>host 10.1.2.3</html>"
    (letter,) = await letters_of(html, DeadLetters(), Clock())
    headers = {name: value.decode() for name, value in letter.headers}
    assert letter.value == html
    assert headers["__connect.errors.topic"] == "provider-prices"
    assert headers["__connect.errors.exception.class.name"] == "PayloadChanged"
    assert "HTML" in headers["__connect.errors.exception.message"]
    assert (headers["gputicker.source"], headers["gputicker.field"], headers["gputicker.observed_at_ms"]) == (
        "lumen",
        "body",
        str(START_MS),
    )
    assert len(headers["gputicker.body.digest"]) == 64
    setting = Setting()
    setting.publisher.dead_letters([letter])
    setting.publisher.poll()
    (message,) = setting.kafka.on(DEAD_LETTERS.name)
    assert (message.key(), message.value(), message.headers) == (b"lumen", html, letter.headers)


async def test_a_rejected_row_is_a_letter_without_host_addresses() -> None:
    answer = {"rows": [*rows("a")["rows"], {"key": "b", "public_ipaddr": "203.0.113.9"}]}
    (letter,) = await letters_of(answer, DeadLetters(), Clock())
    headers = dict(letter.headers)
    assert headers["__connect.errors.exception.class.name"] == b"Rejected"
    assert headers["gputicker.field"] == b"price"
    assert b"203.0.113.9" not in letter.value
    assert b'"key":"b"' in letter.value


async def test_a_letter_is_not_written_again_at_every_poll() -> None:
    letters, clock = DeadLetters(), Clock()
    counts = []
    for _ in range(3):
        counts.append(len(await letters_of(b"<html>", letters, clock)))
        clock.passed_s += 600
    assert counts == [1, 0, 1]


async def test_excerpts_are_bounded() -> None:
    (letter,) = await letters_of(b"<html>" + b"x" * 200_000, DeadLetters(), Clock())
    assert len(letter.value) == 64 * 1024


def test_dead_letters_do_not_pile_up_without_kafka() -> None:
    setting = Setting()
    setting.kafka.up = False
    setting.kafka.room = 10_000
    setting.publisher.dead_letters(DeadLetter("lumen", b"x", []) for _ in range(5000))
    assert len(setting.kafka.queue) == 1000


def test_flush_delivers_also_what_follows_from_it() -> None:
    setting = Setting()
    setting.sees(a=state())
    setting.sees(a=state(12))
    assert setting.publisher.flush(1.0) == 0
    assert setting.events() == [("appeared", "a"), ("changed", "a")]
    assert len(setting.kafka.on(LATEST_OFFERS.name)) == 2
