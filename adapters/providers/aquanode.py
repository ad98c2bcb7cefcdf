"""Aquanode: machines of many clouds, resold. https://docs.aquanode.io

One public list. What a price is of, its own readers tell apart: its command line (2026-08) says USD per hour for all GPUs of the row, found
by comparing rows, and per GPU only for what comes from Akash; its web site until 2026-03 multiplied the same field by the number of GPUs
(confidence: unsure; off in live mode until an operator says otherwise). Akash's rows are left out: Akash is a source of its own.

Memory is per GPU, as text ("80GB"). `interface` tells the form, and is empty in many rows: cards of more than one form are left out there.
Free texts may have spaces around them, and a region may be a word for none. Only `type` "instant" is known; another is refused. The address
is a machine's id for some clouds, so offers of one kind, cloud and place are one offer at the lowest price. `provider` is the cloud that is
resold: nothing of it counts in market statistics.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import Transient
from adapters.models import Offer, Rejected
from adapters.names import with_form
from adapters.rows import (
    BadRow,
    Row,
    amount,
    cheapest,
    count,
    each,
    known_gpu,
    listing,
    optional_child,
    optional_float,
    text,
    whole,
)

OPEN = "of more than one form, and the row tells none"
PER_GPU = frozenset({"akash"})
"""Whose rows state the price of one GPU, whatever their number."""
NO_REGION = frozenset({"", "n/a", "na", "none", "null", "undefined", "unknown"})

_GIGABYTES = re.compile(r"(\d{1,4}) ?(?:GB|Gi|GiB)")


class Aquanode(Adapter):
    source = "aquanode"
    provider = "aquanode"
    title = "Aquanode"
    base_url = "https://server.aquanode.io"
    cadence = timedelta(minutes=5)
    unit = "hour"
    basis = "per_instance"
    stock = "flag"
    docs_url = "https://docs.aquanode.io"
    terms = "https://www.aquanode.io/terms (not read; the list answers without an account)"
    confidence = "unsure"
    ignored: ClassVar[Mapping[str, str]] = dict.fromkeys(("A100", "H100", "H200", "V100"), OPEN)

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="marketplace", path="/api/v1/marketplace"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        rows = chain.from_iterable(_answered(page) for page in pages)
        yield from cheapest(each(rows, "data", self._offers))

    def _offers(self, row: Row) -> list[Offer]:
        cloud = _trimmed(row, "provider").lower()
        if cloud in PER_GPU:
            return []
        if text(row, "type") != "instant":
            raise BadRow("type", f"{text(row, 'type')[:40]!r} is not one that is known")
        name, gpus, memory = _trimmed(row, "gpuShortName"), count(row, "gpuCount"), _memory(row)
        formed = with_form(name, row.get("interface"), memory)
        if formed in self.ignored:
            return []
        region, kind = _said(row, "region"), _said(row, "cloud_type")
        if region.lower() in NO_REGION:
            region = ""
        place = [cloud, *([kind] if kind else []), region or "anywhere"]
        return [
            Offer(
                offer_key=f"{'/'.join(place)}/{gpus}x/{formed}/on_demand",
                gpu=known_gpu(self.gpus, "gpuShortName", formed, memory),
                gpu_count=gpus,
                price_type="on_demand",
                amount=amount(row, "price"),
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=region,
                availability="available" if whole(row, "available") else "sold_out",
                vcpus=optional_float(row, "availableCpu"),
                memory_gib=_gigabytes(row, "availableMemory"),
                disk_gib=_gigabytes(row, "availableStorage"),
                upstream=cloud,
                in_market_stats=False,
            )
        ]


def _answered(page: Page) -> Sequence[object]:
    """The answer's rows. Raises Transient where it says that it failed, PayloadChanged where it has no list."""
    if isinstance(page.body, dict) and page.body.get("success") is False:
        raise Transient(f"aquanode says that it failed: {str(page.body.get('error'))[:80]}")
    return listing(page.body, "data")


def _trimmed(row: Row, field: str) -> str:
    trimmed = text(row, field).strip()
    if not trimmed:
        raise BadRow(field, "text is empty")
    return trimmed


def _memory(row: Row) -> float:
    """GB of one GPU."""
    stated = _GIGABYTES.fullmatch(_trimmed(row, "gpuMemory"))
    if stated is None:
        raise BadRow("gpuMemory", f"{row['gpuMemory'][:20]!r} is no memory in GB")
    return float(stated[1])


def _said(row: Row, field: str) -> str:
    """A text that may be empty. Every row has it: without it, offers of several places would be one."""
    value = row.get(field)
    if not isinstance(value, str):
        raise BadRow(field, "no text")
    return value.strip()


def _gigabytes(row: Row, field: str) -> float | None:
    size = optional_child(row, field)
    return optional_float(size, "value") if size.get("unit") == "GB" else None
