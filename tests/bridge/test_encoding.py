"""Events are encoded by hand: every byte has to be fastavro's."""

import io
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.changes import Statement
from bridge.encoding import EventEncoder
from bridge.state import EncodedState, OfferState, varint
from schemas.codec import Encoder
from schemas.topics import PROVIDER_PRICES, avro_schema

FIELDS = [field["name"] for field in avro_schema("provider-prices")["fields"]]
texts = st.none() | st.text(max_size=80)
longs = st.none() | st.integers(-(2**63), 2**63 - 1)
ints = st.none() | st.integers(-(2**31), 2**31 - 1)
# Adding 0 makes 0.0 of -0.0, which the encoder takes for the same number.
doubles = st.none() | st.floats(allow_nan=False).map(lambda number: number + 0.0)


def test_the_state_has_the_schemas_fields_in_the_schemas_order() -> None:
    assert list(OfferState.__struct_fields__) == FIELDS[FIELDS.index("gpu") : FIELDS.index("body_digest")]
    assert FIELDS[-1] == "body_digest"


def by_fastavro(record: dict[str, Any]) -> bytes:
    return Encoder(PROVIDER_PRICES, 7)(record)


def record_of(statement: Statement, seq: int, offer_key: str, market: str) -> dict[str, Any]:
    before = statement.previous.state if statement.previous else None
    return {
        "event_id": statement.event_id,
        "kind": statement.kind,
        "event_time_ms": statement.event_time_ms,
        "observed_at_ms": statement.observed_at_ms,
        "seq": seq,
        "market": market,
        "source": "lumen-eu",
        "provider": "lumen",
        "offer_key": offer_key,
        "previous_usd_per_gpu_hour_micros": before and before.usd_per_gpu_hour_micros,
        "previous_availability": before and before.availability,
        **msgspec.structs.asdict(statement.encoded.state),
        "body_digest": statement.digest,
    }


@st.composite
def states(draw: st.DrawFn) -> OfferState:
    kinds: dict[str, st.SearchStrategy[Any]] = {"gpu_count": ints, "available_count": ints, "in_market_stats": st.booleans()}
    kinds |= {"usd_per_gpu_hour_micros": longs, "provider_time_ms": longs, "vcpus": doubles, "memory_gib": doubles, "disk_gib": doubles}
    values: dict[str, Any] = {name: draw(kinds.get(name, texts)) for name in OfferState.__struct_fields__}
    return OfferState(**values)


@settings(max_examples=60, deadline=None)
@given(
    state=states(),
    previous=st.none() | states(),
    kind=st.sampled_from(["appeared", "changed", "observed", "gone"]),
    at=st.integers(-(2**40), 2**62),
    seq=st.integers(0, 2**62),
    offer_key=st.text(max_size=300),
    digest=st.none() | st.text(max_size=64),
)
def test_every_byte_is_fastavros(
    state: OfferState, previous: OfferState | None, kind: Any, at: int, seq: int, offer_key: str, digest: str | None
) -> None:
    encode = EventEncoder(7, "simulated")
    statement = Statement(
        kind,
        offer_key,
        EncodedState(state),
        digest,
        event_time_ms=at,
        observed_at_ms=at - 5,
        event_id="0123456789abcdef" * 2,
        previous=EncodedState(previous) if previous else None,
    )
    value = encode(statement, encode.identity("lumen-eu", "lumen", offer_key), seq)
    assert value == by_fastavro(record_of(statement, seq, offer_key, "simulated"))


def test_a_tick_is_fastavros_too() -> None:
    nothing = dict.fromkeys(FIELDS) | {"event_id": "f" * 32, "kind": "tick", "event_time_ms": 5, "observed_at_ms": 5, "seq": 9}
    nothing |= {"market": "live", "source": "", "provider": "", "offer_key": "", "in_market_stats": True}
    assert EventEncoder(7, "live").tick("f" * 32, 5, 9) == by_fastavro(nothing)


@pytest.mark.parametrize("number", [0, -1, 1, 63, 64, -64, -65, 2**31, -(2**63), 2**63 - 1])
def test_varint(number: int) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", number)
    assert varint(number) == out.getvalue()


def test_the_fingerprint_is_of_the_state_and_nothing_else() -> None:
    nothing: dict[str, Any] = dict.fromkeys(OfferState.__struct_fields__) | {"in_market_stats": True}
    state = OfferState(**nothing)
    assert EncodedState(state).fingerprint == EncodedState(msgspec.structs.replace(state)).fingerprint
    assert EncodedState(state).fingerprint != EncodedState(msgspec.structs.replace(state, gpu="")).fingerprint
