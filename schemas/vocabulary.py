"""The closed vocabularies. On the wire they are strings; here is every value each may have."""

from typing import Literal

Market = Literal["live", "simulated", "recorded"]
EventKind = Literal["appeared", "changed", "observed", "gone", "tick"]
PriceType = Literal["on_demand", "spot", "community", "preemptible", "bid", "serverless", "reserved"]
Unit = Literal["second", "hour", "day", "month"]
Basis = Literal["per_gpu", "per_instance", "components"]
Availability = Literal["high", "medium", "low", "available", "sold_out", "unknown"]
Health = Literal["ok", "degraded", "down", "quarantined", "off"]
BreakerState = Literal["closed", "open", "half_open"]
AnomalyKind = Literal["spike", "provider_repricing", "market_move", "collector_fault"]
AnomalyStatus = Literal["opened", "closed"]

RENTABLE: frozenset[str] = frozenset({"high", "medium", "low", "available"})
