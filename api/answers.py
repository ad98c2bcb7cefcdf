"""What the API answers: the types that build the answers and from which openapi.json is made.

Money is decimal text in USD per GPU and hour, times are RFC 3339 in UTC, ages are seconds.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.wire import RateSource
from schemas.gpus import FormFactor, Vendor
from schemas.vocabulary import AnomalyKind, AnomalyStatus, Availability, Basis, BreakerState, Health, Market, PriceType, Unit

Freshness = Literal["fresh", "stale"]
Moment = Annotated[str, Meta(description="RFC 3339, UTC.", extra_json_schema={"format": "date-time"})]
Usd = Annotated[str, Meta(description="USD per GPU and hour, as decimal text.", pattern=r"^-?[0-9]+\.[0-9]{6}$")]
AgeS = Annotated[float, Meta(ge=0, description="Seconds before `as_of`.")]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything that is answered: every field is required, none is added unannounced."""


class OfferTold(Told, frozen=True, kw_only=True):
    """Something one can rent. `amount` is the provider's own number in `currency` per `unit` and `basis`."""

    source: str
    provider: str
    offer_key: Annotated[str, Meta(description="Natural key, unique within the provider, stable over polls.")]
    gpu: Annotated[str, Meta(description="Canonical GPU id, such as H100-SXM-80.")]
    gpu_count: int
    price_type: PriceType
    usd_per_gpu_hour: Usd
    usd_per_gpu_hour_micros: Annotated[int, Meta(description="The same in millionths of a USD.")]
    amount: str
    currency: str
    unit: Unit
    basis: Basis
    fx_rate: Annotated[str | None, Meta(description="USD for one unit of `currency`, as used; null where it is USD.")]
    fx_date: str | None
    region: Annotated[str, Meta(description="As the provider says it.")]
    country: Annotated[str | None, Meta(description="ISO 3166-1 alpha-2.")]
    availability: Availability
    available_count: int | None
    vcpus: float | None
    memory_gib: float | None
    disk_gib: float | None
    instance_type: str | None
    upstream: Annotated[str | None, Meta(description="A reseller's supplier.")]
    in_market_stats: Annotated[bool, Meta(description="False for resellers, folded sizes and suspect placeholders.")]
    interruption: Annotated[str | None, Meta(description="How often the provider says such a machine is taken back, in its own words.")]
    provider_time: Annotated[Moment | None, Meta(description="The provider's own time stamp, where given.")]
    first_seen: Moment
    observed_at: Annotated[Moment, Meta(description="When the provider was really asked.")]
    body_digest: str | None
    age_s: Annotated[AgeS, Meta(description="Seconds from `observed_at` to `as_of`.")]
    freshness: Freshness


class MissingTold(Told, frozen=True, kw_only=True):
    """A source whose offers the answer lacks, or may lack, and why."""

    source: str
    reason: str
    age_s: Annotated[AgeS | None, Meta(description="Since the source's newest offer was seen; null: never.")]


class DegradedTold(Told, frozen=True, kw_only=True):
    """A part that works less well than it should: a source's name, or `redis`."""

    part: str
    reason: str


class OffersTold(Told, frozen=True, kw_only=True):
    """Offers, and what may be missing from them."""

    market: Market
    as_of: Moment
    count: Annotated[int, Meta(description="Offers in this answer.")]
    total: Annotated[int, Meta(description="Offers that match, on all pages.")]
    next_cursor: Annotated[str | None, Meta(description="Give it as `cursor` for the next page; null on the last.")]
    offers: list[OfferTold]
    missing: list[MissingTold]
    degraded: list[DegradedTold]


class OfferCounts(Told, frozen=True, kw_only=True):
    """Offers by freshness. Expired ones are held, not served."""

    fresh: int
    stale: int
    expired: int


