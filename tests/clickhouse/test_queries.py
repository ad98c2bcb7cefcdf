"""The named queries and the views, over rows made here."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from clickhouse import queries
from clickhouse.loader.rows import FEEDS
from schemas.topics import PRICE_ANOMALIES, PRICE_WINDOWS
from tests.clickhouse.store import MINUTE, NOON, Store, ms


def window(minutes: int, **changes: Any) -> dict[str, Any]:
    start = NOON + minutes * MINUTE
    base = {"window_start_ms": ms(start), "window_end_ms": ms(start + 5 * MINUTE), "scope": "market", "provider": "", "gpu": "H100-SXM-80"}
    return {**base, "price_type": "spot", "market": "simulated", "min_micros": 1_500_000, "median_micros": 2e6, "revision": 0, **changes}


def test_windows_by_every_filter(store: Store) -> None:
    store.put(
        PRICE_WINDOWS,
        window(0),
        window(5),
        window(5, gpu="A100-SXM-80"),
        window(5, price_type="on_demand"),
        window(5, scope="provider", provider="vast"),
        window(5, market="recorded"),
        window(5, revision=1, offers=77),
    )
    found = store.rows(queries.windows(gpu="H100-SXM-80", price_type="spot", scope="market", market="simulated"))
    assert [row["window_start"] for row in found] == [NOON + 5 * MINUTE, NOON]
    assert found[0]["offers"] == 77
    assert set(found[0]) == {field.column for field in FEEDS[PRICE_WINDOWS.name].fields}
    assert [row["scope"] for row in store.rows(queries.windows(provider="vast"))] == ["provider"]
    assert [row["window_start"] for row in store.rows(queries.windows(start=NOON, end=NOON + 5 * MINUTE))] == [NOON]
    assert len(store.rows(queries.windows())) == 6
    assert len(store.rows(queries.windows(limit=2))) == 2


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        queries.windows(start=datetime(2026, 1, 1))  # noqa: DTZ001


def test_an_incident_is_one_row_with_its_newest_statement(store: Store) -> None:
    opened = {"anomaly_id": "a", "kind": "spike", "status": "opened", "provisional": True, "opened_at_ms": ms(NOON), "provider": "vast"}
    judged = {**opened, "provisional": False, "event_time_ms": ms(NOON + 5 * MINUTE)}
    closed = {**judged, "status": "closed", "event_time_ms": ms(NOON + 9 * MINUTE)}
    other = {**opened, "anomaly_id": "b", "kind": "market_move", "provider": None, "opened_at_ms": ms(NOON + MINUTE)}
    store.put(PRICE_ANOMALIES, {**opened, "event_time_ms": ms(NOON)}, judged, judged, {**other, "event_time_ms": ms(NOON + MINUTE)})
    found = store.rows(queries.anomalies())
    assert [(row["anomaly_id"], row["status"], row["provisional"]) for row in found] == [("b", "opened", True), ("a", "opened", False)]
    assert found[1]["closed_at"] is None
    store.put(PRICE_ANOMALIES, closed)
    (row,) = store.rows(queries.anomalies(provider="vast", status="closed", kind="spike", start=NOON, end=NOON + MINUTE))
    assert (row["opened_at"], row["closed_at"]) == (NOON, NOON + 9 * MINUTE)
    assert store.rows(queries.anomalies(provider="vast", status="opened")) == []
    assert set(row) == {*(field.column for field in FEEDS[PRICE_ANOMALIES.name].fields), "closed_at"}


def test_an_incident_tells_how_far_it_went_also_when_it_is_over(store: Store) -> None:
    opened = {"anomaly_id": "a", "kind": "spike", "status": "opened", "z": 4.0, "observed_micros": 14.0, "evidence": "up"}
    farther = {**opened, "event_time_ms": ms(NOON + MINUTE), "z": -9.0, "observed_micros": 3.0, "evidence": "far down"}
    closed = {**opened, "status": "closed", "event_time_ms": ms(NOON + 2 * MINUTE), "z": 12.0, "observed_micros": 10.0, "evidence": "over"}
    store.put(PRICE_ANOMALIES, {**opened, "event_time_ms": ms(NOON)}, farther, closed)
    (row,) = store.rows(queries.anomalies())
    assert (row["status"], row["z"], row["observed_micros"], row["evidence"]) == ("closed", -9.0, 3.0, "far down")


def test_cheapest_history_is_the_markets_lowest_per_window(store: Store) -> None:
    store.put(
        PRICE_WINDOWS,
        window(-25 * 60, min_micros=1),
        window(0),
        window(0, price_type="on_demand", min_micros=1_400_000, median_micros=3e6),
        window(0, scope="provider", provider="vast", min_micros=5),
        window(5, min_micros=1_700_000),
    )
    found = store.rows(queries.cheapest_history(now=NOON + 10 * MINUTE, gpu="H100-SXM-80", market="simulated"))
    assert [(row["window_start"], row["min_micros"], row["median_micros"]) for row in found] == [
        (NOON, 1_400_000, 2e6),
        (NOON + 5 * MINUTE, 1_700_000, 2e6),
    ]
    spot = store.rows(queries.cheapest_history(now=NOON + 10 * MINUTE, price_type="spot"))
    assert [row["min_micros"] for row in spot] == [1_500_000, 1_700_000]


def test_counts_name_every_table(store: Store) -> None:
    store.event("k", 0)
    found = {row["table"]: row["rows"] for row in store.rows(queries.counts())}
    assert set(found) == set(queries.TABLES)
    assert found["offer_events"] == 1


def test_offers_latest_is_the_newest_statement_unless_gone(store: Store) -> None:
    store.event("cheap", 0, 2_490_000, "appeared")
    store.event("cheap", 5, 1_234_567, "changed")
    store.event("cheap", 5, 1_234_567, "changed")  # said twice
    store.event("left", 0)
    store.event("left", 3, None, "gone")
    (row,) = store.rows("SELECT * FROM offers_latest")
    assert (row["offer_key"], row["usd_per_gpu_hour"], row["observed_at"]) == ("cheap", Decimal("1.234567"), NOON + 5 * MINUTE)
    store.event("left", 9, 3_000_000, "appeared")
    assert {row["offer_key"] for row in store.rows("SELECT * FROM offers_latest")} == {"cheap", "left"}


def test_offers_as_of_knows_only_what_was_known(store: Store) -> None:
    store.event("k", 0, 2_000_000, "appeared")
    store.event("k", 10, 3_000_000, "changed")
    store.event("k", 20, None, "gone")
    sql = "SELECT usd_per_gpu_hour FROM offers_as_of(at = {at:DateTime64(3, 'UTC')}, known_at = {known:DateTime64(3, 'UTC')})"

    def price(minutes: int, known: str = "2099-01-01 00:00:00") -> list[Decimal]:
        at = (NOON + minutes * MINUTE).strftime("%Y-%m-%d %H:%M:%S")
        return [row["usd_per_gpu_hour"] for row in store.rows(queries.Query(sql, {"at": at, "known": known}))]

    assert price(-1) == []
    assert price(5) == [Decimal("2.000000")]
    assert price(15) == [Decimal("3.000000")]
    assert price(25) == []
    assert price(15, known="2026-03-01 12:15:00") == []  # these rows came into the table when this test ran


def test_how_often_a_machine_is_taken_back_stands_in_every_view(store: Store) -> None:
    """The view that feeds offers_current is older than the column."""
    store.event("told", 0, interruption="5-10%")
    store.event("untold", 0)
    as_of = f"offers_as_of(at = '{NOON:%Y-%m-%d %H:%M:%S}', known_at = '2099-01-01 00:00:00')"
    for place in ("offer_events", "offers_current", "offers_latest", as_of):
        found = store.rows(f"SELECT offer_key, interruption FROM {place} ORDER BY offer_key")  # noqa: S608 - places of this test
        assert [row["interruption"] for row in found] == ["5-10%", None], place


def test_hourly_and_daily_count_each_offer_once(store: Store) -> None:
    store.event("a", 0, 1_000_000)
    store.event("a", 30, 2_000_000)
    store.event("a", 30, 2_000_000)  # a repeat changes nothing
    store.event("b", 10, 3_000_001)
    store.event("reseller", 10, 9_000_000, in_market_stats=False)
    store.event("left", 10, 500_000)
    store.event("left", 20, None, "gone")
    store.event("a", 61, 4_000_000)
    first, second = store.rows("SELECT * FROM prices_hourly ORDER BY hour")
    assert (first["hour"], first["offers"]) == (NOON, 2)
    assert [first[f"{name}_usd_per_gpu_hour"] for name in ("min", "median", "mean", "max")] == [
        Decimal("2.000000"),
        Decimal("2.500000"),
        Decimal("2.500000"),
        Decimal("3.000001"),
    ]
    assert (second["hour"], second["offers"], second["min_usd_per_gpu_hour"]) == (NOON + 60 * MINUTE, 1, Decimal("4.000000"))
    (day,) = store.rows("SELECT * FROM prices_daily")
    assert (day["offers"], day["min_usd_per_gpu_hour"], day["max_usd_per_gpu_hour"]) == (2, Decimal("3.000001"), Decimal("4.000000"))
