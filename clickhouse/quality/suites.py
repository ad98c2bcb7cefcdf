"""The suites: a query each, and what is expected of its rows. Every expectation says in words what it means.

Rows are folded in SQL as far as that makes no judgement, so that a frame stays small: one row per offer, window, source or feed.
"""

from collections.abc import Iterable
from typing import NamedTuple, get_args

from great_expectations.expectations.core import (
    ExpectColumnPairValuesAToBeGreaterThanB,
    ExpectColumnPairValuesToBeEqual,
    ExpectColumnValuesToBeBetween,
    ExpectColumnValuesToBeInSet,
    ExpectColumnValuesToNotBeNull,
    ExpectCompoundColumnsToBeUnique,
)
from great_expectations.expectations.expectation import Expectation

from schemas.gpus import GPUS
from schemas.vocabulary import AnomalyKind, Availability, Basis, Health, PriceType, Unit

CHEAPEST_MICROS, DEAREST_MICROS = 100, 1_000_000_000
"""USD 0.0001 and 1,000 per GPU-hour: between the smallest slice on a marketplace and far above any GPU of 2026."""
MINOR_UNITS = {"USc": ("USD", 100), "USD-5": ("USD", 10**5), "USD-8": ("USD", 10**8), "EUR-8": ("EUR", 10**8), "uAKT": ("AKT", 10**6)}
"""Code of a minor unit -> (currency, how many make one). Said again here: what checks a price shares nothing with what made it."""
PARTS = [many for _, many in MINOR_UNITS.values()]
IN_USD = ["USD", *(code for code, (currency, _) in MINOR_UNITS.items() if currency == "USD")]
MAX_BEHIND = 3
LETTERS_SHARE = 0.05
MAX_BEHIND_S = 120


class Suite(NamedTuple):
    """Rows and what is expected of them. `key` names the columns that tell which row; an `optional` one may have no rows yet."""

    name: str
    sql: str
    key: tuple[str, ...]
    expectations: tuple[Expectation, ...]
    optional: bool = False


def _one_of(column: str, words: Iterable[str], means: str) -> Expectation:
    return ExpectColumnValuesToBeInSet(column=column, value_set=sorted(words), description=means)


def _between(column: str, least: float, most: float, means: str) -> Expectation:
    return ExpectColumnValuesToBeBetween(column=column, min_value=least, max_value=most, description=means)


def _in_order(smaller: str, greater: str, means: str) -> Expectation:
    return ExpectColumnPairValuesAToBeGreaterThanB(column_A=greater, column_B=smaller, or_equal=True, description=means)


def _equal(one: str, other: str, means: str) -> Expectation:
    return ExpectColumnPairValuesToBeEqual(column_A=one, column_B=other, description=means)


def _told(column: str) -> Expectation:
    return ExpectColumnValuesToNotBeNull(column=column, description=f"every offer states its {column}")


def _each_once(columns: list[str], means: str) -> Expectation:
    return ExpectCompoundColumnsToBeUnique(column_list=columns, description=means)


OFFERS = Suite(
    "offers",
    # The price once more from the raw amount, by other code than the bridge's: what is off by more than rounding is wrong.
    f"""
SELECT market, source, provider, offer_key, gpu, gpu_count, price_type, amount, currency, unit, basis, availability,
       usd_per_gpu_hour_micros AS micros,
       abs(micros - toFloat64OrZero(amount) / transform(currency, {list(MINOR_UNITS)}, {PARTS}, 1)
           * ifNull(toFloat64OrNull(fx_rate), 1) * 1e6
           * 3600 / transform(unit, ['second', 'hour', 'day', 'month'], [1, 3600, 86400, 2628000], 0)
           / if(basis = 'per_gpu', 1, gpu_count)) AS off_by_micros,
       has({IN_USD}, currency) AS in_usd, fx_rate IS NULL AS unconverted,
       toUnixTimestamp64Milli(observed_at) AS observed_at_ms, toUnixTimestamp64Milli(event_time) AS event_time_ms
FROM offers_latest""",  # noqa: S608 - constants of this module
    ("source", "offer_key"),
    (
        *(_told(column) for column in ("source", "gpu", "gpu_count", "amount", "currency", "micros", "availability")),
        _each_once(["market", "provider", "offer_key"], "no offer stands twice"),
        _one_of("gpu", GPUS, "every GPU is a canonical one"),
        _one_of("price_type", get_args(PriceType), "price types are of the vocabulary"),
        _one_of("unit", get_args(Unit), "units are of the vocabulary"),
        _one_of("basis", get_args(Basis), "bases are of the vocabulary"),
        _one_of("availability", get_args(Availability), "stock is told in the vocabulary's words"),
        _between("gpu_count", 1, 1024, "an offer has 1 to 1,024 GPUs"),
        _between("micros", CHEAPEST_MICROS, DEAREST_MICROS, "a GPU-hour costs 0.0001 to 1,000 USD"),
        _between("off_by_micros", 0, 1, "every price is its raw amount, converted"),
        _equal("in_usd", "unconverted", "a rate stands where the currency is another, and only there"),
        _in_order("observed_at_ms", "event_time_ms", "nothing is stated before it was seen"),
    ),
)

