"""Every process is killed once and comes back with nothing lost; the fresh path outlives all the others."""

import os
import signal
import time

import pytest

from schemas.topics import PARTITIONS, PROVIDER_PRICES
from tests.e2e.conftest import Stack, eventually

pytestmark = pytest.mark.stack


def kill(stack: Stack, name: str) -> None:
    """kill -9 one service, and wait until the supervisor runs it again."""
    before = stack.status()["services"][name]
    os.kill(before["pid"], signal.SIGKILL)

    def back() -> bool:
        after = stack.status()["services"][name]
        return bool(after["state"] == "running" and after["pid"] != before["pid"])

    eventually(f"{name} back", back)


def assert_every_event_is_loaded_once(stack: Stack) -> None:
    """Each offer event that is on the topic now stands in ClickHouse, under its offset, exactly once."""
    messages = stack.records_to_end(PROVIDER_PRICES)
    ends = {p: 1 + max((m.offset() for m in messages if m.partition() == p), default=-1) for p in range(PARTITIONS)}
    expected = {(m.partition(), m.offset()) for m in messages if stack.decode(m.value())["kind"] != "tick"}

    def loaded() -> bool:
        rows = stack.rows("SELECT partition, offset FROM offer_events")
        found = [(p, o) for p, o in rows if o < ends[p]]
        assert len(found) == len(set(found)), "an event was loaded twice"
        return set(found) >= expected

    eventually("every event loaded", loaded, within_s=90)


@pytest.mark.parametrize("name", ["bridge", "loader", "clickhouse", "sim", "api", "flink-job"])
def test_a_killed_python_process_comes_back_with_nothing_lost(stack: Stack, name: str) -> None:
    kill(stack, name)
    eventually("fresh offers", lambda: any(o["freshness"] == "fresh" for o in stack.get("/v1/offers")["offers"]))
    assert_every_event_is_loaded_once(stack)


def newest_window(stack: Stack) -> int:
    """Start of the newest window in ClickHouse, Unix milliseconds."""
    newest: int = stack.rows("SELECT toUnixTimestamp64Milli(max(window_start)) FROM price_windows")[0][0]
    return newest


def test_the_flink_job_comes_back_after_its_job_manager_was_killed(stack: Stack) -> None:
    killed_at_ms = time.time() * 1000
    kill(stack, "flink-jobmanager")
    eventually("windows that began after the kill", lambda: newest_window(stack) > killed_at_ms, within_s=180)
    duplicates = stack.rows(
        "SELECT window_start, gpu, price_type, provider, uniqExact(offers, min_micros, max_micros) AS versions FROM price_windows "
        "GROUP BY ALL HAVING versions > 1"
    )
    assert not duplicates, "a window that was computed again after the recovery differs"


def test_offers_stay_fresh_without_kafka_flink_and_clickhouse(stack: Stack) -> None:
    stopped = ["kafka", "flink-jobmanager", "flink-taskmanager", "clickhouse"]
    for name in stopped:
        stack.cli("stop", name)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            answer = stack.get("/v1/offers", limit=1000)
            assert answer["count"] > 0
            assert {o["freshness"] for o in answer["offers"]} == {"fresh"}
            time.sleep(1)
        assert stack.api.get("/v1/windows").status_code == 503
    finally:
        for name in stopped:
            stack.cli("start", name)
    started_ms = time.time() * 1000
    eventually("windows again", lambda: newest_window(stack) > started_ms, within_s=240)
    assert_every_event_is_loaded_once(stack)
