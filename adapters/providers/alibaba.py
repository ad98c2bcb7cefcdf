"""Alibaba Cloud ECS: list prices of GPU instances by the hour, with stock by zone. https://www.alibabacloud.com/help/en/ecs/developer-reference/

Three signed calls for each type and region of a stated list (families/aliyun.py), some of them at each poll: what the type is, which zones
have it, and, where any has, its price. That is USD (the international site's) per hour for the whole instance; counted is the original
price of the instance alone: the total includes a system disk, and the trade price is what the asking account pays. A type whose GPU is not
the one that the list says is refused. `ClosedWithStock` is stock that isn't replenished.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import msgspec

from adapters.base import Adapter, Outgoing, Page, Request, Slice
from adapters.errors import AuthFailed, PayloadChanged, Transient
from adapters.families.aliyun import GPUS_OF_TYPES, REGIONS, SPECS, TYPES, call, meaning, rows, signed
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.names import memory_fits
from adapters.rows import BadRow, Row, UnknownGpu, amount, child, count, each, optional_float, rejected, table, text
from schemas.gpus import GPUS
from schemas.vocabulary import Availability

# Status, StatusCategory -> availability
STOCK: dict[tuple[str, str], Availability] = {
    ("Available", "WithStock"): "high",
    ("Available", "ClosedWithStock"): "low",
    ("SoldOut", "WithoutStock"): "sold_out",
    ("SoldOut", "ClosedWithoutStock"): "sold_out",
}
PRICE = {"ResourceType": "instance", "PriceUnit": "Hour", "SystemDisk.Category": "cloud_essd", "SystemDisk.Size": "40"}
STOCK_OF = {"DestinationResource": "InstanceType", "InstanceChargeType": "PostPaid"}


class Alibaba(Adapter):
    source = "alibaba"
    provider = "alibaba"
    title = "Alibaba Cloud"
    base_url = "https://ecs.ap-southeast-1.aliyuncs.com"
    cadence = timedelta(minutes=5)
    slices_per_poll = 10
    limits = (Limit(requests=5, per=timedelta(seconds=1), known="ours"),)
    credential = ("ALIBABA_ACCESS_KEY_ID", "ALIBABA_ACCESS_KEY_SECRET")
    auth = "signed"
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describeprice"
    terms = "https://www.alibabacloud.com/help/en/legal (not read; an account's own key is used)"
    confidence = "documented"
    stock = "levels"
    gpus: ClassVar[Mapping[str, str]] = GPUS_OF_TYPES

    def slices(self) -> Sequence[Slice]:
        return [
            Slice(
                name=f"{region}/{name}",
                requests=(
                    call("types", "DescribeInstanceTypes", region, {"InstanceTypes.1": name}),
                    call("stock", "DescribeAvailableResource", region, {**STOCK_OF, "InstanceType": name}),
                ),
            )
            for region in REGIONS
            for name in TYPES
        ]

    def next_page(self, page: Page) -> Request | None:
        """The price is asked where a zone has the type: elsewhere the call is an error."""
        query = page.request.query
        if page.request.name != "stock" or not _zones(page):
            return None
        price = call("price", "DescribePrice", query["RegionId"], {**PRICE, "InstanceType": query["InstanceType"]})
        return msgspec.structs.replace(price, page=page.request.page + 1)

    def sign(self, request: Outgoing, credentials: Mapping[str, str], now: datetime) -> Outgoing:
        key_id, secret = (credentials[name] for name in self.credential)
        return signed(request, key_id, secret, now)

    def meaning(self, status: int, body: bytes) -> type[Transient | AuthFailed] | None:
        return meaning(body)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        by_name = {page.request.name: page for page in pages}
        stock, types = by_name["stock"], rows(by_name["types"].body, "InstanceTypes", "InstanceType")
        region, name = stock.request.query["RegionId"], stock.request.query["InstanceType"]
        zones = _zones(stock)
        if not zones:
            return
        if "price" not in by_name:
            raise PayloadChanged(f"no price was asked of {name}", "PriceInfo")
        priced = by_name["price"].body
        try:
            described = _described(types, name)
            price, currency = _price(priced)
        except BadRow as bad:
            yield rejected(priced if bad.field in ("Price", "DetailInfos", "Currency", "OriginalPrice") else types, bad)
            return
        yield from each(zones, "AvailableZone", partial(_offers, region, name, described, price, currency))


def _zones(page: Page) -> list[Any]:
    """Zones in which the type is sold, with stock or without. None at all where the region has none."""
    if isinstance(page.body, dict) and "AvailableZones" not in page.body and "RequestId" in page.body:
        return []
    return rows(page.body, "AvailableZones", "AvailableZone")


def _described(types: list[Any], name: str) -> Row:
    """The type's own row, whose GPUs must be those of the list."""
    row = next((row for row in types if isinstance(row, dict) and row.get("InstanceTypeId") == name), None)
    if row is None:
        raise BadRow("InstanceTypeId", f"no row of {name}")
    size = TYPES[name]
    spec, gpus, memory = text(row, "GPUSpec"), count(row, "GPUAmount"), optional_float(row, "GPUMemorySize")
    if spec != SPECS[size.gpu]:
        raise UnknownGpu("GPUSpec", spec, f"unknown GPU {spec[:80]!r} of {name}, which has {SPECS[size.gpu]}")
    if gpus != size.gpus:
        raise BadRow("GPUAmount", f"{gpus} GPUs of {name}, which has {size.gpus}")
    # Of one GPU or of all: the documentation doesn't say.
    if memory is not None and not any(memory_fits(GPUS[size.gpu].memory_gib, memory / shared) for shared in (1, gpus)):
        raise BadRow("GPUMemorySize", f"{memory:g} GiB of {name} is not {size.gpu}")
    return row


