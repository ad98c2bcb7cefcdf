"""Google Cloud: accelerator-optimised machines, added up from the billing catalogue's components.

https://cloud.google.com/billing/docs/reference/rest/v1/services.skus/list

No row is a machine: a machine costs its GPUs, cores and RAM, each a SKU of its own by region, in USD per hour (RAM: per GiB and hour) as
units and nanos; and the local SSD that comes with it and can't be left out, by GiB and month. With that the sums are those of Google's own
page, digit by digit (a2-ultragpu-1g in us-central1: 5.06879789). A machine is an offer only where all its parts have a price; one whose
GPU has a price and another part has not is refused, because a sum without a part is a wrong price (seen in a public feed: a2-ultragpu-2g
at 2.55 in place of 11.64). The B200's SKU is a slice of the machine, everything included; on demand that SKU has a price, too, but
Google's page says N/A: an A4 is sold as spot. Spot is usage type Preemptible.

A SKU's regions are where its price holds; whether such a machine stands in each of them isn't told, nor is stock. Other products are left
out: commitments, reservations, DWS (calendar and flex start), sole tenancy, virtual workstations, shares of a GPU (g4-standard-6 and the
like), and GPUs that are attached to a machine of the customer's choice (T4, P4, V100, P100, K80). Of the A4X no SKU is known.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import ClassVar, NamedTuple

from adapters.base import Adapter, Page, Request, Slice
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.paging import cursor
from adapters.rows import BadRow, Row, UnknownGpu, child, each, listing, rejected, text, texts
from schemas.vocabulary import PriceType

NANOS = 1_000_000_000
PRICE_TYPES: dict[str, PriceType] = {"OnDemand": "on_demand", "Preemptible": "spot"}
SSD = "SSD backed Local Storage"
# What a component's price is for -> hours of it. A month is 730 hours, as Google bills it.
HOURS = {"gpu": {"h": 1}, "core": {"h": 1}, "ram": {"GiBy.h": 1}, "ssd": {"GiBy.mo": 730, "GiBy.h": 1}}
SMALLEST = Decimal("0.000000001")
ATTACHED = ("Nvidia Tesla T4 GPU", "Nvidia Tesla P4 GPU", "Nvidia Tesla V100 GPU", "Nvidia Tesla P100 GPU", "Nvidia Tesla K80 GPU")

_SKU = re.compile(r"(?P<spot>Spot Preemptible )?(?P<part>.+?)(?P<attached> attached to Spot Preemptible VMs)? running in .+")
_SSD = re.compile(rf"{SSD}(?P<attached> attached to Spot Preemptible VMs)?(?: (?:running )?in .+)?")
_PART = re.compile(r"(A2|A3|A3Plus|A3Ultra|G2|G4) Instance (Core|Ram)")
_OTHER = re.compile(r"Commitment|Reserved|DWS|Calendar|Defined Duration|Sole Tenancy|Virtual Workstation|Custom|Sustained")


class Machine(NamedTuple):
    """What a machine type is made of. `family` is empty where the GPU's SKU includes everything else."""

    gpu: str
    gpus: int
    family: str
    cores: int
    ram_gib: int
    ssd_gib: int


# https://cloud.google.com/compute/docs/accelerator-optimized-machines
# GPU's SKU, family of the other SKUs, GiB of local SSD that come with each GPU -> machine:GPUs:cores:GiB
MACHINES = {
    ("Nvidia Tesla A100 GPU", "A2", 0): (
        "a2-highgpu-1g:1:12:85 a2-highgpu-2g:2:24:170 a2-highgpu-4g:4:48:340 a2-highgpu-8g:8:96:680 a2-megagpu-16g:16:96:1360"
    ),
    (
        "Nvidia Tesla A100 80GB GPU",
        "A2",
        375,
    ): "a2-ultragpu-1g:1:12:170 a2-ultragpu-2g:2:24:340 a2-ultragpu-4g:4:48:680 a2-ultragpu-8g:8:96:1360",
    ("Nvidia H100 80GB GPU", "A3", 750): "a3-highgpu-1g:1:26:234 a3-highgpu-2g:2:52:468 a3-highgpu-4g:4:104:936 a3-highgpu-8g:8:208:1872",
    ("Nvidia H100 80GB Mega GPU", "A3Plus", 750): "a3-megagpu-8g:8:208:1872",
    ("H200 141GB GPU", "A3Ultra", 1500): "a3-ultragpu-8g:8:224:2952",
    ("A4 Nvidia B200 (1 gpu slice)", "", 0): "a4-highgpu-8g:8:224:3968",
    ("Nvidia L4 GPU", "G2", 0): (
        "g2-standard-4:1:4:16 g2-standard-8:1:8:32 g2-standard-12:1:12:48 g2-standard-16:1:16:64 g2-standard-24:2:24:96 "
        "g2-standard-32:1:32:128 g2-standard-48:4:48:192 g2-standard-96:8:96:384"
    ),
    ("RTX 6000 96GB", "G4", 0): "g4-standard-48:1:48:180 g4-standard-96:2:96:360 g4-standard-192:4:192:720 g4-standard-384:8:384:1440",
}
SPOT_ONLY = frozenset({"a4-highgpu-8g"})
# The catalogue's other names of the A3 Mega's GPU.
SAME = dict.fromkeys(("Nvidia H100 80GB Plus GPU", "Nvidia H100 Mega 80GB GPU"), "Nvidia H100 80GB Mega GPU")

