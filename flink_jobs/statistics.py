"""The job's maths in plain Python: what the SQL must come to, for tests and for checking a running stack.

Prices are integer millionths of a USD per GPU-hour, times Unix milliseconds. Field names are those of schemas/avro.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isclose, sqrt
from typing import Any

from flink_jobs import maths
from flink_jobs.render import MOST_MICROS, RENTABLE

STATEMENTS = frozenset({"appeared", "changed", "observed", "gone"})
Record = dict[str, Any]
Group = tuple[str, str, str, str, str]
"""market, scope, gpu, price_type, provider."""


def percentile(values: Sequence[float], share: float) -> float:
    """Linear between the closest ranks, as Flink's PERCENTILE. `values` is not empty."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def sample_sd(values: Sequence[float]) -> float | None:
    """Sample standard deviation; None for fewer than two values."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def judge(value: float, prior: Sequence[float]) -> Record:
    """A value against the values before it (the newest BASELINE_MOST count): z, robust_z, spread and the baseline's own numbers."""
    base = list(prior)[-maths.BASELINE_MOST :]
    record: Record = dict.fromkeys(("mean", "sd", "median", "iqr", "spread", "z", "robust_z"))
    record["count"] = len(base)
    if not base:
        return record
    mean, sd, median = sum(base) / len(base), sample_sd(base), percentile(base, 0.5)
    iqr = percentile(base, 0.75) - percentile(base, 0.25)
    spread = max(iqr / maths.IQR_PER_SIGMA, maths.SIGMA_FLOOR * median)
    record |= {"mean": mean, "sd": sd, "median": median, "iqr": iqr, "spread": spread}
    if len(base) >= maths.BASELINE_LEAST and sd is not None:
        record["z"] = (value - mean) / max(sd, maths.SIGMA_FLOOR * mean)
        record["robust_z"] = (value - median) / spread
    return record


