"""A source that states another unit is held back at every door, raises one collector_fault and no price alert, and comes back by itself."""

from typing import Any

import pytest

from schemas.topics import PRICE_ANOMALIES
from tests.e2e.conftest import Stack, eventually

pytestmark = pytest.mark.stack

SOURCE = "hyperstack"


def health(stack: Stack) -> str:
    """The source's health at the API."""
    found: str = next(p for p in stack.get("/v1/providers")["providers"] if p["source"] == SOURCE)["health"]
    return found


def faults(stack: Stack) -> list[dict[str, Any]]:
    """Incidents of this provider, as the API has them."""
    found: list[dict[str, Any]] = stack.get("/v1/anomalies", provider=SOURCE)["anomalies"]
    return found


def test_cents_for_dollars_reach_no_door(stack: Stack) -> None:
    eventually("the source is well", lambda: health(stack) == "ok")
    before = {one["anomaly_id"] for one in faults(stack)}
    stack.incident("cents", SOURCE, 60)
    try:
        eventually("quarantined", lambda: health(stack) == "quarantined")
        fault = eventually("the fault", lambda: [one for one in faults(stack) if one["anomaly_id"] not in before])
        assert [(one["kind"], one["source"], one["status"]) for one in fault] == [("collector_fault", SOURCE, "opened")]
        assert "unit" in fault[0]["evidence"] or "100" in fault[0]["evidence"]
        assert SOURCE in stack.cli("quarantine")
        assert "100" in stack.cli("quarantine", "show", SOURCE)
    finally:
        stack.calm()
    eventually("released", lambda: health(stack) == "ok")
    eventually("closed", lambda: [one["status"] for one in faults(stack) if one["anomaly_id"] not in before] == ["closed"])
    messages = stack.records_to_end(PRICE_ANOMALIES)
    said = [stack.decode(message.value()) for message in messages if message.key().decode() == fault[0]["anomaly_id"]]
    assert [one["status"] for one in said] == ["opened", "closed"]
    widest = stack.rows(
        "SELECT max(dear / cheap) FROM (SELECT max(usd_per_gpu_hour_micros) AS dear, min(usd_per_gpu_hour_micros) AS cheap "
        "FROM offer_events WHERE source = {source:String} AND kind != 'gone' GROUP BY offer_key)",
        source=SOURCE,
    )
    assert widest[0][0] < 2, "no price in cents was published"