# A region's name before its number -> country. https://cloud.google.com/compute/docs/regions-zones
COUNTRIES = {
    "us-central": "US", "us-east": "US", "us-west": "US", "us-south": "US", "northamerica-northeast": "CA", "northamerica-south": "MX",
    "southamerica-east": "BR", "southamerica-west": "CL", "europe-west1": "BE", "europe-west2": "GB", "europe-west3": "DE",
    "europe-west4": "NL", "europe-west6": "CH", "europe-west8": "IT", "europe-west9": "FR", "europe-west10": "DE", "europe-west12": "IT",
    "europe-north1": "FI", "europe-north2": "SE", "europe-central2": "PL", "europe-southwest": "ES", "me-west": "IL", "me-central1": "QA",
    "me-central2": "SA", "africa-south": "ZA", "asia-east1": "TW", "asia-east2": "HK", "asia-northeast1": "JP", "asia-northeast2": "JP",
    "asia-northeast3": "KR", "asia-south": "IN", "asia-southeast1": "SG", "asia-southeast2": "ID", "asia-southeast3": "TH",
    "australia-southeast": "AU",
}  # fmt: skip


def _machines() -> dict[str, Machine]:
    found = {}
    for (sku, family, ssd), machines in MACHINES.items():
        for machine in machines.split():
            name, gpus, cores, ram = machine.split(":")
            found[name] = Machine(sku, int(gpus), family, int(cores), int(ram), int(gpus) * ssd)
    return found


class Rate(NamedTuple):
    """The price of one component in one region, for so many hours, and its row."""

    currency: str
    price: Decimal
    hours: int
    row: Row


