"""What is expected of the history: sound rows are as expected, and each kind of wrong row is found by the expectation that is for it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from adapters.rates import PastRates, fixed_rates
from adapters.units import MINOR_UNITS, UNIT_SECONDS
from bridge.history import LineReader, decode_line
from bridge.reading import Reading
from clickhouse.migrate import MigrateSettings
from clickhouse.quality import __main__ as command
from clickhouse.quality import suites
from clickhouse.quality.check import Result, check
from clickhouse.quality.suites import CONTINUITY, FEED, INCIDENTS, OFFERS, POLLS, SUITES, WINDOWS, Suite
from schemas.topics import PRICE_ANOMALIES, PRICE_WINDOWS, PROVIDER_HEALTH, PROVIDER_PRICES
from sim.history import lines
from sim.simulated import Simulated
from tests.adapters.support import ADAPTERS
from tests.clickhouse.store import Store, ms

MINUTE_MS = 60_000
WINDOW_MS = 5 * MINUTE_MS


def now_ms() -> int:
    return ms(datetime.now(UTC))


def results_of(store: Store, *suites: Suite) -> list[Result]:
    return check(store.client, suites, datetime.now(UTC))


def failing(results: Sequence[Result]) -> list[str]:
    return [result.expectation for result in results if not result.success]


def put_offer(store: Store, **changes: Any) -> None:
    """A sound offer: 8 GPUs for 16 USD an hour."""
    at = now_ms()
    sound = {
        "event_id": f"{at}", "kind": "observed", "event_time_ms": at, "observed_at_ms": at, "offer_key": "a", "gpu": "H100-SXM-80",
        "gpu_count": 8, "price_type": "on_demand", "amount": "16.00", "currency": "USD", "unit": "hour", "basis": "per_instance",
        "fx_rate": None, "fx_date": None, "usd_per_gpu_hour_micros": 2_000_000, "availability": "available",
    }  # fmt: skip
    store.put(PROVIDER_PRICES, {**sound, **changes})


def put_windows(store: Store, *windows_ago: int, **changes: Any) -> None:
    """Sound windows of the market, so many windows before the one that closed last."""
    last = now_ms() // WINDOW_MS * WINDOW_MS - WINDOW_MS
    sound = {
        "market": "simulated", "scope": "market", "provider": "", "gpu": "H100-SXM-80", "price_type": "spot", "offers": 3, "providers": 2,
        "min_micros": 10, "p10_micros": 20.0, "median_micros": 30.0, "p90_micros": 40.0, "max_micros": 50, "available_share": 0.5,
    }  # fmt: skip
    for number in windows_ago:
        start = last - number * WINDOW_MS
        store.put(PRICE_WINDOWS, {"window_start_ms": start, "window_end_ms": start + WINDOW_MS, **sound, **changes})


def put_poll(store: Store, **changes: Any) -> None:
    store.put(PROVIDER_HEALTH, {"polled_at_ms": now_ms(), "health": "ok", "offers": 90, "rejected": 10, "latency_ms": 12.0, **changes})


def test_every_simulated_offer_is_as_expected(store: Store) -> None:
    at = now_ms() // WINDOW_MS * WINDOW_MS
    market = Simulated(seed=1, live_from_ms=at + WINDOW_MS, incidents=False)
    rates = PastRates(fixed_rates(), {})
    records = []
    for text in lines(market, list(ADAPTERS.values()), range(at, at + 1)):
        line = decode_line(text)
        for _, _, reading in LineReader(ADAPTERS[line.source], rates).read(line):
            assert isinstance(reading, Reading), (line.source, reading)
            records += [
                {
                    **msgspec.structs.asdict(state), "kind": "observed", "event_time_ms": at, "observed_at_ms": at, "offer_key": key,
                    "source": line.source, "provider": ADAPTERS[line.source].provider, "event_id": f"{line.source}/{key}",
                }
                for key, state in reading.states.items()
            ]  # fmt: skip
    store.put(PROVIDER_PRICES, *records)
    results = results_of(store, OFFERS)
    assert failing(results) == []
    assert {result.rows for result in results} == {len(records)}
    assert {record["currency"] for record in records} >= {"USD", "USc", "USD-5", "USD-8", "EUR", "EUR-8", "GLM"}
    assert {record["unit"] for record in records} >= {"second", "hour", "day"}


WRONG_OFFERS: dict[str, dict[str, dict[str, Any]]] = {
    "every price is its raw amount, converted": {
        "cents": {"usd_per_gpu_hour_micros": 200_000_000},
        "day": {"unit": "day"},
        "per gpu": {"basis": "per_gpu"},
        "hundredths": {"currency": "USc"},
    },
    "a rate stands where the currency is another, and only there": {
        "no rate": {"currency": "EUR"},
        "a rate": {"fx_rate": "1.0", "fx_date": "2026-11-20"},
    },
    "a GPU-hour costs 0.0001 to 1,000 USD": {"dear": {"amount": "16000", "usd_per_gpu_hour_micros": 2_000_000_000}},
    "every GPU is a canonical one": {"a family": {"gpu": "H100"}},
    "every offer states its gpu": {"no gpu": {"gpu": None}},
    "stock is told in the vocabulary's words": {"plenty": {"availability": "plenty"}},
    "price types are of the vocabulary": {"cheap": {"price_type": "cheap"}},
    "nothing is stated before it was seen": {"tomorrow": {"observed_at_ms": 4_000_000_000_000}},
}
"""By the expectation that must find them: offers that differ from a sound one in this."""


def test_each_kind_of_wrong_offer_is_found_by_its_expectation_alone(store: Store) -> None:
    put_offer(store)
    for offers in WRONG_OFFERS.values():
        for key, change in offers.items():
            put_offer(store, offer_key=key, **change)
    found = {result.expectation: result for result in results_of(store, OFFERS) if not result.success}
    assert found.keys() == WRONG_OFFERS.keys()
    for expectation, offers in WRONG_OFFERS.items():
        assert {json.loads(example)["offer_key"] for example in found[expectation].examples} == offers.keys()
        assert found[expectation].unexpected == len(offers)


def test_the_price_is_reckoned_as_the_adapters_do() -> None:
    assert suites.MINOR_UNITS == MINOR_UNITS
    assert f"['second', 'hour', 'day', 'month'], {list(UNIT_SECONDS.values())}" in OFFERS.sql
    assert list(UNIT_SECONDS) == ["second", "hour", "day", "month"]


def test_without_offers_something_is_wrong_and_without_windows_it_may_be_early(store: Store) -> None:
    results = results_of(store, OFFERS, WINDOWS, CONTINUITY, INCIDENTS)
    assert [(result.suite, result.success) for result in results] == [("offers", False)]


def test_sound_windows(store: Store) -> None:
    put_windows(store, 0, 1, 2, 3)
    put_windows(store, 0, 1, scope="provider", provider="vast")
    assert failing(results_of(store, WINDOWS, CONTINUITY)) == []


def test_each_kind_of_wrong_window_is_found(store: Store) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "the median is at most the 90th percentile": {"median_micros": 41.0},
        "the lowest price is at most the 10th percentile": {"min_micros": 21},
        "no more providers than offers": {"offers": 1},
        "a share is between 0 and 1": {"available_share": 1.5},
    }
    put_windows(store, 0)
    for number, change in enumerate(wrong.values(), 1):
        put_windows(store, number, **change)
    found = [result for result in results_of(store, WINDOWS) if not result.success]
    assert {result.expectation for result in found} == wrong.keys()
    assert {result.unexpected for result in found} == {1}


def test_a_missing_window_is_found(store: Store) -> None:
    put_windows(store, 0, 1, 3)
    assert failing(results_of(store, CONTINUITY)) == ["no minute before a window of the last half hour is without one"]


def test_windows_that_stopped_are_found(store: Store) -> None:
    put_windows(store, 3, 4)
    assert failing(results_of(store, CONTINUITY)) == []
    store.client.command("TRUNCATE TABLE price_windows")
    put_windows(store, 12, 13)
    assert failing(results_of(store, CONTINUITY)) == ["the newest window closed at most 3 windows ago"]


def test_a_record_loaded_twice_is_found(store: Store) -> None:
    put_offer(store)
    assert failing(results_of(store, FEED)) == []
    store.client.command("INSERT INTO offer_events SELECT * FROM offer_events")
    assert failing(results_of(store, FEED)) == ["no record of Kafka was loaded twice"]


def test_a_feed_that_stopped_is_found(store: Store) -> None:
    put_offer(store, event_time_ms=now_ms() - 3 * MINUTE_MS)
    assert failing(results_of(store, FEED)) == ["the newest event is at most 120 s old"]


def test_many_dead_letters_are_found(store: Store) -> None:
    put_offer(store)
    store.client.insert("dead_letters", [[datetime.now(UTC), "vast"]], column_names=["recorded_at", "source"])
    assert failing(results_of(store, FEED)) == ["at most 5 % as many dead letters as events"]


def test_polls(store: Store) -> None:
    put_poll(store)
    put_poll(store, source="held", health="quarantined", offers=0, rejected=100)
    assert failing(results_of(store, POLLS)) == []
    put_poll(store, source="odd", offers=70, rejected=30)
    assert failing(results_of(store, POLLS)) == ["at most a fifth of what a source's good polls brought cannot be read"]


def test_incidents(store: Store) -> None:
    opened = now_ms() - 10 * MINUTE_MS
    sound = {"anomaly_id": "a", "kind": "spike", "opened_at_ms": opened, "event_time_ms": opened, "status": "opened"}
    store.put(PRICE_ANOMALIES, sound, {**sound, "status": "closed", "event_time_ms": opened + MINUTE_MS})
    assert failing(results_of(store, INCIDENTS)) == []
    store.put(PRICE_ANOMALIES, {**sound, "anomaly_id": "b", "kind": "hunch"})
    assert failing(results_of(store, INCIDENTS)) == ["kinds are of the vocabulary"]


def test_the_command_says_what_is_wrong_and_keeps_it(
    store: Store, migrated: MigrateSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GPUTICKER_CLICKHOUSE_URL", migrated.clickhouse_url)
    put_offer(store)
    put_poll(store)
    assert command.main() == 0
    expectations = sum(len(suite.expectations) for suite in (OFFERS, FEED, POLLS))
    assert f"{expectations} of {expectations} expectations hold" in capsys.readouterr().out
    put_offer(store, offer_key="odd", gpu="H100")
    assert command.main() == 1
    said = capsys.readouterr().out
    assert "FAILED  offers: every GPU is a canonical one: 1 of 2 rows not;" in said
    assert '"odd"' in said
    kept = store.rows("SELECT suite, expectation, unexpected FROM quality_results WHERE NOT success")
    assert kept == [{"suite": "offers", "expectation": "every GPU is a canonical one", "unexpected": 1}]


def test_the_command_says_that_there_is_no_clickhouse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GPUTICKER_CLICKHOUSE_URL", "http://127.0.0.1:9")
    assert command.main() == 2
    assert "ClickHouse at http://127.0.0.1:9" in capsys.readouterr().err


def test_every_expectation_says_what_it_means_once() -> None:
    said = [(suite.name, expectation.description) for suite in SUITES for expectation in suite.expectations]
    assert all(description for _, description in said)
    assert len(set(said)) == len(said)
