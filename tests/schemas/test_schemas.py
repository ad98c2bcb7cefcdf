"""Every topic has a schema and examples; every example survives the wire; compatible changes are the only ones let through."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import fastavro
import msgspec
import pytest
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas import vocabulary
from schemas.codec import HEADER, Decoder, Encoder, RegistryAway, UndecodableRecord, register_schemas
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


def test_a_registry_that_is_away_is_no_fault_of_the_record() -> None:
    with pytest.raises(RegistryAway, match="cannot be reached"):
        Decoder.from_registry("http://127.0.0.1:1")(HEADER.pack(0, 1) + b"x")


@pytest.mark.parametrize(
    ("status", "error"), [(404, UndecodableRecord), (422, UndecodableRecord), (429, RegistryAway), (500, RegistryAway)]
)
def test_what_the_registry_answers_decides(status: int, error: type[Exception]) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"error_code": 1, "message": "no"}')

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        decode = Decoder.from_registry(f"http://127.0.0.1:{server.server_address[1]}")
        with pytest.raises(error):
            decode(HEADER.pack(0, 1) + b"x")
        with pytest.raises(UndecodableRecord, match="no schema id"):
            decode(HEADER.pack(0, 2**32 - 1) + b"x")
        server.shutdown()


def test_a_record_that_breaks_the_reader_is_undecodable(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> dict[str, Any]:
        raise MemoryError("a length of 2**60")

    decode = decoder(PROVIDER_PRICES)
    monkeypatch.setattr(fastavro, "schemaless_reader", broken)
    with pytest.raises(UndecodableRecord, match="MemoryError"):
        decode(HEADER.pack(0, 1) + b"x")


@pytest.mark.enable_socket
@pytest.mark.parametrize(("refusals", "refused"), [(1, False), (2, True)])
def test_a_compatibility_that_another_process_sets_at_that_moment_is_set_again(refusals: int, refused: bool) -> None:
    left = {"refusals": refusals}

    class Registry(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.answer(200, {"id": 7})

        def do_PUT(self) -> None:
            left["refusals"] -= 1
            if left["refusals"] >= 0:
                self.answer(409, {"error_code": 0, "message": "A rule named 'COMPATIBILITY' already exists."})
            else:
                self.answer(200, {"compatibility": "FULL_TRANSITIVE"})

        def answer(self, status: int, body: dict[str, Any]) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            encoded = msgspec.json.encode(body)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        if refused:
            with pytest.raises(SchemaRegistryError, match="already exists"):
                register_schemas(url)
        else:
            assert set(register_schemas(url).values()) == {7}
        server.shutdown()
