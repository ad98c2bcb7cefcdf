"""Decoding that tells what is broken for good from what only waits for the registry."""

from collections.abc import Callable
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas.codec import Decoder, UndecodableRecord

_ANSWER_S = 10
_MAX_ID = 2**31 - 1
"""Registries number schemas with a Java int; what asks for more is no frame."""
_COME_BACK = frozenset({401, 403, 408, 429})


class RegistryAway(Exception):
    """The registry did not answer: the same record may be read later."""


def registry_decoder(registry_url: str) -> Callable[[bytes], dict[str, Any]]:
    """Framed bytes to records. Raises only UndecodableRecord and RegistryAway. Asks the registry once per schema id (blocks then)."""
    client = SchemaRegistryClient({"url": registry_url, "max.retries": 0, "timeout": _ANSWER_S})

    def schema_text(schema_id: int) -> str:
        if schema_id > _MAX_ID:
            raise UndecodableRecord(f"no schema id: {schema_id}")
        try:
            text = client.get_schema(schema_id).schema_str
        except SchemaRegistryError as error:
            status = error.http_status_code
            if 400 <= status < 500 and status not in _COME_BACK:
                raise UndecodableRecord(f"schema id {schema_id}: the registry answers {status}, {error.error_message}") from error
            raise RegistryAway(f"the registry answered {status}") from error
        # The registry's client brings an HTTP library of its own choice (seen: httpx2), so its errors have no name to rely on.
        except Exception as error:
            raise RegistryAway(f"the registry cannot be reached: {type(error).__name__}") from error
        if text is None:
            raise UndecodableRecord(f"schema id {schema_id} has no text")
        return text

    return tolerant(Decoder(schema_text))


def tolerant(decode: Callable[[bytes], dict[str, Any]]) -> Callable[[bytes], dict[str, Any]]:
    """The same decoder, which raises only UndecodableRecord and RegistryAway."""

    def decoded(value: bytes) -> dict[str, Any]:
        try:
            return decode(value)
        except (UndecodableRecord, RegistryAway):
            raise
        # Avro bodies are bytes from outside: a garbled one makes fastavro fail in ways that no list covers, and one record must
        # not stop the rest.
        except Exception as error:
            raise UndecodableRecord(f"{type(error).__name__}: {error}") from error

    return decoded
