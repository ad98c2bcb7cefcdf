"""One front for the whole run; tests make tables of their own names in it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from clickhouse_connect.driver.client import Client
from pydantic import SecretStr

from clickhouse.loader.rows import FEEDS
from clickhouse.migrate import MigrateSettings, migrate
from tests.clickhouse.front import FrontProcess
from tests.clickhouse.store import Store


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontProcess]:
    with FrontProcess(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


@pytest.fixture
def client(front: FrontProcess) -> Iterator[Client]:
    made = front.client()
    yield made
    made.close()


@pytest.fixture(scope="session")
def migrated(front: FrontProcess) -> MigrateSettings:
    """The session's front with all migrations applied: the settings to reach it. The tests' rows have fixed times and don't expire."""
    settings = MigrateSettings(
        clickhouse_url=front.url,
        clickhouse_database="gputicker",
        clickhouse_user="default",
        clickhouse_password=SecretStr(""),
        retention_days=3650,
    )
    migrate(settings)
    return settings


@pytest.fixture
def table(front: FrontProcess) -> Iterator[str]:
    """An empty table (a Int64, s String) with a deduplication window and a limit on `a`."""
    name = f"t_{uuid4().hex[:12]}"
    front.tsv(
        f"CREATE TABLE {name} (a Int64, s String, CONSTRAINT small CHECK a < 1000) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    yield name
    front.tsv(f"DROP TABLE {name}")


@pytest.fixture
def store(client: Client, migrated: MigrateSettings) -> Store:
    for table in (*(feed.table for feed in FEEDS.values()), "offers_current", "dead_letters", "quality_results"):
        client.command(f"TRUNCATE TABLE {table}")
    return Store(client)
