"""Rows in ClickHouse's tables, made here, as the loader puts them there."""

from datetime import UTC, datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client

from clickhouse import queries
from clickhouse.loader.rows import FEEDS
from schemas.topics import PROVIDER_PRICES, Topic
from tests.clickhouse.kafka import examples

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Store:
    """Puts records into their tables as the loader does."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._offset = 0

    def put(self, topic: Topic, *changes: dict[str, Any]) -> None:
        feed = FEEDS[topic.name]
        rows = []
        for change in changes:
            self._offset += 1
            rows.append(feed.row({**examples(topic)[0], **change}, 0, self._offset))
        self.client.insert(feed.table, rows, column_names=feed.columns)

    def event(self, key: str, minutes: float, micros: int | None = 2_000_000, kind: str = "observed", **more: Any) -> None:
        at = ms(NOON + minutes * MINUTE)
        stated = {"kind": kind, "offer_key": key, "event_time_ms": at, "observed_at_ms": at, "usd_per_gpu_hour_micros": micros}
        self.put(PROVIDER_PRICES, {"event_id": f"{key}-{kind}-{at}", "seq": self._offset, **stated, **more})

    def rows(self, query: queries.Query | str) -> list[dict[str, Any]]:
        sql, parameters = (query, {}) if isinstance(query, str) else query
        return list(self.client.query(sql, parameters=parameters).named_results())


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
