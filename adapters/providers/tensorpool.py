"""TensorPool: GPU clusters by the hour, read off the pricing page. https://tensorpool.dev/pricing

The page compares three columns of prices in one grid: Lambda Labs, TensorPool and "Traditional Clouds"; only its own is read. Which cell is
its own is told twice, by the heading above and by the paint on it, and a grid in which the two differ is not believed. Prices are USD per
hour of one GPU ("GPU COSTS / HR" says the same table for narrow screens). "N/A" is no offer; reservations have no price; CPU is no GPU.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import Element, document
from adapters.rows import BadRow, amount, known_gpu, rejected

GRID, PAINT = "grid-cols-[200px_200px_1fr_1fr_1fr]", "bg-[#B8E7F5]"
HEADINGS = ["Category", "GPU Type", "Lambda Labs", "TensorPool"]
OWN, COLUMNS = 3, 5
_PRICE = re.compile(r"\$(\d+(?:\.\d+)?)/hr")


class TensorPool(Adapter):
    source = "tensorpool"
    provider = "tensorpool"
    title = "TensorPool"
    base_url = "https://tensorpool.dev"
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    conditional = True
    unit = "hour"
    basis = "per_gpu"
    docs_url = "https://tensorpool.dev/pricing"
    terms = "https://tensorpool.dev/terms (not read; a public page, asked a few times a day)"
    confidence = "grounded"
    ignored: ClassVar[Mapping[str, str]] = {"CPU": "no GPU"}

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/pricing", answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            for row in _rows(document(page.body)):
                try:
                    yield from self._offers(row)
                except BadRow as bad:
                    yield rejected(" | ".join(cell.text for cell in row), bad)

    def _offers(self, row: Sequence[Element]) -> list[Offer]:
        name, stated = row[1].text, row[OWN].text
        if name in self.ignored or stated == "N/A":
            return []
        gpu = known_gpu(self.gpus, "GPU Type", name, None)
        price = _PRICE.fullmatch(stated)
        if price is None:
            raise BadRow("TensorPool", f"{stated[:20]!r} is no price in dollars per hour")
        return [
            Offer(
                offer_key=f"{name.lower().replace(' ', '-')}/on_demand",
                gpu=gpu,
                gpu_count=1,
                price_type="on_demand",
                amount=amount({"TensorPool": price[1]}, "TensorPool"),
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                availability="unknown",
            )
        ]


def _rows(page: Element) -> Iterator[Sequence[Element]]:
    """Rows of the one grid, without its headings. Raises PayloadChanged where it is not for certain whose price is whose."""
    grids = list(page.all(tag="div", css=GRID))
    if len(grids) != 1:
        raise PayloadChanged(f"the page has {len(grids)} grids of prices", "GPU Type")
    cells = [cell for cell in grids[0].children if isinstance(cell, Element)]
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    if not rows or len(rows[-1]) != COLUMNS or [cell.text for cell in rows[0][:4]] != HEADINGS:
        raise PayloadChanged("the grid's columns are not those known", "GPU Type")
    if any((PAINT in cell.classes) != (column == OWN) for row in rows for column, cell in enumerate(row)):
        raise PayloadChanged("the paint is not on the provider's own column", "TensorPool")
    if {row[0].text for row in rows[1:]} - {"", "ON-DEMAND"}:
        raise PayloadChanged("the grid has another category than ON-DEMAND", "Category")
    yield from rows[1:]
