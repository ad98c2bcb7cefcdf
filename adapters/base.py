"""What every provider's adapter is: facts as class attributes, the requests to make, and one pure parse."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

import msgspec

from adapters.errors import AuthFailed, Transient
from adapters.limits import MANNERS, Limit, pace_s
from adapters.models import Offer, Rejected
from schemas.vocabulary import PriceType

LISTS = timedelta(hours=1), timedelta(hours=6)
"""Fastest and slowest cadence of list prices and pages: of what is asked once an hour or less."""

Stock = Literal["count", "levels", "flag", "listed", "untold"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP exchange, described. `name` tells `parse` which endpoint a page came from; `path` is joined to the base address.

    `{NAME}` in the path stands for the credential of that name, where a provider wants an organisation or team there.
    """

    name: str
    path: str
    host: str = ""
    """Where to ask, if not at the base address, such as a region's own host. No request goes to one that `slices` doesn't name."""
    public: bool = False
    """Asked without any credential, such as a page on the provider's web site beside its API."""
    aside: bool = False
    """Whether it only describes offers, and is one file, one page long, for all slices: asked once for all of them (fetch/asides.py).
    A slice stands without it: then `parse` gets no such page, and health says what is missing. The guard does not compare it."""
    method: Literal["GET", "POST"] = "GET"
    query: Mapping[str, str] = {}
    json: Any = None
    headers: Mapping[str, str] = {}
    answer: Literal["json", "text"] = "json"
    """What comes back: JSON, or a page or document that the adapter reads as text."""
    page: int = 1


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it goes out, to the provider's real address; what `Adapter.sign` signs. Header names in lower case."""

    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One decoded answer: JSON with every float as Decimal, from the provider's own digits; or text, where the request asked for that."""

    request: Request
    status: int
    headers: Mapping[str, str]
    body: Any


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a source that is asked, parsed and found missing as one: a zone, a GPU model, or all of it (`name` empty)."""

    name: str
    requests: tuple[Request, ...]


class Adapter(ABC):
    """One source. Subclasses in adapters/providers/ are found by the registry; the class body is the description of the cloud."""

    source: ClassVar[str]
    """Key of the source table, such as `runpod`."""
    provider: ClassVar[str]
    """Who rents the machines out; the same as `source` where a provider has one endpoint."""
    title: ClassVar[str]
    base_url: ClassVar[str]
    """Scheme and host of the provider's API, without a trailing slash."""
    cadence: ClassVar[timedelta]
    """Time between polls, live, while nothing is known of how the source moves."""
    fastest: ClassVar[timedelta | None] = None
    """The cadence while many offers change; None: half of `cadence`, or what LISTS says where that is longer."""
    slowest: ClassVar[timedelta | None] = None
    """The cadence while nothing changes; None: twice `cadence`, or what LISTS says."""
    limits: ClassVar[tuple[Limit, ...]] = (MANNERS,)
    """How often its provider may be asked, live; every one of them holds."""
    slices_per_poll: ClassVar[int | None] = None
    """How many slices one poll asks, in turns; None asks them all."""
    conditional: ClassVar[bool] = False
    """Whether an earlier answer with an ETag or a date is asked for again only if it changed. For lists and pages that seldom change."""
    reads_clock: ClassVar[bool] = False
    """Whether what `parse` makes of the same pages hangs on `observed_at`. If not, the reading of an unchanged answer is used again."""
    credential: ClassVar[tuple[str, ...]] = ()
    """Names of the settings this source needs, such as LAMBDA_API_KEY; empty where prices are public."""
    auth: ClassVar[Literal["none", "bearer", "header", "query", "oauth2_client", "signed"]] = "none"
    """How the credentials go out. `header` and `query`: as they are, under `auth_names`. `signed`: `sign` is called."""
    auth_names: ClassVar[tuple[str, ...]] = ()
    """header, query: the name that each credential is sent under, in their order."""
    auth_prefix: ClassVar[str] = ""
    """header: what stands before the credential, such as `Token `."""
    token_path: ClassVar[str | None] = None
    """oauth2_client: where the token is fetched."""
    headers: ClassVar[Mapping[str, str]] = {}
    """Sent with every request, such as a user agent that the provider's front lets through. Names in lower case."""
    currency: ClassVar[str] = "USD"
    unit: ClassVar[str]
    basis: ClassVar[str]
    docs_url: ClassVar[str]
    terms: ClassVar[str]
    """Where the terms of use stand and what they say of collecting, in one line."""
    confidence: ClassVar[Literal["grounded", "documented", "unsure"]] = "grounded"
    protocol: ClassVar[str | None] = None
    """What it speaks; None where its requests show that: REST JSON, GraphQL or a page."""
    price_types: ClassVar[tuple[PriceType, ...]] = ("on_demand",)
    """Every price type that its offers may have, in the vocabulary's order."""
    stock: ClassVar[Stock] = "untold"
    """How stock is told: `count` (how many), `levels` (much or little), `flag` (to be had or not), `listed` (what is not, vanishes)."""
    push: ClassVar[str] = "none known"
    """What would tell of a change unasked: a stream, a hook, a topic."""
    fallback: ClassVar[str] = "none known"
    """What else states the same prices, should this answer no more."""
    latency_seen: ClassVar[str] = "not called live yet"
    """How long a real answer took, where and when that was measured; nothing else."""
    gpus: ClassVar[Mapping[str, str]] = {}
    """Vendor text -> canonical GPU id."""
    ignored: ClassVar[Mapping[str, str]] = {}
    """Vendor text that was seen and decided against -> why."""

    @abstractmethod
    def slices(self) -> Sequence[Slice]:
        """What to ask. Pure; the same at every call."""

    @property
    def bounds(self) -> tuple[timedelta, timedelta]:
        """The fastest and the slowest cadence. The fastest leaves the limits room for every request of a poll."""
        fastest, slowest = LISTS if self.cadence >= LISTS[0] else (self.cadence / 2, self.cadence * 2)
        requests = sum(len(part.requests) for part in self.slices()[: self.slices_per_poll])
        return max(self.fastest or fastest, timedelta(seconds=pace_s(self.limits, requests))), self.slowest or slowest

    def next_page(self, page: Page) -> Request | None:
        """The request that continues this page, or None at the end. Pure. Most providers answer in one page."""
        return None

    def sign(self, request: Outgoing, credentials: Mapping[str, str], now: datetime) -> Outgoing:
        """The request with its signature, for auth `signed`. Pure. Called for every attempt, by adapters/fetch/client.py only."""
        raise NotImplementedError(f"{self.source} declares auth = signed and has no sign")

    def meaning(self, status: int, body: bytes) -> type[Transient | AuthFailed] | None:
        """What an error answer means, where its body says it and its status doesn't. Pure; None leaves it to the status."""
        return None

    @abstractmethod
    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        """Offers and rejected rows of one slice's pages. Pure and deterministic.

        Raises PayloadChanged where the whole answer has not the documented shape; AuthFailed or Transient where a provider says so with
        HTTP 200.
        """
