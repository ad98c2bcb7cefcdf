"""docs/sql.md: every query in it runs, every table and view is named."""

import re
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

import clickhouse
from clickhouse.migrate import MigrateSettings

PAGE = (Path(clickhouse.__file__).parents[1] / "docs" / "sql.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("sql", QUERIES)
def test_queries_run(client: Client, migrated: MigrateSettings, sql: str) -> None:
    assert client.query(sql).column_names


def test_every_table_and_view_is_named(client: Client, migrated: MigrateSettings) -> None:
    internal = {"offers_current", "offers_current_feed"}
    made = re.compile(r"CREATE (?:TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS (\w+)")
    files = (Path(clickhouse.__file__).parent / "migrations").glob("*.sql")
    names = {name for path in files for name in made.findall(path.read_text())}
    assert {name for name in names if f"`{name}" not in PAGE} == internal
