"""How long a source is left alone between two polls: shorter while many of its offers change, longer while none does. Deterministic."""

from collections import deque
from datetime import timedelta

from adapters.base import Adapter
from schemas.vocabulary import Market

LOOKS = 4
"""How many polls are looked back at."""
RESTLESS_SHARE = 0.02
"""A source is volatile where at least this share of its offers changed, came or went in one of those polls on average."""
FASTER, SLOWER = 0.8, 1.25
"""What one poll makes of the time to the next. Several agree before a bound is reached, and each undoes the other."""


class Cadence:
    """Seconds between a source's polls: its own at first, then between `fastest_s` and `slowest_s`."""

    def __init__(self, own_s: float, fastest_s: float, slowest_s: float, turns: int = 1) -> None:
        self.now_s = own_s
        self.fastest_s = fastest_s
        self.slowest_s = slowest_s
        self.changed = 0
        """Offers that changed, came or went in the last poll."""
        self._turns = turns
        self._recent = deque([own_s], maxlen=turns)
        self._looks: deque[tuple[int, int]] = deque(maxlen=LOOKS)
        self._look = 0, 0

    @property
    def look_s(self) -> float:
        """Seconds between two looks at the same slice, of which `turns` polls ask each one once: by the longest pause among them."""
        return max(self._recent) * self._turns

    def saw(self, changed: int, offers: int) -> None:
        """A slice answered: of `offers` that it held before or holds now, so many changed, came or went."""
        self._look = self._look[0] + changed, self._look[1] + offers

    def polled(self) -> None:
        """A poll is over: decide when the next one is due. One in which nothing could be compared decides nothing."""
        (self.changed, offers), self._look = self._look, (0, 0)
        if offers:
            self._looks.append((self.changed, offers))
            share = sum(changed for changed, _ in self._looks) / sum(held for _, held in self._looks)
            if share >= RESTLESS_SHARE:
                self.now_s = max(self.now_s * FASTER, self.fastest_s)
            elif share == 0 and len(self._looks) == LOOKS:
                self.now_s = min(self.now_s * SLOWER, self.slowest_s)
        self._recent.append(self.now_s)


def cadence_of(adapter: Adapter, market: Market, interval_s: float | None, turns: int) -> Cadence:
    """The cadence of a source that asks each slice in one of `turns` polls. `interval_s` caps it, but only where no provider's limits are
    at stake.
    """
    own, fastest, slowest = (time / timedelta(seconds=1) for time in (adapter.cadence, *adapter.bounds))
    if market != "live" and interval_s is not None:
        own, fastest, slowest = min(own, interval_s), min(fastest, interval_s), min(slowest, interval_s)
    return Cadence(own, fastest, slowest, turns)
