"""The market's own move since a moment, seen by the sources other than the one that is judged."""

from collections import deque
from collections.abc import Iterable, Mapping
from statistics import median

from bridge.book import Book
from bridge.factors import MarketMove

MAX_REMEMBERED = 20_000
"""Price changes remembered per source: for Vast.ai's thousands of offers, some hours."""
LEAST_SOURCES = 3
LEAST_SOURCES_OVERALL = 2


class Trails:
    """What accepted prices were before they changed, by source, the newest change last."""

    def __init__(self) -> None:
        self._changes: dict[str, deque[tuple[int, Mapping[str, int]]]] = {}
        self._sizes: dict[str, int] = {}

    def changed(self, source: str, at_ms: int, before: Mapping[str, int]) -> None:
        """This source's answer of `at_ms` was accepted; `before` are the earlier micros of the offers whose price it changed."""
        if not before:
            return
        changes = self._changes.setdefault(source, deque())
        changes.append((at_ms, before))
        size = self._sizes.get(source, 0) + len(before)
        while size > MAX_REMEMBERED:
            size -= len(changes.popleft()[1])
        self._sizes[source] = size

    def forget(self, source: str) -> None:
        """This source's changes were no changes of price: its unit was put right."""
        self._changes.pop(source, None)
        self._sizes.pop(source, None)

    def since(self, books: Iterable[tuple[str, Book]], since_ms: int) -> MarketMove:
        """How the prices of these sources' offers moved since then, by those asked since. Fewer than two sources tell nothing: no move."""
        cells: dict[tuple[str | None, str | None], list[list[float]]] = {}
        overall: list[float] = []
        for source, book in books:
            moves = self._moves(source, book, since_ms)
            for cell, found in moves.items():
                cells.setdefault(cell, []).append(found)
            everything = [move for found in moves.values() for move in found]
            if everything:
                overall.append(median(everything))
        told = {cell: median(map(median, found)) for cell, found in cells.items() if len(found) >= LEAST_SOURCES}
        whole = median(overall) if len(overall) >= LEAST_SOURCES_OVERALL else 1.0
        apart = sorted(abs(move / told[cell] - 1) for cell, found in cells.items() if cell in told for moves_ in found for move in moves_)
        return MarketMove(told, whole, apart[len(apart) * 3 // 4] if apart else 0.0)

    def _moves(self, source: str, book: Book, since_ms: int) -> dict[tuple[str | None, str | None], list[float]]:
        before: dict[str, int] = {}
        for at_ms, changed in reversed(self._changes.get(source, ())):
            if at_ms <= since_ms:
                break
            before.update(changed)
        moves: dict[tuple[str | None, str | None], list[float]] = {}
        for key, held in book.offers.items():
            state = held.encoded.state
            now = state.usd_per_gpu_hour_micros
            if now and held.observed_at_ms > since_ms and (held.first_seen_ms <= since_ms or key in before):
                moves.setdefault((state.gpu, state.price_type), []).append(now / before.get(key, now))
        return moves
