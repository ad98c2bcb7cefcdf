"""Reading one row of a provider's answer: typed fields, and a reason where one cannot be read.

Missing, null and 0 are three different reasons, and none of them is a price. Adapters call these inside `try` and turn BadRow into
Rejected with `rejected`. Envelopes (the answer as a whole) are read with `listing` and `table`, which raise PayloadChanged.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Any

import msgspec

from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.names import canonical_gpu, memory_fits
from schemas.gpus import GPUS
from schemas.vocabulary import Availability

RAW_CHARACTERS = 2000
NAME_CHARACTERS = 80
MAX_COUNT = 1024
"""GPUs in one offer: more is a misread number."""
MAX_NUMBER = 10**15
"""Above any price, id, number of bytes, cores or GB that a row may state."""
COUNTRY_LETTERS = 2

Row = Mapping[str, Any]

_MISSING: Any = object()
_JSON = msgspec.json.Encoder(decimal_format="number")


class BadRow(Exception):
    """A row that cannot be read; `field` is what stands in the way."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnknownGpu(BadRow):
    """A row whose GPU nobody knows. `name`, for the review list, is the vendor's text for it: a size or a family where that is all."""

    def __init__(self, field: str, name: str, reason: str = "") -> None:
        super().__init__(field, reason or f"unknown GPU {name[:NAME_CHARACTERS]!r}")
        self.name = name[:NAME_CHARACTERS]


def rejected(raw: Any, bad: BadRow) -> Rejected:
    """The row as a Rejected, with its JSON text cut to size."""
    text = _JSON.encode(raw).decode()
    unknown_gpu = bad.name if isinstance(bad, UnknownGpu) else None
    return Rejected(reason=str(bad), field=bad.field, raw=text[:RAW_CHARACTERS], unknown_gpu=unknown_gpu)


def each(rows: Iterable[Any], name: str, read: Callable[[Row], Iterable[Offer]]) -> Iterator[Offer | Rejected]:
    """Every row's offers, or the row as Rejected where `read` raises BadRow. `name` is the list's."""
    for row in rows:
        try:
            if not isinstance(row, dict):
                raise BadRow(name, "a row is not an object")
            offers = list(read(row))
        except BadRow as bad:
            yield rejected(row, bad)
        else:
            yield from offers


def each_keyed(rows: Mapping[str, Any], name: str, read: Callable[[str, Row], Iterable[Offer]]) -> Iterator[Offer | Rejected]:
    """`each` over an object of rows; `read` is given key and row, and what is kept of a refused row has its key."""
    for key, row in rows.items():
        try:
            if not isinstance(row, dict):
                raise BadRow(name, "a row is not an object")
            offers = list(read(key, row))
        except BadRow as bad:
            yield rejected({key: row}, bad)
        else:
            yield from offers


def each_in(groups: Iterable[Any], name: str, inner: str, read: Callable[[Row, Row], Iterable[Offer]]) -> Iterator[Offer | Rejected]:
    """`each` over the lists `inner` of every group of a list called `name`; `read` is given group and row."""
    for group in groups:
        rows = group.get(inner) if isinstance(group, dict) else None
        if isinstance(rows, list):
            yield from each(rows, inner, partial(read, group))
        else:
            bad = BadRow(inner, "list is missing") if isinstance(group, dict) else BadRow(name, "a row is not an object")
            yield rejected(group, bad)


def cheapest(rows: Iterable[Offer | Rejected]) -> Iterator[Offer | Rejected]:
    """Rejected rows as they come, then each offer once: where several rows state one key, the cheapest is what one would rent.

    For markets that list many machines of one kind, whose own ids do not last. Rows of one key must state the same unit and currency.
    """
    kept: dict[str, Offer] = {}
    for row in rows:
        if isinstance(row, Rejected):
            yield row
        elif row.offer_key not in kept or _rank(row) < _rank(kept[row.offer_key]):
            kept[row.offer_key] = row
    yield from kept.values()


