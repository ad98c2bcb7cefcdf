"""The one Native block the front writes itself: a result's columns with no rows, because the engine answers no bytes at all then."""

import json
from collections.abc import Mapping

from clickhouse.server.engine import Handle


def header_block(handle: Handle, sql: str, parameters: Mapping[str, str]) -> bytes:
    """Names and types of the columns of a SELECT (without its FORMAT clause), in Native: the statement is analysed, not run."""
    described = handle.run(f"DESCRIBE TABLE ({sql}\n)", "JSONCompact", parameters)
    columns = json.loads(described.body)["data"]
    block = bytearray(_leb128(len(columns)) + _leb128(0))
    for name, type_name, *_ in columns:
        for text in (name, type_name):
            encoded = text.encode()
            block += _leb128(len(encoded)) + encoded
    return bytes(block)


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
