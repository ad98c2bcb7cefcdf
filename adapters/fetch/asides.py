"""Answers that only describe offers, one for all slices of a source: asked once for all of them, and never in the way of a price."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from adapters.base import Request
from adapters.errors import ProviderError, Transient

KEPT_S = 3600.0
"""So long one is used before it is asked for again."""
STANDS_IN_S = 86_400.0
"""So long the last one stands in for one that cannot be had."""
REST_S = 60.0
"""After a failure, where the answer doesn't ask for a longer rest."""
PATIENCE_S = 8.0
"""All that asking may take: the prices wait for it."""

Told = TypeVar("Told")


class _Known(Generic[Told]):
    def __init__(self) -> None:
        self.answer: Told | None = None
        self.came_s = 0.0
        self.ask_from_s = float("-inf")
        self.trouble: str | None = None


class Asides(Generic[Told]):
    """The last answer to each request that is `aside`, by its name. `fetch` performs one; it raises ProviderError."""

    def __init__(self, fetch: Callable[[Request], Awaitable[Told]], clock: Callable[[], float]) -> None:
        self._fetch, self._clock = fetch, clock
        self._known: dict[str, _Known[Told]] = {}
        self._one_asks = asyncio.Lock()

    async def of(self, request: Request) -> tuple[Told | None, str | None]:
        """The answer, if there is one that still stands, and why there is no newer one. Raises nothing of the provider's."""
        known = self._known.setdefault(request.name, _Known())
        async with self._one_asks:
            if self._clock() >= known.ask_from_s:
                await self._ask(request, known)
        if self._clock() > known.came_s + STANDS_IN_S:
            known.answer = None
        return known.answer, known.trouble

    async def _ask(self, request: Request, known: _Known[Told]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                known.answer = await self._fetch(request)
        except TimeoutError:
            known.trouble = f"{request.name}: no whole answer within {PATIENCE_S:.0f} s"
            known.ask_from_s = self._clock() + REST_S
        except ProviderError as error:
            known.trouble = str(error)
            asked_s = (error.retry_after_s or 0.0) if isinstance(error, Transient) else 0.0
            known.ask_from_s = self._clock() + max(REST_S, asked_s)
        else:
            known.trouble = None
            known.came_s = self._clock()
            known.ask_from_s = known.came_s + KEPT_S
