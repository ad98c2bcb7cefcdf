"""Every topic has a schema and examples; every example survives the wire; compatible changes are the only ones let through."""

from pathlib import Path
from typing import Any, get_args

import fastavro
import msgspec
import pytest

from schemas import vocabulary
from schemas.codec import Decoder, Encoder, UndecodableRecord
from schemas.topics import LATEST_OFFERS, PROVIDER_PRICES, TOPICS, Topic, avro_schema

SCHEMAS = Path(__file__).parents[2] / "schemas"
AVRO_TOPICS = [topic for topic in TOPICS if topic.schema]
CLOSED = {
    "market": vocabulary.Market,
    "kind": vocabulary.EventKind,
    "price_type": vocabulary.PriceType,
    "unit": vocabulary.Unit,
    "basis": vocabulary.Basis,
    "availability": vocabulary.Availability,
}


def examples(schema: str) -> list[dict[str, Any]]:
    return msgspec.json.decode((SCHEMAS / "examples" / f"{schema}.json").read_bytes(), type=list[dict[str, Any]])


def decoder(topic: Topic) -> Decoder:
    assert topic.schema
    text = msgspec.json.encode(avro_schema(topic.schema)).decode()
    return Decoder(lambda _schema_id: text)


def test_every_schema_file_belongs_to_a_topic_and_has_examples() -> None:
    of_topics = {topic.schema for topic in AVRO_TOPICS}
    assert {path.stem for path in (SCHEMAS / "avro").glob("*.avsc")} == of_topics
    assert {path.stem for path in (SCHEMAS / "examples").glob("*.json")} == of_topics


@pytest.mark.parametrize("topic", AVRO_TOPICS, ids=lambda topic: topic.name)
def test_examples_survive_the_wire(topic: Topic) -> None:
    assert topic.schema
    encode, decode = Encoder(topic, 7), decoder(topic)
    for record in examples(topic.schema):
        framed = encode(record)
        assert framed[:5] == b"\x00\x00\x00\x00\x07"
        assert decode(framed) == record


@pytest.mark.parametrize("topic", AVRO_TOPICS, ids=lambda topic: topic.name)
def test_every_field_says_what_it_is_or_shares_a_unit_suffix(topic: Topic) -> None:
    assert topic.schema
    for field in avro_schema(topic.schema)["fields"]:
        assert field["doc"] or field["name"].endswith("_micros") or field["name"] == "price_type", field["name"]
        assert not isinstance(field["type"], list) or field["default"] is None, f"{field['name']}: a nullable field needs a default"


def test_examples_keep_to_the_closed_vocabularies() -> None:
    for record in examples("provider-prices"):
        for field, values in CLOSED.items():
            assert record[field] is None or record[field] in get_args(values), f"{field}={record[field]}"


def test_examples_show_every_event_kind() -> None:
    assert {record["kind"] for record in examples("provider-prices")} == set(get_args(vocabulary.EventKind))


def test_latest_offers_speaks_the_language_of_events() -> None:
    assert LATEST_OFFERS.schema == PROVIDER_PRICES.schema
    assert LATEST_OFFERS.config["cleanup.policy"] == "compact"


@pytest.mark.parametrize(
    "value",
    [b"", b"\x00", b"<html>", b"\x01\x00\x00\x00\x07abc", b"\x00\x00\x00\x00\x07", b"\x00\x00\x00\x00\x07\xff\xff\xff"],
    ids=["empty", "short", "html", "other magic", "no body", "truncated"],
)
def test_garbage_is_refused_by_name(value: bytes) -> None:
    with pytest.raises(UndecodableRecord):
        decoder(PROVIDER_PRICES)(value)


def test_an_unfit_record_is_refused_before_it_is_written() -> None:
    record = examples("provider-prices")[0]
    del record["event_id"]
    with pytest.raises(ValueError, match="event_id"):
        Encoder(PROVIDER_PRICES, 7)(record)


def test_a_topic_without_schema_has_no_encoder() -> None:
    topic = next(topic for topic in TOPICS if topic.schema is None)
    with pytest.raises(ValueError, match=topic.name):
        Encoder(topic, 1)


@pytest.mark.parametrize("topic", AVRO_TOPICS, ids=lambda topic: topic.name)
def test_schemas_parse(topic: Topic) -> None:
    assert topic.schema
    fastavro.parse_schema(avro_schema(topic.schema))
