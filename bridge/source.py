"""One source while the bridge runs: its adapter, client, breaker, offers, and what its last polls came to."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.base import Adapter, Slice
from adapters.fetch.client import ProviderClient
from adapters.limits import pace_s
from bridge.book import Book
from bridge.cadence import cadence_of
from bridge.reading import Readings
from bridge.retry import CircuitBreaker, first_rest_s
from bridge.review import Review
from schemas.vocabulary import BreakerState, Health, Market

FRESH_S = 15.0
STALE_S = 90.0
FRESH_LOOKS = 1.5
STALE_LOOKS = 4.0


class HealthRecord(msgspec.Struct, kw_only=True):
    """The fields of ProviderHealth, as on the wire."""

    source: str
    provider: str
    market: Market
    polled_at_ms: int
    latency_ms: float
    health: Health
    http_status: int | None
    offers: int
    rejected: int
    requests: int
    bytes: int
    breaker: BreakerState
    consecutive_failures: int
    error: str | None
    last_success_ms: int | None
    cadence_s: float
    cadence_fastest_s: float
    cadence_slowest_s: float
    changed: int
    unchanged_answers: int
    bytes_saved: int


class Source:
    """State of one source. `client` is None where the source is off; `off_reason` says why."""

    def __init__(
        self,
        adapter: Adapter,
        client: ProviderClient | None,
        market: Market,
        *,
        interval_s: float | None = None,
        breaker: CircuitBreaker | None = None,
        off_reason: str | None = None,
    ) -> None:
        self.adapter = adapter
        self.client = client
        self.market = market
        self.off_reason = off_reason
        self.review = Review()
        self.slices = tuple(adapter.slices())
        self.book = Book(part.name for part in self.slices)
        # Turns spare a provider that limits its callers; where nobody limits the pace, nothing is spared either.
        in_turns = market == "live" or interval_s is None
        self.slices_per_poll = min((in_turns and adapter.slices_per_poll) or len(self.slices), len(self.slices))
        self.cadence = cadence_of(adapter, market, interval_s, math.ceil(len(self.slices) / max(self.slices_per_poll, 1)))
        self.breaker = breaker or CircuitBreaker(rest_s=first_rest_s(self.cadence.now_s))
        self.readings = Readings(adapter)
        self.slice_errors: dict[str, str] = {}
        self.polled_at_ms = 0
        self.last_success_ms: int | None = None
        self.health: HealthRecord | None = None if client else self.off_health(0)
        self._next_slice = 0

    @property
    def name(self) -> str:
        """Key of the source table."""
        return self.adapter.source

    @property
    def enabled(self) -> bool:
        """Whether it is polled at all."""
        return self.client is not None

    @property
    def cadence_s(self) -> float:
        """Seconds to the next poll, as things stand."""
        return self.cadence.now_s

    @property
    def fresh_s(self) -> float:
        """Offers no older than this are fresh."""
        return max(FRESH_S, FRESH_LOOKS * self.cadence.look_s)

    @property
    def stale_s(self) -> float:
        """Offers no older than this are served; older ones have expired."""
        return max(STALE_S, STALE_LOOKS * self.cadence.look_s)

    def pacing_s(self, parts: Sequence[Slice]) -> float:
        """Seconds that asking these slices takes by the provider's limits alone; 0 where nobody has to be spared."""
        return pace_s(self.adapter.limits, sum(len(part.requests) for part in parts)) if self.market == "live" else 0.0

    @property
    def least_gap_s(self) -> float:
        """Least seconds between two polls, whoever asks for one; 0 where nobody has to be spared."""
        return self.cadence.fastest_s if self.market == "live" else 0.0

    @property
    def rests_s(self) -> float:
        """Seconds that nothing may be asked: the breaker is open, or the provider wants to be left alone."""
        return max(self.breaker.wait_s(), self.client.rests_s if self.client else 0.0)

    @property
    def may_be_empty(self) -> bool:
        """Whether one slice that had offers may answer with none: the adapter's `slice_may_be_empty`, or that it has slices asked in turns.

        Those are the parts of a market, where the last offer of a kind can be rented; a zone's price list is never empty.
        """
        return bool(getattr(self.adapter, "slice_may_be_empty", self.adapter.slices_per_poll is not None))

    def next_slices(self) -> list[Slice]:
        """The slices whose turn it is."""
        turn = [self.slices[(self._next_slice + i) % len(self.slices)] for i in range(self.slices_per_poll)]
        self._next_slice = (self._next_slice + len(turn)) % max(len(self.slices), 1)
        return turn

    def facts(self) -> Mapping[str, Any]:
        """What the source table says, for readers of health."""
        return {
            "title": self.adapter.title,
            "fresh_s": self.fresh_s,
            "stale_s": self.stale_s,
            "enabled": self.enabled,
            "terms": self.adapter.terms,
            "docs_url": self.adapter.docs_url,
            "confidence": self.adapter.confidence,
        }

    def off_health(self, now_ms: int) -> HealthRecord:
        """The health of a source that is not polled."""
        return HealthRecord(
            source=self.name,
            provider=self.adapter.provider,
            market=self.market,
            polled_at_ms=now_ms,
            latency_ms=0.0,
            health="off",
            http_status=None,
            offers=0,
            rejected=0,
            requests=0,
            bytes=0,
            breaker="closed",
            consecutive_failures=0,
            error=self.off_reason,
            last_success_ms=None,
            cadence_s=self.cadence_s,
            cadence_fastest_s=self.cadence.fastest_s,
            cadence_slowest_s=self.cadence.slowest_s,
            changed=0,
            unchanged_answers=0,
            bytes_saved=0,
        )
