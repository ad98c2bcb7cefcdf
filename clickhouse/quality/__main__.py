"""`python -m clickhouse.quality`: holds the history against what it must be like. Exit code 1 where something is not.

Prints a line per expectation, and keeps them in the table `quality_results`.
"""

import os
import sys
from datetime import UTC, datetime

# Great Expectations tells its makers of its use, unless this is set before it is imported.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

from clickhouse_connect.driver.exceptions import ClickHouseError

from clickhouse.connection import connect
from clickhouse.migrate import MigrateSettings
from clickhouse.quality.check import Result, check, keep
from clickhouse.quality.suites import SUITES


def main() -> int:
    """Check everything once."""
    settings = MigrateSettings()
    try:
        client = connect(
            settings.clickhouse_url,
            settings.clickhouse_user,
            settings.clickhouse_password.get_secret_value(),
            settings.clickhouse_database,
        )
        try:
            results = check(client, SUITES, datetime.now(UTC))
            keep(client, results)
        finally:
            client.close()
    except ClickHouseError as error:
        sys.stderr.write(f"ClickHouse at {settings.clickhouse_url}: {str(error).partition(chr(10))[0][:300]}\n")
        return 2
    failed = sum(not result.success for result in results)
    lines = [*map(line, results), f"{len(results) - failed} of {len(results)} expectations hold"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if failed else 0


def line(result: Result) -> str:
    """One result for people."""
    told = f"{result.suite}: {result.expectation}"
    if result.success:
        return f"ok      {told} ({result.rows:,} rows)"
    return f"FAILED  {told}: {result.unexpected:,} of {result.rows:,} rows not; {' '.join(result.examples) or 'none shown'}"


if __name__ == "__main__":
    sys.exit(main())
