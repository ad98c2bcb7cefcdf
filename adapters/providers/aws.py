"""Amazon EC2: on-demand list prices of GPU instances, from the JSON behind the pricing page. https://aws.amazon.com/ec2/pricing/on-demand/

One file a region, without a key and about 60 KB compressed; prices are text, USD per hour for the whole instance. It names no GPU: that
follows from the instance type (adapters/families/ec2.py); a GPU instance that isn't known there is rejected. AWS tells no stock. Left out:
instances without GPU (also Trainium, Inferentia and Gaudi), Windows and other systems with a licence, government and China regions (not
asked), and Capacity Blocks and reservations, which are other lists; and local zones, which have lists of their own. Where one type has two
prices, neither is believed. The file is an asset of the page and no promised API; the fallback would be the price list API's CSV, several
GB, which the client's limits refuse.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import ClassVar
from urllib.parse import quote

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.families.ec2 import GPUS_OF_TYPES, OPT_IN_REGIONS, REGIONS, TYPES
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, UnknownGpu, amount, optional_child, table, text
from adapters.statements import Agreed

PATH = "/pricing/2.0/meteredUnitMaps/ec2/USD/current/ec2-ondemand-without-sec-sel/{location}/Linux/index.json"
ALL_REGIONS = {**REGIONS, **OPT_IN_REGIONS}
BY_LOCATION = {region.location: name for name, region in ALL_REGIONS.items()}


class Aws(Adapter):
    source = "aws"
    provider = "aws"
    title = "AWS"
    base_url = "https://b0.p.awsstatic.com"
    cadence = timedelta(hours=1)
    conditional = True
    limits = (Limit(requests=2, per=timedelta(seconds=1), known="ours"),)
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://aws.amazon.com/ec2/pricing/on-demand/"
    terms = "https://aws.amazon.com/terms/ (not read; public asset of the pricing page)"
    # https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/notifications-price-list-api.html
    push = "SNS topic price-list-api (us-east-1), of changes to the price list files; not used"
    fallback = "price list API: a CSV of several GB, more than the client takes"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = GPUS_OF_TYPES

    def slices(self) -> Sequence[Slice]:
        return [
            Slice(name=region.location, requests=(Request(name="prices", path=PATH.format(location=quote(region.location, safe="()"))),))
            for region in ALL_REGIONS.values()
        ]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            location = next(name for name in BY_LOCATION if PATH.format(location=quote(name, safe="()")) == page.request.path)
            currency = optional_child(table(page.body), "manifest").get("currencyCode", "USD")
            if currency != "USD":
                raise PayloadChanged(f"prices are in {str(currency)[:20]!r}; USD was asked for", "currencyCode")
            agreed = Agreed("price")
            rows = table(table(page.body, "regions"), location)
            yield from agreed.each(rows.values(), "regions", partial(_offers, location))
            yield from agreed


def _offers(location: str, row: Row) -> list[Offer]:
    name = text(row, "Instance Type")
    size = TYPES.get(name)
    if size is None:
        if text(row, "Instance Family").startswith("GPU"):
            raise UnknownGpu("Instance Type", name, f"unknown GPU instance {name[:80]!r}")
        return []
    if text(row, "Operating System") != "Linux" or text(row, "Pre Installed S/W") != "NA":
        return []  # with a licence
    if text(row, "Location") != location:
        raise BadRow("Location", f"{row['Location'][:60]!r} in the list of {location}")
    region = BY_LOCATION[location]
    return [
        Offer(
            offer_key=f"{region}/{name}/on_demand",
            gpu=size.gpu,
            gpu_count=size.gpus,
            price_type="on_demand",
            amount=amount(row, "price"),
            currency="USD",
            unit="hour",
            basis="per_instance",
            region=region,
            country=ALL_REGIONS[region].country,
            availability="unknown",
            vcpus=_described(row, "vCPU", ""),
            memory_gib=_described(row, "Memory", " GiB"),
            instance_type=name,
        )
    ]


def _described(row: Row, field: str, unit: str) -> float | None:
    """A number in a text, such as `1,952 GiB`, that only describes the offer."""
    value = row.get(field)
    digits = value.removesuffix(unit).replace(",", "") if isinstance(value, str) else ""
    return float(Decimal(digits)) if digits.replace(".", "", 1).isdecimal() else None
