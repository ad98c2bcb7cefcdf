"""Numbered migrations: `python -m clickhouse.migrate`, and the loader at its start.

A file migrations/NNNN_name.sql is applied once, in order, and never edited: its checksum is recorded in schema_migrations. Every
statement is written so that it can be said again, because a run may be killed between a statement and its record. One statement
goes to the server at a time; nothing in them is chdb's own.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from clickhouse.connection import connect
from schemas.gpus import GPUS, Gpu

log = logging.getLogger("clickhouse.migrate")

MIGRATIONS = Path(__file__).parent / "migrations"

# Tables whose rows expire after GPUTICKER_RETENTION_DAYS, and by which column. What is not set stays as migrated (90 or 30 days).
RETAINED = {
    "offer_events": "event_time",
    "offers_current": "event_time",
    "price_windows": "window_start",
    "price_anomalies": "event_time",
    "provider_health": "polled_at",
    "dead_letters": "recorded_at",
    "quality_results": "checked_at",
}

GPU_COLUMNS = ("gpu", *Gpu._fields[1:])
"""Of the table `gpus`, in the order of Gpu's fields."""

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_STATEMENT_END = re.compile(r";[ \t]*(?:\n|\Z)")
_TTL = re.compile(r"toIntervalDay\((\d+)\)")
_RECORDS = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number UInt32,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY number"""


class MigrationChanged(RuntimeError):
    """A migration that was applied before is not the file that stands here now."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    checksum: str
    statements: tuple[str, ...]


class MigrateSettings(BaseSettings):
    """Where to migrate, from the environment."""

    model_config = SettingsConfigDict(env_prefix="GPUTICKER_", extra="ignore")

    clickhouse_url: str = "http://127.0.0.1:20123"
    clickhouse_database: str = Field(default="gputicker", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    clickhouse_user: str = "default"
    clickhouse_password: SecretStr = SecretStr("")
    retention_days: int | None = Field(default=None, ge=1, le=3650)
    """At most ten years: expiry is reckoned in DateTime, which ends in 2106."""


def migrate(settings: MigrateSettings) -> list[str]:
    """Create the database and apply what is missing; the names of what was applied. Blocks.

    Raises MigrationChanged, ValueError for a badly named file, clickhouse_connect's ClickHouseError.
    """
    arguments = (settings.clickhouse_url, settings.clickhouse_user, settings.clickhouse_password.get_secret_value())
    client = connect(*arguments, None)
    try:
        client.command(f"CREATE DATABASE IF NOT EXISTS {settings.clickhouse_database} ENGINE = Atomic")
    finally:
        client.close()
    client = connect(*arguments, settings.clickhouse_database)
    try:
        applied = apply(client, read_migrations())
        fill_gpus(client)
        if settings.retention_days is not None:
            retain(client, settings.retention_days)
    finally:
        client.close()
    return applied


def apply(client: Client, migrations: Sequence[Migration]) -> list[str]:
    """Apply those that the client's database has no record of. Raises MigrationChanged before anything is applied."""
    client.command(_RECORDS)
    recorded: dict[int, str] = dict(client.query("SELECT DISTINCT number, checksum FROM schema_migrations").result_rows)  # type: ignore[arg-type]
    for migration in migrations:
        if recorded.get(migration.number, migration.checksum) != migration.checksum:
            raise MigrationChanged(
                f"migration {migration.number:04}_{migration.name} was changed after it had been applied; write a new one"
            )
    if unknown := sorted(set(recorded) - {migration.number for migration in migrations}):
        log.warning("the database has migrations that this version does not know: %s", unknown)
    missing = [migration for migration in migrations if migration.number not in recorded]
    for migration in missing:
        for statement in migration.statements:
            client.command(statement)
        client.insert(
            "schema_migrations", [[migration.number, migration.name, migration.checksum]], column_names=["number", "name", "checksum"]
        )
        log.info("applied migration %04d_%s", migration.number, migration.name)
    return [f"{migration.number:04}_{migration.name}" for migration in missing]


def fill_gpus(client: Client) -> None:
    """Have the table `gpus` hold the canonical GPUs as they are now. It is left alone where it does."""
    held = {Gpu(*row) for row in client.query("SELECT * FROM gpus").result_rows}
    if held == set(GPUS.values()):
        return
    client.command("TRUNCATE TABLE gpus")
    client.insert("gpus", [list(gpu) for gpu in GPUS.values()], column_names=GPU_COLUMNS)
    log.info("gpus: %d", len(GPUS))


def retain(client: Client, days: int) -> None:
    """Let rows of RETAINED expire after so many days, where the tables say otherwise now."""
    for table, column in RETAINED.items():
        definition = client.command(
            "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
            parameters={"table": table},
        )
        found = _TTL.search(str(definition))
        if found is not None and int(found[1]) == days:
            continue
        client.command(
            f"ALTER TABLE {table} MODIFY TTL toDateTime({column}) + INTERVAL {days} DAY", settings={"materialize_ttl_after_modify": 0}
        )
        log.info("%s: rows expire after %d days", table, days)


def read_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """The files, by number. Raises ValueError for a name that is not NNNN_name.sql, or a number twice."""
    migrations: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        found = _FILE.fullmatch(path.name)
        if found is None:
            raise ValueError(f"{path.name} is not named NNNN_name.sql")
        text = path.read_text()
        number = int(found[1])
        if number in migrations:
            raise ValueError(f"{path.name}: number {number} is taken by {migrations[number].name}")
        statements = tuple(part.strip() for part in _STATEMENT_END.split(text) if part.strip())
        migrations[number] = Migration(number, found[2], hashlib.sha256(text.encode()).hexdigest(), statements)
    return list(migrations.values())


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    applied = migrate(MigrateSettings())
    log.info("%d migrations applied", len(applied))


if __name__ == "__main__":
    main()
