"""Reading the topics for people: how many records each holds, and their records, decoded."""

from collections.abc import Iterator
from typing import Any

import click
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.codec import Decoder, UndecodableRecord
from schemas.topics import DAY_MS, PARTITIONS, TOPICS
from stack.settings import Stack

TIMEOUT_S = 10


def topic_sizes(stack: Stack) -> list[list[Any]]:
    """One row a topic: name, key, partitions, records between the oldest and newest offset, how long kept, what about."""
    rows = []
    with_consumer = _consumer(stack)
    try:
        for topic in TOPICS:
            offsets = [with_consumer.get_watermark_offsets(TopicPartition(topic.name, p), TIMEOUT_S) for p in range(PARTITIONS)]
            records = sum(high - low for low, high in offsets)
            kept = "compacted" if topic.compacted else f"{(topic.retention_ms or 0) // DAY_MS} days"
            rows.append([topic.name, topic.key, PARTITIONS, records, kept, topic.about])
    except KafkaException as error:
        raise click.ClickException(f"Kafka at {stack.urls['kafka']}: {error.args[0].str()}") from error
    finally:
        with_consumer.close()
    return rows


def read_topic(stack: Stack, name: str, *, follow: bool, latest: bool, limit: int | None) -> Iterator[dict[str, Any]]:
    """Records as JSON objects: `partition`, `offset`, `timestamp_ms`, `key`, `value`, and `headers` where there are any.

    Ends at what was the newest record when it began, unless `follow`. A value that is not Avro is given as text.
    """
    topic = next((one for one in TOPICS if one.name == name), None)
    if topic is None:
        raise click.ClickException(f"no topic {name!r}; there are: {', '.join(one.name for one in TOPICS)}")
    decode = Decoder.from_registry(stack.urls["registry"]) if topic.schema else None
    consumer = _consumer(stack)
    try:
        left = {p: consumer.get_watermark_offsets(TopicPartition(name, p), TIMEOUT_S) for p in range(PARTITIONS)}
        waiting = {p for p, (low, high) in left.items() if high > low}
        start = OFFSET_END if latest else OFFSET_BEGINNING
        consumer.assign([TopicPartition(name, p, start) for p in range(PARTITIONS)])
        given = 0
        while follow or waiting:
            message = consumer.poll(1.0)
            if message is None:
                continue
            partition = message.partition() or 0
            if error := message.error():
                if error.code() != KafkaError._PARTITION_EOF:
                    raise click.ClickException(f"Kafka at {stack.urls['kafka']}: {error.str()}")
                waiting.discard(partition)
                continue
            yield _shown(message, decode)
            given += 1
            if limit and given >= limit:
                return
            if (message.offset() or 0) >= left[partition][1] - 1:
                waiting.discard(partition)
    except KafkaException as error:
        raise click.ClickException(f"Kafka at {stack.urls['kafka']}: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _consumer(stack: Stack) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": stack.urls["kafka"],
            "group.id": "gputicker-command",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )


def _shown(message: Message, decode: Decoder | None) -> dict[str, Any]:
    raw = message.value()
    value: Any = None
    if raw is not None:
        try:
            value = decode(raw) if decode else raw.decode(errors="replace")
        except UndecodableRecord as error:
            value = {"undecodable": str(error)}
    key = message.key()
    shown = {
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp_ms": message.timestamp()[1],
        "key": key.decode(errors="replace") if isinstance(key, bytes) else key,
        "value": value,
    }
    headers: Any = message.headers()
    if headers:
        shown["headers"] = {name: content.decode(errors="replace") if isinstance(content, bytes) else content for name, content in headers}
    return shown
