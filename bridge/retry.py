"""When to try again: the only place where a poll's attempts, their pauses and a source's rests are decided."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from adapters.errors import Transient
from schemas.vocabulary import BreakerState

T = TypeVar("T")

LEAST_REST_S = 15.0
LONGEST_PAUSE_AFTER_FAILURE_S = 60.0
"""A source that is polled seldom is tried again after this. What fails on and on is left to rest, longer each time."""


def first_rest_s(cadence_s: float) -> float:
    """A breaker's first rest: longer than the pauses after the failures that opened it."""
    return max(LEAST_REST_S, 2.0 * min(cadence_s, LONGEST_PAUSE_AFTER_FAILURE_S))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential pauses with jitter between attempts. Only Transient is tried again: no other error is cured by repeating it."""

    attempts: int = 3
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random

    async def run(self, operation: Callable[[], Awaitable[T]], deadline: float) -> T:
        """The operation's result. Raises its last Transient where attempts or time (`deadline`, by this clock) are used up."""
        attempt = 1
        while True:
            try:
                return await operation()
            except Transient as error:
                pause_s = self.pause_s(attempt, error.retry_after_s)
                if attempt >= self.attempts or self.clock() + pause_s >= deadline:
                    raise
            await self.sleep(pause_s)
            attempt += 1

    def pause_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Seconds to wait after this attempt (1 is the first): half to all of the doubled pause, and never less than was asked for."""
        pause_s: float = min(self.first_pause_s * 2.0 ** (attempt - 1), self.longest_pause_s)
        return max(pause_s * (0.5 + self.random() / 2), retry_after_s or 0.0)


@dataclass(slots=True)
class CircuitBreaker:
    """Rests a source that keeps failing: `threshold` failed polls in a row open it, each further one doubles the rest.

    When the rest is over one poll is let through (half open); its success closes the breaker.
    """

    threshold: int = 3
    rest_s: float = LEAST_REST_S
    longest_rest_s: float = 300.0
    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    _not_before: float = field(default=0.0, init=False)

    @property
    def state(self) -> BreakerState:
        """closed, open (resting) or half_open (the next poll decides)."""
        if self.failures < self.threshold:
            return "closed"
        return "open" if self.wait_s() > 0 else "half_open"

    def wait_s(self) -> float:
        """Seconds until the next poll is allowed; 0 when it is."""
        return max(self._not_before - self.clock(), 0.0)

    def succeeded(self) -> None:
        """A poll brought offers."""
        self.failures = 0
        self._not_before = 0.0

    def failed(self, retry_after_s: float = 0.0) -> None:
        """A whole poll failed; the provider asked to be left alone for `retry_after_s`."""
        self.failures += 1
        rest_s = retry_after_s
        if self.failures >= self.threshold:
            rest_s = max(rest_s, min(self.rest_s * 2.0 ** (self.failures - self.threshold), self.longest_rest_s))
        self._not_before = self.clock() + rest_s

    def trip(self) -> None:
        """Open at once for the longest rest: the credential was refused."""
        self.failures = max(self.failures + 1, self.threshold)
        self._not_before = self.clock() + self.longest_rest_s
