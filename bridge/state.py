"""What the bridge holds of an offer: its state as on the wire, the bytes of that state, and where and when it was seen."""

import struct
from hashlib import blake2b
from typing import Any

import msgspec

from adapters.models import Offer

FINGERPRINT_BYTES = 16
MAX_REMEMBERED = 100_000


class OfferState(msgspec.Struct, frozen=True, gc=False):
    """The state fields of OfferEvent without `body_digest`, in the schema's order (a test compares them)."""

    gpu: str | None
    gpu_count: int | None
    price_type: str | None
    amount: str | None
    currency: str | None
    unit: str | None
    basis: str | None
    fx_rate: str | None
    fx_date: str | None
    usd_per_gpu_hour_micros: int | None
    region: str | None
    country: str | None
    availability: str | None
    available_count: int | None
    vcpus: float | None
    memory_gib: float | None
    disk_gib: float | None
    instance_type: str | None
    upstream: str | None
    provider_time_ms: int | None
    in_market_stats: bool
    interruption: str | None = None
    """With a default: snapshots of earlier bridges have none."""


def state_of(offer: Offer, usd_per_gpu_hour_micros: int, fx_rate: str | None, fx_date: str | None) -> OfferState:
    """An offer and its derived price as one state."""
    return OfferState(
        offer.gpu,
        offer.gpu_count,
        offer.price_type,
        offer.amount,
        offer.currency,
        offer.unit,
        offer.basis,
        fx_rate,
        fx_date,
        usd_per_gpu_hour_micros,
        offer.region,
        offer.country,
        offer.availability,
        offer.available_count,
        offer.vcpus,
        offer.memory_gib,
        offer.disk_gib,
        offer.instance_type,
        offer.upstream,
        offer.provider_time_ms,
        offer.in_market_stats,
        offer.interruption,
    )


def gone_state(state: OfferState) -> OfferState:
    """What is left to say of an offer that is no longer listed: what it was, without price and stock."""
    return msgspec.structs.replace(
        state, amount=None, fx_rate=None, fx_date=None, usd_per_gpu_hour_micros=None, availability=None, available_count=None
    )


def says_the_same(one: OfferState, other: OfferState) -> bool:
    """Whether two states are one statement: times and rates that move while the price stays are no change."""
    if one == other:
        return True
    return msgspec.structs.replace(one, provider_time_ms=None, fx_rate=None, fx_date=None) == msgspec.structs.replace(
        other, provider_time_ms=None, fx_rate=None, fx_date=None
    )


class EncodedState(msgspec.Struct, gc=False, eq=False):
    """A state, its Avro bytes (the tail of the event's record, before body_digest) and their fingerprint, made once per state."""

    state: OfferState
    avro: bytes = b""
    fingerprint: bytes = b""

    def __post_init__(self) -> None:
        self.avro = encode_state(self.state)
        self.fingerprint = blake2b(self.avro, digest_size=FINGERPRINT_BYTES).digest()


def encode_state(state: OfferState) -> bytes:
    """Avro bytes of the state fields. Every field but `in_market_stats` is a union of null and one type."""
    text, whole, real = _texts, _longs, _doubles
    return b"".join(
        (
            text[state.gpu],
            whole[state.gpu_count],
            text[state.price_type],
            text[state.amount],
            text[state.currency],
            text[state.unit],
            text[state.basis],
            text[state.fx_rate],
            text[state.fx_date],
            whole[state.usd_per_gpu_hour_micros],
            text[state.region],
            text[state.country],
            text[state.availability],
            whole[state.available_count],
            real[state.vcpus],
            real[state.memory_gib],
            real[state.disk_gib],
            text[state.instance_type],
            text[state.upstream],
            whole[state.provider_time_ms],
            b"\x01" if state.in_market_stats else b"\x00",
            text[state.interruption],
        )
    )


def varint(number: int) -> bytes:
    """Avro's long: zigzag, then seven bits a byte, low ones first."""
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def avro_string(text: str) -> bytes:
    """Avro's string: length and UTF-8."""
    encoded = text.encode()
    return varint(len(encoded)) + encoded


def optional_string(text: str | None) -> bytes:
    """A union of null and string."""
    return _texts[text]


def optional_long(number: int | None) -> bytes:
    """A union of null and long."""
    return _longs[number]


class _Remembered(dict[Any, bytes]):
    """Encoded values by value: the same few thousand texts and numbers come again in every poll, and a look-up is all C."""

    def __missing__(self, value: Any) -> bytes:
        if len(self) > MAX_REMEMBERED:
            self.clear()
        encoded = self[value] = b"\x00" if value is None else b"\x02" + self.encode(value)
        return encoded

    def encode(self, value: Any) -> bytes:
        raise NotImplementedError


class _Texts(_Remembered):
    def encode(self, value: str) -> bytes:
        return avro_string(value)


class _Longs(_Remembered):
    def encode(self, value: int) -> bytes:
        return varint(value)


class _Doubles(_Remembered):
    def encode(self, value: float) -> bytes:
        return struct.pack("<d", value)


_texts, _longs, _doubles = _Texts(), _Longs(), _Doubles()
