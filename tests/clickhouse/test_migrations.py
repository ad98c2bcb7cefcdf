"""Migrations give the columns that the Avro schemas imply, are applied once, and never change."""

import re
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from clickhouse.loader.rows import DEAD_LETTER_COLUMNS, DEAD_LETTER_TABLE, FEEDS, Feed
from clickhouse.migrate import GPU_COLUMNS, RETAINED, MigrateSettings, MigrationChanged, apply, migrate, read_migrations
from clickhouse.queries import TABLES
from schemas.gpus import GPUS
from schemas.topics import TOPICS, avro_schema
from tests.clickhouse.front import FrontProcess

TYPES = {"string": "String", "long": "Int64", "int": "Int32", "double": "Float64", "boolean": "Bool"}
POSITION = {"topic": "String", "partition": "Int32", "offset": "Int64", "ingested_at": "DateTime64(3, 'UTC')"}
# A version of a ReplacingMergeTree is unsigned.
EXCEPTIONS = {("price_windows", "revision"): "UInt32"}


def implied(feed: Feed) -> dict[str, str]:
    columns = {}
    for field in avro_schema(feed.topic.schema or "")["fields"]:
        declared: Any = field["type"]
        kind = declared if isinstance(declared, str) else next(one for one in declared if one != "null")
        name, column_type = field["name"], TYPES[kind]
        if kind == "long" and name.endswith("_ms"):
            name, column_type = name.removesuffix("_ms"), "DateTime64(3, 'UTC')"
        column_type = EXCEPTIONS.get((feed.table, name), column_type)
        columns[name] = column_type if isinstance(declared, str) else f"Nullable({column_type})"
    return {**columns, **POSITION}


def columns_of(client: Client, table: str) -> dict[str, str]:
    """Names and types; LowCardinality is how a column is kept, not what it holds."""
    rows = client.query(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {t:String}", {"t": table}
    ).result_rows
    return {name: re.sub(r"^LowCardinality\((.*)\)$", r"\1", column_type) for name, column_type in rows}


@pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.table)
def test_columns_are_what_the_schema_implies(client: Client, migrated: MigrateSettings, feed: Feed) -> None:
    assert columns_of(client, feed.table) == implied(feed)
    assert (*feed.columns, "ingested_at") == tuple(columns_of(client, feed.table))


def test_every_topic_with_a_schema_of_its_own_is_fed() -> None:
    assert {feed.topic.schema for feed in FEEDS.values()} == {topic.schema for topic in TOPICS if topic.schema}


def test_every_fed_table_forgets_no_block(client: Client, migrated: MigrateSettings) -> None:
    tables = [*(feed.table for feed in FEEDS.values()), DEAD_LETTER_TABLE, "offers_current"]
    for table in tables:
        definition = client.command(
            "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {t:String}", {"t": table}
        )
        assert "non_replicated_deduplication_window = 1000" in str(definition)
    assert set(columns_of(client, DEAD_LETTER_TABLE)) == {*DEAD_LETTER_COLUMNS, "ingested_at"}
    assert columns_of(client, "offers_current") == columns_of(client, "offer_events")


def test_applied_once_and_recorded(client: Client, migrated: MigrateSettings) -> None:
    recorded = client.query("SELECT number, name, checksum FROM schema_migrations ORDER BY number").result_rows
    assert [tuple(row) for row in recorded] == [(one.number, one.name, one.checksum) for one in read_migrations()]
    assert sorted({one.number for one in read_migrations()}) == [one.number for one in read_migrations()]
    assert migrate(migrated) == []
    known = {row[0] for row in client.query("SHOW TABLES").result_rows}
    assert {*TABLES, *RETAINED, "schema_migrations", "offers_latest", "prices_hourly", "prices_daily", "offers_as_of", "incidents"} <= known


def test_gpus_are_the_canonical_ones_and_follow_them(client: Client, migrated: MigrateSettings) -> None:
    def held() -> set[tuple[object, ...]]:
        return {tuple(row) for row in client.query("SELECT * FROM gpus").result_rows}

    canonical = {tuple(gpu) for gpu in GPUS.values()}
    assert tuple(columns_of(client, "gpus")) == GPU_COLUMNS
    assert held() == canonical
    client.insert("gpus", [["X1-PCIE-8", "NVIDIA", "X1", "PCIE", 8, "Fermi", "X1", None]], column_names=GPU_COLUMNS)
    client.command("ALTER TABLE gpus DELETE WHERE gpu = 'K80-PCIE-12'", settings={"mutations_sync": 1})
    assert held() != canonical
    migrate(migrated)
    assert held() == canonical
    assert client.command("SELECT count() FROM gpus") == len(GPUS)


def test_a_changed_migration_is_noticed_before_anything_is_applied(client: Client, migrated: MigrateSettings, tmp_path: Path) -> None:
    (tmp_path / "0001_offer_events.sql").write_text("SELECT 1;\n")
    (tmp_path / "0099_new.sql").write_text("CREATE TABLE never_made (a Int8) ENGINE = Memory;\n")
    with pytest.raises(MigrationChanged, match="0001_offer_events"):
        apply(client, read_migrations(tmp_path))
    assert client.command("EXISTS never_made") == 0


def test_file_names_are_checked(tmp_path: Path) -> None:
    (tmp_path / "1_x.sql").write_text("")
    with pytest.raises(ValueError, match="NNNN_name"):
        read_migrations(tmp_path)


def test_retention_is_a_setting(client: Client, migrated: MigrateSettings) -> None:
    try:
        migrate(migrated.model_copy(update={"retention_days": 7}))
        for table in RETAINED:
            definition = client.command(
                "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {t:String}", {"t": table}
            )
            assert "toIntervalDay(7)" in str(definition)
    finally:
        migrate(migrated)


def test_migrations_run_from_the_command_line(migrated: MigrateSettings, front: FrontProcess) -> None:
    """Twice over is harmless: the statements can be said again after a kill between a statement and its record."""
    client = front.client()
    try:
        client.command("TRUNCATE TABLE schema_migrations")
        assert len(apply(client, read_migrations())) == len(read_migrations())
    finally:
        client.close()
