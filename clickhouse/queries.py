"""Named queries: SQL with ClickHouse's own `{name:Type}` parameters, and the values for them.

    sql, parameters = queries.windows(gpu="H100-SXM-80", limit=100)
    rows = client.query(sql, parameters=parameters).named_results()

Each function is pure. Columns are named as in the tables: times are aware `datetime` in UTC, `*_micros` are millionths of a USD
per GPU and hour. Filters left at None filter nothing; `start` is inclusive, `end` exclusive. Duplicates of at-least-once delivery
are folded. Tables are named without a database: connect to GPUTICKER_CLICKHOUSE_DATABASE.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

TABLES = ("offer_events", "price_windows", "price_anomalies", "provider_health", "dead_letters", "jobs", "job_costs")


class Query(NamedTuple):
    """One statement and its parameters, as clickhouse-connect's `query` takes them."""

    sql: str
    parameters: dict[str, Any]


def windows(
    *,
    gpu: str | None = None,
    price_type: str | None = None,
    provider: str | None = None,
    scope: str | None = None,
    market: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 500,
) -> Query:
    """Windows by `window_start`, newest first: every column of PriceWindow (`window_start_ms` as `window_start`, and so on).

    `scope` is "market" (then `provider` is empty) or "provider"; a `provider` without a scope gives that provider's windows.
    """
    where = _Where()
    where.equals("gpu", gpu)
    where.equals("price_type", price_type)
    where.equals("provider", provider)
    where.equals("scope", scope)
    where.equals("market", market)
    where.between("window_start", start, end)
    where.parameters["limit"] = limit
    sql = f"""
SELECT window_start, window_end, market, scope, gpu, price_type, provider, offers, providers,
       min_micros, max_micros, mean_micros, sd_micros, median_micros, p10_micros, p90_micros, available_share,
       z, robust_z, baseline_windows, baseline_mean_micros, baseline_sd_micros, baseline_median_micros, baseline_iqr_micros,
       trend_per_hour, revision
FROM price_windows FINAL
{where}
ORDER BY window_start DESC, gpu, price_type, scope, provider
LIMIT {{limit:UInt32}}"""  # noqa: S608 - the pieces are constants of this module; values travel as parameters
    return Query(sql.strip(), where.parameters)


def anomalies(
    *,
    kind: str | None = None,
    gpu: str | None = None,
    provider: str | None = None,
    status: str | None = None,
    market: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 200,
) -> Query:
    """Incidents, one row each with its newest statement, by `opened_at`, newest first.

    Columns of PriceAnomaly (`event_time` is when the newest statement was made) and `closed_at`, null while it is open.
    `status` asks for the state now: opened or closed.
    """
    where = _Where()
    where.equals("kind", kind)
    where.equals("gpu", gpu)
    where.equals("provider", provider)
    where.equals("status", status)
    where.equals("market", market)
    where.between("opened_at", start, end)
    where.parameters["limit"] = limit
    sql = f"""
SELECT anomaly_id, kind, status, provisional, event_time, opened_at, closed_at, market, gpu, price_type, provider, source, offer_key,
       observed_micros, centre_micros, spread_micros, z, mean_z, baseline_count, providers_moved, evidence
FROM incidents
{where}
ORDER BY opened_at DESC, anomaly_id
LIMIT {{limit:UInt32}}"""  # noqa: S608
    return Query(sql.strip(), where.parameters)


def cheapest_history(
    *, now: datetime, hours: float = 24, gpu: str | None = None, price_type: str | None = None, market: str | None = None
) -> Query:
    """The market's lowest price per GPU and window over the last `hours`, oldest first.

    Columns: `gpu`, `window_start`, `min_micros`, `median_micros`.
    Over all price types, unless one is asked for; `median_micros` is then the lowest of their medians.
    """
    where = _Where("scope = 'market'")
    where.equals("gpu", gpu)
    where.equals("price_type", price_type)
    where.equals("market", market)
    where.between("window_start", now - timedelta(hours=hours), None)
    sql = f"""
SELECT gpu, window_start, min(w.min_micros) AS min_micros, min(w.median_micros) AS median_micros
FROM price_windows AS w FINAL
{where}
GROUP BY gpu, window_start
ORDER BY gpu, window_start"""  # noqa: S608
    return Query(sql.strip(), where.parameters)


def counts() -> Query:
    """Rows per table: `table`, `rows`. Cheap: read from the parts' own counts."""
    return Query(
        "SELECT name AS table, toUInt64(ifNull(total_rows, 0)) AS rows FROM system.tables "
        "WHERE database = currentDatabase() AND name IN {tables:Array(String)} ORDER BY name",
        {"tables": list(TABLES)},
    )


class _Where:
    """Conditions joined by AND, and the parameters they name."""

    def __init__(self, *conditions: str) -> None:
        self.conditions = list(conditions)
        self.parameters: dict[str, Any] = {}

    def equals(self, column: str, value: str | None) -> None:
        if value is None:
            return
        self.conditions.append(f"{column} = {{{column}:String}}")
        self.parameters[column] = value

    def between(self, column: str, start: datetime | None, end: datetime | None) -> None:
        for name, operator, moment in (("start_ms", ">=", start), ("end_ms", "<", end)):
            if moment is not None:
                self.conditions.append(f"{column} {operator} fromUnixTimestamp64Milli({{{name}:Int64}}, 'UTC')")
                self.parameters[name] = _unix_ms(moment)

    def __str__(self) -> str:
        return "WHERE " + " AND ".join(self.conditions) if self.conditions else ""


def _unix_ms(moment: datetime) -> int:
    """Raises ValueError for a naive datetime: it names no moment."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without a time zone names no moment")
    return round(moment.timestamp() * 1000)
