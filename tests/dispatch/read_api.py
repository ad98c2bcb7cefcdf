"""The read API as a function, for httpx.MockTransport: /v1/offers answers what the test sets."""

from typing import Any

import httpx


def offer(**fields: Any) -> dict[str, Any]:
    """A fresh, rentable offer as /v1/offers tells it, with `fields` changed."""
    rentable = {
        "source": "lumen",
        "provider": "lumen",
        "offer_key": "h100-1x-north",
        "gpu": "H100-SXM-80",
        "gpu_count": 1,
        "price_type": "on_demand",
        "usd_per_gpu_hour": "3.600000",
        "usd_per_gpu_hour_micros": 3_600_000,
        "region": "north-1",
        "country": "FI",
        "availability": "high",
        "observed_at": "2026-01-01T00:00:00Z",
        "age_s": 3.2,
        "freshness": "fresh",
    }
    return {**rentable, **fields}


class ReadApi:
    """Answers, and what was asked."""

    def __init__(self, *offers: dict[str, Any]) -> None:
        self.offers = list(offers)
        self.missing: list[dict[str, Any]] = []
        self.instead: httpx.Response | Exception | None = None
        self.asked: list[httpx.URL] = []

    def client(self) -> httpx.AsyncClient:
        """A client whose every request this object answers."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="http://read-api.test")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        if isinstance(self.instead, Exception):
            raise self.instead
        if self.instead is not None:
            return self.instead
        assert request.url.path == "/v1/offers"
        return httpx.Response(200, json={"market": "simulated", "count": len(self.offers), "offers": self.offers, "missing": self.missing})