WINDOWS = Suite(
    "windows",
    """
SELECT market, window_start, scope, gpu, price_type, provider, offers, providers, available_share,
       toFloat64(min_micros) AS min_micros, p10_micros, median_micros, p90_micros, toFloat64(max_micros) AS max_micros
FROM price_windows FINAL
WHERE window_start > now() - INTERVAL 1 HOUR""",
    ("window_start", "gpu", "price_type", "provider"),
    (
        _each_once(["market", "window_start", "scope", "gpu", "price_type", "provider"], "no window stands twice"),
        _one_of("gpu", GPUS, "every window is of a canonical GPU"),
        _between("offers", 1, 10**6, "a window has at least one offer"),
        _between("available_share", 0, 1, "a share is between 0 and 1"),
        _in_order("min_micros", "p10_micros", "the lowest price is at most the 10th percentile"),
        _in_order("p10_micros", "median_micros", "the 10th percentile is at most the median"),
        _in_order("median_micros", "p90_micros", "the median is at most the 90th percentile"),
        _in_order("p90_micros", "max_micros", "the 90th percentile is at most the highest price"),
        _in_order("providers", "offers", "no more providers than offers"),
    ),
    optional=True,
)

CONTINUITY = Suite(
    "continuity",
    """
SELECT window_start, start_ms - before_ms - window_ms AS missing_ms,
       intDiv(toUnixTimestamp64Milli(now64(3)) - newest_ms - window_ms, greatest(window_ms, 60000)) AS behind
FROM
(
    SELECT window_start, start_ms, window_ms, max(start_ms) OVER () AS newest_ms,
           lagInFrame(start_ms, 1, start_ms - window_ms)
               OVER (ORDER BY start_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before_ms
    FROM
    (
        SELECT window_start, toUnixTimestamp64Milli(window_start) AS start_ms,
               toUnixTimestamp64Milli(max(window_end)) - start_ms AS window_ms
        FROM price_windows
        WHERE scope = 'market' AND window_start > now() - INTERVAL 1 DAY
        GROUP BY window_start
    )
)
WHERE window_start > now() - INTERVAL 30 MINUTE OR start_ms = newest_ms""",
    ("window_start",),
    (
        # The bridge itself leaves up to a minute open: between history and live, and at a restart (bridge/gap.py).
        _between("missing_ms", 0, 59_999, "no minute before a window of the last half hour is without one"),
        # Three minutes at least, where windows are short.
        _between("behind", -1, MAX_BEHIND, f"the newest window closed at most {MAX_BEHIND} windows ago"),
    ),
    optional=True,
)

FEED = Suite(
    "feed",
    """
SELECT market, toInt64(count()) AS records, toInt64(uniqExact(topic, partition, offset)) AS records_once,
       dateDiff('millisecond', max(event_time), now64(3)) / 1000 AS behind_s,
       (SELECT count() FROM dead_letters WHERE recorded_at > now() - INTERVAL 15 MINUTE) / records AS letters_share
FROM offer_events
WHERE event_time > now() - INTERVAL 15 MINUTE
GROUP BY market""",
    ("market",),
    (
        _equal("records", "records_once", "no record of Kafka was loaded twice"),
        _between("behind_s", -1, MAX_BEHIND_S, f"the newest event is at most {MAX_BEHIND_S} s old"),
        _between("letters_share", 0, LETTERS_SHARE, "at most 5 % as many dead letters as events"),
    ),
)

POLLS = Suite(
    "polls",
    """
SELECT source, argMax(health, polled_at) AS health_now, min(latency_ms) AS least_latency_ms,
       sumIf(rejected, health IN ('ok', 'degraded')) AS unread, sumIf(offers, health IN ('ok', 'degraded')) AS read,
       if(unread + read = 0, 0, unread / (unread + read)) AS unread_share
FROM provider_health
WHERE polled_at > now() - INTERVAL 15 MINUTE
GROUP BY source""",
    ("source",),
    (
        _one_of("health_now", get_args(Health), "health is told in the vocabulary's words"),
        _between("unread_share", 0, 0.2, "at most a fifth of what a source's good polls brought cannot be read"),
        _between("least_latency_ms", 0, 600_000, "polls take between nothing and ten minutes"),
    ),
)

INCIDENTS = Suite(
    "incidents",
    """
SELECT anomaly_id, kind, toUnixTimestamp64Milli(opened_at) AS opened_at_ms,
       toUnixTimestamp64Milli(ifNull(closed_at, opened_at)) AS last_ms
FROM incidents
WHERE opened_at > now() - INTERVAL 1 DAY""",
    ("anomaly_id",),
    (
        _each_once(["anomaly_id", "kind"], "an incident is one row"),
        _one_of("kind", get_args(AnomalyKind), "kinds are of the vocabulary"),
        _in_order("opened_at_ms", "last_ms", "no incident closes before it opens"),
    ),
    optional=True,
)

SUITES = (OFFERS, WINDOWS, CONTINUITY, FEED, POLLS, INCIDENTS)
