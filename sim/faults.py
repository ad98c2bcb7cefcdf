"""What a provider's answer becomes when its form changes under its callers: keys of another type, keys gone, most rows gone. Pure."""

from collections.abc import Callable, Set
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

LEAST_ROWS = 4
KEPT = 0.25
"""Share of rows that are left of a shrunk answer."""
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


def retyped(body: bytes, fields: Set[str]) -> bytes:
    """The body with these keys' numbers as text, and their texts as numbers."""
    return _changed(
        body, lambda value: _objects(value, lambda row: {key: _retyped(one) if key in fields else one for key, one in row.items()})
    )


def without(body: bytes, fields: Set[str]) -> bytes:
    """The body without these keys."""
    return _changed(body, lambda value: _objects(value, lambda row: {key: one for key, one in row.items() if key not in fields}))


def shrunk(body: bytes) -> bytes:
    """The body with a quarter of the rows of every list or table of rows in it."""
    return _changed(body, _shrunk)


def _changed(body: bytes, change: Callable[[Any], Any]) -> bytes:
    try:
        return _encoder.encode(change(_decoder.decode(body)))
    except msgspec.DecodeError:
        return body


def _objects(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, list):
        return [_objects(one, change) for one in value]
    if isinstance(value, dict):
        return {key: _objects(one, change) for key, one in change(value).items()}
    return value


def _retyped(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, str):
        try:
            return Decimal(value)
        except InvalidOperation:
            return [value]
    return value


def _shrunk(value: Any) -> Any:
    if isinstance(value, list):
        return value[: _left(value)]
    if isinstance(value, dict):
        if len(value) >= LEAST_ROWS and all(isinstance(one, dict) for one in value.values()):
            return dict(list(value.items())[: _left(value)])
        return {key: _shrunk(one) for key, one in value.items()}
    return value


def _left(rows: Any) -> int:
    return max(1, int(len(rows) * KEPT)) if len(rows) >= LEAST_ROWS else len(rows)