def _price(body: Any) -> tuple[str, str]:
    """Original price of the instance alone, and its currency."""
    price = child(table(body, "PriceInfo"), "Price")
    parts = child(price, "DetailInfos")
    # The vendor's SDK names the list ResourcePriceModel, answers seen by others DetailInfo.
    listed = parts.get("DetailInfo", parts.get("ResourcePriceModel"))
    kinds = listed if isinstance(listed, list) else []
    own = [part for part in kinds if isinstance(part, dict) and part.get("Resource") == "instanceType"]
    if len(own) != 1:
        raise BadRow("DetailInfos", f"{len(own)} prices of the instance alone, where one is documented")
    return amount(own[0], "OriginalPrice"), text(price, "Currency")


def _offers(region: str, name: str, described: Row, price: str, currency: str, zone: Row) -> list[Offer]:
    zone_id = text(zone, "ZoneId")
    if not zone_id.startswith(region):
        raise BadRow("ZoneId", f"{zone_id[:40]!r} is not in {region}")
    return [
        Offer(
            offer_key=f"{zone_id}/{name}/on_demand",
            gpu=TYPES[name].gpu,
            gpu_count=TYPES[name].gpus,
            price_type="on_demand",
            amount=price,
            currency=currency,
            unit="hour",
            basis="per_instance",
            region=zone_id,
            country=REGIONS[region],
            availability=_availability(zone, name),
            vcpus=optional_float(described, "CpuCoreCount"),
            memory_gib=optional_float(described, "MemorySize"),
            instance_type=name,
        )
    ]


def _availability(zone: Row, name: str) -> Availability:
    """The type's own status counts, not the zone's; a status that nobody has documented tells nothing."""
    for resource in rows(zone, "AvailableResources", "AvailableResource"):
        for supported in rows(resource, "SupportedResources", "SupportedResource"):
            if isinstance(supported, dict) and supported.get("Value") == name:
                return STOCK.get((str(supported.get("Status")), str(supported.get("StatusCategory"))), "unknown")
    return "unknown"
