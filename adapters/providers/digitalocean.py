"""DigitalOcean: GPU droplets, Paperspace's machines among them. https://docs.digitalocean.com/reference/api/

Prices are USD per hour for the whole droplet; `gpu_info.vram` is the total of the droplet. A size can be rented in each region it lists,
while `available` says so; one that lists no region is sold out everywhere, and then is one offer without a region.

How a size is sold is told by the words after its memory only: `gpu-mi350x1-288gb-spot` is spot (seen in clients that asked the API in
2026-10; the vendor's API description doesn't name it). `-contracted` sizes are left out: they are rented by contract only
(https://docs.digitalocean.com/products/droplets/details/features/), so that their price is nobody's offer. Any other word is refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.paging import linked
from adapters.rows import BadRow, Row, amount, child, count, each, flag, known_gpu, listing, number, optional_float, text, texts
from schemas.vocabulary import PriceType

_SLUG = re.compile(r"gpu-[a-z0-9]+-\d+gb((?:-[a-z0-9]+)*)")
_PLAIN = frozenset({"lc", "fabric"})
"""Words of a slug that tell of the machine, not of how it is sold: cooled by liquid, joined to others."""

# The letters of a region's name -> country. https://docs.digitalocean.com/platform/regional-availability/
COUNTRIES = {
    "nyc": "US", "sfo": "US", "atl": "US", "ric": "US", "mkc": "US", "mem": "US", "tor": "CA", "ams": "NL", "fra": "DE", "lon": "GB",
    "blr": "IN", "sgp": "SG", "syd": "AU",
}  # fmt: skip


class DigitalOcean(Adapter):
    source = "digitalocean"
    provider = "digitalocean"
    title = "DigitalOcean"
    base_url = "https://api.digitalocean.com"
    cadence = timedelta(minutes=2)
    limits = (Limit(requests=250, per=timedelta(minutes=1), burst=10), Limit(requests=5000, per=timedelta(hours=1), burst=10))
    credential = ("DIGITALOCEAN_TOKEN",)
    auth = "bearer"
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot")
    stock = "flag"
    docs_url = "https://docs.digitalocean.com/reference/api/"
    terms = "https://www.digitalocean.com/legal/terms-of-service-agreement (not read; an account's own token is used)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        # The names leave the form open. https://www.digitalocean.com/products/gpu-droplets says HGX for both.
        "nvidia_h100": "H100-SXM-80",
        "nvidia_h200": "H200-SXM-141",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="sizes", path="/v2/sizes", query={"per_page": "200"}),))]

    def next_page(self, page: Page) -> Request | None:
        return linked(page, self.base_url, "links", "pages", "next")

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "sizes"), "sizes", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        name = text(row, "slug")
        if (not name.startswith("gpu-") and "gpu_info" not in row) or "contracted" in name.split("-"):
            return []
        info = child(row, "gpu_info")
        price_type = _price_type(name)
        gpus = count(info, "count")
        vram = child(info, "vram")
        if text(vram, "unit") != "gib":
            raise BadRow("unit", f"{vram['unit'][:40]!r} where 'gib' is documented")
        gpu = known_gpu(self.gpus, "model", text(info, "model"), float(number(vram, "amount")) / gpus)
        price = amount(row, "price_hourly")
        places = texts(row, "regions") if flag(row, "available") else []
        return [
            Offer(
                offer_key=f"{place}/{name}/{price_type}" if place else f"{name}/{price_type}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=price_type,
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=place,
                country=COUNTRIES.get(place.rstrip("0123456789")),
                availability="available" if place else "sold_out",
                vcpus=optional_float(row, "vcpus"),
                memory_gib=optional_float(row, "memory", 1024),
                disk_gib=optional_float(row, "disk"),
                instance_type=name,
            )
            for place in places or [""]
        ]


def _price_type(slug: str) -> PriceType:
    """How a size is sold. BadRow: nobody knows."""
    match = _SLUG.fullmatch(slug)
    words = set(match[1].split("-")) - _PLAIN - {""} if match else {slug}
    if not words <= {"spot"}:
        raise BadRow("slug", f"{slug[:80]!r} does not say how it is sold")
    return "spot" if words else "on_demand"
