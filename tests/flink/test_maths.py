"""The window maths against tables of numbers worked out by hand."""

from typing import Any

import pytest

from flink_jobs import maths
from flink_jobs.statistics import differences, incidents, judge, percentile, sample_sd, windows
from tests.flink.market import event

START_MS = 1_700_000_100_000 // 300_000 * 300_000
WINDOW_S = 300
WINDOW_MS = WINDOW_S * 1000


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7], 0.1, 7),
        ([1, 2], 0.5, 1.5),
        ([1, 2, 3, 4], 0.5, 2.5),
        ([1, 2, 3, 4], 0.1, 1.3),
        ([1, 2, 3, 4], 0.9, 3.7),
        ([10, 20, 30, 40, 50], 0.25, 20),
        ([50, 10, 40, 20, 30], 0.75, 40),
    ],
)
def test_percentiles_interpolate_between_the_closest_ranks(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "expected"), [([], None), ([5], None), ([5, 5, 5], 0), ([1, 3], 2**0.5), ([2, 4, 4, 4, 5, 5, 7, 9], 2.138089935)]
)
def test_sample_sd(values: list[float], expected: float | None) -> None:
    assert sample_sd(values) == (None if expected is None else pytest.approx(expected))


def test_no_z_before_twelve_prior_values() -> None:
    assert judge(200, [100] * (maths.BASELINE_LEAST - 1))["robust_z"] is None
    assert judge(200, [100] * maths.BASELINE_LEAST)["robust_z"] is not None


def test_sigma_is_never_below_three_percent_of_the_centre() -> None:
    flat = judge(109, [100] * 12)
    assert (flat["spread"], flat["robust_z"], flat["z"]) == (pytest.approx(3), pytest.approx(3), pytest.approx(3))


def test_a_wide_baseline_uses_its_inter_quartile_range() -> None:
    base = [90.0] * 6 + [110.0] * 6
    judged = judge(150, base)
    assert judged["iqr"] == 20
    assert judged["robust_z"] == pytest.approx(50 / (20 / 1.349))
    assert judged["z"] == pytest.approx(50 / (10 * (12 / 11) ** 0.5))


def test_only_the_newest_twenty_four_values_are_the_baseline() -> None:
    judged = judge(100, [1_000_000] + [100] * 24)
    assert (judged["count"], judged["mean"]) == (24, 100)


def offer(at_ms: int, seq: int, price: int | None, key: str = "a", provider: str = "alpha", **more: Any) -> dict[str, Any]:
    state = {"gpu": "H100-SXM-80", "price_type": "spot", "availability": "available"} | more
    return event("gone" if price is None else "observed", at_ms, seq, provider, key, usd_per_gpu_hour_micros=price, **state)


def one(found: list[dict[str, Any]], scope: str) -> dict[str, Any]:
    (window,) = [window for window in found if window["scope"] == scope]
    return window


def test_each_offer_counts_once_with_its_last_price_by_event_time_and_seq() -> None:
    events = [offer(START_MS + 20, 9, 300), offer(START_MS + 10, 1, 100), offer(START_MS + 20, 8, 200), offer(START_MS + 5, 2, 500, "b")]
    window = one(windows(events, WINDOW_S), "provider")
    assert (window["offers"], window["min_micros"], window["max_micros"], window["mean_micros"]) == (2, 300, 500, 400)


def test_a_gone_offer_is_not_counted_with_its_old_price() -> None:
    events = [offer(START_MS, 1, 100), offer(START_MS + 5, 2, None), offer(START_MS + 5, 3, 700, "b")]
    window = one(windows(events, WINDOW_S), "provider")
    assert (window["offers"], window["median_micros"]) == (1, 700)


def test_windows_are_half_open() -> None:
    found = windows([offer(START_MS + WINDOW_MS - 1, 1, 100), offer(START_MS + WINDOW_MS, 2, 200)], WINDOW_S)
    assert {(window["window_start_ms"], window["median_micros"]) for window in found} == {(START_MS, 100), (START_MS + WINDOW_MS, 200)}