class GoogleCloud(Adapter):
    source = "gcp"
    provider = "gcp"
    title = "Google Cloud"
    base_url = "https://cloudbilling.googleapis.com"
    cadence = timedelta(hours=1)
    limits = (Limit(requests=1, per=timedelta(seconds=1), known="ours"),)
    credential = ("GCP_API_KEY",)
    auth = "query"
    auth_names = ("key",)
    unit = "hour"
    basis = "components"
    price_types = ("on_demand", "spot")
    fallback = "the pricing page of accelerator-optimised machines: us-central1 only, without a key"
    docs_url = "https://cloud.google.com/billing/docs/reference/rest/v1/services.skus/list"
    terms = "https://cloud.google.com/terms (not read; the catalogue is public and needs a key of one's own)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        "Nvidia Tesla A100 GPU": "A100-SXM-40",
        "Nvidia Tesla A100 80GB GPU": "A100-SXM-80",
        "Nvidia H100 80GB GPU": "H100-SXM-80",
        "Nvidia H100 80GB Mega GPU": "H100-SXM-80",
        "H200 141GB GPU": "H200-SXM-141",
        "A4 Nvidia B200 (1 gpu slice)": "B200-SXM-180",
        "Nvidia L4 GPU": "L4-PCIE-24",
        "RTX 6000 96GB": "RTXPRO6000SE-PCIE-96",
    }
    ignored: ClassVar[Mapping[str, str]] = dict.fromkeys(ATTACHED, "attached to a machine of the customer's choice: no one price")
    machines: ClassVar[Mapping[str, Machine]] = _machines()

    def slices(self) -> Sequence[Slice]:
        query = {"pageSize": "5000", "currencyCode": "USD"}
        return [Slice(name="", requests=(Request(name="skus", path="/v1/services/6F81-5844-456A/skus", query=query),))]

    def next_page(self, page: Page) -> Request | None:
        return cursor(page, "pageToken", "nextPageToken")

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        rates: dict[tuple[str, PriceType], dict[str, Rate]] = {}
        disputed: set[tuple[str, PriceType, str]] = set()
        for page in pages:
            yield from each(listing(page.body, "skus"), "skus", partial(self._note, rates, disputed))
        for part, price_type, region in disputed:
            del rates[part, price_type][region]
        for name, machine in self.machines.items():
            for price_type in PRICE_TYPES.values():
                if name in SPOT_ONLY and price_type != "spot":
                    continue
                for region, gpu in rates.get((machine.gpu, price_type), {}).items():
                    try:
                        yield self._offer(name, machine, price_type, region, gpu, rates)
                    except BadRow as bad:
                        yield rejected(gpu.row, bad)

    def _note(
        self, rates: dict[tuple[str, PriceType], dict[str, Rate]], disputed: set[tuple[str, PriceType, str]], row: Row
    ) -> list[Offer]:
        """Enters a row that is a part of a machine; passes over the others."""
        found = self._part(row)
        if found is None:
            return []
        part, kind, price_type = found
        rate = _rate(row, kind)
        regions = texts(row, "serviceRegions")
        if not regions:
            raise BadRow("serviceRegions", "no region")
        known = rates.setdefault((part, price_type), {})
        for region in regions:
            if known.setdefault(region, rate)[:3] != rate[:3]:
                disputed.add((part, price_type, region))
        if any((part, price_type, region) in disputed for region in regions):
            raise BadRow("unitPrice", f"{part} is stated twice at different prices in one region")
        return []

    def _part(self, row: Row) -> tuple[str, str, PriceType] | None:
        """Which component a SKU is, of what kind, and how it is sold."""
        category = child(row, "category")
        usage = text(category, "usageType")
        description = text(row, "description")
        ssd = _SSD.fullmatch(description)
        match = ssd or _SKU.fullmatch(description)
        if match is None or _OTHER.search(description) or usage.startswith("Commit"):
            return None
        part = SSD if ssd else SAME.get(match["part"], match["part"])
        component = _PART.fullmatch(part)
        if component is None and part not in (SSD, *self.gpus):
            if category.get("resourceGroup") != "GPU" or part in self.ignored:
                return None
            raise UnknownGpu("description", part)
        price_type = PRICE_TYPES.get(usage)
        if price_type is None:
            raise BadRow("usageType", f"unknown usage type {usage[:40]!r}")
        # Some spot rows are filed under OnDemand: the words decide.
        if match["attached"] or (not ssd and match["spot"]):
            price_type = "spot"
        elif price_type == "spot":
            raise BadRow("usageType", "Preemptible, but the description does not say so")
        return part, "ssd" if ssd else component[2].lower() if component else "gpu", price_type

    def _offer(
        self,
        name: str,
        machine: Machine,
        price_type: PriceType,
        region: str,
        gpu: Rate,
        rates: Mapping[tuple[str, PriceType], Mapping[str, Rate]],
    ) -> Offer:
        total = gpu.price * machine.gpus
        beside = ((f"{machine.family} Instance Core", machine.cores), (f"{machine.family} Instance Ram", machine.ram_gib))
        for wanted, quantity in (*(beside if machine.family else ()), *(((SSD, machine.ssd_gib),) if machine.ssd_gib else ())):
            rate = rates.get((wanted, price_type), {}).get(region)
            if rate is None or rate.currency != gpu.currency:
                raise BadRow("description", f"{name} in {region} has no {price_type} price of {wanted} beside its GPU's")
            total += rate.price * quantity / rate.hours
        return Offer(
            offer_key=f"{region}/{name}/{price_type}",
            gpu=self.gpus[machine.gpu],
            gpu_count=machine.gpus,
            price_type=price_type,
            amount=f"{total.quantize(SMALLEST).normalize():f}",
            currency=gpu.currency,
            unit="hour",
            basis="components",
            region=region,
            country=COUNTRIES.get(region) or COUNTRIES.get(region.rstrip("0123456789")),
            availability="unknown",
            vcpus=float(machine.cores),
            memory_gib=float(machine.ram_gib),
            disk_gib=float(machine.ssd_gib) or None,
            instance_type=name,
        )


def _rate(row: Row, kind: str) -> Rate:
    """Currency and price of a SKU, which must be one rate without tiers."""
    expression = child(_only(row, "pricingInfo"), "pricingExpression")
    hours = HOURS[kind].get(text(expression, "usageUnit"))
    if hours is None:
        raise BadRow("usageUnit", f"{expression['usageUnit'][:40]!r} where {next(iter(HOURS[kind]))!r} is documented")
    price = child(_only(expression, "tieredRates"), "unitPrice")
    units, nanos = text(price, "units"), price.get("nanos")
    if not units.isascii() or not units.isdigit() or len(units) > 9:
        raise BadRow("units", f"{units[:40]!r} is no whole number")
    if type(nanos) is not int or not 0 <= nanos < NANOS:
        raise BadRow("nanos", "no whole number below a billion")
    total = int(units) + Decimal(nanos) / NANOS
    if total == 0:
        raise BadRow("unitPrice", "price is zero")
    return Rate(text(price, "currencyCode"), total, hours, row)


def _only(row: Row, field: str) -> Row:
    value = row.get(field)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return value[0]
    raise BadRow(field, "not one item")
