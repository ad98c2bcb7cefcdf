"""Decoding that tells what is broken for good from what only waits for the registry."""

import logging
from collections.abc import Callable
from typing import Any

import httpx
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas.codec import UndecodableRecord

log = logging.getLogger(__name__)

_NOT_FOUND = 404


class RegistryAway(Exception):
    """The registry did not answer: the same record may be read later."""


def tolerant(decode: Callable[[bytes], dict[str, Any]]) -> Callable[[bytes], dict[str, Any]]:
    """The same decoder, which raises only UndecodableRecord and RegistryAway."""

    def decoded(value: bytes) -> dict[str, Any]:
        try:
            return decode(value)
        except UndecodableRecord:
            raise
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                raise UndecodableRecord(f"the registry knows no such schema: {error.error_message}") from error
            raise RegistryAway(f"the registry answered {error.http_status_code}") from error
        except (httpx.HTTPError, OSError) as error:
            raise RegistryAway(f"the registry cannot be reached: {type(error).__name__}") from error
        # Avro bodies are bytes from outside: a garbled one makes fastavro fail in ways that no list covers, and one record must
        # not stop the rest.
        except Exception as error:
            raise UndecodableRecord(f"{type(error).__name__}: {error}") from error

    return decoded
