"""The Kafka topics: names, keys, retention and schemas. Everything that creates, reads or documents a topic reads this table."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

PARTITIONS = 6
DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `schema` names a file in schemas/avro; None means that values are not Avro."""

    name: str
    key: str
    about: str
    schema: str | None
    retention_ms: int | None = None
    compacted: bool = False

    @property
    def subject(self) -> str:
        """The registry subject of the values (strategy: by topic name)."""
        return f"{self.name}-value"

    @property
    def config(self) -> dict[str, str]:
        """The topic's own settings, as Kafka names them."""
        if self.compacted:
            return {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


PROVIDER_PRICES = Topic("provider-prices", "provider/offer_key", "offer events", "provider-prices", 7 * DAY_MS)
LATEST_OFFERS = Topic(
    "latest-offers", "provider/offer_key", "the current state of each offer; a tombstone when gone", "provider-prices", compacted=True
)
DEAD_LETTERS = Topic("provider-prices.dlq", "source", "what could not be read, with the reason in its headers", None, 14 * DAY_MS)
PROVIDER_HEALTH = Topic("provider-health", "source", "one record a poll", "provider-health", 2 * DAY_MS)
PRICE_WINDOWS = Topic("price-windows", "gpu/price_type/provider", "window statistics, z and trend", "price-windows", 30 * DAY_MS)
PRICE_ANOMALIES = Topic("price-anomalies", "anomaly_id", "incidents: what, how far, why", "price-anomalies", 30 * DAY_MS)

TOPICS = (PROVIDER_PRICES, LATEST_OFFERS, DEAD_LETTERS, PROVIDER_HEALTH, PRICE_WINDOWS, PRICE_ANOMALIES)


@cache
def avro_schema(name: str) -> dict[str, Any]:
    """The Avro schema in schemas/avro/<name>.avsc."""
    path = Path(__file__).parent / "avro" / f"{name}.avsc"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