def amount(row: Row, field: str) -> str:
    """The price in `field` as the provider's own text. BadRow: missing, null, no number, not finite, zero or negative."""
    value = row.get(field, _MISSING)
    if type(value) is Decimal:
        if value > 0 and value.is_finite():
            return str(value)
        raise BadRow(field, _why_not_positive(value))
    if type(value) is int:
        if 0 < value < MAX_NUMBER:
            return str(value)
        if value > 0:
            raise BadRow(field, "price is out of range")
        raise BadRow(field, "price is zero" if value == 0 else "price is negative")
    if type(value) is str:
        return _amount_text(field, value)
    if type(value) is float:
        raise TypeError(f"{field}: a float; decode JSON with float_hook=Decimal")
    raise BadRow(field, _why_no_value(value, "price"))


def amount_number(row: Row, field: str) -> Decimal:
    """`amount` as a number, for adding up components. BadRow also where it is out of range."""
    price = Decimal(amount(row, field))
    if not Decimal("1e-15") < price < MAX_NUMBER:
        raise BadRow(field, "price is out of range")
    return price


def is_zero(row: Row, field: str) -> bool:
    """Whether `field` states 0, as number or text."""
    value = row.get(field)
    return value is not None and not isinstance(value, bool | dict | list) and str(value).strip() in ("0", "0.0", "0.00", "-0.0")


def whole_amount(row: Row, field: str) -> str:
    """`amount` where the provider counts in whole cents or the like: a fraction would be another unit."""
    price = amount(row, field)
    if not price.isdigit():
        raise BadRow(field, f"price {price[:40]} is no whole number")
    return price


def count(row: Row, field: str) -> int:
    """A positive whole number, such as how many GPUs. BadRow also for booleans, text and fractions."""
    value = number(row, field)
    if value != int(value) or not 1 <= value <= MAX_COUNT:
        raise BadRow(field, f"{value} is no count from 1 to {MAX_COUNT}")
    return int(value)


def whole(row: Row, field: str) -> int:
    """A whole number, 0 or more, such as how many are free."""
    value = number(row, field)
    if value < 0 or value != int(value):
        raise BadRow(field, f"{value} is no whole number from 0")
    return int(value)


def number(row: Row, field: str) -> int | Decimal:
    """A finite number (never text). BadRow: missing, null, or something else."""
    value = row.get(field, _MISSING)
    if type(value) is int or (type(value) is Decimal and value.is_finite()):
        if -MAX_NUMBER < value < MAX_NUMBER:
            return value
        raise BadRow(field, "number is out of range")
    raise BadRow(field, _why_no_value(value, "number"))


def text(row: Row, field: str) -> str:
    """A text that is not empty."""
    value = row.get(field, _MISSING)
    if type(value) is str and value:
        return value
    raise BadRow(field, _why_no_value(value, "text"))


def flag(row: Row, field: str) -> bool:
    """A boolean."""
    value = row.get(field, _MISSING)
    if isinstance(value, bool):
        return value
    raise BadRow(field, _why_no_value(value, "boolean"))


def texts(row: Row, field: str) -> list[str]:
    """A list of texts, each once; it may be empty."""
    value = row.get(field, _MISSING)
    if isinstance(value, list) and all(type(item) is str and item for item in value):
        return list(dict.fromkeys(value))
    raise BadRow(field, _why_no_value(value, "list of texts") if not isinstance(value, list) else "an item is no text")


def child(row: Row, field: str) -> Row:
    """An object inside the row."""
    value = row.get(field, _MISSING)
    if isinstance(value, dict):
        return value
    raise BadRow(field, _why_no_value(value, "object"))


def children(row: Row, field: str) -> list[Row]:
    """A list of objects inside the row; it may be empty."""
    value = row.get(field, _MISSING)
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise BadRow(field, _why_no_value(value, "list of objects") if not isinstance(value, list) else "an item is no object")


def optional_child(row: Row, field: str) -> Row:
    """An object inside the row that only describes the offer; empty where it is missing or something else."""
    value = row.get(field)
    return value if isinstance(value, dict) else {}


def optional_float(row: Row, field: str, divisor: int = 1) -> float | None:
    """A positive number that only describes the offer; None where it is missing or unreadable. Never for money.

    `divisor` is how many of the provider's units make one: 1024 for MiB.
    """
    value = row.get(field)
    if type(value) is int or (type(value) is Decimal and value.is_finite()):
        return float(value) / divisor if 0 < value < MAX_NUMBER else None
    return None


