"""The parameters of each route, and how a query string becomes one of these types."""

import re
import typing
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from api.errors import BadParameter
from schemas.gpus import FormFactor, Vendor
from schemas.vocabulary import AnomalyKind, AnomalyStatus, PriceType

MAX_FIELDS = 100
MAX_VALUE_SHOWN = 80

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Gpu = Annotated[str, Meta(min_length=1, max_length=64)]
COUNTRY = "^[A-Za-z]{2}$"
MOMENT = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$"
Country = Annotated[str, Meta(pattern=COUNTRY)]
GpuFilter = Annotated[
    tuple[Gpu, ...],
    Meta(
        description="Canonical GPU id (H100-SXM-80), or the first words of one (H100, H100-SXM): whole words only, and only whole GPUs; "
        "a slice of a GPU is asked for by its own id. Repeat it or separate with commas."
    ),
]
Money = Annotated[Decimal, Meta(extra_json_schema={"pattern": r"^[0-9]+(\.[0-9]+)?$"})]
# Not a datetime: msgspec would read "2026" as Unix seconds. `moment` reads it.
MomentText = Annotated[
    str,
    Meta(
        pattern=MOMENT,
        description="RFC 3339 with an offset, such as 2026-11-21T08:00:00Z.",
        extra_json_schema={"format": "date-time"},
    ),
]


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every route's parameters: an unknown one is refused by name."""


class NoParameters(Parameters, frozen=True, kw_only=True):
    """For routes that take none."""


class CheapestParameters(Parameters, frozen=True, kw_only=True):
    """Filters of /v1/cheapest."""

    gpu: GpuFilter = ()
    provider: Annotated[tuple[Name, ...], Meta(description="Provider's name, such as runpod. Repeat it or separate with commas.")] = ()
    region: Annotated[tuple[Name, ...], Meta(description="Region as the provider says it, in any case of letters. Repeat it.")] = ()
    country: Annotated[tuple[Country, ...], Meta(description="ISO 3166-1 alpha-2. Repeat it or separate with commas.")] = ()
    price_type: Annotated[tuple[PriceType, ...], Meta(description="Repeat it or separate with commas.")] = ()
    min_gpus: Annotated[int, Meta(ge=1, le=100_000, description="At least so many GPUs in one offer.")] = 1
    max_price: Annotated[Money | None, Meta(description="At most so many USD per GPU and hour, as decimal text.")] = None
    available: Annotated[bool, Meta(description="true: only what is known to be rentable (high, medium, low, available).")] = False


class OffersParameters(CheapestParameters, frozen=True, kw_only=True):
    """Filters, order and page of /v1/offers."""

    sort: Annotated[
        Literal["price", "-price", "age", "provider", "gpu"],
        Meta(description="age: youngest first; provider and gpu: by name, then price."),
    ] = "price"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Annotated[
        Annotated[str, Meta(min_length=1, max_length=2000)] | None,
        Meta(description="`next_cursor` of the page before, with the same filters and order. Good for five minutes."),
    ] = None


class GpusParameters(Parameters, frozen=True, kw_only=True):
    """Filters of /v1/gpus."""

    vendor: Annotated[tuple[Vendor, ...], Meta(description="Repeat it or separate with commas.")] = ()
    architecture: Annotated[tuple[Name, ...], Meta(description="Such as Hopper, in any case of letters. Repeat it.")] = ()
    form_factor: Annotated[tuple[FormFactor, ...], Meta(description="Repeat it or separate with commas.")] = ()
    model: Annotated[Name | None, Meta(description="Words that the id or the title contains, in any case of letters.")] = None
    offered: Annotated[bool, Meta(description="true: only what there are fresh offers of.")] = False


class WindowsParameters(Parameters, frozen=True, kw_only=True):
    """Filters of /v1/windows."""

    gpu: Annotated[Gpu | None, Meta(description="Canonical GPU id.")] = None
    price_type: PriceType | None = None
    provider: Name | None = None
    scope: Annotated[Literal["provider", "market"] | None, Meta(description="market: over all providers.")] = None
    from_: Annotated[MomentText | None, Meta(description="`window_start` at or after.")] = msgspec.field(default=None, name="from")
    to: Annotated[MomentText | None, Meta(description="`window_start` before.")] = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 500


