"""What an adapter reads out of a provider's answer: offers, and rows that could not be read."""

from decimal import Decimal

import msgspec

from schemas.vocabulary import Availability, Basis, PriceType, Unit


class ExchangeRate(msgspec.Struct, frozen=True, kw_only=True):
    """USD for one unit of `currency` on `date` (ISO 8601)."""

    currency: str
    usd: Decimal
    date: str


class Offer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something one can rent, as its provider states it.

    `offer_key` is natural and stable over polls (never a volatile id) and unique within the provider.
    `amount` is the provider's own number as text; `currency`, `unit` and `basis` say what it is.
    `interruption` is how often the provider says that such a machine is taken back, in its own words; None where it tells nothing.
    `rate` is the provider's own exchange rate where its answer carries one (GLM, AKT); otherwise the common rates are used.
    The price in USD per GPU-hour is not here: `adapters.units.usd_per_gpu_hour_micros` derives it, once.
    """

    offer_key: str
    gpu: str
    gpu_count: int
    price_type: PriceType
    amount: str
    currency: str
    unit: Unit
    basis: Basis
    region: str
    country: str | None = None
    availability: Availability = "unknown"
    available_count: int | None = None
    vcpus: float | None = None
    memory_gib: float | None = None
    disk_gib: float | None = None
    instance_type: str | None = None
    upstream: str | None = None
    provider_time_ms: int | None = None
    in_market_stats: bool = True
    interruption: str | None = None
    rate: ExchangeRate | None = None


class Rejected(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row that could not be read. `raw` is the row as JSON text, cut to 2,000 characters; `field` is what stood in the way.

    `unknown_gpu` is the vendor's text where that was a GPU that nobody knows: it goes to the review list.
    """

    reason: str
    field: str
    raw: str
    unknown_gpu: str | None = None
