"""Gcore: bare-metal and virtual GPU servers of one region. https://gcore.com/docs/api-reference/cloud (List GPU flavors)

Projects and regions have numbers of the account's own, so that both stand in the settings: GCORE_PROJECT_ID, GCORE_REGION_ID. What the
region is called, and its country, tells a third answer. Prices are for the whole server, in the account's currency; only USD is read,
which `currency_code` says row by row. `price_status` other than `show` is no price, whatever number stands there; `price_per_month` is
another one. `capacity` is how many the client can rent now; a `disabled` flavour cannot be rented. Only virtual servers tell their size in
numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    amount,
    child,
    count,
    country,
    each,
    flag,
    known_gpu,
    listing,
    optional_child,
    optional_float,
    text,
    whole,
)

PATH = "/cloud/v3/gpu/{kind}/{{GCORE_PROJECT_ID}}/{{GCORE_REGION_ID}}/flavors"
MIB = 1024
KINDS = ("baremetal", "virtual")
REGION = Request(name="region", path="/cloud/v1/regions/{GCORE_REGION_ID}", aside=True)


class Gcore(Adapter):
    source = "gcore"
    provider = "gcore"
    title = "Gcore"
    base_url = "https://api.gcore.com"
    cadence = timedelta(minutes=5)
    credential = ("GCORE_API_KEY", "GCORE_PROJECT_ID", "GCORE_REGION_ID")
    auth = "header"
    auth_names = ("Authorization",)
    auth_prefix = "apikey "
    unit = "hour"
    basis = "per_instance"
    stock = "count"
    docs_url = "https://gcore.com/docs/api-reference/cloud"
    terms = "https://gcore.com/legal (not read; an account's own key is used)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {
        # https://gcore.com/gpu-cloud: HGX boards
        "H100": "H100-SXM-80",
        "H200": "H200-SXM-141",
    }

    def slices(self) -> Sequence[Slice]:
        query = {"include_prices": "true", "include_capacity": "true"}
        flavors = (Request(name=kind, path=PATH.format(kind=kind), query=query) for kind in KINDS)
        return [Slice(name="", requests=(*flavors, REGION))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        place: Row = {}
        for page in pages:
            if page.request.name == REGION.name and isinstance(page.body, dict):
                place = page.body
        for page in pages:
            if page.request.name in KINDS:
                yield from each(listing(page.body, "results"), "results", partial(self._offers, place))

    def _offers(self, place: Row, row: Row) -> list[Offer]:
        name, price, card = text(row, "name"), child(row, "price"), child(row, "hardware_properties")
        gpus = count(card, "gpu_count")
        gpu = known_gpu(self.gpus, "gpu_model", text(card, "gpu_model"), None)
        free, disabled = whole(row, "capacity"), flag(row, "disabled")
        cost = amount(price, "price_per_hour")
        if price.get("price_status") != "show":
            raise BadRow("price_status", "the price is not shown")
        if text(price, "currency_code") != "USD":
            raise BadRow("currency_code", f"{price['currency_code'][:10]!r} where the account's USD is expected")
        size, region = optional_child(row, "hardware_description"), place.get("slug")
        return [
            Offer(
                offer_key=f"{name}/on_demand",
                gpu=gpu,
                gpu_count=gpus,
                price_type="on_demand",
                amount=cost,
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=region if isinstance(region, str) else "",
                country=country(place.get("country")),
                availability="available" if free and not disabled else "sold_out",
                available_count=0 if disabled else free,
                vcpus=optional_float(size, "vcpus"),
                memory_gib=optional_float(size, "ram", MIB),
                disk_gib=optional_float(size, "local_storage"),
                instance_type=name,
            )
        ]