def test_resellers_count_for_themselves_and_not_for_the_market() -> None:
    events = [offer(START_MS, 1, 100), offer(START_MS, 2, 900, "r", "reseller", in_market_stats=False)]
    found = windows(events, WINDOW_S)
    assert {window["provider"] for window in found if window["scope"] == "provider"} == {"alpha", "reseller"}
    assert (one(found, "market")["offers"], one(found, "market")["max_micros"]) == (1, 100)


def test_available_share_counts_unknown_as_not_available() -> None:
    words = ("high", "unknown", "sold_out", "low")
    events = [offer(START_MS, seq, 100, f"k{seq}", availability=word) for seq, word in enumerate(words)]
    assert one(windows(events, WINDOW_S), "provider")["available_share"] == 0.5


def test_trend_looks_exactly_one_hour_back() -> None:
    prices = {0: 100, 1: 110, 12: 150, 14: 120}
    found = windows([offer(START_MS + number * WINDOW_MS, number, price) for number, price in prices.items()], WINDOW_S)
    trends = {
        (window["window_start_ms"] - START_MS) // WINDOW_MS: window["trend_per_hour"] for window in found if window["scope"] == "provider"
    }
    assert trends == {0: None, 1: None, 12: pytest.approx(0.5), 14: None}


def run(factors: dict[str, dict[int, float]], count: int) -> list[tuple[str, str, str, int]]:
    """Incidents of windows 0..count-1 where each provider's price is 100,000 times its factor from that window on."""
    events = []
    for provider, steps in factors.items():
        factor = 1.0
        for number in range(count):
            factor = steps.get(number, factor)
            events.append(offer(START_MS + number * WINDOW_MS, number, round(100_000 * factor), "a", provider))
    return [(i, kind, status, (at - START_MS) // WINDOW_MS - 1) for i, kind, status, at in incidents(windows(events, WINDOW_S))]


def anomaly_id(provider: str, number: int) -> str:
    return f"H100-SXM-80|spot|{provider}|{START_MS + number * WINDOW_MS}"


def test_a_repricing_is_one_incident_opened_and_closed_under_one_id() -> None:
    found = run({"alpha": {20: 1.5, 23: 1.0}, "beta": {}, "gamma": {}}, 30)
    name = anomaly_id("alpha", 20)
    assert [incident for incident in found if "alpha" in incident[0]] == [
        (name, "provider_repricing", "opened", 20),
        (name, "provider_repricing", "closed", 23),
    ]


def test_three_providers_the_same_way_are_a_market_move_and_no_repricings() -> None:
    step = {20: 1.5, 22: 1.0}
    found = run({"alpha": step, "beta": step, "gamma": step, "delta": {}}, 30)
    assert found == [(anomaly_id("", 20), "market_move", "opened", 20), (anomaly_id("", 20), "market_move", "closed", 22)]


def test_two_up_and_one_down_are_three_repricings() -> None:
    found = run({"alpha": {20: 1.5}, "beta": {20: 1.5}, "gamma": {20: 0.5}}, 21)
    assert {(kind, status) for _, kind, status, _ in found} == {("provider_repricing", "opened")}
    assert len(found) == 3


def test_who_moved_with_the_market_is_not_reported_when_the_others_are_back() -> None:
    long, short = {20: 1.5, 24: 1.0}, {20: 1.5, 22: 1.0}
    found = run({"alpha": long, "beta": short, "gamma": short}, 30)
    assert {kind for _, kind, _, _ in found} == {"market_move"}


def test_a_lasting_step_closes_when_the_baseline_has_taken_it_in() -> None:
    found = run({"alpha": {24: 1.5}}, 50)
    provider = [(status, number) for name, _, status, number in found if "alpha" in name]
    assert provider == [("opened", 24), ("closed", 31)], "seven of 24 windows reach the upper quartile: rank 17.25 of 0 to 23"


def test_differences_names_missing_unexpected_and_changed_windows() -> None:
    expected = windows([offer(START_MS, 1, 100)], WINDOW_S)
    changed = [window | {"max_micros": 101} for window in expected[:1]]
    lines = differences(expected, changed)
    assert lines[0].startswith("missing: ")
    assert any("max_micros is 101, expected 100" in line for line in lines)
    assert differences(expected, expected) == []
