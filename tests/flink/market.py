"""Offer events of a made-up market, in time order: providers that step, move together, list and unlist; the same for the same seed."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.topics import PROVIDER_PRICES, avro_schema

Event = dict[str, Any]

PROVIDERS = ("alpha", "beta", "gamma", "delta")
RESELLER = "reseller"
GPUS = ("H100-SXM-80", "A100-PCIE-40")
PRICE_TYPES = ("on_demand", "spot")
OFFERS_PER_GROUP = 4
STATE_FIELDS = [field["name"] for field in avro_schema(PROVIDER_PRICES.name)["fields"] if "default" in field]


def event(kind: str, at_ms: int, seq: int, provider: str, offer_key: str, **state: Any) -> Event:
    """One offer event with every field of the schema; state fields not given are null."""
    record: Event = dict.fromkeys(STATE_FIELDS)
    record |= {"kind": kind, "event_time_ms": at_ms, "observed_at_ms": at_ms, "seq": seq, "market": "simulated", "source": provider}
    record |= {"provider": provider, "offer_key": offer_key, "in_market_stats": True} | state
    record["event_id"] = hashlib.sha256(repr((kind, at_ms, seq, provider, offer_key)).encode()).hexdigest()
    return record


def tick(at_ms: int) -> Event:
    """Moves event time on; carries no state."""
    return event("tick", at_ms, 0, "", "")


@dataclass
class Market:
    """Prices drift by up to 1 % a round. `factors` moves groups: (gpu, price_type, provider) -> factor from then on."""

    seed: int = 1
    factors: dict[tuple[str, str, str], float] = field(default_factory=dict)
    offer_factors: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - a market, not a secret
        self.seq = 0
        self.base: dict[tuple[str, str, str, str], int] = {}
        self.listed: set[tuple[str, str, str, str]] = set()
        for provider in (*PROVIDERS, RESELLER):
            for gpu in GPUS:
                for price_type in PRICE_TYPES:
                    for number in range(OFFERS_PER_GROUP):
                        key = f"{gpu}|{price_type}|{number}"
                        self.base[provider, gpu, price_type, key] = self.random.randrange(300_000, 4_000_000)

    def round(self, at_ms: int) -> Iterator[Event]:
        """Statements about every offer, made within a few milliseconds from `at_ms` on: some offers vanish, some come back."""
        for number, ((provider, gpu, price_type, key), base) in enumerate(self.base.items()):
            self.seq += 1
            identity = (provider, gpu, price_type, key)
            if identity in self.listed and self.random.random() < 0.03:
                self.listed.discard(identity)
                yield event("gone", at_ms + number // 40, self.seq, provider, key)
                continue
            if identity not in self.listed and self.random.random() < 0.3:
                continue
            kind = "observed" if identity in self.listed else "appeared"
            self.listed.add(identity)
            factor = self.factors.get((gpu, price_type, provider), 1.0) * self.offer_factors.get(f"{provider}/{key}", 1.0)
            price = round(base * self.random.uniform(0.99, 1.01) * factor)
            availability = self.random.choice(("high", "medium", "low", "available", "sold_out", "unknown"))
            in_market = provider != RESELLER
            state = {"gpu": gpu, "gpu_count": 1, "price_type": price_type, "usd_per_gpu_hour_micros": price, "availability": availability}
            yield event(kind, at_ms + number // 40, self.seq, provider, key, in_market_stats=in_market, **state)
