"""What each source's accepted answers looked like, so that a key that goes missing is noticed. Each process learns it anew."""

from collections.abc import Sequence
from datetime import datetime

from adapters.base import Adapter
from adapters.errors import ProviderError
from adapters.http import SliceAnswer
from bridge.results import SliceResult
from bridge.shapes import ENOUGH_BEFORE, Drift, Path, Shape, drift, new_keys, paths_read, shape_of, without_tables

LEARN_FROM = 5
"""Answers from which it is learned what the parse reads of each kind of request: with offers, for of others it reads little."""
LOOKS_BEFORE_NEWS = 20
"""Answers that must have been seen before a key is new: rows may have it seldom."""
NOTED_FOR_MS = 3_600_000
MAX_NOTED = 5


class Looks:
    """By source: the keys that its parse reads, and the shape of what was accepted."""

    def __init__(self) -> None:
        self._paths: dict[str, frozenset[Path]] = {}
        self._learned: dict[tuple[str, ...], int] = {}
        self._shapes: dict[str, Shape] = {}
        self._seen: dict[str, int] = {}
        self._last: dict[tuple[str, str], tuple[str, Shape]] = {}
        self._repeats: dict[tuple[str, str], int] = {}
        self._noted: dict[str, tuple[int, list[str]]] = {}

    def look(self, adapter: Adapter, answer: SliceAnswer, observed_at: datetime, *, with_offers: bool) -> Shape | None:
        """The answer's shape, or None where the last accepted one of its slice was the same, byte for byte."""
        last = self._last.get((adapter.source, answer.slice.name))
        if last is not None and last[0] == answer.digest:
            return None
        kind = (adapter.source, *sorted({page.request.name for page in answer.pages}))
        if with_offers and self._learned.get(kind, 0) < LEARN_FROM:
            self._learned[kind] = self._learned.get(kind, 0) + 1
            try:
                found = paths_read(adapter, answer.pages, observed_at)
            except (ProviderError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
                # It could be read as it came: what it asks for is then not learned from this answer.
                found = frozenset()
            self._paths[adapter.source] = without_tables(self._paths.get(adapter.source, frozenset()) | found)
        return shape_of(answer.pages, self._paths.get(adapter.source, frozenset()))

    def drift(self, source: str, results: Sequence[SliceResult]) -> Drift | None:
        """How the answers that were asked now, taken together, differ from the accepted ones."""
        before = self._shapes.get(source)
        if before is None or all(result.shape is None for result in results):
            return None
        now = Shape()
        for result in results:
            last = self._last.get((source, result.slice))
            if result.shape is not None:
                now.add(result.shape)
            elif last is not None:
                now.add(last[1])
        return drift(before, now)

    def accepted(self, source: str, results: Sequence[SliceResult]) -> None:
        """These answers were taken: later ones are compared with them."""
        for result in results:
            if result.reading is None or result.answer is None:
                continue
            before = self._shapes.setdefault(source, Shape())
            if result.shape is None:
                self._again(source, result.slice, before)
                continue
            self._seen[source] = self._seen.get(source, 0) + 1
            fresh = new_keys(before, result.shape) if self._seen[source] > LOOKS_BEFORE_NEWS else []
            if fresh:
                self._noted[source] = (result.observed_at_ms, fresh)
            before.add(result.shape)
            self._last[source, result.slice] = (result.answer.digest, result.shape)
            self._repeats.pop((source, result.slice), None)

    def _again(self, source: str, slice_name: str, before: Shape) -> None:
        """The same answer once more counts a few times: a list of a handful of rows may stand for days."""
        last, repeats = self._last.get((source, slice_name)), self._repeats.get((source, slice_name), 0)
        if last is not None and repeats < ENOUGH_BEFORE:
            self._repeats[source, slice_name] = repeats + 1
            before.add(last[1])

    def forget(self, source: str) -> None:
        """An operator accepted that its answers look otherwise now."""
        self._shapes.pop(source, None)
        self._seen.pop(source, None)

    def note(self, source: str, now_ms: int) -> str | None:
        """New keys, for an hour."""
        at_ms, keys = self._noted.get(source, (0, []))
        if not keys or now_ms - at_ms > NOTED_FOR_MS:
            return None
        more = f" and {len(keys) - MAX_NOTED} more" if len(keys) > MAX_NOTED else ""
        return f"new keys: {', '.join(keys[:MAX_NOTED])}{more}"
