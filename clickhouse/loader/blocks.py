"""What one partition has waiting, and blocks cut from it by offset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from clickhouse.loader.rows import (
    DEAD_LETTER_COLUMNS,
    DEAD_LETTER_TABLE,
    FEEDS,
    TICK,
    UnfitRecord,
    dead_letter_row,
    undecodable_row,
)
from schemas.codec import UndecodableRecord


class Message(Protocol):
    """A Kafka message, as confluent_kafka hands it out."""

    def error(self) -> Any: ...
    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def timestamp(self) -> tuple[int, int]: ...
    def key(self) -> Any: ...
    def value(self) -> Any: ...
    def headers(self) -> Any: ...


Decode = Callable[[bytes], dict[str, Any]]
"""Framed bytes to a record; raises UndecodableRecord for what never will be one, anything else for what may work later."""


@dataclass(slots=True)
class Table:
    """Rows of one block for one table."""

    columns: Sequence[str]
    rows: list[list[Any]] = field(default_factory=list)
    inserted: bool = False


@dataclass(slots=True)
class Block:
    """The records [start, end) of one partition: written as one, repeated as one."""

    topic: str
    partition: int
    start: int
    end: int
    messages: list[Message]
    planned: bool
    """Whether Kafka knows that this block ends where it ends."""
    tables: dict[str, Table] | None = None
    ticks: int = 0

    @property
    def token(self) -> str:
        """The same for every repeat of this block, another for any other: a topic made anew starts again at offset 0, but not in time."""
        last_ms = self.messages[-1].timestamp()[1] if self.messages else 0
        return f"{self.topic}/{self.partition}/{self.start}-{self.end}/{last_ms}"

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to insert: ticks alone, or records that Kafka no longer has."""
        return self.tables is not None and not self.tables

    def decode(self, decode: Decode) -> None:
        """Fill `tables`. What cannot become a row becomes a dead letter. Raises what `decode` raises but UndecodableRecord."""
        tables: dict[str, Table] = {}
        dead: list[list[Any]] = []
        rows: list[list[Any]] = []
        ticks = 0
        feed = FEEDS.get(self.topic)
        for message in self.messages:
            offset, recorded_ms = message.offset() or 0, message.timestamp()[1]
            key, value = message.key() or b"", message.value() or b""
            if feed is None:
                dead.append(
                    dead_letter_row(
                        recorded_ms=recorded_ms,
                        key=key,
                        headers=message.headers() or (),
                        value=value,
                        topic=self.topic,
                        partition=self.partition,
                        offset=offset,
                    )
                )
                continue
            try:
                record = decode(value)
                if record.get("kind") == TICK:
                    ticks += 1
                else:
                    rows.append(feed.row(record, self.partition, offset))
            except (UndecodableRecord, UnfitRecord) as error:
                dead.append(
                    undecodable_row(
                        error, recorded_ms=recorded_ms, key=key, value=value, topic=self.topic, partition=self.partition, offset=offset
                    )
                )
        if rows and feed is not None:
            tables[feed.table] = Table(feed.columns, rows)
        if dead:
            tables[DEAD_LETTER_TABLE] = Table(DEAD_LETTER_COLUMNS, dead)
        self.tables, self.ticks = tables, ticks


@dataclass(slots=True)
class Waiting:
    """The records of one partition that are not in a block yet."""

    topic: str
    partition: int
    start: int
    """Where the next block starts: all before is in a block or written."""
    planned_end: int | None = None
    """Where the next block must end, because it was begun so before a crash."""
    messages: list[Message] = field(default_factory=list)
    position: int = 0
    """After the last record seen."""

    def add(self, message: Message) -> None:
        """Records come in order; one from before `start` means that the topic was made anew."""
        offset = message.offset() or 0
        if offset < self.start:
            self.start, self.planned_end = offset, None
            self.messages.clear()
        self.messages.append(message)
        self.position = offset + 1

    def cut(self, max_rows: int) -> Block | None:
        """The next block, or None where there is nothing, or not yet all of a block that was begun before."""
        if self.planned_end is not None:
            if self.position < self.planned_end:
                return None
            count = sum(1 for message in self.messages if (message.offset() or 0) < self.planned_end)
            end, planned = self.planned_end, True
            self.planned_end = None
        elif self.messages:
            count = min(len(self.messages), max_rows)
            end, planned = (self.messages[count - 1].offset() or 0) + 1, False
        else:
            return None
        block = Block(self.topic, self.partition, self.start, end, self.messages[:count], planned)
        del self.messages[:count]
        self.start = end
        return block
