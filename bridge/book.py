"""The newest known offers of one source, by slice."""

from collections.abc import Iterable, Mapping, Set

import msgspec

from bridge.state import EncodedState, OfferState

MAX_REMOVED = 50_000


class Held(msgspec.Struct, gc=False, eq=False):
    """One offer as last seen. `slice` is None for one restored after a restart and not seen since."""

    encoded: EncodedState
    slice: str | None
    observed_at_ms: int
    first_seen_ms: int
    digest: str | None


class Book:
    """Offers by key. A slice's answer replaces that slice's offers; slices that did not answer keep theirs, with their age."""

    def __init__(self, slice_names: Iterable[str]) -> None:
        self.offers: dict[str, Held] = {}
        self.removed: dict[str, int] = {}
        """Keys that a slice's answer no longer listed -> when it was asked, until `gone` was said of them."""
        self._keys: dict[str | None, set[str]] = {}
        self._unanswered = set(slice_names)
        self._complete_since_ms: int | None = None

    def restore(self, offers: Mapping[str, Held]) -> None:
        """Take over what an earlier process knew, except offers that are known better by now."""
        for key, held in offers.items():
            if key not in self.offers and self.gone_since_ms(key) is None:
                self._hold(key, held)

    def replace(self, slice_name: str, states: Mapping[str, OfferState], digest: str, observed_at_ms: int) -> int | None:
        """A slice answered with these offers, and no others. How many changed, came or went; None at its first answer: who knows."""
        first, changed = slice_name in self._unanswered, 0
        for key, state in states.items():
            held = self.offers.get(key)
            if held is None:
                self.removed.pop(key, None)
                self._hold(key, Held(EncodedState(state), slice_name, observed_at_ms, observed_at_ms, digest))
                changed += 1
                continue
            if held.encoded.state != state:
                held.encoded = EncodedState(state)
                changed += 1
            if held.slice != slice_name:
                self._keys[held.slice].discard(key)
                held.slice = slice_name
                self._hold(key, held)
            held.observed_at_ms = observed_at_ms
            held.digest = digest
        no_more = self._keys.get(slice_name, set()) - states.keys()
        self._remove(no_more, observed_at_ms)
        self._unanswered.discard(slice_name)
        if not self._unanswered and self._complete_since_ms is None:
            # A restored offer carries no slice: only now, with every slice heard, is it known that nobody lists it.
            self._complete_since_ms = observed_at_ms
            self._remove(set(self._keys.get(None, ())), observed_at_ms)
        return None if first else changed + len(no_more)

    def gone_since_ms(self, key: str) -> int | None:
        """When it was learned that an offer is not listed; None while it is held, or nobody knows yet."""
        if key in self.offers:
            return None
        return self.removed.get(key, self._complete_since_ms)

    def completed_by(self, slice_names: Set[str]) -> bool:
        """Whether every slice has been heard once these have been."""
        return self._unanswered <= slice_names

    def held_in(self, slice_name: str) -> int:
        """How many offers that slice holds."""
        return len(self._keys.get(slice_name, ()))

    def forget(self, key: str) -> None:
        """`gone` was said and acknowledged."""
        self.removed.pop(key, None)

    def _hold(self, key: str, held: Held) -> None:
        self.offers[key] = held
        self._keys.setdefault(held.slice, set()).add(key)

    def _remove(self, keys: Iterable[str], observed_at_ms: int) -> None:
        for key in sorted(keys):
            self._keys[self.offers.pop(key).slice].discard(key)
            self.removed[key] = observed_at_ms
        while len(self.removed) > MAX_REMOVED:
            del self.removed[next(iter(self.removed))]
