"""Records as rows of their tables: which topic feeds which table, in which columns, and what a row must be to fit. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.topics import DEAD_LETTERS, PRICE_ANOMALIES, PRICE_WINDOWS, PROVIDER_HEALTH, PROVIDER_PRICES, Topic, avro_schema

POSITION_COLUMNS = ("topic", "partition", "offset")
DEAD_LETTER_TABLE = "dead_letters"
DEAD_LETTER_COLUMNS = (
    "recorded_at", "record_key", "failed_topic", "exception_class", "reason", "source", "field", "body_digest", "observed_at", "value",
    *POSITION_COLUMNS,
)  # fmt: skip
TICK = "tick"

MAX_VALUE_BYTES = 64 * 1024
EARLIEST_MS, LATEST_MS = 1_262_304_000_000, 4_102_444_800_000
"""2010 to 2100: a time outside is an error of its maker, and would open a partition of its own."""

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "long": (int,),
    "int": (int,),
    "double": (float, int),
    "boolean": (bool,),
}
_RANGES = {"long": (-(2**63), 2**63 - 1), "int": (-(2**31), 2**31 - 1)}
_MISSING = object()


class UnfitRecord(ValueError):
    """A decoded record that its table cannot hold; `field` is what stands in the way."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Field:
    """One Avro field and its column."""

    name: str
    column: str
    types: tuple[type, ...]
    nullable: bool
    low: int | None
    high: int | None
    default: Any

    def value(self, record: Mapping[str, Any]) -> Any:
        """Raises UnfitRecord."""
        value = record.get(self.name, self.default)
        if value is None and self.nullable:
            return None
        if value is _MISSING:
            raise UnfitRecord(self.name, f"{self.name} is missing")
        if type(value) not in self.types:
            raise UnfitRecord(self.name, f"{self.name} is {type(value).__name__}, not {self.types[0].__name__}")
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            raise UnfitRecord(self.name, f"{self.name} is {value}, not between {self.low} and {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class Feed:
    """One Avro topic and its table."""

    topic: Topic
    table: str
    fields: tuple[Field, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `row`, in order."""
        return (*(field.column for field in self.fields), *POSITION_COLUMNS)

    def row(self, record: Mapping[str, Any], partition: int, offset: int) -> list[Any]:
        """Values in the order of `columns`; times as Unix milliseconds. Raises UnfitRecord."""
        return [*(field.value(record) for field in self.fields), self.topic.name, partition, offset]


def feed(topic: Topic, table: str) -> Feed:
    """The feed that a topic's Avro schema implies: `event_time_ms` goes to `event_time`, everything else keeps its name."""
    if topic.schema is None:
        raise ValueError(f"{topic.name} has no Avro schema")
    return Feed(topic, table, tuple(_field(spec) for spec in avro_schema(topic.schema)["fields"]))


def _field(spec: Mapping[str, Any]) -> Field:
    declared = spec["type"]
    kinds = [declared] if isinstance(declared, str) else [kind for kind in declared if kind != "null"]
    kind, name = kinds[0], spec["name"]
    is_time = kind == "long" and name.endswith("_ms")
    low, high = (EARLIEST_MS, LATEST_MS) if is_time else _RANGES.get(kind, (None, None))
    if name == "revision":
        low = 0  # it is the version of a ReplacingMergeTree, which takes no negative number
    return Field(
        name=name,
        column=name.removesuffix("_ms") if is_time else name,
        types=_PYTHON_TYPES[kind],
        nullable=not isinstance(declared, str),
        low=low,
        high=high,
        default=spec.get("default", _MISSING),
    )


FEEDS: Mapping[str, Feed] = {
    topic.name: feed(topic, table)
    for topic, table in (
        (PROVIDER_PRICES, "offer_events"),
        (PRICE_WINDOWS, "price_windows"),
        (PRICE_ANOMALIES, "price_anomalies"),
        (PROVIDER_HEALTH, "provider_health"),
    )
}
TOPIC_NAMES = (*FEEDS, DEAD_LETTERS.name)


def dead_letter_row(
    *, recorded_ms: int, key: bytes, headers: Sequence[tuple[str, bytes]], value: bytes, topic: str, partition: int, offset: int
) -> list[Any]:
    """A record of provider-prices.dlq, in the order of DEAD_LETTER_COLUMNS. Any record fits: what is not text is shown escaped."""
    said = {name: text.decode(errors="backslashreplace") for name, text in headers if text is not None}
    observed = said.get("gputicker.observed_at_ms", "")
    observed_ms = int(observed) if observed.isascii() and observed.isdigit() else 0
    return [
        _within(recorded_ms),
        key.decode(errors="backslashreplace"),
        said.get("__connect.errors.topic", ""),
        said.get("__connect.errors.exception.class.name", ""),
        said.get("__connect.errors.exception.message", ""),
        said.get("gputicker.source", ""),
        said.get("gputicker.field", ""),
        said.get("gputicker.body.digest", ""),
        observed_ms if EARLIEST_MS <= observed_ms <= LATEST_MS else None,
        value[:MAX_VALUE_BYTES],
        topic,
        partition,
        offset,
    ]


def undecodable_row(error: Exception, *, recorded_ms: int, key: bytes, value: bytes, topic: str, partition: int, offset: int) -> list[Any]:
    """A record of an Avro topic that cannot become a row, with the reason, in the order of DEAD_LETTER_COLUMNS."""
    headers = [
        ("__connect.errors.topic", topic.encode()),
        ("__connect.errors.exception.class.name", type(error).__name__.encode()),
        ("__connect.errors.exception.message", str(error)[:2000].encode()),
        ("gputicker.field", (error.field if isinstance(error, UnfitRecord) else "").encode()),
    ]
    return dead_letter_row(recorded_ms=recorded_ms, key=key, headers=headers, value=value, topic=topic, partition=partition, offset=offset)


def _within(ms: int) -> int:
    return min(max(ms, EARLIEST_MS), LATEST_MS)
