"""Modal: GPUs by the second for functions and sandboxes, read off the pricing page. https://modal.com/pricing

There is no price API (confidence: unsure; off in live mode until an operator says otherwise). The page has a list "GPU Tasks", a name and a
price in USD per second of one GPU each ("Nvidia H100", "$0.001097 / sec"), and after it one for CPU and memory. Every word of that list is
accounted for: anything else in it, another unit among them, is a changed payload or a refused row.

Stated, and in no price here: CPU cores and memory are billed on top, by the second; a function pinned to a region costs 1.5 times (broad)
or 1.75 times (narrow) all of it (https://modal.com/docs/guide/region-selection), and a non-preemptible one 3 times. Nothing is told of
stock.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import AS_A_BROWSER, document
from adapters.rows import BadRow, amount, known_gpu, rejected

LIST, AFTER = "GPU Tasks", "CPU"

_ENTRY = re.compile(r"\s*([^$]+?)\s*\$\s?(\d+\.\d+) ?/ ?sec(?![a-z])")
_NAME = re.compile(r"Nvidia [A-Za-z0-9 ,-]+")


class Modal(Adapter):
    source = "modal"
    provider = "modal"
    title = "Modal"
    base_url = "https://modal.com"
    cadence = timedelta(hours=6)
    fastest = timedelta(hours=6)
    conditional = True
    unit = "second"
    basis = "per_gpu"
    price_types = ("serverless",)
    docs_url = "https://modal.com/pricing"
    terms = "https://modal.com/legal/terms (not read; a public page, asked a few times a day)"
    confidence = "unsure"
    headers = AS_A_BROWSER
    gpus: ClassVar[Mapping[str, str]] = {
        # The page leaves the form open. What the cards call themselves within, in published benchmark logs of 2026: A100-SXM4-40GB,
        # A100-SXM4-80GB, H100 SXM5, H200 (an NVL would say so), RTX PRO 6000 Blackwell Server Edition.
        "Nvidia A100, 40 GB": "A100-SXM-40",
        "Nvidia A100, 80 GB": "A100-SXM-80",
        "Nvidia H100": "H100-SXM-80",
        "Nvidia H200": "H200-SXM-141",
        "Nvidia RTX PRO 6000": "RTXPRO6000SE-PCIE-96",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="pricing", path="/pricing", answer="text"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            for name, digits in _entries(document(page.body).text):
                try:
                    yield self._offer(name, digits)
                except BadRow as bad:
                    yield rejected(f"{name} ${digits} / sec", bad)

    def _offer(self, name: str, digits: str) -> Offer:
        if not _NAME.fullmatch(name):
            raise BadRow(LIST, f"{name[:40]!r} is no GPU's name")
        return Offer(
            offer_key=f"{name}/serverless",
            gpu=known_gpu(self.gpus, LIST, name, None),
            gpu_count=1,
            price_type="serverless",
            amount=amount({"price": digits}, "price"),
            currency="USD",
            unit="second",
            basis="per_gpu",
            region="",
            instance_type=name,
        )


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Name and digits of every entry of the list. Raises PayloadChanged where it is not there once, or something else stands in it."""
    _, found, rest = text.partition(LIST)
    entries, end, _ = rest.partition(AFTER)
    if not (found and end) or LIST in rest:
        raise PayloadChanged(f"the page has no one list {LIST!r} before {AFTER!r}", LIST)
    at = 0
    while entries[at:].strip():
        entry = _ENTRY.match(entries, at)
        if entry is None:
            raise PayloadChanged(f"{entries[at:].strip()[:40]!r} is no GPU with a price per second", LIST)
        yield entry[1], entry[2]
        at = entry.end()
