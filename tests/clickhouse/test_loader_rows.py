"""Records as rows: every example of every schema, and what does not fit."""

from typing import Any

import pytest

from clickhouse.loader.blocks import Block, Waiting
from clickhouse.loader.rows import DEAD_LETTER_COLUMNS, FEEDS, UnfitRecord, dead_letter_row
from schemas.codec import HEADER
from schemas.topics import DEAD_LETTERS, PRICE_WINDOWS, PROVIDER_PRICES, Topic
from tests.clickhouse.kafka import FakeKafka, decoder, examples, frame

FEED_TOPICS = [feed.topic for feed in FEEDS.values()]


@pytest.mark.parametrize("topic", FEED_TOPICS, ids=lambda topic: topic.name)
def test_every_example_becomes_a_row(topic: Topic) -> None:
    feed = FEEDS[topic.name]
    for record in examples(topic):
        row = dict(zip(feed.columns, feed.row(decoder()(frame(topic, record)), 3, 17), strict=True))
        assert row == {**{_column(name): value for name, value in record.items()}, "topic": topic.name, "partition": 3, "offset": 17}


def _column(name: str) -> str:
    return name if name == "latency_ms" else name.removesuffix("_ms")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_time_ms": None}, "event_time_ms"),
        ({"event_time_ms": 17}, "event_time_ms"),
        ({"event_time_ms": 2**62}, "event_time_ms"),
        ({"provider": 5}, "provider"),
        ({"gpu_count": 2**31}, "gpu_count"),
        ({"in_market_stats": 1}, "in_market_stats"),
        ({"usd_per_gpu_hour_micros": 1.5}, "usd_per_gpu_hour_micros"),
    ],
)
def test_what_does_not_fit_names_its_field(change: dict[str, Any], field: str) -> None:
    record = {**examples(PROVIDER_PRICES)[0], **change}
    with pytest.raises(UnfitRecord, match=field) as caught:
        FEEDS[PROVIDER_PRICES.name].row(record, 0, 0)
    assert caught.value.field == field


def test_a_field_that_an_older_writer_left_out_has_its_default() -> None:
    feed, record = FEEDS[PROVIDER_PRICES.name], examples(PROVIDER_PRICES)[0]
    whole = feed.row(record, 0, 0)
    del record["in_market_stats"], record["upstream"]
    assert feed.row(record, 0, 0) == whole
    del record["seq"]
    with pytest.raises(UnfitRecord, match="seq is missing"):
        feed.row(record, 0, 0)


def test_a_negative_revision_does_not_fit() -> None:
    with pytest.raises(UnfitRecord, match="revision"):
        FEEDS[PRICE_WINDOWS.name].row({**examples(PRICE_WINDOWS)[0], "revision": -1}, 0, 0)


GARBAGE = [None, b"", b"not avro", HEADER.pack(0, 1), HEADER.pack(0, 1) + b"\xff" * 40, HEADER.pack(0, 99) + b"x", b"\x00" * 300]


def test_garbage_becomes_dead_letters_and_the_rest_rows() -> None:
    kafka = FakeKafka()
    good = frame(PROVIDER_PRICES, examples(PROVIDER_PRICES)[0])
    truncated = good[:-30]
    kafka.produce(PROVIDER_PRICES, [good, *GARBAGE, truncated, good])
    block = block_of(kafka, PROVIDER_PRICES)
    block.decode(decoder())
    assert block.tables is not None
    assert len(block.tables["offer_events"].rows) == 2
    dead = [dict(zip(DEAD_LETTER_COLUMNS, row, strict=True)) for row in block.tables["dead_letters"].rows]
    assert [row["offset"] for row in dead] == list(range(1, len(GARBAGE) + 2))
    assert {row["exception_class"] for row in dead} <= {"UndecodableRecord", "UnfitRecord"}
    assert all(row["reason"] and row["failed_topic"] == PROVIDER_PRICES.name for row in dead)


def test_dead_letters_keep_their_headers_whatever_is_in_them() -> None:
    headers = [
        ("__connect.errors.topic", b"provider-prices"),
        ("__connect.errors.exception.class.name", b"Rejected"),
        ("__connect.errors.exception.message", b"no price \xff"),
        ("gputicker.source", b"vast"),
        ("gputicker.field", b"dph_total"),
        ("gputicker.body.digest", b"00ff"),
        ("gputicker.observed_at_ms", b"1795000000000"),
    ]
    row = dead_letter_row(recorded_ms=0, key=b"\xfe", headers=headers, value=b"x" * 70000, topic=DEAD_LETTERS.name, partition=1, offset=2)
    named = dict(zip(DEAD_LETTER_COLUMNS, row, strict=True))
    assert (named["source"], named["field"], named["observed_at"]) == ("vast", "dph_total", 1795000000000)
    assert (named["reason"], named["record_key"], len(named["value"])) == ("no price \\xff", "\\xfe", 65536)
    bad_time = [("gputicker.observed_at_ms", "²".encode())]
    assert dead_letter_row(recorded_ms=0, key=b"", headers=bad_time, value=b"", topic="t", partition=0, offset=0)[8] is None


def block_of(kafka: FakeKafka, topic: Topic) -> Block:
    waiting = Waiting(topic.name, 0, 0)
    for message in kafka.logs[topic.name, 0]:
        waiting.add(message)
    block = waiting.cut(1000)
    assert block is not None
    return block


def test_blocks_are_cut_by_offset_and_named_by_it() -> None:
    kafka = FakeKafka()
    kafka.produce(PROVIDER_PRICES, [b"x"] * 25)
    waiting = Waiting(PROVIDER_PRICES.name, 0, 0, planned_end=12)
    for message in kafka.logs[PROVIDER_PRICES.name, 0][:11]:
        waiting.add(message)
    assert waiting.cut(10) is None  # begun as [0, 12): nothing less
    for message in kafka.logs[PROVIDER_PRICES.name, 0][11:]:
        waiting.add(message)
    blocks = [waiting.cut(10) for _ in range(3)]
    assert [(block.start, block.end, block.planned) for block in blocks if block] == [(0, 12, True), (12, 22, False), (22, 25, False)]
    assert waiting.cut(10) is None
    assert len({block.token for block in blocks if block}) == 3


def test_a_topic_made_anew_has_other_tokens_and_no_plan() -> None:
    waiting = Waiting(PROVIDER_PRICES.name, 0, 40, planned_end=50)
    kafka = FakeKafka()
    kafka.produce(PROVIDER_PRICES, [b"x"] * 3)
    for message in kafka.logs[PROVIDER_PRICES.name, 0]:
        waiting.add(message)
    block = waiting.cut(10)
    assert block is not None
    assert (block.start, block.end, block.planned) == (0, 3, False)
    later = FakeKafka(now_ms=kafka.now_ms + 5000)
    later.produce(PROVIDER_PRICES, [b"x"] * 3)
    assert block_of(later, PROVIDER_PRICES).token != block.token
