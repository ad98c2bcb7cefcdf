"""Tencent Cloud CVM: GPU instances by the hour and spot, with stock. https://www.tencentcloud.com/document/product/213/33267

One signed call a region tells price, spot and stock. Prices are USD (the international site's) per hour for the whole instance; by the
hour `UnitPrice` counts, which is the list price, and spot `UnitPriceDiscount`. The second and third step (from 96 and 360 hours) are not
offers. `GpuCount` below 1 is a slice of a card. Which card it is follows from the instance family alone: families whose card is not
documented (PNV5b, PNV6, PTX2, GN7vw) are not asked for. Errors come with HTTP 200.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec

from adapters.base import Adapter, Outgoing, Page, Request, Slice
from adapters.errors import AuthFailed, PayloadChanged, Transient
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, UnknownGpu, amount, child, each, listing, number, optional_float, stock, table, text
from schemas.gpus import GPUS
from schemas.vocabulary import Availability, PriceType

SERVICE = "cvm"
LEAST_SHARE = Decimal("0.01")
REGIONS = {
    "ap-singapore": "SG", "ap-hongkong": "HK", "ap-tokyo": "JP", "ap-seoul": "KR", "ap-bangkok": "TH", "ap-jakarta": "ID",
    "eu-frankfurt": "DE", "na-siliconvalley": "US", "na-ashburn": "US", "sa-saopaulo": "BR", "ap-guangzhou": "CN", "ap-shanghai": "CN",
    "ap-beijing": "CN", "ap-nanjing": "CN", "ap-chongqing": "CN",
}  # fmt: skip

# https://www.tencentcloud.com/document/product/560/19701
FAMILIES = {
    "GN6": "P4-PCIE-8", "GN6S": "P4-PCIE-8", "GN7": "T4-PCIE-16", "GN7vi": "T4-PCIE-16", "GI3X": "T4-PCIE-16", "GN8": "P40-PCIE-24",
    "GN10X": "V100-SXM-32", "GN10Xp": "V100-SXM-32", "GNV4": "A10-PCIE-24", "PNV4": "A10-PCIE-24", "GT4": "A100-SXM-40",
}  # fmt: skip

# How an instance is charged -> price type, field of the price
CHARGES: dict[str, tuple[PriceType, str]] = {"POSTPAID_BY_HOUR": ("on_demand", "UnitPrice"), "SPOTPAID": ("spot", "UnitPriceDiscount")}
STOCK: dict[str, Availability] = {"EnoughStock": "high", "NormalStock": "medium", "UnderStock": "low", "WithoutStock": "sold_out"}


class Tencent(Adapter):
    source = "tencent"
    provider = "tencent"
    title = "Tencent Cloud"
    base_url = "https://cvm.intl.tencentcloudapi.com"
    cadence = timedelta(minutes=2)
    limits = (Limit(requests=40, per=timedelta(seconds=1), burst=10),)
    credential = ("TENCENT_SECRET_ID", "TENCENT_SECRET_KEY")
    auth = "signed"
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot")
    stock = "levels"
    docs_url = "https://www.tencentcloud.com/document/product/213/33267"
    terms = "https://www.tencentcloud.com/document/product/301 (not read; an account's own key is used)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = FAMILIES

    def slices(self) -> Sequence[Slice]:
        filters = [
            {"Name": "instance-family", "Values": list(FAMILIES)},
            {"Name": "instance-charge-type", "Values": list(CHARGES)},
        ]
        action = {"x-tc-action": "DescribeZoneInstanceConfigInfos", "x-tc-version": "2017-03-12"}
        return [
            Slice(
                name=region,
                requests=(
                    Request(
                        name="configurations", path="/", method="POST", json={"Filters": filters}, headers={**action, "x-tc-region": region}
                    ),
                ),
            )
            for region in REGIONS
        ]

    def sign(self, request: Outgoing, credentials: Mapping[str, str], now: datetime) -> Outgoing:
        """TC3-HMAC-SHA256. https://www.tencentcloud.com/document/api/213/33224"""
        host = urlsplit(request.url).netloc
        timestamp, day = str(int(now.timestamp())), now.astimezone(UTC).date().isoformat()
        signed = f"content-type:application/json\nhost:{host}\n"
        canonical = f"{request.method}\n/\n\n{signed}\ncontent-type;host\n{hashlib.sha256(request.body).hexdigest()}"
        scope = f"{day}/{SERVICE}/tc3_request"
        to_sign = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        secret_id, secret_key = (credentials[name] for name in self.credential)
        key = f"TC3{secret_key}".encode()
        for part in (day, SERVICE, "tc3_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        credential = f"Credential={secret_id}/{scope}, SignedHeaders=content-type;host, Signature={signature}"
        headers = {**request.headers, "x-tc-timestamp": timestamp, "authorization": f"TC3-HMAC-SHA256 {credential}"}
        return msgspec.structs.replace(request, headers=headers)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            answer = table(page.body, "Response")
            _raise_error(answer)
            read = partial(self._offers, page.request.headers["x-tc-region"])
            yield from each(listing(answer, "InstanceTypeQuotaSet"), "InstanceTypeQuotaSet", read)

    def _offers(self, region: str, row: Row) -> list[Offer]:
        charge = CHARGES.get(text(row, "InstanceChargeType"))
        if charge is None:
            return []  # paid in advance, or on a host of one's own
        price_type, price_field = charge
        zone, name = text(row, "Zone"), text(row, "InstanceType")
        if not zone.startswith(f"{region}-"):
            raise BadRow("Zone", f"{zone[:40]!r} is not in {region}")
        price = child(row, "Price")
        if text(price, "ChargeUnit") != "HOUR":
            raise BadRow("ChargeUnit", f"{price['ChargeUnit'][:40]!r} where 'HOUR' is documented")
        gpu, gpus = self._gpu(row)
        return [
            Offer(
                offer_key=f"{zone}/{name}/{price_type}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=price_type,
                amount=amount(price, price_field),
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=zone,
                country=REGIONS[region],
                availability=_availability(row),
                vcpus=optional_float(row, "Cpu"),
                memory_gib=optional_float(row, "Memory"),
                instance_type=name,
            )
        ]

    def _gpu(self, row: Row) -> tuple[str, int]:
        family = text(row, "InstanceFamily")
        card = self.gpus.get(family)
        if card is None:
            raise UnknownGpu("InstanceFamily", family, f"unknown GPU family {family[:80]!r}")
        gpus = number(row, "GpuCount")
        if gpus >= 1 and gpus == int(gpus):
            return card, int(gpus)
        share = f"{card}-1of{1 / gpus:.0f}" if LEAST_SHARE <= gpus < 1 and (1 / gpus) % 1 == 0 else ""
        if share not in GPUS:
            raise UnknownGpu("GpuCount", f"{gpus} of {card}", f"{gpus} of {card} is no known number or share")
        return share, 1


def _availability(row: Row) -> Availability:
    """SOLD_OUT counts above the category, which lags; a status that nobody has documented tells nothing."""
    status, category = row.get("Status"), row.get("StatusCategory")
    if status == "SOLD_OUT":
        return "sold_out"
    return stock(STOCK, category) if status == "SELL" else "unknown"


def _raise_error(answer: dict[str, Any]) -> None:
    """Raises AuthFailed, Transient or PayloadChanged for an answer that is an error. https://www.tencentcloud.com/document/api/213/33281"""
    error = answer.get("Error")
    if error is None:
        return
    code = error.get("Code") if isinstance(error, dict) else None
    message = f"configurations: {str(code)[:80]}"
    if isinstance(code, str) and code.startswith(("AuthFailure", "UnauthorizedOperation")):
        raise AuthFailed(message)
    if isinstance(code, str) and code.startswith(("RequestLimitExceeded", "InternalError", "ResourceInsufficient")):
        raise Transient(message)
    raise PayloadChanged(message, "Error")
