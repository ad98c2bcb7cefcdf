"""The usual way from a body to Kafka: pydantic models of answer and event, Confluent's AvroSerializer. Only the bench runs it."""

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import uuid4

import msgspec
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from pydantic import BaseModel

from schemas.topics import LATEST_OFFERS, PROVIDER_PRICES, avro_schema
from schemas.vocabulary import Availability, EventKind, Market, PriceType

MILLION = 1_000_000


class Ask(BaseModel):
    """One offer of Vast.ai's search, as far as the event needs it."""

    machine_id: int
    num_gpus: int
    gpu_name: str
    gpu_ram: Decimal
    gpu_ids: list[int]
    dph_base: Decimal
    min_bid: Decimal
    rentable: bool
    geolocation: str | None
    cpu_cores_effective: float | None
    cpu_ram: float
    disk_space: float


class Search(BaseModel):
    """Vast.ai's answer."""

    offers: list[Ask]


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
    body_digest: str


class UsualPublisher:
    """Bodies to provider-prices and latest-offers."""

    def __init__(self, registry_url: str, producer: Producer, gpu_of: Callable[[str, float], str]) -> None:
        registry = SchemaRegistryClient({"url": registry_url})
        text = msgspec.json.encode(avro_schema("provider-prices")).decode()
        self._serialize = AvroSerializer(registry, text, conf={"auto.register.schemas": False})
        self._producer = producer
        self._gpu_of = gpu_of
        self._seq = 0

    def publish(self, bodies: Iterable[bytes], observed_at_ms: int, digest: str) -> int:
        """Every offer of these bodies as one event on each topic; how many."""
        asks = (ask for body in bodies for ask in Search.model_validate_json(body).offers)
        events = [event for ask in asks for event in self._events(ask, observed_at_ms, digest)]
        for event in events:
            value = event.model_dump()
            key = f"{event.provider}/{event.offer_key}"
            serialized = self._serialize(value, SerializationContext(PROVIDER_PRICES.name, MessageField.VALUE))
            for topic in (PROVIDER_PRICES.name, LATEST_OFFERS.name):
                self._producer.produce(topic, value=serialized, key=key, on_delivery=_delivered)
            self._producer.poll(0)
        return len(events)

    def _events(self, ask: Ask, observed_at_ms: int, digest: str) -> Iterable[OfferEvent]:
        prices: dict[PriceType, Decimal] = {"on_demand": ask.dph_base, "bid": ask.min_bid}
        for price_type, amount in prices.items():
            self._seq += 1
            per_gpu = (amount / ask.num_gpus * MILLION).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
            region = (ask.geolocation or "").strip(", ")
            yield OfferEvent(
                event_id=uuid4().hex,
                kind="observed",
                event_time_ms=observed_at_ms,
                observed_at_ms=observed_at_ms,
                seq=self._seq,
                market="simulated",
                source="vast",
                provider="vast",
                offer_key=f"{ask.machine_id}/{ask.num_gpus}x/{'-'.join(map(str, sorted(ask.gpu_ids)))}/{price_type}",
                gpu=self._gpu_of(ask.gpu_name, float(ask.gpu_ram) / 1024),
                gpu_count=ask.num_gpus,
                price_type=price_type,
                amount=str(amount),
                currency="USD",
                unit="hour",
                basis="per_instance",
                usd_per_gpu_hour_micros=int(per_gpu),
                region=region,
                country=region.rpartition(",")[2].strip() or None,
                availability="available" if ask.rentable else "sold_out",
                vcpus=ask.cpu_cores_effective,
                memory_gib=ask.cpu_ram / 1024,
                disk_gib=ask.disk_space,
                body_digest=digest,
            )


def _delivered(error: Any, _message: Any) -> None:
    if error is not None:
        raise RuntimeError(f"bench: a record was not delivered: {error}")
