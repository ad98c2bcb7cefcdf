"""The review list: GPU names that providers write and the canonical table doesn't know. Somebody has to decide what each one is."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from adapters.models import Rejected

MAX_NAMES = 200
"""Of one source. More is an answer gone wrong, which the guard tells of; the names seen longest ago make room."""
KEPT_MS = 30 * 24 * 60 * 60 * 1000
"""What was not seen for so long has been decided, or is rented no more."""


class UnknownGpu(msgspec.Struct, kw_only=True):
    """One name of one source. `polls` counts the polls that met it, `rows` the rows that the newest of them lost to it."""

    name: str
    rows: int
    polls: int
    first_seen_ms: int
    last_seen_ms: int


class Review:
    """The unknown names of one source."""

    def __init__(self) -> None:
        self._names: dict[str, UnknownGpu] = {}

    @property
    def names(self) -> list[UnknownGpu]:
        """The one seen longest ago first."""
        return list(self._names.values())

    def take(self, rejected: Iterable[Rejected], polled_at_ms: int) -> None:
        """Enter the unknown names among the rejected rows of one poll. Those that it didn't meet stay, for KEPT_MS."""
        met = Counter(row.unknown_gpu for row in rejected if row.unknown_gpu is not None)
        for name, rows in met.items():
            known = self._names.pop(name, None)
            self._names[name] = UnknownGpu(
                name=name,
                rows=rows,
                polls=known.polls + 1 if known else 1,
                first_seen_ms=known.first_seen_ms if known else polled_at_ms,
                last_seen_ms=polled_at_ms,
            )
        for old in self.names:
            if old.last_seen_ms >= polled_at_ms - KEPT_MS and len(self._names) <= MAX_NAMES:
                break
            del self._names[old.name]

    def restore(self, names: Iterable[UnknownGpu]) -> None:
        """Go on from what an earlier bridge counted."""
        self._names = {one.name: one for one in sorted(names, key=lambda one: one.last_seen_ms)[-MAX_NAMES:]}
