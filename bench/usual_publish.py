"""The usual way from a body to Kafka: json, a pydantic model of the event, Confluent's AvroSerializer. Only the bench runs it."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from pydantic import BaseModel

from adapters.base import Adapter, Page, Request
from adapters.models import Offer
from adapters.rates import fixed_rates
from adapters.units import usd_per_gpu_hour_micros
from schemas.topics import LATEST_OFFERS, PROVIDER_PRICES, avro_schema
from schemas.vocabulary import Availability, EventKind, Market, PriceType


class OfferEvent(BaseModel):
    """The fields of provider-prices.avsc."""

    event_id: str
    kind: EventKind
    event_time_ms: int
    observed_at_ms: int
    seq: int
    market: Market
    source: str
    provider: str
    offer_key: str
    previous_usd_per_gpu_hour_micros: int | None = None
    previous_availability: str | None = None
    gpu: str
    gpu_count: int
    price_type: PriceType
    amount: str
    currency: str
    unit: str
    basis: str
    fx_rate: str | None = None
    fx_date: str | None = None
    usd_per_gpu_hour_micros: int
    region: str
    country: str | None
    availability: Availability
    available_count: int | None = None
    vcpus: float | None
    memory_gib: float | None
    disk_gib: float | None
    instance_type: str | None = None
    upstream: str | None = None
    provider_time_ms: int | None = None
    in_market_stats: bool = True
    interruption: str | None = None
    body_digest: str


class UsualPublisher:
    """Bodies to provider-prices and latest-offers. The provider's parse is the adapter's own, so both ways read and check the same."""

    def __init__(self, registry_url: str, producer: Producer, adapter: Adapter) -> None:
        registry = SchemaRegistryClient({"url": registry_url})
        text = msgspec.json.encode(avro_schema("provider-prices")).decode()
        self._serialize = AvroSerializer(registry, text, conf={"auto.register.schemas": False})
        self._producer = producer
        self._adapter = adapter
        self._rates = fixed_rates()
        self._seq = 0

    def publish(self, answers: Sequence[tuple[Request, bytes]], observed_at: datetime, digest: str) -> int:
        """Every offer of one slice's answers as one event on each topic; how many."""
        pages = [Page(request=request, status=200, headers={}, body=json.loads(body, parse_float=Decimal)) for request, body in answers]
        offers = [row for row in self._adapter.parse(pages, observed_at) if isinstance(row, Offer)]
        for offer in offers:
            event = self._event(offer, int(observed_at.timestamp() * 1000), digest)
            key = f"{event.provider}/{event.offer_key}"
            serialized = self._serialize(event.model_dump(), SerializationContext(PROVIDER_PRICES.name, MessageField.VALUE))
            for topic in (PROVIDER_PRICES.name, LATEST_OFFERS.name):
                self._producer.produce(topic, value=serialized, key=key, on_delivery=_delivered)
            self._producer.poll(0)
        return len(offers)

    def _event(self, offer: Offer, at_ms: int, digest: str) -> OfferEvent:
        self._seq += 1
        return OfferEvent(
            event_id=uuid4().hex,
            kind="observed",
            event_time_ms=at_ms,
            observed_at_ms=at_ms,
            seq=self._seq,
            market="simulated",
            source=self._adapter.source,
            provider=self._adapter.provider,
            usd_per_gpu_hour_micros=usd_per_gpu_hour_micros(offer, self._rates),
            body_digest=digest,
            **msgspec.structs.asdict(offer),
        )


def _delivered(error: Any, _message: Any) -> None:
    if error is not None:
        raise RuntimeError(f"bench: a record was not delivered: {error}")
