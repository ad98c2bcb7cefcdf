"""The crowd of a marketplace that is answered from written bodies: further rows like the written ones.

Each has an id and a price of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from sim.wire.cells import factored
from sim.wire.paths import at, places, replaced

APART = Decimal("0.04")
"""Copies cost up to this part more or less than the written row: less than would look like a repricing when they arrive."""
STEPS = 9
IDS_APART = 1000
DIGITS = 12


class Copies(msgspec.Struct, frozen=True):
    """Copies of every row of a list, such as other hosts' machines."""

    each: int
    """How many of each written row."""
    id: str
    """The path of what tells rows apart: a number, or a text that ends in DIGITS digits, such as a UUID of zeros."""
    places: Mapping[str, tuple[Any, ...]] = {}
    """Path -> values that the copies have in turn."""

    def of(self, row: Any, prices: Sequence[str], *, whole: bool) -> Iterator[Any]:
        """The copies of a row whose prices stand at these paths."""
        for number in range(1, self.each + 1):
            yield self._copy(row, number, prices, whole)

    def _copy(self, row: Any, number: int, prices: Sequence[str], whole: bool) -> Any:
        for path in places(row, self.id):
            known = at(row, path)
            row = replaced(row, path, known * IDS_APART + number if isinstance(known, int) else f"{known[:-DIGITS]}{number:0{DIGITS}d}")
        for place, values in self.places.items():
            for path in places(row, place):
                row = replaced(row, path, values[number % len(values)])
        middle = STEPS // 2
        factor = 1 + APART * (number * 7 % STEPS - middle) / middle
        for path in [path for price in prices for path in places(row, price)]:
            moved = factored(at(row, path), factor, whole=whole)
            if moved is not None:
                row = replaced(row, path, moved)
        return row
