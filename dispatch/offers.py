"""Which offer a job is priced by: the rentable machine that fits and costs least, as the read API tells it."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal

import httpx
import msgspec

from adapters.errors import JobRejected, NoCapacity, PayloadChanged, Transient
from adapters.jobs.backend import GpuSpec
from schemas.vocabulary import RENTABLE, Market

TIMEOUT_S = 5.0
ROUTE = "/v1/offers"
"""Not /v1/cheapest: that is one offer per GPU and price type by the price of a GPU, and a cheap GPU may come only in machines of eight."""
WHERE = f"read API: GET {ROUTE}"
LIMIT = 1000


class OfferTold(msgspec.Struct, frozen=True, kw_only=True):
    """One offer of an answer, the part of it that a decision needs."""

    source: str
    provider: str
    offer_key: str
    gpu: str
    gpu_count: int
    price_type: str
    usd_per_gpu_hour: Decimal
    region: str
    country: str | None
    availability: str
    age_s: float
    freshness: Literal["fresh", "stale"]


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A source whose offers an answer lacks."""

    source: str
    reason: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What /v1/offers answers."""

    market: Market
    offers: list[OfferTold]
    missing: list[Missing] = []


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The offer that was chosen, as it was told then: `age_s` and `freshness` are those of its price at `chosen_at`."""

    offer: OfferTold
    market: Market
    chosen_at: datetime


async def choose_offer(client: httpx.AsyncClient, spec: GpuSpec, now: datetime) -> Decision:
    """Ask the read API for the cheapest rentable offer that fits `spec`.

    Raises NoCapacity (nothing fits), JobRejected (the API does not accept the spec), Transient and PayloadChanged.
    """
    answer = await _ask(client, spec)
    fitting = [offer for offer in answer.offers if fits(offer, spec)]
    if not fitting:
        missing = ", ".join(source.source for source in answer.missing)
        raise NoCapacity(f"no rentable offer for {tell(spec)}" + (f"; sources missing from the answer: {missing}" if missing else ""))
    return Decision(offer=cheapest(fitting), market=answer.market, chosen_at=now)


def fits(offer: OfferTold, spec: GpuSpec) -> bool:
    """The offer can be rented, is one machine with enough of these GPUs, and costs no more than the owner allows."""
    return (
        offer.availability in RENTABLE
        and offer.usd_per_gpu_hour > 0
        and offer.gpu == spec.gpu
        and offer.gpu_count >= spec.count
        and spec.price_type in (None, offer.price_type)
        and spec.country in (None, offer.country)
        and (spec.max_usd_per_gpu_hour is None or offer.usd_per_gpu_hour <= spec.max_usd_per_gpu_hour)
    )


def cheapest(offers: Iterable[OfferTold]) -> OfferTold:
    """The offer whose machine costs least: all of its GPUs are paid for, also those that a job leaves idle. A fresh price wins a tie."""
    return min(
        offers, key=lambda offer: (offer.usd_per_gpu_hour * offer.gpu_count, offer.freshness != "fresh", offer.provider, offer.offer_key)
    )


def tell(spec: GpuSpec) -> str:
    """A spec in words."""
    words = [f"{spec.count} x {spec.gpu}"]
    if spec.price_type is not None:
        words.append(spec.price_type)
    if spec.country is not None:
        words.append(f"in {spec.country}")
    if spec.max_usd_per_gpu_hour is not None:
        words.append(f"at most {spec.max_usd_per_gpu_hour} USD per GPU-hour")
    return ", ".join(words)


async def _ask(client: httpx.AsyncClient, spec: GpuSpec) -> Answer:
    parameters = {"gpu": spec.gpu, "min_gpus": str(spec.count), "available": "true", "sort": "price", "limit": str(LIMIT)}
    if spec.price_type is not None:
        parameters["price_type"] = spec.price_type
    if spec.country is not None:
        parameters["country"] = spec.country
    if spec.max_usd_per_gpu_hour is not None:
        parameters["max_price"] = str(spec.max_usd_per_gpu_hour)
    try:
        response = await client.get(ROUTE, params=parameters, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        raise Transient(f"{WHERE}: {type(error).__name__}: {error}") from error
    if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        raise JobRejected(f"{WHERE}: {response.text[:200]}")
    if response.status_code != httpx.codes.OK:
        after = response.headers.get("retry-after", "")
        raise Transient(f"{WHERE}: status {response.status_code}", float(after) if after.isdigit() else None, response.status_code)
    try:
        return msgspec.json.decode(response.content, type=Answer)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise PayloadChanged(f"{WHERE}: {error}", body=response.content) from error
