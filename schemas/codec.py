"""Avro in Confluent framing: a zero byte, the schema's id in the registry (4 bytes, big endian), the Avro body."""

import io
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import fastavro
import msgspec
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from fastavro.types import Schema as ParsedSchema

from schemas.topics import TOPICS, Topic, avro_schema

MAGIC = 0
HEADER = struct.Struct(">bI")
COMPATIBILITY = "FULL_TRANSITIVE"
ANSWER_S = 10
COME_BACK_STATUS = frozenset({401, 403, 408, 429})
MAX_SCHEMA_ID = 2**31 - 1
"""Registries number schemas with a Java int; what asks for more is no frame."""


class UndecodableRecord(ValueError):
    """Bytes that are not a record in Confluent framing of a schema the registry knows."""


class RegistryAway(Exception):
    """The registry did not answer, or not now: the same call may succeed later."""


def register_schemas(registry_url: str) -> dict[str, int]:
    """Register each topic's schema (a no-op where it stands already); topic name -> schema id. Blocks.

    Raises RegistryAway, and SchemaRegistryError where the registry refuses a schema (an incompatible one: 409).
    """
    ids = {}
    with _registry(registry_url) as client:
        for topic in TOPICS:
            if topic.schema is None:
                continue
            text = msgspec.json.encode(avro_schema(topic.schema)).decode()
            ids[topic.name] = client.register_schema(topic.subject, Schema(text, "AVRO"))
            _set_compatibility(client, topic.subject)
    return ids


def _set_compatibility(client: SchemaRegistryClient, subject: str) -> None:
    try:
        client.set_compatibility(subject, COMPATIBILITY)
    except SchemaRegistryError as error:
        # Apicurio 3.3.3, where another process sets it at the same moment: "A rule named 'COMPATIBILITY' already exists."
        if error.http_status_code != HTTPStatus.CONFLICT:
            raise
        client.set_compatibility(subject, COMPATIBILITY)


class Encoder:
    """Dicts of one topic to framed bytes. Pure: raises ValueError naming the field that does not fit."""

    def __init__(self, topic: Topic, schema_id: int) -> None:
        if topic.schema is None:
            raise ValueError(f"{topic.name} has no Avro schema")
        self._schema: ParsedSchema = fastavro.parse_schema(avro_schema(topic.schema))
        self._header = HEADER.pack(MAGIC, schema_id)

    def __call__(self, record: Mapping[str, Any]) -> bytes:
        out = io.BytesIO()
        out.write(self._header)
        fastavro.schemaless_writer(out, self._schema, record, strict=True)
        return out.getvalue()


class Decoder:
    """Framed bytes to dicts, read with the schema each was written with. Raises UndecodableRecord, and what `schema_text` raises."""

    def __init__(self, schema_text: Callable[[int], str]) -> None:
        self._schema_text = schema_text
        self._schemas: dict[int, ParsedSchema] = {}

    @classmethod
    def from_registry(cls, registry_url: str) -> "Decoder":
        """A decoder that asks the registry once per schema id (blocks then). Raises RegistryAway as well."""

        def schema_text(schema_id: int) -> str:
            try:
                with _registry(registry_url) as client:
                    text: str | None = client.get_schema(schema_id).schema_str
            except SchemaRegistryError as error:
                raise UndecodableRecord(
                    f"schema id {schema_id}: the registry answers {error.http_status_code}, {error.error_message}"
                ) from error
            if text is None:
                raise UndecodableRecord(f"schema id {schema_id} has no text")
            return text

        return cls(schema_text)

    def __call__(self, value: bytes) -> dict[str, Any]:
        if len(value) < HEADER.size or value[0] != MAGIC:
            raise UndecodableRecord("no Confluent frame: the first byte is not 0")
        schema_id = HEADER.unpack_from(value)[1]
        if schema_id > MAX_SCHEMA_ID:
            raise UndecodableRecord(f"no schema id: {schema_id}")
        schema = self._schema(schema_id)
        body = io.BytesIO(value)
        body.seek(HEADER.size)
        try:
            record = fastavro.schemaless_reader(body, schema, None)
        # A garbled body makes fastavro fail in ways that no list covers, and one record must not stop the rest.
        except Exception as error:
            raise UndecodableRecord(f"schema id {schema_id}: {type(error).__name__}: {error}") from error
        if not isinstance(record, dict):
            raise UndecodableRecord(f"schema id {schema_id} is not a record")
        return record

    def _schema(self, schema_id: int) -> ParsedSchema:
        if schema_id not in self._schemas:
            self._schemas[schema_id] = fastavro.parse_schema(msgspec.json.decode(self._schema_text(schema_id)))
        return self._schemas[schema_id]


@contextmanager
def _registry(url: str) -> Iterator[SchemaRegistryClient]:
    """The registry's client. A refusal stays SchemaRegistryError; everything that may pass becomes RegistryAway."""
    try:
        with SchemaRegistryClient({"url": url, "max.retries": 0, "timeout": ANSWER_S}) as client:
            yield client
    except SchemaRegistryError as error:
        if 400 <= error.http_status_code < 500 and error.http_status_code not in COME_BACK_STATUS:
            raise
        raise RegistryAway(f"the registry answered {error.http_status_code}") from error
    # The client brings an HTTP library of its own choice (seen: httpx2), so its errors have no name to rely on.
    except Exception as error:
        raise RegistryAway(f"the registry cannot be reached: {type(error).__name__}") from error