class AnomaliesParameters(Parameters, frozen=True, kw_only=True):
    """Filters of /v1/anomalies."""

    kind: AnomalyKind | None = None
    gpu: Annotated[Gpu | None, Meta(description="Canonical GPU id.")] = None
    provider: Name | None = None
    status: Annotated[AnomalyStatus | None, Meta(description="As it is now.")] = None
    from_: Annotated[MomentText | None, Meta(description="`opened_at` at or after.")] = msgspec.field(default=None, name="from")
    to: Annotated[MomentText | None, Meta(description="`opened_at` before.")] = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


class HistoryParameters(Parameters, frozen=True, kw_only=True):
    """Filters of /v1/history."""

    gpu: Annotated[Gpu | None, Meta(description="Canonical GPU id.")] = None
    price_type: PriceType | None = None
    hours: Annotated[int, Meta(ge=1, le=168)] = 24


class RefreshBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What POST /v1/refresh takes."""

    source: Annotated[Name, Meta(description="A source's name, as /v1/providers tells it.")]


P = TypeVar("P", bound=Parameters)
B = TypeVar("B", bound=msgspec.Struct)


def read_query(query: str, kind: type[P]) -> P:
    """The parameters in a query string. Raises BadParameter naming the first that is unknown or does not fit."""
    shape = _shape(kind)
    values: dict[str, Any] = {}
    for name, value in _pairs(query):
        if name not in shape:
            raise BadParameter(name, f"unknown parameter; this route takes {', '.join(shape) or 'none'}")
        if shape[name]:
            values.setdefault(name, []).extend(value.split(",") if shape[name] == "commas" else [value])
        elif name in values:
            raise BadParameter(name, "given more than once")
        else:
            values[name] = value
    try:
        parameters = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _bad(error, kind, values) from error
    price = getattr(parameters, "max_price", None)
    if price is not None and not (price.is_finite() and price >= 0 and price.adjusted() < 9):
        raise BadParameter("max_price", f"expected a number of USD from 0 to 999999999, got {_shown(values['max_price'])}")
    return parameters


def read_body(body: bytes, kind: type[B]) -> B:
    """The JSON body of a request. Raises BadParameter naming the field that does not fit."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _bad(error, kind, {}) from error
    except msgspec.DecodeError as error:
        raise BadParameter("body", f"not JSON: {error}") from error


def _pairs(query: str) -> list[tuple[str, str]]:
    if not query:
        return []
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadParameter("query", str(error)) from error


@cache
def _shape(kind: type[Parameters]) -> dict[str, str]:
    """Parameter -> how repeats are read: "" once, "commas", or "repeat" (a region's own name may have a comma in it)."""
    lists = [name for name, hint in _hints(kind).items() if typing.get_origin(hint) is tuple]
    return {name: "" if name not in lists else "repeat" if name == "region" else "commas" for name in _hints(kind)}


_PATH = re.compile(r"^(?P<message>.*?)(?: - at `\$\.(?P<name>\w+).*`)?$")
_FIELD = re.compile(r"(?P<what>unknown|missing required) field `(?P<name>[^`]*)`")
_PATTERNS = {COUNTRY: "two letters, such as DE", MOMENT: "RFC 3339 with an offset, such as 2026-11-21T08:00:00Z"}


def _bad(error: msgspec.ValidationError, kind: type[msgspec.Struct], values: dict[str, Any]) -> BadParameter:
    match = _PATH.match(str(error))
    name = match["name"] if match else None
    if match is None or name is None:
        field = _FIELD.search(str(error))
        return BadParameter(field["name"], f"{field['what']} field") if field else BadParameter("body", str(error))
    expected = re.sub(r", got `\w+`$", "", match["message"])
    expected = expected[:1].lower() + expected[1:]
    if expected.startswith("invalid enum value"):
        expected = f"expected one of {', '.join(map(str, _choices(_hints(kind)[name])))}"
    for pattern, words in _PATTERNS.items():
        if f"matching regex {pattern!r}" in expected:
            expected = f"expected {words}"
    return BadParameter(name, f"{expected}, got {_shown(values[name])}" if name in values else expected)


@cache
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(kind)}


def _choices(kind: Any) -> tuple[Any, ...]:
    """The values a Literal names, also inside unions and tuples."""
    if typing.get_origin(kind) is Literal:
        return typing.get_args(kind)
    return tuple(value for part in typing.get_args(kind) for value in _choices(part))


def _shown(value: Any) -> str:
    text = ",".join(value) if isinstance(value, list) else str(value)
    return repr(text if len(text) <= MAX_VALUE_SHOWN else text[:MAX_VALUE_SHOWN] + "…")
