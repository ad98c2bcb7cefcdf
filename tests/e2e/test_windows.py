"""Flink's windows against the same windows computed from the events by SQL, and nothing lost to lateness."""

import httpx
import pytest

from schemas.topics import PRICE_WINDOWS
from tests.e2e.conftest import WINDOW_S, Stack, eventually

pytestmark = pytest.mark.stack

EXPECTED = f"""
SELECT window_start_ms, gpu, price_type, provider, count() AS offers, min(price) AS lowest, max(price) AS highest
FROM (
    SELECT
        intDiv(toUnixTimestamp64Milli(event_time), {WINDOW_S * 1000}) * {WINDOW_S * 1000} AS window_start_ms,
        provider, offer_key,
        argMax(gpu, (event_time, seq)) AS gpu,
        argMax(price_type, (event_time, seq)) AS price_type,
        argMax(tuple(usd_per_gpu_hour_micros), (event_time, seq)).1 AS price
    FROM offer_events
    GROUP BY window_start_ms, provider, offer_key
)
WHERE price IS NOT NULL
GROUP BY window_start_ms, gpu, price_type, provider
"""  # noqa: S608 - the only value put in is a constant


def test_window_counts_equal_sql_over_the_events(stack: Stack) -> None:
    eventually("thirty windows", lambda: stack.rows("SELECT uniq(window_start) FROM price_windows")[0][0] >= 30, within_s=120)
    windows = [stack.decode(m.value()) for m in stack.records_to_end(PRICE_WINDOWS)]
    streamed = {
        (w["window_start_ms"], w["gpu"], w["price_type"], w["provider"]): (w["offers"], w["min_micros"], w["max_micros"])
        for w in windows
        if w["scope"] == "provider"
    }
    newest = max(start for start, *_ in streamed)

    def loaded() -> bool:
        return bool(stack.rows("SELECT toUnixTimestamp64Milli(max(event_time)) FROM offer_events")[0][0] > newest + 2 * WINDOW_S * 1000)

    eventually("the events behind the newest window in ClickHouse", loaded)
    computed = {tuple(row[:4]): tuple(row[4:]) for row in stack.rows(EXPECTED) if row[0] < newest}
    assert len({start for start, *_ in computed}) >= 20
    differing = {key: (streamed.get(key), expected) for key, expected in computed.items() if streamed.get(key) != expected}
    assert not differing, f"{len(differing)} of {len(computed)} windows differ, such as {next(iter(differing.items()))}"
    assert {key for key in streamed if key[0] < newest} == set(computed)


def test_no_row_was_late(stack: Stack) -> None:
    # Flink's REST fetches metrics in the background, so the first question may find none.
    dropped = eventually("Flink tells how many late records its windows dropped", lambda: late_records(stack))
    assert set(dropped.values()) == {0.0}, dropped


def late_records(stack: Stack) -> dict[tuple[str, str], float]:
    """Late records dropped, by task and operator of the job."""
    dropped = {}
    with httpx.Client(base_url=stack.urls["flink"], timeout=10) as flink:
        job = next(job for job in flink.get("/jobs/overview").json()["jobs"] if job["name"] == "gputicker" and job["state"] == "RUNNING")
        for vertex in flink.get(f"/jobs/{job['jid']}").json()["vertices"]:
            url = f"/jobs/{job['jid']}/vertices/{vertex['id']}/subtasks/metrics"
            names = [m["id"] for m in flink.get(url).json() if m["id"].endswith("numLateRecordsDropped")]
            for name in names:
                dropped[vertex["name"], name] = flink.get(url, params={"get": name}).json()[0]["sum"]
    return dropped
