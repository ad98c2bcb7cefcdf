"""Bodies written for a source, in sim/bodies/<source>/: which one answers which request, as its source.json says.

The tests of the adapters read the same files, so that what the simulated market answers is what the prices worked out by hand are of.
"""

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from adapters.base import Adapter, Page, Request
from sim.exchange import Exchange

BODIES = Path(__file__).parents[1] / "bodies"
LEAST_PERCENT, PERCENTS = 88, 14
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)

NO_BRACKETS = str.maketrans("", "", "()")
"""As AWS names a place in its keys."""

Found = tuple[Any, Mapping[str, str]]
"""A decoded body and the headers."""


class Entry(msgspec.Struct, frozen=True):
    """One line of source.json: the file that answers a request's page."""

    slice: str
    request: str
    page: int
    file: str
    at: tuple[str, ...] = ()
    """Where in the file the answer stands, if the file holds several."""
    headers: Mapping[str, str] = {}


class Written(msgspec.Struct, frozen=True):
    """source.json. `known` is grounded in a recording or the vendor's documentation, `guessed` is not."""

    page: str
    written: str
    about: str
    known: tuple[str, ...]
    guessed: tuple[str, ...]
    answers: tuple[Entry, ...]
    prices: Mapping[str, tuple[str, int, str, int, str]] = {}
    """Offer key -> GPU, GPUs, the provider's own number, millionths of a USD per GPU-hour, availability; worked out by hand."""
    offers: int = 0
    refused: tuple[tuple[str, str], ...] = ()
    """Every row that cannot be read, in order: the field that stands in the way, and words of the reason."""
    left_out: tuple[str, ...] = ()
    """Texts of rows that are neither offers nor refused: other products."""


def written(folder: Path) -> Written:
    """The folder's source.json. Raises OSError or msgspec.DecodeError."""
    return msgspec.json.decode((folder / "source.json").read_bytes(), type=Written)


def decode(body: bytes, request: Request) -> Any:
    """A body as the bridge decodes it."""
    return _decoder.decode(body) if request.answer == "json" else body.decode()


def market_slices(adapter: Adapter, folder: Path, like: Callable[[str], str] | None) -> tuple[dict[str, list[Page]], frozenset[str]]:
    """Pages by slice, of the slices that the folder answers and of those that answer like one of them; the names of the latter.

    `like` gives the name of the slice after which another is modelled; what the one's name says, part by part between slashes, is replaced
    by the other's wherever it stands.
    """
    facts = written(folder)
    answers = {(entry.slice, entry.request, entry.page): entry for entry in facts.answers}
    own = {entry.slice for entry in facts.answers}

    def answer(name: str, request: Request) -> Found | None:
        model = name if like is None or name in own else like(name)
        entry = answers.get((model, request.name, request.page))
        if entry is None:
            return None
        body = (folder / entry.file).read_text()
        # What is aside is one file for all slices.
        for old, new in () if request.aside else zip(model.split("/"), name.split("/"), strict=True):
            body = _renamed(body, old, new)
        return _standing(decode(body.encode(), request), entry.at), entry.headers

    slices = walk(adapter, answer)
    return slices, frozenset(slices) - own


def _renamed(body: str, old: str, new: str) -> str:
    """A place's text as another's. A zone's letter stands behind a region's number (ap-southeast-1a) or a hyphen (cn-shanghai-b)."""
    if old[-1:].isdigit() and not new[-1:].isdigit():
        body = re.sub(rf"{re.escape(old)}(?=[a-z]\b)", f"{new}-", body)
    return body.replace(old, new).replace(old.translate(NO_BRACKETS), new.translate(NO_BRACKETS))


def regional(slice_name: str) -> Decimal:
    """What prices of a place are that answers like another, in whole percents of the other's, and all alike.

    Little enough that a provider's median stays where it was when these places join the market.
    """
    return Decimal(LEAST_PERCENT + zlib.crc32(slice_name.partition("/")[0].encode()) % PERCENTS) / 100


def walk(adapter: Adapter, answer: Callable[[str, Request], Found | None], *, partial: bool = False) -> dict[str, list[Page]]:
    """Every slice's pages, following next_page; a slice with an unanswered first request is left out.

    Raises ValueError where a later page is not answered, unless the answers are known to be `partial`.
    """
    slices: dict[str, list[Page]] = {}
    for part in adapter.slices():
        pages: list[Page] = []
        for first in part.requests:
            request: Request | None = first
            while request is not None:
                found = answer(part.name, request)
                if found is None:
                    if request.page > 1 and not partial:
                        raise ValueError(f"{adapter.source}: no answer for page {request.page} of {request.name}")
                    break
                pages.append(Page(request=request, status=200, headers=found[1], body=found[0]))
                request = adapter.next_page(pages[-1])
        if {page.request.name for page in pages} >= {request.name for request in part.requests}:
            slices[part.name] = pages
    return slices


def answers_to(request: Request, exchange: Exchange) -> bool:
    """Whether an exchange asks what the request says: the same address, and all that the request states; it may state more."""
    return (
        exchange.method == request.method
        and request.query.items() <= exchange.query.items()
        and _pattern(request.path).fullmatch(unquote(exchange.path)) is not None
        and {name.lower(): value for name, value in request.headers.items()}.items() <= exchange.headers.items()
        and (request.json is None or _json(exchange.body) == msgspec.to_builtins(request.json))
    )


@lru_cache(maxsize=4096)
def _pattern(path: str) -> "re.Pattern[str]":
    """A request's path; what it names in braces is any one part."""
    return re.compile(re.sub(r"\\\{[A-Z_]+\\\}", "[^/]+", re.escape(unquote(path))))


def is_authorised(adapter: Adapter, exchange: Exchange) -> bool:
    """Whether a credential came along, in the way that the adapter declares. Any will do."""
    match adapter.auth:
        case "none":
            return True
        case "header":
            return all(exchange.headers.get(name.lower(), "").removeprefix(adapter.auth_prefix) for name in adapter.auth_names)
        case "query":
            return all(exchange.query.get(name) for name in adapter.auth_names)
        case _:
            return bool(exchange.headers.get("authorization") or exchange.query.get("Signature"))


def _standing(body: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        body = body[step]
    return body


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
