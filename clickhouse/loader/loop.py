"""The loop: consume, cut blocks, record where they end, insert, commit.

Exactly once, by this order for every block [start, end) of a partition:

1. commit offset `start` with the metadata "end": from now on a restart repeats this block and no other;
2. insert with a deduplication token made of topic, partition, start and end, which the tables and their views remember;
3. commit offset `end`.

A crash after 1 or 2 repeats 2 with the same token; ClickHouse then drops what it has and adds what it lacks.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from clickhouse.loader.blocks import Block, Decode, Message, Waiting
from clickhouse.loader.rows import TOPIC_NAMES
from clickhouse.loader.sink import SinkAway
from schemas.codec import RegistryAway

log = logging.getLogger(__name__)

_CONSUME_MESSAGES = 2000
_CONSUME_S = 0.2
_KAFKA_S = 10.0
_OFFSET_ATTEMPTS = 6
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 4.0
_REPORT_EVERY_S = 60.0


class Sink(Protocol):
    """Where blocks go; raises SinkAway."""

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], token: str) -> None: ...


class KafkaConsumer(Protocol):
    """What the loop needs of confluent_kafka.Consumer."""

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None: ...
    def consume(self, num_messages: int, timeout: float) -> Sequence[Message]: ...
    def commit(self, *, offsets: list[TopicPartition], asynchronous: Literal[False]) -> list[TopicPartition]: ...
    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]: ...
    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]: ...
    def assign(self, partitions: list[TopicPartition]) -> None: ...
    def assignment(self) -> list[TopicPartition]: ...
    def pause(self, partitions: list[TopicPartition]) -> None: ...
    def resume(self, partitions: list[TopicPartition]) -> None: ...


class Loader:
    """One consumer's work. Single-threaded; holds at most one batch of blocks and one flush of records."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        decode: Decode,
        sink: Sink,
        *,
        flush_s: float,
        block_rows: int,
        buffer_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._decode = decode
        self._sink = sink
        self._flush_s, self._block_rows, self._buffer_bytes = flush_s, block_rows, buffer_bytes
        self._clock = clock
        self._waiting: dict[tuple[str, int], Waiting] = {}
        self._blocks: list[Block] = []
        self._held_bytes = 0
        self._flushed_at = self._reported_at = clock()
        self._retry_at = 0.0
        self._wait_s = _FIRST_WAIT_S
        self.counts: Counter[str] = Counter()
        """Since the start: `records`, `ticks`, `blocks`, and rows per table."""

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; then what is held is written, if ClickHouse and Kafka take it at once. Raises for a fatal Kafka error."""
        self.subscribe()
        while not stop.is_set():
            self.step()
        self.finish()

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe(list(TOPIC_NAMES), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def step(self) -> None:
        """One turn: take what has come; write when it is time, or repeat what could not be written."""
        if self._blocks:
            self._wait()
            if self._blocks and self._clock() >= self._retry_at:
                self._write()
            return
        for message in self._consumer.consume(_CONSUME_MESSAGES, timeout=min(_CONSUME_S, self._flush_s)):
            self._take(message)
        if self._is_due():
            self._cut()
            self._write()
        self._report()

    def finish(self) -> None:
        """Write what is held, with one attempt; what fails is repeated after the next start."""
        if not self._blocks:
            self._cut()
        self._write()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if _is_fatal(error):
                raise KafkaException(error)
            if error.code() != KafkaError._PARTITION_EOF:
                log.warning("Kafka: %s", error.str())
            return
        waiting = self._waiting.get((message.topic() or "", message.partition() or 0))
        if waiting is None:  # revoked meanwhile
            return
        waiting.add(message)
        self._held_bytes += len(message.value() or b"")
        self.counts["records"] += 1

    def _is_due(self) -> bool:
        if self._held_bytes >= self._buffer_bytes or any(len(waiting.messages) >= self._block_rows for waiting in self._waiting.values()):
            return True
        return self._clock() - self._flushed_at >= self._flush_s

    def _cut(self) -> None:
        cut = [waiting.cut(self._block_rows) for waiting in self._waiting.values()]
        self._blocks = [block for block in cut if block is not None]
        self._flushed_at = self._clock()
        self._count_held()

    def _write(self) -> None:
        """Plan, insert and commit the blocks at hand. What is done stays done when a later part has to be repeated."""
        if not self._blocks:
            return
        try:
            for block in self._blocks:
                if block.tables is None:
                    block.decode(self._decode)
            self._plan([block for block in self._blocks if not block.planned and not block.is_empty])
            for block in self._blocks:
                self._insert(block)
            self._commit([TopicPartition(block.topic, block.partition, block.end, "") for block in self._blocks])
        except (RegistryAway, SinkAway, KafkaException) as error:
            self._put_off(error)
            return
        for block in self._blocks:
            self.counts["blocks"] += 1
            self.counts["ticks"] += block.ticks
        if self._wait_s > _FIRST_WAIT_S:
            log.info("going on")
        self._blocks, self._wait_s = [], _FIRST_WAIT_S
        self._consumer.resume(self._consumer.assignment())

    def _plan(self, blocks: list[Block]) -> None:
        if not blocks:
            return
        self._commit([TopicPartition(block.topic, block.partition, block.start, str(block.end)) for block in blocks])
        for block in blocks:
            block.planned = True

    def _insert(self, block: Block) -> None:
        for name, table in (block.tables or {}).items():
            if not table.inserted:
                self._sink.insert(name, table.columns, table.rows, block.token)
                table.inserted = True
                self.counts[name] += len(table.rows)

    def _commit(self, offsets: list[TopicPartition]) -> None:
        for answer in self._consumer.commit(offsets=offsets, asynchronous=False):
            if answer.error is not None:
                raise KafkaException(answer.error)

    def _put_off(self, error: Exception) -> None:
        if isinstance(error, KafkaException) and error.args and _is_fatal(error.args[0]):
            raise error
        log.warning("waiting %.1f s: %s", self._wait_s, error)
        self._retry_at = self._clock() + self._wait_s
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)

    def _wait(self) -> None:
        """Stay in the group without taking records."""
        self._consumer.pause(self._consumer.assignment())
        for message in self._consumer.consume(1, timeout=min(_CONSUME_S, max(0.0, self._retry_at - self._clock()))):
            self._take(message)

    def _assigned(self, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Start each partition where it was committed, with the block that was begun there, if one was."""
        starts = []
        for stored in self._committed(consumer, partitions):
            start, planned_end = stored.offset, _planned_end(stored)
            if start < 0 or planned_end is not None:
                low, high = consumer.get_watermark_offsets(TopicPartition(stored.topic, stored.partition), timeout=_KAFKA_S)
                if start < 0 or start > high:
                    start = low
                if planned_end is not None and (planned_end <= start or planned_end > high):
                    log.warning(
                        "%s/%s: a block up to %s was begun, but the topic ends at %s", stored.topic, stored.partition, planned_end, high
                    )
                    planned_end = None
            self._waiting[stored.topic, stored.partition] = Waiting(stored.topic, stored.partition, start, planned_end, position=start)
            starts.append(TopicPartition(stored.topic, stored.partition, start))
        consumer.assign(starts)
        # A pause outlives the assignment it was made in (librdkafka 2.16), and its blocks went with the revocation.
        consumer.resume(starts)
        log.info(
            "assigned %d partitions, %d with a block begun", len(starts), sum(w.planned_end is not None for w in self._waiting.values())
        )

    def _committed(self, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Raises KafkaException after some attempts: without offsets there is no place to start from."""
        for attempts_left in reversed(range(_OFFSET_ATTEMPTS)):
            try:
                stored = consumer.committed(partitions, timeout=_KAFKA_S)
                for one in stored:
                    if one.error is not None:
                        raise KafkaException(one.error)
            except KafkaException as error:
                if not attempts_left:
                    raise
                log.warning("no offsets from Kafka, asking again: %s", error)
            else:
                return stored
        return []

    def _revoked(self, _consumer: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Forget them: whoever has them next repeats what was begun."""
        gone = {(partition.topic, partition.partition) for partition in partitions}
        for key in gone:
            self._waiting.pop(key, None)
        self._blocks = [block for block in self._blocks if (block.topic, block.partition) not in gone]
        self._count_held()

    def _count_held(self) -> None:
        self._held_bytes = sum(len(message.value() or b"") for waiting in self._waiting.values() for message in waiting.messages)

    def _report(self) -> None:
        now = self._clock()
        if now - self._reported_at >= _REPORT_EVERY_S:
            self._reported_at = now
            log.info("so far: %s", ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items())) or "nothing")


def _is_fatal(error: KafkaError) -> bool:
    """Whether the consumer is of no more use. librdkafka 2.16 tells of it by code, too: it was fenced by its own predecessor's name after
    Kafka's restart, and neither error of that had the flag (2026-11-21).
    """
    return error.fatal() or error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID)


def _planned_end(stored: TopicPartition) -> int | None:
    text = stored.metadata or ""
    if stored.offset == OFFSET_INVALID or not text.isascii() or not text.isdigit():
        return None
    return int(text)
