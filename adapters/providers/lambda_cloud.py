"""Lambda: on-demand instances. https://docs.lambda.ai/public-cloud/cloud-api/

Prices are whole US cents per hour for the whole instance. `regions_with_capacity_available` is the stock: an instance type that lists
no region is sold out everywhere, and then is one offer without a region.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, child, children, count, each_keyed, known_gpu, number, optional_float, table, text, whole_amount

_DESCRIPTION = re.compile(r"(\d+)x (.+)")

# The part of a region's name before its number -> country. https://docs.lambda.ai/public-cloud/on-demand/
COUNTRIES = {
    "us": "US", "europe-central": "DE", "europe-south": "IT", "asia-northeast": "JP", "asia-south": "IN", "me-west": "IL",
    "australia-east": "AU",
}  # fmt: skip


class Lambda(Adapter):
    source = "lambda"
    provider = "lambda"
    title = "Lambda"
    base_url = "https://cloud.lambdalabs.com"
    cadence = timedelta(minutes=2)
    limits = (Limit(requests=1, per=timedelta(seconds=1), known="unsure"),)
    credential = ("LAMBDA_API_KEY",)
    auth = "bearer"
    currency = "USc"
    unit = "hour"
    basis = "per_instance"
    stock = "flag"
    fallback = "the pricing page, per GPU and by size"
    docs_url = "https://docs.lambda.ai/public-cloud/cloud-api/"
    terms = "https://lambda.ai/legal/terms-of-service (not read; an account's own key is used)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {
        "RTX 6000 (24 GB)": "QUADRORTX6000-PCIE-24",
        "V100 (16 GB)": "V100-SXM-16",
        "Tesla V100 (16 GB)": "V100-SXM-16",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="instance-types", path="/api/v1/instance-types"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each_keyed(table(page.body, "data"), "data", self._offers)

    def _offers(self, name: str, row: Row) -> list[Offer]:
        instance_type = child(row, "instance_type")
        specs = child(instance_type, "specs")
        if number(specs, "gpus") == 0:
            return []
        gpus = count(specs, "gpus")
        cents = whole_amount(instance_type, "price_cents_per_hour")
        gpu = self._gpu(text(instance_type, "description"), gpus)
        places = dict.fromkeys(text(region, "name") for region in children(row, "regions_with_capacity_available"))
        return [
            Offer(
                offer_key=f"{region}/{name}/on_demand" if region else f"{name}/on_demand",
                gpu=gpu,
                gpu_count=gpus,
                price_type="on_demand",
                amount=cents,
                currency="USc",
                unit="hour",
                basis="per_instance",
                region=region,
                country=_country(region),
                availability="available" if region else "sold_out",
                vcpus=optional_float(specs, "vcpus"),
                memory_gib=optional_float(specs, "memory_gib"),
                disk_gib=optional_float(specs, "storage_gib"),
                instance_type=name,
            )
            for region in places or [""]
        ]

    def _gpu(self, description: str, gpus: int) -> str:
        match = _DESCRIPTION.fullmatch(description)
        if match is None or int(match[1]) != gpus:
            raise BadRow("description", f"{description[:80]!r} does not say {gpus} GPUs")
        return known_gpu(self.gpus, "description", match[2], None)


@lru_cache(maxsize=256)
def _country(region: str) -> str | None:
    place = region.rstrip("0123456789").rstrip("-")
    return COUNTRIES.get(place) or COUNTRIES.get(place.split("-")[0])