def stock(words: Mapping[str, Availability], value: Any) -> Availability:
    """What a provider's word for its stock means; unknown where it is no word, or a new one."""
    return words.get(value, "unknown") if isinstance(value, str) else "unknown"


def country(value: Any) -> str | None:
    """An ISO 3166-1 alpha-2 code, or None where `value` is not the form of one."""
    if isinstance(value, str) and len(value) == COUNTRY_LETTERS and value.isascii() and value.isalpha():
        return value.upper()
    return None


def known_gpu(names: Mapping[str, str], field: str, name: str, memory_gib: float | None) -> str:
    """The canonical id of a vendor's text: the adapter's own table first, then the words. UnknownGpu: none, or its memory contradicts."""
    gpu = names.get(name)
    if gpu is None:
        gpu = canonical_gpu(name, memory_gib)
        if gpu is None:
            if memory_gib is None:
                raise UnknownGpu(field, name)
            raise UnknownGpu(field, _sized(name, memory_gib), f"unknown GPU {name[:NAME_CHARACTERS]!r} with {memory_gib:g} GiB")
    elif memory_gib is not None and not _fits(gpu, memory_gib):
        reason = f"{name[:NAME_CHARACTERS]!r} states {memory_gib:g} GiB, which is not {gpu}"
        raise UnknownGpu(field, _sized(name, memory_gib), reason)
    return gpu


def table(body: Any, field: str = "") -> dict[str, Any]:
    """An answer (or its `field`) that must be a JSON object. Raises PayloadChanged."""
    value: dict[str, Any] = _part(body, field, dict, "an object")
    return value


def listing(body: Any, field: str = "") -> list[Any]:
    """An answer (or its `field`) that must be a JSON list. Raises PayloadChanged."""
    value: list[Any] = _part(body, field, list, "a list")
    return value


def _part(body: Any, field: str, kind: type, kind_name: str) -> Any:
    value = body
    if field:
        if not isinstance(body, dict):
            raise PayloadChanged(f"the answer is {_kind(body)} where an object with {field!r} is documented", field)
        value = body.get(field, _MISSING)
    if isinstance(value, kind):
        return value
    what = f"{field!r}" if field else "the answer"
    raise PayloadChanged(f"{what} is {_kind(value)} where {kind_name} is documented", field)


def _rank(offer: Offer) -> tuple[bool, Decimal, int, float, float, float, str]:
    """What can be rented comes before what is sold out, and then the lower price. Of equal ones, more in stock and the smaller machine:
    whichever comes first in an answer may come last in the next, and that is no change.
    """
    size = offer.vcpus or 0.0, offer.memory_gib or 0.0, offer.disk_gib or 0.0
    return offer.availability == "sold_out", Decimal(offer.amount), -(offer.available_count or 0), *size, offer.amount


def _sized(name: str, memory_gib: float) -> str:
    """Whole GiB: what hosts report differs in the digits after."""
    size = f" with {memory_gib:.0f} GiB"
    return name[: NAME_CHARACTERS - len(size)] + size


@lru_cache(maxsize=4096)
def _fits(gpu: str, memory_gib: float) -> bool:
    return memory_fits(GPUS[gpu].memory_gib, memory_gib)


@lru_cache(maxsize=4096)
def _amount_text(field: str, value: str) -> str:
    if not value:
        raise BadRow(field, "price is empty")
    try:
        price = Decimal(value)
    except InvalidOperation:
        raise BadRow(field, f"price {value[:40]!r} is not a number") from None
    if price.is_finite() and price > 0:
        return value.strip()
    raise BadRow(field, _why_not_positive(price))


def _why_not_positive(price: Decimal) -> str:
    if not price.is_finite():
        return f"price is {price}"
    return "price is zero" if price == 0 else "price is negative"


def _why_no_value(value: Any, wanted: str) -> str:
    if value is _MISSING:
        return f"{wanted} is missing"
    if value is None:
        return f"{wanted} is null"
    return f"{_kind(value)} where a {wanted} is documented"


def _kind(value: Any) -> str:
    if value is _MISSING:
        return "missing"
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", Decimal: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)