class ProviderTold(Told, frozen=True, kw_only=True):
    """One source: health as the bridge tells it, `down` as well where it has told nothing for `stale_s`."""

    source: str
    provider: str
    title: str
    health: Health
    error: str | None
    age_s: Annotated[AgeS | None, Meta(description="Since the source's newest offer was seen; null: never.")]
    offers: Annotated[int, Meta(description="Served now: fresh and stale.")]
    fresh: int
    stale: int
    expired: int
    latency_ms: float | None
    http_status: int | None
    rejected: int
    breaker: BreakerState
    consecutive_failures: int
    polled_at: Moment | None
    last_success: Moment | None
    cadence_s: Annotated[float | None, Meta(description="Seconds between polls now; it moves between the two below.")]
    cadence_fastest_s: Annotated[float | None, Meta(description="While many of its offers change.")]
    cadence_slowest_s: Annotated[float | None, Meta(description="While none of its offers changes.")]
    changed: Annotated[int, Meta(description="Offers that changed, came or went in the last poll.")]
    unchanged_answers: Annotated[int, Meta(description="Requests of the last poll answered with 304.")]
    bytes_saved: Annotated[int, Meta(description="Body bytes that these did not send.")]
    fresh_s: float
    stale_s: float
    enabled: bool
    terms: str
    docs_url: str
    confidence: str


class ProvidersTold(Told, frozen=True, kw_only=True):
    """Every source the bridge knows."""

    market: Market
    as_of: Moment
    providers: list[ProviderTold]
    offers: OfferCounts
    degraded: list[DegradedTold]


class RateTold(Told, frozen=True, kw_only=True):
    """One exchange rate, as it is in use."""

    currency: str
    usd: Annotated[str, Meta(description="USD for one unit, as decimal text.")]
    date: Annotated[str, Meta(description="The day it is of, ISO 8601.")]
    source: Annotated[RateSource, Meta(description="ecb: the European Central Bank's reference rate; settings: the fixed one.")]
    stale: Annotated[bool, Meta(description="Older than ten days.")]


class RatesTold(Told, frozen=True, kw_only=True):
    """The exchange rates in use. A provider's own rate of its token stands in its offers only."""

    market: Market
    as_of: Moment
    asked_at: Annotated[Moment | None, Meta(description="When the bank was last asked.")]
    answered_at: Annotated[Moment | None, Meta(description="When it last gave rates that could be read.")]
    error: Annotated[str | None, Meta(description="Why its newest answer, or a part of it, is not in use.")]
    count: int
    rates: list[RateTold]


class GpuTold(Told, frozen=True, kw_only=True):
    """One canonical GPU, or a slice of one, and what is offered of it."""

    gpu: Annotated[str, Meta(description="Canonical GPU id, such as H100-SXM-80.")]
    vendor: Vendor
    model: str
    title: str
    form_factor: FormFactor
    memory_gib: Annotated[int, Meta(description="As its maker sells it; of a slice its own.")]
    architecture: str
    slice_of: Annotated[str | None, Meta(description="The whole GPU's id, where this is a slice.")]
    fresh_offers: int
    cheapest_on_demand_usd_per_gpu_hour: Annotated[Usd | None, Meta(description="As /v1/cheapest tells it; null where nothing is offered.")]


class GpusTold(Told, frozen=True, kw_only=True):
    """The canonical GPUs: every id that an offer may have."""

    market: Market
    as_of: Moment
    count: int
    gpus: list[GpuTold]


class UnknownGpuTold(Told, frozen=True, kw_only=True):
    """A GPU name that a provider writes and nobody knows: its rows are no offers until somebody decides what it is."""

    source: str
    provider: str
    name: Annotated[str, Meta(description="The provider's own text, and the memory it states.")]
    rows: Annotated[int, Meta(description="Rows that the newest poll that met it lost to it.")]
    polls: Annotated[int, Meta(description="Polls that met it.")]
    first_seen: Moment
    last_seen: Moment


class ReviewTold(Told, frozen=True, kw_only=True):
    """The unknown GPU names of all sources, those that cost most rows first."""

    market: Market
    as_of: Moment
    count: int
    names: list[UnknownGpuTold]


