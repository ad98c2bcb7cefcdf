"""A source polled twice, by the real poller, client, reading, guard and book: once as the simulated market answers, then as a test says.

The market is as it is before the crowd joins: each provider's own rows, without those that cannot be read, so that what is refused
afterwards is refused for what a test did.
"""

import asyncio
import pickle
from collections.abc import Callable, Mapping
from functools import cache

import httpx
import msgspec

from adapters.base import Adapter, Request
from adapters.errors import PayloadChanged, ProviderError
from adapters.fetch.client import Answer, ProviderClient
from bridge.book import Book
from bridge.guard import Guard
from bridge.quarantine import Quarantine
from bridge.source import Source
from sim.history import exchange_of
from sim.simulated import Simulated
from tests.adapters.support import ADAPTERS
from tests.bridge.fakes import START_MS, Clock, poller
from tests.transport import InProcess

MOST_SLICES = 3
"""Slices of a source that are asked: more are of the same form."""

Stated = tuple[str | None, int | None, str | None, int | None]
"""GPU, GPUs, price type and millionths of a USD per GPU-hour."""


class Asked(msgspec.Struct, frozen=True):
    """One page: what asked for it, and what came."""

    request: Request
    headers: Mapping[str, str]
    raw: bytes


Answers = Mapping[str, Asked]
"""Every page of a poll, by what asks for it (`key`), in order."""

Give = Callable[[Request], Asked | None]
"""What answers a request; None: not found."""


class Outcome(msgspec.Struct, frozen=True):
    """What a poll left: what the book states, why slices failed, how many rows were refused, and what the source is held for."""

    stated: dict[str, Stated]
    errors: list[ProviderError]
    refused: int
    held: str | None


class Accepted:
    """A source after its first poll, with the pages of that poll. Every `poll` starts from there."""

    def __init__(self, source: str, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.adapter = ADAPTERS[source]
        self.answers: dict[str, Asked] = {}
        first = self._poll(_fresh(self.adapter), Guard(Quarantine(None)), self._ask_market, 0)
        made, guard = _fresh(self.adapter), Guard(Quarantine(None))
        filled = {slice_name for slice_name in (part.name for part in made.slices) if slice_name in self._filled}
        made.slices = tuple(part for part in made.slices if part.name in filled)[:MOST_SLICES]
        made.slices_per_poll = len(made.slices)
        made.book = Book(part.name for part in made.slices)
        self.answers.clear()
        first = self._poll(made, guard, self._ask_market, 0)
        assert not first.errors, first.errors
        assert first.stated
        self.stated = first.stated
        self._kept = pickle.dumps((made, guard))

    def poll(self, give: Give) -> Outcome:
        """The outcome of a second poll that is answered like this."""
        made, guard = pickle.loads(self._kept)  # noqa: S301 - our own, of a moment ago
        return self._poll(made, guard, give, 60)

    def _ask_market(self, request: Request) -> Asked:
        answer = _market().answer(exchange_of(self.adapter, request), START_MS)
        assert answer.status == httpx.codes.OK
        return self.answers.setdefault(key(request), Asked(request, answer.headers, answer.body))

    def _poll(self, made: Source, guard: Guard, give: Give, after_s: float) -> Outcome:
        clock = Clock()
        clock.passed_s = after_s
        made.client = _Given(self.adapter, give)
        # Not Runner.run, which for its handling of Ctrl-C spells out the whole task twice: a tenth of this room's time.
        result = self._runner.get_loop().run_until_complete(poller(clock, guard=guard).poll(made))
        made.client = None
        self._filled = {held.slice for held in made.book.offers.values()}
        hold = guard.quarantine.of(made.name)
        return Outcome(
            stated={
                offer_key: (state.gpu, state.gpu_count, state.price_type, state.usd_per_gpu_hour_micros)
                for offer_key, state in ((offer_key, held.encoded.state) for offer_key, held in made.book.offers.items())
            },
            errors=[part.error for part in result.slices if part.error is not None],
            refused=len(result.rejected),
            held=hold.kind if hold else None,
        )


class _Given(ProviderClient):
    """The real client, but what a request gets is given."""

    def __init__(self, adapter: Adapter, give: Give) -> None:
        super().__init__(adapter, InProcess(httpx.MockTransport(lambda _: httpx.Response(httpx.codes.NOT_FOUND))))
        self._give = give

    async def fetch(self, request: Request) -> Answer:
        given = self._give(request)
        name = f"{self._adapter.source}: {request.name}"
        if given is None:
            raise PayloadChanged(f"{name}: HTTP 404", field="status")
        return Answer(request=request, headers=given.headers, raw=given.raw, name=name)


def key(request: Request) -> str:
    """What tells a request from any other."""
    return msgspec.json.encode(request).decode()


def _fresh(adapter: Adapter) -> Source:
    return Source(adapter, None, "simulated", interval_s=5.0)


@cache
def _market() -> Simulated:
    return Simulated(seed=1, live_from_ms=START_MS + 86_400_000, incidents=False)
