"""What each source's accepted answers looked like, so that a key that goes missing is noticed, also while the bridge is down."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from adapters.base import Adapter
from adapters.errors import ProviderError
from adapters.fetch.client import SliceAnswer
from bridge.looks_kept import KeptLooks, Known
from bridge.results import SliceResult
from bridge.shapes import ENOUGH_BEFORE, Drift, Shape, drift, new_keys, paths_read, shape_of, without_tables

LEARN_FROM = 5
"""Answers from which it is learned what the parse reads of each kind of request: with offers, for of others it reads little."""
LOOKS_BEFORE_NEWS = 20
"""Answers that must have been seen before a key is new: rows may have it seldom."""
NOTED_FOR_MS = 3_600_000
MAX_NOTED = 5
KEEP_EVERY_MS = 300_000
"""Between two writings of one source, so that a market whose answers always differ costs the disk little."""


class Looks:
    """By source: the keys that its parse reads, and the shape of what was accepted. Without `kept`, each process learns it anew."""

    def __init__(self, kept: KeptLooks | None = None) -> None:
        self._kept = kept
        self._known: dict[str, Known] = {} if kept is None else kept.read()
        self._last: dict[tuple[str, str], tuple[str, Shape]] = {}
        self._repeats: dict[tuple[str, str], int] = {}
        self._unwritten: dict[str, int] = {}
        self._written_ms: dict[str, int] = {}

    def look(self, adapter: Adapter, answer: SliceAnswer, observed_at: datetime, *, with_offers: bool) -> Shape | None:
        """The answer's shape, or None where the last accepted one of its slice was the same, byte for byte."""
        last = self._last.get((adapter.source, answer.slice.name))
        if last is not None and last[0] == answer.digest:
            return None
        known = self._known.setdefault(adapter.source, Known())
        kind = ",".join(sorted({page.request.name for page in answer.pages}))
        if with_offers and known.learned.get(kind, 0) < LEARN_FROM:
            known.learned[kind] = known.learned.get(kind, 0) + 1
            try:
                found = paths_read(adapter, answer.pages, observed_at)
            except (ProviderError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
                # It could be read as it came: what it asks for is then not learned from this answer.
                found = frozenset()
            known.paths = without_tables(known.paths | found)
        return shape_of(answer.pages, known.paths)

    def drift(self, source: str, results: Sequence[SliceResult]) -> Drift | None:
        """How the answers that were asked now, taken together, differ from the accepted ones."""
        known = self._known.get(source)
        if known is None or all(result.shape is None for result in results):
            return None
        now = Shape()
        for result in results:
            last = self._last.get((source, result.slice))
            if result.shape is not None:
                now.add(result.shape)
            elif last is not None:
                now.add(last[1])
        return drift(known.shape, now)

    def accepted(self, source: str, results: Sequence[SliceResult]) -> None:
        """These answers were taken: later ones are compared with them."""
        for result in results:
            if result.reading is None or result.answer is None:
                continue
            known = self._known.setdefault(source, Known())
            if result.shape is None:
                self._again(source, result, known)
                continue
            known.seen += 1
            fresh = new_keys(known.shape, result.shape) if known.seen > LOOKS_BEFORE_NEWS else []
            if fresh:
                known.noted_at_ms, known.noted = result.observed_at_ms, fresh
            known.shape.add(result.shape)
            self._unwritten[source] = result.observed_at_ms
            self._last[source, result.slice] = (result.answer.digest, result.shape)
            self._repeats.pop((source, result.slice), None)

    def _again(self, source: str, result: SliceResult, known: Known) -> None:
        """The same answer once more counts a few times: a list of a handful of rows may stand for days."""
        last, repeats = self._last.get((source, result.slice)), self._repeats.get((source, result.slice), 0)
        if last is not None and repeats < ENOUGH_BEFORE:
            self._repeats[source, result.slice] = repeats + 1
            known.shape.add(last[1])
            self._unwritten[source] = result.observed_at_ms

    def forget(self, source: str) -> None:
        """An operator accepted that its answers look otherwise now."""
        known = self._known.get(source)
        if known is not None:
            known.shape, known.seen = Shape(), 0
        # What it looks like from now on is kept at once: a restart must not go by what was before.
        self._written_ms.pop(source, None)

    def note(self, source: str, now_ms: int) -> str | None:
        """New keys, for an hour."""
        known = self._known.get(source)
        if known is None or not known.noted or now_ms - known.noted_at_ms > NOTED_FOR_MS:
            return None
        more = f" and {len(known.noted) - MAX_NOTED} more" if len(known.noted) > MAX_NOTED else ""
        return f"new keys: {', '.join(known.noted[:MAX_NOTED])}{more}"

    def pending(self, *, ending: bool = False) -> list[Callable[[], None]]:
        """Writing to be done off the event loop, of what changed and was not written lately, or of all that changed where the bridge is
        ending. Each blocks and may raise OSError.
        """
        if self._kept is None:
            return []
        work: list[Callable[[], None]] = []
        for source, at_ms in list(self._unwritten.items()):
            written_ms = self._written_ms.get(source)
            if ending or written_ms is None or at_ms - written_ms >= KEEP_EVERY_MS:
                del self._unwritten[source]
                self._written_ms[source] = at_ms
                # Encoded now: the next poll goes on counting in it.
                body = self._kept.encode(source, self._known[source])
                if body is not None:
                    work.append(partial(self._kept.write, source, body))
        return work
