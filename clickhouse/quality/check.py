"""Runs suites over ClickHouse, and keeps what came out in the table `quality_results`."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import great_expectations as gx
from clickhouse_connect.driver.client import Client
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.data_context.types.base import ProgressBarsConfig

from clickhouse.quality.suites import Suite

EXAMPLES = 5
NO_ROWS = "there are rows"


class Result(NamedTuple):
    """One row of `quality_results`. `examples` are rows that were not as expected: their key and the odd value, as JSON."""

    checked_at: datetime
    suite: str
    expectation: str
    success: bool
    rows: int
    unexpected: int
    examples: list[str]


def check(client: Client, suites: Sequence[Suite], now: datetime) -> list[Result]:
    """Hold every suite against its rows. Blocks; raises clickhouse_connect's ClickHouseError."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    assets = context.data_sources.add_pandas("clickhouse")
    results: list[Result] = []
    for suite in suites:
        frame = client.query_df(suite.sql)
        if frame.empty:
            if not suite.optional:
                results.append(Result(now, suite.name, NO_ROWS, False, 0, 0, []))
            continue
        batch = assets.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
        found = batch.validate(
            ExpectationSuite(name=suite.name, expectations=list(suite.expectations)),
            result_format={
                "result_format": "SUMMARY",
                "unexpected_index_column_names": list(suite.key),
                "partial_unexpected_count": EXAMPLES,
            },
        )
        results += _results(suite, found, len(frame), now)
    return results


def keep(client: Client, results: Sequence[Result]) -> None:
    """Write results into `quality_results`. Blocks; raises clickhouse_connect's ClickHouseError."""
    client.insert("quality_results", [list(result) for result in results], column_names=list(Result._fields))


def _results(suite: Suite, found: Any, rows: int, now: datetime) -> Iterator[Result]:
    for one in found.results:
        trouble = one.exception_info.get("exception_message") if isinstance(one.exception_info, dict) else None
        odd = one.result.get("partial_unexpected_index_list") or one.result.get("partial_unexpected_list") or []
        examples = [json.dumps(row, default=str) for row in odd[:EXAMPLES]]
        yield Result(
            now,
            suite.name,
            str(one.expectation_config.to_json_dict().get("description") or one.expectation_config.type),
            bool(one.success),
            rows,
            int(one.result.get("unexpected_count") or 0),
            [trouble[:500]] if trouble else examples,
        )