def windows(events: Iterable[Mapping[str, Any]], window_s: int) -> list[Record]:
    """The records of price-windows that these offer events come to, in order of window and group."""
    window_ms = window_s * 1000
    last: dict[tuple[int, str, str, str], Mapping[str, Any]] = {}
    for event in events:
        price = event["usd_per_gpu_hour_micros"]
        if event["kind"] not in STATEMENTS or (price is not None and not 1 <= price <= MOST_MICROS):
            continue
        key = (event["event_time_ms"] // window_ms * window_ms, event["market"], event["provider"], event["offer_key"])
        if key not in last or (event["event_time_ms"], event["seq"]) > (last[key]["event_time_ms"], last[key]["seq"]):
            last[key] = event
    groups: dict[tuple[int, Group], list[Mapping[str, Any]]] = defaultdict(list)
    for (start_ms, market, provider, _), event in last.items():
        if event["usd_per_gpu_hour_micros"] is None:
            continue
        groups[start_ms, (market, "provider", event["gpu"], event["price_type"], provider)].append(event)
        if event["in_market_stats"]:
            groups[start_ms, (market, "market", event["gpu"], event["price_type"], "")].append(event)
    return _with_baselines([_window(start_ms, window_ms, group, offers) for (start_ms, group), offers in groups.items()], window_s)


def incidents(judged: Iterable[Record]) -> list[tuple[str, str, str, int]]:
    """The verdicts of windows: (anomaly_id, kind, status, event_time_ms), spikes left out, in order of time and id."""
    by_start: dict[int, list[Record]] = defaultdict(list)
    for window in judged:
        by_start[window["window_start_ms"]].append(window)
    run_start: dict[Group, int] = {}
    with_market: set[Group] = set()
    reported: dict[Group, int] = {}
    found = []
    for start_ms in sorted(by_start):
        moves = _moves(by_start[start_ms])
        for window in by_start[start_ms]:
            group = _group(window)
            ups, downs = moves.get((group[0], group[2], group[3]), (0, 0))
            z = window["robust_z"]
            flagged = z is not None and abs(z) > maths.Z_LIMIT
            moved = max(ups, downs) >= maths.MARKET_MOVE_PROVIDERS if group[1] == "market" else flagged
            if not moved:
                run_start.pop(group, None)
                with_market.discard(group)
            else:
                run_start.setdefault(group, start_ms)
                if group[1] == "provider" and (ups if z > 0 else downs) >= maths.MARKET_MOVE_PROVIDERS:
                    with_market.add(group)
            report = moved and group not in with_market
            if report == (group in reported):
                continue
            if report:
                reported[group] = run_start[group]
            opened_ms = reported[group] if report else reported.pop(group)
            kind = "market_move" if group[1] == "market" else "provider_repricing"
            anomaly_id = "|".join((group[2], group[3], group[4], str(opened_ms)))
            found.append((anomaly_id, kind, "opened" if report else "closed", window["window_end_ms"]))
    return sorted(found, key=lambda incident: (incident[3], incident[0]))


def differences(expected: Iterable[Record], actual: Iterable[Record], tolerance: float = 1e-9) -> list[str]:
    """One line for each window that is missing, unexpected or has another value. Later records of one window replace earlier ones."""
    left, right = ({(_group(window), window["window_start_ms"]): window for window in side} for side in (expected, actual))
    lines = [f"missing: {key}" for key in sorted(left.keys() - right.keys())]
    lines += [f"unexpected: {key}" for key in sorted(right.keys() - left.keys())]
    for key in sorted(left.keys() & right.keys()):
        for name, value in left[key].items():
            if name not in right[key]:
                continue
            other = right[key][name]
            same = (
                value == other
                if value is None or other is None or isinstance(value, str)
                else isclose(value, other, rel_tol=tolerance, abs_tol=tolerance)
            )
            if not same:
                lines.append(f"{key}: {name} is {other}, expected {value}")
    return lines


def _window(start_ms: int, window_ms: int, group: Group, offers: Sequence[Mapping[str, Any]]) -> Record:
    prices = [offer["usd_per_gpu_hour_micros"] for offer in offers]
    market, scope, gpu, price_type, provider = group
    return {
        "window_start_ms": start_ms,
        "window_end_ms": start_ms + window_ms,
        "market": market,
        "scope": scope,
        "gpu": gpu,
        "price_type": price_type,
        "provider": provider,
        "offers": len(prices),
        "providers": len({offer["provider"] for offer in offers}),
        "min_micros": min(prices),
        "max_micros": max(prices),
        "mean_micros": sum(prices) / len(prices),
        "sd_micros": sample_sd(prices) or 0.0,
        "median_micros": percentile(prices, 0.5),
        "p10_micros": percentile(prices, 0.1),
        "p90_micros": percentile(prices, 0.9),
        "available_share": sum(offer["availability"] in RENTABLE for offer in offers) / len(offers),
        "in_market": any(offer["in_market_stats"] for offer in offers),
    }


def _with_baselines(found: list[Record], window_s: int) -> list[Record]:
    trend_ms = maths.trend_s(window_s) * 1000
    medians: dict[Group, dict[int, float]] = defaultdict(dict)
    found.sort(key=lambda window: (window["window_start_ms"], _group(window)))
    for window in found:
        before = medians[_group(window)]
        median = window["median_micros"]
        base = judge(median, list(before.values()))
        an_hour_ago = before.get(window["window_start_ms"] - trend_ms)
        window |= {
            "z": base["z"],
            "robust_z": base["robust_z"],
            "baseline_windows": base["count"],
            "baseline_mean_micros": base["mean"],
            "baseline_sd_micros": base["sd"],
            "baseline_median_micros": base["median"],
            "baseline_iqr_micros": base["iqr"],
            "trend_per_hour": None if an_hour_ago is None else median / an_hour_ago - 1,
        }
        before[window["window_start_ms"]] = median
    return found


def _moves(peers: Iterable[Record]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """market, gpu, price_type -> providers (with offers in the market's statistics) that moved up, and down."""
    counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for window in peers:
        z = window["robust_z"]
        if window["scope"] == "provider" and window["in_market"] and z is not None and abs(z) > maths.Z_LIMIT:
            counts[window["market"], window["gpu"], window["price_type"]][z < 0] += 1
    return {key: (up, down) for key, (up, down) in counts.items()}


def _group(window: Mapping[str, Any]) -> Group:
    return window["market"], window["scope"], window["gpu"], window["price_type"], window["provider"]
