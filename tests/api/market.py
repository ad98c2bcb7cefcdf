"""Snapshots and health as the bridge writes them, made up for these tests."""

from typing import Any

import msgspec

from api.store import Store

NOW_MS = 1_795_248_000_000
"""2026-11-21T08:00:00Z."""


class Clock:
    """Unix milliseconds, moved by hand."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def offer(key: str, usd: str, **fields: Any) -> dict[str, Any]:
    """One offer of a snapshot; source, provider and observed_at_ms are the snapshot's unless given."""
    return {
        "offer_key": key,
        "gpu": "H100-SXM-80",
        "gpu_count": 1,
        "price_type": "on_demand",
        "amount": usd,
        "currency": "USD",
        "unit": "hour",
        "basis": "per_gpu",
        "fx_rate": None,
        "fx_date": None,
        "usd_per_gpu_hour_micros": round(float(usd) * 1_000_000),
        "region": "north-1",
        "country": "FI",
        "availability": "high",
        "available_count": None,
        "vcpus": 16.0,
        "memory_gib": 128.0,
        "disk_gib": None,
        "instance_type": "one.h100",
        "upstream": None,
        "provider_time_ms": None,
        "in_market_stats": True,
        "interruption": None,
        "body_digest": "ab" * 32,
        "first_seen_ms": NOW_MS - 3_600_000,
        **fields,
    }


def snapshot(source: str, offers: list[dict[str, Any]], at_ms: int = NOW_MS, **fields: Any) -> bytes:
    """A source's snapshot, polled and observed at `at_ms`."""
    provider = fields.get("provider", source)
    told = {
        "source": source,
        "provider": provider,
        "title": source.title(),
        "market": "simulated",
        "cadence_s": 5.0,
        "fresh_s": 15.0,
        "stale_s": 90.0,
        "polled_at_ms": at_ms,
        **fields,
        "offers": [{"source": source, "provider": provider, "observed_at_ms": at_ms, **one} for one in offers],
    }
    return msgspec.json.encode(told)


def health(source: str, at_ms: int = NOW_MS, **fields: Any) -> bytes:
    """A source's health: ok unless told otherwise."""
    told = {
        "source": source,
        "provider": source,
        "market": "simulated",
        "polled_at_ms": at_ms,
        "latency_ms": 42.5,
        "health": "ok",
        "http_status": 200,
        "offers": 1,
        "rejected": 0,
        "requests": 1,
        "bytes": 1000,
        "breaker": "closed",
        "consecutive_failures": 0,
        "error": None,
        "last_success_ms": at_ms,
        "cadence_s": 5.0,
        "title": source.title(),
        "fresh_s": 15.0,
        "stale_s": 90.0,
        "enabled": True,
        "terms": "A made-up cloud.",
        "docs_url": "",
        "confidence": "grounded",
        **fields,
    }
    return msgspec.json.encode(told)


def store_of(**sources: list[dict[str, Any]]) -> Store:
    """A store that holds these sources' offers, all seen at NOW_MS and healthy."""
    store = Store("simulated")
    for name, offers in sources.items():
        store.take(name, snapshot(name, offers), health(name))
    return store
