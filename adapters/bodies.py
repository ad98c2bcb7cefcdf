"""Bodies decoded, strictly: what is not what was asked for is PayloadChanged."""

from decimal import Decimal
from typing import Any

import msgspec

from adapters.errors import PayloadChanged

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


def decode_json(body: bytes) -> Any:
    """Strict UTF-8 JSON, every float as Decimal. Raises PayloadChanged (field `body`) for anything else."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        start = body.lstrip()[:1]
        if not start:
            what = "body is empty"
        elif start == b"<":
            what = "body is HTML or XML, not JSON"
        else:
            what = f"body is not JSON ({error})"
        raise PayloadChanged(what, field="body", body=body) from error


def decode_text(body: bytes) -> str:
    """Strict UTF-8 text. Raises PayloadChanged (field `body`) for anything else, and for nothing at all."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise PayloadChanged("body is not UTF-8 text", field="body", body=body) from error
    if not text.strip():
        raise PayloadChanged("body is empty", field="body", body=body)
    return text
