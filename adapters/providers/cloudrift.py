"""CloudRift: virtual machines in several data centres. https://api.cloudrift.ai/api-docs/openapi.json

Prices are US cents per hour for the whole variant, with fractions; memory and disk are in bytes. `nodes_per_dc` is how many nodes a data
centre has, rented or not; `available_nodes_per_dc` is how many are free. A variant that no data centre has is sold out, and then is one
offer without a region. `vram` is one card's to all who read it (gpuhunt, 2026), which nobody has documented: the variant with one GPU
settles it, and without one it must name the same card read both ways. The body's version is the date of the interface's shape. There is
no spot.

"RTX PRO 6000" is no one card here: by CloudRift's own lists (github.com/cloudrift-ai/deplodock, deplodock/hardware.py, 2026) some types are
the Workstation Edition, others Max-Q, and one stands under both. Only types that stand under one are read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    UnknownGpu,
    amount,
    child,
    count,
    country,
    each_in,
    known_gpu,
    listing,
    number,
    optional_child,
    optional_float,
    table,
    text,
    whole,
)

GIB = 1024**3
ASKED = {"version": "2025-03-21", "data": {"selector": {"ByServiceAndLocation": {"services": ["vm"]}}}}
SEVERAL_CARDS = "RTX PRO 6000"

# us-east-nc-nr-1, usny01_a01, eu-central-it-gv-1, ap_northeast_kr_se_1: a country, or a continent and a direction before one
_PLACE = re.compile(r"(?:(us)[a-z]*\d*|(?:eu|ap)[-_][a-z]+[-_]([a-z]{2}))[-_].+")


class CloudRift(Adapter):
    source = "cloudrift"
    provider = "cloudrift"
    title = "CloudRift"
    base_url = "https://api.cloudrift.ai"
    cadence = timedelta(minutes=1)
    currency = "USc"
    unit = "hour"
    basis = "per_instance"
    stock = "count"
    docs_url = "https://api.cloudrift.ai/"
    terms = "https://www.cloudrift.ai/terms-of-service (not read; the list answers without an account)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {
        "RTX PRO 6000 rtxpro6000-12-100-1500-nr": "RTXPRO6000WS-PCIE-96",
        "RTX PRO 6000 rtxpro6000-4-100-1000-ti": "RTXPRO6000WS-PCIE-96",
        "RTX PRO 6000 rtxpro6000mq-11-56-850-1lg": "RTXPRO6000MAXQ-PCIE-96",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="types", path="/api/v1/instance-types/list", method="POST", json=ASKED),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each_in(listing(table(page.body, "data"), "instance_types"), "instance_types", "variants", self._offers)

    def _offers(self, kind: Row, row: Row) -> list[Offer]:
        name, gpus = text(row, "name"), count(row, "gpu_count")
        gpu = self._gpu(kind, row, gpus)
        cents = amount(row, "cost_per_hour")
        stock = child(row, "available_nodes_per_dc")
        free = {place: whole(stock, place) for place in stock}
        # Where all nodes are rented, the list of free ones may leave the place out.
        places = {**dict.fromkeys(optional_child(row, "nodes_per_dc"), 0), **free}
        return [
            Offer(
                offer_key=f"{place}/{name}/on_demand" if place else f"{name}/on_demand",
                gpu=gpu,
                gpu_count=gpus,
                price_type="on_demand",
                amount=cents,
                currency="USc",
                unit="hour",
                basis="per_instance",
                region=place,
                country=_country(place),
                availability="available" if machines else "sold_out",
                available_count=machines,
                vcpus=optional_float(row, "cpu_count"),
                memory_gib=optional_float(row, "dram", GIB),
                disk_gib=optional_float(row, "disk", GIB),
                instance_type=name,
            )
            for place, machines in (places or {"": 0}).items()
        ]

    def _gpu(self, kind: Row, row: Row, gpus: int) -> str:
        name = text(kind, "brand_short")
        if name == SEVERAL_CARDS:
            name = f"{name} {text(kind, 'name')}"
        stated = number(row, "vram")
        # each_in has seen that `variants` is a list.
        alone = [number(one, "vram") for one in kind["variants"] if isinstance(one, dict) and one.get("gpu_count") == 1][:1]
        if alone and stated not in (alone[0], alone[0] * gpus):
            raise BadRow("vram", f"{stated} bytes where one GPU has {alone[0]}")
        found = set()
        for memory in alone or (stated, stated / gpus):
            try:
                found.add(known_gpu(self.gpus, "brand_short", name, float(memory) / GIB))
            except UnknownGpu as unknown:
                refused = unknown
        if not found:
            raise refused
        if len(found) > 1:
            raise BadRow("vram", f"{name[:40]!r} with {stated} bytes is {' or '.join(sorted(found))}")
        return found.pop()


def _country(place: str) -> str | None:
    found = _PLACE.fullmatch(place)
    return country(found[1] or found[2]) if found else None
