"""The usual way to serve latest prices: FastAPI, pydantic models, and a Redis GET per request. Only the bench runs it.

Redis holds one JSON document per GPU under `bench:offers:{gpu}`, the way such caches are commonly laid out, so the usual way
does not pay for offers that nobody asked for.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio
import uvicorn
from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel, TypeAdapter


class CachedOffer(BaseModel):
    """An offer as it lies in the cache."""

    offer_key: str
    source: str
    provider: str
    gpu: str
    gpu_count: int
    price_type: str
    amount: str
    currency: str
    unit: str
    basis: str
    usd_per_gpu_hour_micros: int
    region: str
    country: str | None
    availability: str
    available_count: int | None
    vcpus: float | None
    memory_gib: float | None
    disk_gib: float | None
    instance_type: str | None
    observed_at_ms: int


class AnsweredOffer(CachedOffer):
    """An offer as it is answered: with its age and a decimal price."""

    usd_per_gpu_hour: str
    age_s: float
    freshness: str


class Answer(BaseModel):
    """The envelope."""

    market: str
    as_of: float
    count: int
    offers: list[AnsweredOffer]


CACHED = TypeAdapter(list[CachedOffer])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One pooled Redis client for the process."""
    app.state.redis = redis.asyncio.from_url(os.environ["GPUTICKER_REDIS_URL"])
    yield
    await app.state.redis.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/v1/offers", response_model=Answer)
async def offers(gpu: str, limit: int = Query(default=100, ge=1, le=1000)) -> Answer:
    """Offers of one GPU, cheapest first."""
    cached = await app.state.redis.get(f"bench:offers:{gpu}")
    if cached is None:
        raise HTTPException(404, f"no offers of {gpu}")
    now_ms = time.time() * 1000
    answered = [
        AnsweredOffer(
            **offer.model_dump(),
            usd_per_gpu_hour=f"{offer.usd_per_gpu_hour_micros / 1e6:.6f}",
            age_s=(now_ms - offer.observed_at_ms) / 1000,
            freshness="fresh" if now_ms - offer.observed_at_ms <= 15_000 else "stale",
        )
        for offer in CACHED.validate_json(cached)
        if now_ms - offer.observed_at_ms <= 90_000
    ]
    answered.sort(key=lambda offer: offer.usd_per_gpu_hour_micros)
    return Answer(market="simulated", as_of=now_ms / 1000, count=len(answered), offers=answered[:limit])


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["GPUTICKER_PORT"]), log_level="warning", loop="uvloop", http="httptools")
