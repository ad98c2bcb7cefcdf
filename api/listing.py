"""Choosing, ordering and paging offers, and the cheapest of each GPU. Pure, over the store's indexes and a moment."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from api.errors import BadParameter
from api.params import CheapestParameters, OffersParameters
from api.store import Entry, Store, matching_gpus

CURSOR_GOOD_FOR_MS = 5 * 60 * 1000


class Page(NamedTuple):
    """Some of the `total` entries that match, and where the next page begins."""

    entries: list[Entry]
    total: int
    next_cursor: str | None


class _Cursor(msgspec.Struct, array_like=True, frozen=True):
    query: str
    issued_ms: int
    after: list[Any]


# Each order is total: it ends with the source and the offer's key, which are unique together.
_ORDERS: dict[str, Callable[[Entry], tuple[Any, ...]]] = {
    "price": lambda entry: entry.price_order,
    "-price": lambda entry: (-entry.micros, *entry.price_order[1:]),
    "age": lambda entry: (-entry.observed_at_ms, *entry.price_order),
    "provider": lambda entry: (entry.provider, *entry.price_order),
    "gpu": lambda entry: (entry.gpu, *entry.price_order),
}


def page(store: Store, parameters: OffersParameters, now_ms: int) -> Page:
    """One page of the offers that match and are not expired.

    A cursor names the last offer of the page before by its place in the order, so it survives new snapshots: while they stay, pages
    are exact; an offer whose place changes between two pages may be told twice or not at all. Raises BadParameter for a GPU that does
    not exist and for a cursor that is old, foreign or not one.
    """
    order = _ORDERS[parameters.sort]
    entries = matching(store, parameters, now_ms)
    if parameters.sort != "price":
        entries.sort(key=order)
    total = len(entries)
    if parameters.cursor is not None:
        after = _read_cursor(parameters.cursor, parameters, now_ms)
        entries = [entry for entry in entries if _after(order(entry), after)]
    shown = entries[: parameters.limit]
    more = len(entries) > len(shown)
    return Page(shown, total, _write_cursor(parameters, now_ms, order(shown[-1])) if more else None)


def cheapest(store: Store, parameters: CheapestParameters, now_ms: int) -> list[Entry]:
    """The cheapest offer of each GPU and price type, by GPU and price type.

    What is known to be rentable goes first. Where nothing is, the cheapest whose stock is unknown is told (unless `available`); never
    one that is sold out. Suspect placeholders are left out: offers outside the market statistics that are no reseller's.
    """
    best: dict[tuple[str, str], Entry] = {}
    unsure: dict[tuple[str, str], Entry] = {}
    for entry in matching(store, parameters, now_ms):
        if entry.offer.availability == "sold_out" or not (entry.offer.in_market_stats or entry.offer.upstream):
            continue
        (best if entry.rentable else unsure).setdefault((entry.gpu, entry.price_type), entry)
    return [entry for _, entry in sorted({**unsure, **best}.items())]


def matching(store: Store, parameters: CheapestParameters, now_ms: int) -> list[Entry]:
    """The offers that match and are fresh or stale, cheapest first; a new list. Raises BadParameter for a GPU that does not exist."""
    found = [entry for entry in _candidates(store, parameters.gpu) if entry.stale_until_ms >= now_ms]
    if parameters.provider:
        found = [entry for entry in found if entry.provider in parameters.provider]
    if parameters.price_type:
        found = [entry for entry in found if entry.price_type in parameters.price_type]
    if parameters.region:
        regions = {region.casefold() for region in parameters.region}
        found = [entry for entry in found if entry.region in regions]
    if parameters.country:
        countries = {country.upper() for country in parameters.country}
        found = [entry for entry in found if entry.country in countries]
    if parameters.min_gpus > 1:
        found = [entry for entry in found if entry.gpu_count >= parameters.min_gpus]
    if parameters.max_price is not None:
        limit = parameters.max_price * 1_000_000
        found = [entry for entry in found if entry.micros <= limit]
    if parameters.available:
        found = [entry for entry in found if entry.rentable]
    return found


def _candidates(store: Store, asked: tuple[str, ...]) -> list[Entry]:
    if not asked:
        return store.by_price()
    by_gpu = store.by_gpu()
    if len(asked) == 1 and asked[0] in by_gpu:
        return by_gpu[asked[0]]
    gpus: dict[str, None] = {}
    for name in asked:
        ids = matching_gpus(name, by_gpu)
        if not ids:
            raise BadParameter("gpu", f"there is no GPU {name!r}; ids look like H100-SXM-80, H100 stands for all of them")
        gpus.update(dict.fromkeys(ids))
    entries = [entry for gpu in gpus for entry in by_gpu.get(gpu, ())]
    entries.sort(key=lambda entry: entry.price_order)
    return entries


def _after(place: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    try:
        return place > other
    except TypeError as error:
        raise BadParameter("cursor", "not a cursor of this API") from error


def _write_cursor(parameters: OffersParameters, now_ms: int, last: tuple[Any, ...]) -> str:
    packed = msgspec.msgpack.encode(_Cursor(_digest(parameters), now_ms, list(last)))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _read_cursor(text: str, parameters: OffersParameters, now_ms: int) -> tuple[Any, ...]:
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.msgpack.decode(packed, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise BadParameter("cursor", "not a cursor of this API") from error
    if cursor.query != _digest(parameters):
        raise BadParameter("cursor", "it belongs to other filters or another order")
    if not 0 <= now_ms - cursor.issued_ms <= CURSOR_GOOD_FOR_MS:
        raise BadParameter("cursor", "it has expired; begin again without it")
    return tuple(cursor.after)


def _digest(parameters: OffersParameters) -> str:
    """Of everything but the page itself."""
    fields = msgspec.structs.replace(parameters, cursor=None, limit=1)
    return hashlib.blake2b(msgspec.json.encode(fields), digest_size=8).hexdigest()