class WindowTold(Told, frozen=True, kw_only=True):
    """One tumbling window, half open. Each offer counts once."""

    window_start: Moment
    window_end: Moment
    market: Market
    scope: Literal["provider", "market"]
    gpu: str
    price_type: PriceType
    provider: Annotated[str, Meta(description="Empty where scope is market.")]
    offers: int
    providers: int
    min_usd_per_gpu_hour: Usd
    max_usd_per_gpu_hour: Usd
    mean_usd_per_gpu_hour: Usd
    sd_usd_per_gpu_hour: Usd
    median_usd_per_gpu_hour: Usd
    p10_usd_per_gpu_hour: Usd
    p90_usd_per_gpu_hour: Usd
    available_share: float
    z: float | None
    robust_z: float | None
    baseline_windows: int
    baseline_mean_usd_per_gpu_hour: Usd | None
    baseline_sd_usd_per_gpu_hour: Usd | None
    baseline_median_usd_per_gpu_hour: Usd | None
    baseline_iqr_usd_per_gpu_hour: Usd | None
    trend_per_hour: float | None
    revision: int


class WindowsTold(Told, frozen=True, kw_only=True):
    """Windows, newest first."""

    market: Market
    as_of: Moment
    count: int
    windows: list[WindowTold]


class AnomalyTold(Told, frozen=True, kw_only=True):
    """One incident with its newest statement."""

    anomaly_id: str
    kind: AnomalyKind
    status: AnomalyStatus
    provisional: bool
    event_time: Annotated[Moment, Meta(description="When the newest statement was made.")]
    opened_at: Moment
    closed_at: Moment | None
    market: Market
    gpu: str | None
    price_type: PriceType | None
    provider: str | None
    source: str | None
    offer_key: str | None
    observed_usd_per_gpu_hour: Usd | None
    centre_usd_per_gpu_hour: Usd | None
    spread_usd_per_gpu_hour: Usd | None
    z: float | None
    mean_z: float | None
    baseline_count: int | None
    providers_moved: int | None
    evidence: str


class AnomaliesTold(Told, frozen=True, kw_only=True):
    """Incidents by `opened_at`, newest first."""

    market: Market
    as_of: Moment
    count: int
    anomalies: list[AnomalyTold]


class SeriesTold(Told, frozen=True, kw_only=True):
    """One GPU's lowest market price, window by window, oldest first. Both lists are equally long."""

    gpu: str
    window_start_ms: Annotated[list[int], Meta(description="Unix milliseconds.")]
    min_usd_per_gpu_hour: list[Usd]


class HistoryTold(Told, frozen=True, kw_only=True):
    """The lowest market price per GPU and window: small enough to draw every GPU from one answer."""

    market: Market
    as_of: Moment
    hours: int
    window_s: float
    series: list[SeriesTold]


class RefreshTold(Told, frozen=True, kw_only=True):
    """`asked` is false where somebody else asked for the same source within the last ten seconds."""

    source: str
    asked: bool


class StatusTold(Told, frozen=True, kw_only=True):
    """How the process itself is."""

    status: Literal["ok", "ready", "failing", "not_ready"]
    redis: Literal["up", "down"]
    clickhouse: Literal["up", "down", "unknown"]
    offers: OfferCounts
    message: str | None


class ErrorDetail(Told, frozen=True, kw_only=True):
    """`parameter` names the parameter or body field that was wrong; null where none was."""

    parameter: str | None
    message: str


class ErrorTold(Told, frozen=True, kw_only=True):
    """Every error has this body."""

    error: ErrorDetail


def usd(micros: float) -> str:
    """Millionths of a USD as decimal text, exactly: 2490000 is "2.490000"."""
    whole = round(micros)
    sign, whole = ("-", -whole) if whole < 0 else ("", whole)
    return f"{sign}{whole // 1_000_000}.{whole % 1_000_000:06d}"
