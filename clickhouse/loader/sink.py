"""Blocks into tables, through clickhouse-connect."""

from collections.abc import Sequence
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from clickhouse.connection import connect
from clickhouse.loader.settings import LoaderSettings

# Said on every insert, because servers differ in their defaults: a repeat with the same token is one insert, in the tables that views
# feed too, and nothing is acknowledged before it is written.
_INSERT_SETTINGS = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,
}


class SinkAway(Exception):
    """The insert was not acknowledged: it may be in or not, and is to be repeated with the same token."""


class ClickHouseSink:
    """One connection, made when it is needed. Blocks."""

    def __init__(self, settings: LoaderSettings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._types: dict[str, Sequence[Any]] = {}

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], token: str) -> None:
        """Returns once all rows are in the table and its views. Raises SinkAway."""
        try:
            client = self._connected()
            if table not in self._types:
                self._types[table] = client.create_insert_context(table, columns).column_types
            client.insert(
                table,
                list(zip(*rows, strict=True)),
                column_names=columns,
                column_types=self._types[table],
                column_oriented=True,
                settings={**_INSERT_SETTINGS, "insert_deduplication_token": token},
            )
        except (ClickHouseError, OSError) as error:
            self.close()
            # Of urllib3's text the part after the query string's start is left out.
            raise SinkAway(f"{table}: {str(error).partition('?')[0][:300]}") from error

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None
        self._types.clear()

    def _connected(self) -> Client:
        if self._client is None:
            settings = self._settings
            password = settings.clickhouse_password.get_secret_value()
            self._client = connect(settings.clickhouse_url, settings.clickhouse_user, password, settings.clickhouse_database)
        return self._client
