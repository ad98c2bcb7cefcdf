"""Kafka in memory: what the loader's loop needs of a consumer, over a log and offsets that outlive it; and the schemas' frames."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

import schemas
from schemas.codec import Decoder, Encoder, UndecodableRecord
from schemas.topics import TOPICS, Topic, avro_schema

EXAMPLES = Path(schemas.__file__).parent / "examples"
AVRO_TOPICS = [topic for topic in TOPICS if topic.schema is not None]
SCHEMA_IDS = {topic.schema: number for number, topic in enumerate(AVRO_TOPICS, 1) if topic.schema}


def examples(topic: Topic) -> list[dict[str, Any]]:
    return list(json.loads((EXAMPLES / f"{topic.schema}.json").read_text()))


def schema_text(schema_id: int) -> str:
    """What a registry that knows these topics answers."""
    for name, known in SCHEMA_IDS.items():
        if known == schema_id:
            return json.dumps(avro_schema(name))
    raise UndecodableRecord(f"no schema {schema_id}")


def frame(topic: Topic, record: Mapping[str, Any]) -> bytes:
    return Encoder(topic, SCHEMA_IDS[topic.schema or ""])(record)


def decoder() -> Decoder:
    return Decoder(schema_text)


@dataclass(frozen=True)
class FakeMessage:
    _topic: str
    _partition: int
    _offset: int
    _timestamp_ms: int
    _value: bytes | None
    _key: bytes | None = b"key"
    _headers: list[tuple[str, bytes]] = field(default_factory=list)

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, self._timestamp_ms

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self._headers or None


@dataclass
class FakeKafka:
    """Logs and committed offsets."""

    now_ms: int = 1_795_000_000_000
    logs: dict[tuple[str, int], list[FakeMessage]] = field(default_factory=dict)
    offsets: dict[tuple[str, int], tuple[int, str]] = field(default_factory=dict)

    def produce(self, topic: Topic, values: Iterable[bytes | None], partition: int = 0, headers: Mapping[str, bytes] | None = None) -> None:
        log = self.logs.setdefault((topic.name, partition), [])
        for value in values:
            self.now_ms += 1
            log.append(FakeMessage(topic.name, partition, len(log), self.now_ms, value, b"key", list((headers or {}).items())))

    def total(self, *topics: Topic) -> int:
        names = {topic.name for topic in topics}
        return sum(len(log) for (name, _), log in self.logs.items() if name in names)


class FakeConsumer:
    """One member of the group. `before_commit` may raise, to stand for a broker that is away or a crash."""

    def __init__(self, kafka: FakeKafka, before_commit: Callable[[], None] = lambda: None) -> None:
        self.kafka = kafka
        self.paused: set[tuple[str, int]] = set()
        self._before_commit = before_commit
        self._positions: dict[tuple[str, int], int] = {}
        self._on_assign: Callable[[Any, list[TopicPartition]], None] | None = None
        self.on_revoke: Callable[[Any, list[TopicPartition]], None] | None = None

    def rebalance(self) -> None:
        """Everything is revoked, and assigned again with the next consume. Like librdkafka 2.16, it forgets no pause."""
        assert self.on_revoke is not None
        self.on_revoke(self, self.assignment())
        self._on_assign = self._assigned
        self._positions = {}

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self._on_assign = self._assigned = on_assign
        self.on_revoke = on_revoke

    def consume(self, num_messages: int, timeout: float) -> list[FakeMessage]:
        if self._on_assign is not None:
            assigned, self._on_assign = self._on_assign, None
            assigned(self, [TopicPartition(topic, partition) for topic, partition in self.kafka.logs])
        taken: list[FakeMessage] = []
        for key, position in self._positions.items():
            if key not in self.paused:
                more = self.kafka.logs[key][position : position + num_messages - len(taken)]
                self._positions[key] = position + len(more)
                taken += more
        return taken

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        self._before_commit()
        for one in offsets:
            self.kafka.offsets[one.topic, one.partition] = (one.offset, one.metadata or "")
        return offsets

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        found = []
        for one in partitions:
            offset, metadata = self.kafka.offsets.get((one.topic, one.partition), (-1001, ""))
            found.append(TopicPartition(one.topic, one.partition, offset, metadata))
        return found

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, len(self.kafka.logs[partition.topic, partition.partition])

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._positions = {(one.topic, one.partition): one.offset for one in partitions}

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(topic, partition) for topic, partition in self._positions]

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused |= {(one.topic, one.partition) for one in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused -= {(one.topic, one.partition) for one in partitions}
