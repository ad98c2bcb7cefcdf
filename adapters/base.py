"""What every provider's adapter is: facts as class attributes, the requests to make, and one pure parse."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

import msgspec

from adapters.models import Offer, Rejected


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP exchange, described. `name` tells `parse` which endpoint a page came from; `path` is joined to the base address.

    `{NAME}` in the path stands for the credential of that name, where a provider wants an organisation or team there.
    """

    name: str
    path: str
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
    """Time between polls that the provider's limits and manners allow, live."""
    min_gap: ClassVar[timedelta] = timedelta(0)
    """Least time between two requests to this source, live."""
    slices_per_poll: ClassVar[int | None] = None
    """How many slices one poll asks, in turns; None asks them all."""
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
    gpus: ClassVar[Mapping[str, str]] = {}
    """Vendor text -> canonical GPU id."""
    ignored: ClassVar[Mapping[str, str]] = {}
    """Vendor text that was seen and decided against -> why."""

    @abstractmethod
    def slices(self) -> Sequence[Slice]:
        """What to ask. Pure; the same at every call."""

    def next_page(self, page: Page) -> Request | None:
        """The request that continues this page, or None at the end. Pure. Most providers answer in one page."""
        return None

    def sign(self, request: Outgoing, credentials: Mapping[str, str], now: datetime) -> Outgoing:
        """The request with its signature, for auth `signed`. Pure. Called for every attempt, by adapters/http.py only."""
        raise NotImplementedError(f"{self.source} declares auth = signed and has no sign")

    @abstractmethod
    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        """Offers and rejected rows of one slice's pages. Pure and deterministic.

        Raises PayloadChanged where the whole answer has not the documented shape; AuthFailed or Transient where a provider says so with
        HTTP 200.
        """
