"""What the bridge writes to Redis, as far as the read API needs it. Unknown fields are left alone."""

from typing import Literal

import msgspec

from schemas.vocabulary import Availability, Basis, BreakerState, Health, Market, PriceType, Unit

RateSource = Literal["ecb", "settings"]


class SnapshotOffer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One offer of a snapshot: the state fields of OfferEvent, its key and its times (Unix milliseconds)."""

    source: str
    provider: str
    offer_key: str
    gpu: str
    gpu_count: int
    price_type: PriceType
    amount: str
    currency: str
    unit: Unit
    basis: Basis
    usd_per_gpu_hour_micros: int
    region: str
    availability: Availability
    observed_at_ms: int
    first_seen_ms: int
    fx_rate: str | None = None
    fx_date: str | None = None
    country: str | None = None
    available_count: int | None = None
    vcpus: float | None = None
    memory_gib: float | None = None
    disk_gib: float | None = None
    instance_type: str | None = None
    upstream: str | None = None
    provider_time_ms: int | None = None
    in_market_stats: bool = True
    interruption: str | None = None
    body_digest: str | None = None


class UnknownGpu(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU name that a source writes and nobody knows."""

    name: str
    rows: int
    polls: int
    first_seen_ms: int
    last_seen_ms: int


class ReviewHeld(msgspec.Struct, frozen=True, kw_only=True):
    """One source's field of the hash `gputicker:review`."""

    provider: str
    market: Market
    names: list[UnknownGpu]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`gputicker:snapshot:{source}`: every offer of one source as last seen."""

    source: str
    provider: str
    title: str
    market: Market
    cadence_s: float
    fresh_s: float
    stale_s: float
    polled_at_ms: int
    offers: list[SnapshotOffer]


class HealthTold(msgspec.Struct, frozen=True, kw_only=True):
    """`gputicker:health:{source}`: what the last poll came to, and what the source table says."""

    source: str
    provider: str
    market: Market
    polled_at_ms: int
    health: Health
    title: str = ""
    latency_ms: float | None = None
    http_status: int | None = None
    offers: int = 0
    rejected: int = 0
    breaker: BreakerState = "closed"
    consecutive_failures: int = 0
    error: str | None = None
    last_success_ms: int | None = None
    cadence_s: float | None = None
    cadence_fastest_s: float | None = None
    cadence_slowest_s: float | None = None
    changed: int = 0
    unchanged_answers: int = 0
    bytes_saved: int = 0
    fresh_s: float = 15.0
    stale_s: float = 90.0
    enabled: bool = True
    terms: str = ""
    docs_url: str = ""
    confidence: str = ""


class KeptRate(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange rate: USD for one unit of a currency on a day (ISO 8601), and who says so."""

    currency: str
    usd: str
    date: str
    source: RateSource


class KeptRates(msgspec.Struct, frozen=True, kw_only=True):
    """`gputicker:rates`: the exchange rates in use, and what became of asking for newer ones."""

    market: Market
    asked_at_ms: int | None
    answered_at_ms: int | None
    error: str | None
    rates: list[KeptRate]


decode_snapshot = msgspec.json.Decoder(Snapshot).decode
decode_health = msgspec.json.Decoder(HealthTold).decode
decode_review = msgspec.json.Decoder(ReviewHeld).decode
decode_rates = msgspec.json.Decoder(KeptRates).decode
