"""Linode (Akamai): GPU instances. https://techdocs.akamai.com/linode-api/reference/get-linode-types

Prices are USD per hour for the whole instance; `region_prices` overrides them in some regions. By the month GPU plans are at 0 since
2026-07: they have no cap any more. Stock comes from a second endpoint, a row for each region and plan; a plan that it leaves out is one
offer without a region. The GPU is named by the plan's id only. There is no spot.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from adapters.base import Adapter, Page, Request, Slice
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.paging import numbered
from adapters.rows import Row, UnknownGpu, amount, child, children, count, each, listing, optional_float, text
from schemas.vocabulary import Availability

# g1-gpu-rtx6000-1 is the Quadro RTX 6000. https://techdocs.akamai.com/cloud-computing/docs/gpu-compute-instances
PLANS = {
    r"g1-gpu-rtx6000-(\d+)": "QUADRORTX6000-PCIE-24",
    r"g[12]-gpu-rtx4000a-?(\d+)(-[a-z]+)?": "RTX4000ADA-PCIE-20",
    r"g\d-gpu-rtxpro6000-blackwell-(\d+)": "RTXPRO6000SE-PCIE-96",
}

# The part of a region's id before its first dash -> country, where it is not the code itself. https://api.linode.com/v4/regions
COUNTRIES = {"ap-south": "SG", "ap-southeast": "AU", "ap-northeast": "JP", "ap-west": "IN", "eu-west": "GB", "eu-central": "DE"}


class Linode(Adapter):
    source = "linode"
    provider = "linode"
    title = "Linode (Akamai)"
    base_url = "https://api.linode.com"
    cadence = timedelta(minutes=2)
    limits = (Limit(requests=1, per=timedelta(seconds=1), known="unsure"),)
    unit = "hour"
    basis = "per_instance"
    stock = "flag"
    docs_url = "https://techdocs.akamai.com/linode-api/reference/get-linode-types"
    terms = "https://www.linode.com/legal-tos/ (not read; both lists answer without an account)"
    confidence = "grounded"

    def slices(self) -> Sequence[Slice]:
        requests = (
            Request(name="types", path="/v4/linode/types", query={"page": "1", "page_size": "500"}),
            Request(name="availability", path="/v4/regions/availability", query={"page": "1", "page_size": "500"}),
        )
        return [Slice(name="", requests=requests)]

    def next_page(self, page: Page) -> Request | None:
        return numbered(page)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        stock: dict[str, dict[str, Availability]] = {}
        for page in pages:
            if page.request.name == "availability":
                for row in listing(page.body, "data"):
                    _note(row, stock)
        for page in pages:
            if page.request.name == "types":
                yield from each(listing(page.body, "data"), "data", partial(_offers, stock))


def _offers(stock: Mapping[str, Mapping[str, Availability]], row: Row) -> list[Offer]:
    name = text(row, "id")
    if "-gpu-" not in name and not row.get("gpus"):
        return []
    gpus = count(row, "gpus")
    gpu = _gpu(name, gpus)
    base = amount(child(row, "price"), "hourly")
    regional = _regional(row)
    return [
        Offer(
            offer_key=f"{region}/{name}/on_demand" if region else f"{name}/on_demand",
            gpu=gpu,
            gpu_count=gpus,
            price_type="on_demand",
            amount=regional.get(region, base),
            currency="USD",
            unit="hour",
            basis="per_instance",
            region=region,
            country=_country(region),
            availability=availability,
            vcpus=optional_float(row, "vcpus"),
            memory_gib=optional_float(row, "memory", 1024),
            disk_gib=optional_float(row, "disk", 1024),
            instance_type=name,
        )
        for region, availability in (stock.get(name) or {"": "unknown"}).items()
    ]


def _gpu(name: str, gpus: int) -> str:
    for pattern, gpu in PLANS.items():
        match = re.fullmatch(pattern, name)
        if match and int(match[1]) == gpus:
            return gpu
    raise UnknownGpu("id", name, f"{name[:80]!r} names no known GPU, or not {gpus} of it")


def _regional(row: Row) -> dict[str, str]:
    """Prices by region that stand above the plan's own. Without the list nobody knows which regions those are."""
    return {text(price, "id"): amount(price, "hourly") for price in children(row, "region_prices")}


def _note(row: Any, stock: dict[str, dict[str, Availability]]) -> None:
    """One row of the availability list; one that cannot be read tells nothing."""
    if not isinstance(row, dict):
        return
    region, plan, available = row.get("region"), row.get("plan"), row.get("available")
    if isinstance(region, str) and isinstance(plan, str) and region and isinstance(available, bool):
        stock.setdefault(plan, {})[region] = "available" if available else "sold_out"


def _country(region: str) -> str | None:
    start = region.split("-")[0]
    named = COUNTRIES.get(region)
    return named or (start.upper() if len(start) == 2 and start not in ("ap", "eu") else None)
