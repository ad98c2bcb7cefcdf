"""What can go wrong with an answer, as pure functions over its bytes: one field in one place or everywhere, or the answer as a whole.

A field is written as `data[].specs.gpus`: `[]` is any item of a list, `*` any value of an object that is used as a table. In a page (HTML,
XML) a field is a text, or a tag as it is written.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec

from adapters.bodies import decode_json

TABLE_KEYS = 6
"""An object with so many keys, all of them objects or lists, is a table."""
EACH, ANY = "[]", "*"
FLAGGED = "X"

Path = tuple[str | int, ...]
_encoder = msgspec.json.Encoder(decimal_format="number")


def _renamed(parent: Any, last: Any) -> None:
    if isinstance(parent, dict):
        parent[f"{last}{FLAGGED}"] = parent.pop(last)


def _missing(parent: Any, last: Any) -> None:
    del parent[last]


def _replaced(new: Callable[[Any], Any]) -> Callable[[Any, Any], None]:
    def replace(parent: Any, last: Any) -> None:
        parent[last] = new(parent[last])

    return replace


def _text(old: Any) -> Any:
    return str(old) if isinstance(old, int | Decimal) else old if isinstance(old, str) else "text"


def _number(old: Any) -> Any:
    return (as_number(old) or 7) if isinstance(old, str) else old


def _hundredfold(old: Any) -> Any:
    if isinstance(old, str) and old.startswith("$"):
        return f"${_hundredfold(old[1:])}"
    number = as_number(old)
    if number is None:
        return old
    return str(number * 100) if isinstance(old, str) else number * 100


def as_number(value: Any) -> Decimal | None:
    """A number, or a text that is nothing but one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


KINDS: dict[str, Callable[[Any, Any], None]] = {
    "missing": _missing,
    "renamed": _renamed,
    "null": _replaced(lambda _: None),
    "text": _replaced(_text),
    "number": _replaced(_number),
    "list": _replaced(lambda _: []),
    "object": _replaced(lambda _: {}),
    "twice": _replaced(lambda old: old + old if isinstance(old, list) else old),
}
"""What can become of a field, done to what holds it."""

HUNDREDFOLD = "hundredfold"
"""Cents for dollars: of every number of one field at once, because of a single price nobody could say that it is not the new price."""

CHANGES = {**KINDS, HUNDREDFOLD: _replaced(_hundredfold)}


@lru_cache(maxsize=256)
def fields(raw: bytes) -> dict[str, list[Path]]:
    """Where each field of a JSON answer stands, by field, in order."""
    found: dict[str, list[Path]] = {}
    _walk(decode_json(raw), "", (), found)
    return found


def _walk(value: Any, name: str, path: Path, found: dict[str, list[Path]]) -> None:
    if isinstance(value, dict):
        is_table = len(value) >= TABLE_KEYS and all(isinstance(inner, dict | list) for inner in value.values())
        for key, inner in value.items():
            below = f"{name}.{ANY if is_table else key}".removeprefix(".")
            found.setdefault(below, []).append((*path, key))
            _walk(inner, below, (*path, key), found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found.setdefault(name + EACH, []).append((*path, index))
            _walk(inner, name + EACH, (*path, index), found)


def changed(raw: bytes, kind: str, paths: Sequence[Path]) -> bytes:
    """The answer with this done at these places, from the last to the first; places that are not there any more are passed over."""
    if not paths:
        return raw
    body = decode_json(raw)
    for path in reversed(paths):
        parent = body
        try:
            for step in path[:-1]:
                parent = parent[step]
            parent[path[-1]]
        except (LookupError, TypeError):
            continue
        if isinstance(parent, dict | list):
            CHANGES[kind](parent, path[-1])
    return _encoder.encode(body)


PRICE = re.compile(r"(?<=\$)[\d,]+(?:\.\d+)?|(?<=<spotPrice>)[\d.]+")

PAGE_CHANGES: dict[str, Callable[[str], str]] = {
    "missing": lambda _: "",
    "renamed": lambda text: text.replace("<", f"<{FLAGGED}", 1) if text.startswith("<") else FLAGGED,
    "currency": lambda text: text.replace("$", "€"),
    "text": lambda text: re.sub(r"\d", FLAGGED, text),
    "tag": lambda text: re.sub(r'"([\w-]+)', rf'"\1{FLAGGED}', text),
}
"""What can become of a text or a tag of a page."""


@lru_cache(maxsize=64)
def page_fields(page: str) -> dict[str, list[tuple[int, int]]]:
    """Where each text and each tag of a page stands, by what it says."""
    found: dict[str, list[tuple[int, int]]] = {}
    for match in re.finditer(r"<\w[^>]*>|(?<=>)[^<>]*[^<>\s][^<>]*(?=<)", page):
        found.setdefault(match[0], []).append(match.span())
    return found


def page_changed(page: str, kind: str, places: Sequence[tuple[int, int]]) -> str:
    """The page with this done at these places."""
    for start, end in reversed(places):
        page = page[:start] + PAGE_CHANGES[kind](page[start:end]) + page[end:]
    return page


def page_hundredfold(page: str, thousands: str) -> str:
    """The page with every price a hundred times what it was, with this between thousands."""
    return PRICE.sub(lambda match: f"{Decimal(match[0].replace(',', '')) * 100:,}".replace(",", thousands), page)
