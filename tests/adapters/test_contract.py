"""What every adapter promises, over registry x fixtures."""

import msgspec
import pytest

from adapters.models import Offer
from schemas.codec import Decoder, Encoder
from schemas.gpus import GPUS
from schemas.topics import PROVIDER_PRICES, avro_schema
from tests.adapters.support import ADAPTERS, NOW, fixture_slices, parsed, price

SCHEMA_ID = 7

every_source = pytest.mark.parametrize("source", ADAPTERS)


@every_source
def test_yields_offers_with_canonical_gpus_and_positive_prices(source: str) -> None:
    offers, _ = parsed(source, fixture_slices(source))
    assert len(offers) >= 4
    for offer in offers.values():
        assert offer.gpu in GPUS
        assert offer.gpu_count >= 1
        assert price(offer) > 0
        assert offer.offer_key.endswith(f"/{offer.price_type}")
        assert offer.country is None or (len(offer.country) == 2 and offer.country.isupper())
        assert offer.country not in ("AP", "EU", "UK"), "a continent, or no ISO 3166-1 code"


def test_no_two_sources_of_one_provider_state_one_offer() -> None:
    """Windows, Kafka and ClickHouse know an offer by its provider and key."""
    stated = [(ADAPTERS[source].provider, key) for source in ADAPTERS for key in parsed(source, fixture_slices(source))[0]]
    assert len(set(stated)) == len(stated)


@every_source
def test_states_unit_basis_and_currency_as_its_facts_say(source: str) -> None:
    """A second currency, such as a market's token, only with the answer's own rate."""
    adapter = ADAPTERS[source]
    offers, _ = parsed(source, fixture_slices(source))
    assert {(offer.unit, offer.basis) for offer in offers.values()} == {(adapter.unit, adapter.basis)}
    assert {offer.currency for offer in offers.values() if offer.rate is None or offer.currency == adapter.currency} == {adapter.currency}


@every_source
def test_same_input_gives_same_output(source: str) -> None:
    adapter = ADAPTERS[source]
    for pages in fixture_slices(source).values():
        assert list(adapter.parse(pages, NOW)) == list(adapter.parse(pages, NOW))


@every_source
def test_parse_does_not_change_what_it_reads(source: str) -> None:
    slices = fixture_slices(source)
    parsed(source, slices)
    assert slices == fixture_slices(source)


@every_source
def test_slices_are_the_same_at_every_call_and_differ_by_name(source: str) -> None:
    adapter = ADAPTERS[source]
    names = [part.name for part in adapter.slices()]
    assert adapter.slices() == adapter.slices()
    assert len(set(names)) == len(names)


@every_source
def test_survives_the_wire(source: str) -> None:
    schema = msgspec.json.encode(avro_schema("provider-prices")).decode()
    encode, decode = Encoder(PROVIDER_PRICES, SCHEMA_ID), Decoder({SCHEMA_ID: schema}.__getitem__)
    offers, _ = parsed(source, fixture_slices(source))
    for offer in offers.values():
        event = _event(source, offer)
        read = decode(encode(event))
        assert {field: read[field] for field in event} == event


@every_source
def test_rejected_rows_say_why_and_stay_small(source: str) -> None:
    _, rejected = parsed(source, fixture_slices(source))
    assert rejected, "the fixture holds at least one row that cannot be read"
    for row in rejected:
        assert row.field
        assert row.field in row.reason
        assert 2 <= len(row.raw) <= 2000


def _event(source: str, offer: Offer) -> dict[str, object]:
    stated = msgspec.to_builtins(offer)
    del stated["rate"]  # in an event it is fx_rate and fx_date
    return {
        **dict.fromkeys(field["name"] for field in avro_schema("provider-prices")["fields"]),
        **stated,
        "event_id": "0",
        "kind": "observed",
        "event_time_ms": 1,
        "observed_at_ms": 1,
        "seq": 0,
        "market": "simulated",
        "source": source,
        "provider": ADAPTERS[source].provider,
        "usd_per_gpu_hour_micros": price(offer),
    }
