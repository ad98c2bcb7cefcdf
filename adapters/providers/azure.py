"""Microsoft Azure: retail list prices of GPU virtual machines, on demand and spot.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices

Prices are USD per hour for the whole machine; stock is not told. Spot is told by the end of the meter's name and can cost as much as on
demand (H200 in uksouth, recorded 2026-10). The list has prices of other days, too: yet to begin, retired years ago, and some whose window
ends before it begins, at a cent (seen in 2026). Only what is in force today counts. Rows of other products are left out: Windows (licence
included), the old batch kind "Low Priority", DevTest, Cloud Services, government regions, meters that nothing is charged by, reservations
(the whole term's price under "1 Hour") and the rates of savings plans, which need a commitment. Where two prices of one offer are left,
neither is believed. The GPU is known by the size's name only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, UnknownGpu, amount, listing, text
from adapters.statements import Agreed
from schemas.vocabulary import PriceType

PATH = "/api/retail/prices"
FILTER = "serviceName eq 'Virtual Machines' and startswith(armSkuName, 'Standard_N')"
"""All GPU sizes are of the N family, and no other rows have such names."""

# GPU -> sizes with how many of it (a slice of a GPU is an id of its own). https://learn.microsoft.com/azure/virtual-machines/sizes/overview
SIZES = {
    "T4-PCIE-16": "NC4as_T4_v3:1 NC8as_T4_v3:1 NC16as_T4_v3:1 NC64as_T4_v3:4",
    "V100-PCIE-16": "NC6s_v3:1 NC12s_v3:2 NC24s_v3:4 NC24rs_v3:4",
    "V100-SXM-32": "ND40rs_v2:8",
    "A100-PCIE-80": "NC24ads_A100_v4:1 NC48ads_A100_v4:2 NC96ads_A100_v4:4",
    "A100-SXM-40": "ND96asr_v4:8",
    "A100-SXM-80": "ND96amsr_A100_v4:8 ND96ams_A100_v4:8",
    "H100-NVL-94": "NC40ads_H100_v5:1 NC80adis_H100_v5:2 NCC40ads_H100_v5:1",
    "H100-SXM-80": "ND96isr_H100_v5:8 ND96is_H100_v5:8",
    "H200-SXM-141": "ND96isr_H200_v5:8 ND96is_H200_v5:8",
    "GB200-SUPERCHIP-186": "ND128isr_NDR_GB200_v6:4",
    "GB300-SUPERCHIP-288": "ND128isr_GB300_v6:4",
    "MI300X-OAM-192": "ND96isr_MI300X_v5:8 ND96is_MI300X_v5:8",
    "A10-PCIE-24-1of6": "NV6ads_A10_v5:1",
    "A10-PCIE-24-1of3": "NV12ads_A10_v5:1",
    "A10-PCIE-24-1of2": "NV18ads_A10_v5:1",
    "A10-PCIE-24": "NV36ads_A10_v5:1 NV36adms_A10_v5:1 NV72ads_A10_v5:2",
    "RTXPRO6000SE-PCIE-96-1of4": ("NC24lds_xl_RTXPRO6000BSE_v6:1 NC36ds_xl_RTXPRO6000BSE_v6:1 NC36lds_xl_RTXPRO6000BSE_v6:1"),
    "RTXPRO6000SE-PCIE-96-1of2": "NC72ds_xl_RTXPRO6000BSE_v6:1 NC72lds_xl_RTXPRO6000BSE_v6:1",
    # https://techcommunity.microsoft.com/t5/azure-high-performance-computing/azure-ncv6-virtual-machines-enhancements-and-ga-transition/ba-p/4503578
    "RTXPRO6000SE-PCIE-96": (
        "NC132ds_xl_RTXPRO6000BSE_v6:1 NC132lds_xl_RTXPRO6000BSE_v6:1 NC144ds_xl_RTXPRO6000BSE_v6:1 NC144lds_xl_RTXPRO6000BSE_v6:1 "
        "NC264ds_xl_RTXPRO6000BSE_v6:2 NC264lds_xl_RTXPRO6000BSE_v6:2 NC288ds_xl_RTXPRO6000BSE_v6:2 NC288lds_xl_RTXPRO6000BSE_v6:2 "
        "NC324ds_xl_RTXPRO6000BSE_v6:2 NC324lds_xl_RTXPRO6000BSE_v6:2"
    ),
    "M60-PCIE-8": "NV12s_v3:1 NV24s_v3:2 NV48s_v3:4 NV6:1 NV12:2 NV24:4",
    "K80-PCIE-12": "NC6:1 NC12:2 NC24:4 NC24r:4",
    "P100-PCIE-16": "NC6s_v2:1 NC12s_v2:2 NC24s_v2:4 NC24rs_v2:4",
    "P40-PCIE-24": "ND6s:1 ND12s:2 ND24s:4 ND24rs:4",
    "MI25-PCIE-16-1of8": "NV4as_v4:1",
    "MI25-PCIE-16-1of4": "NV8as_v4:1",
    "MI25-PCIE-16-1of2": "NV16as_v4:1",
    "MI25-PCIE-16": "NV32as_v4:1",
    "V710-PCIE-28-1of6": "NV4ads_V710_v5:1",
    "V710-PCIE-28-1of3": "NV8ads_V710_v5:1",
    "V710-PCIE-28-1of2": "NV12ads_V710_v5:1",
    "V710-PCIE-28": "NV24ads_V710_v5:1 NV28adms_V710_v5:1",
    "V620-PCIE-32-1of4": "NG8ads_V620_v1:1",
    "V620-PCIE-32-1of2": "NG16ads_V620_v1:1",
    "V620-PCIE-32": "NG32ads_V620_v1:1 NG32adms_V620_v1:1",
}

REGIONS = {
    "US": "eastus eastus2 centralus northcentralus southcentralus westcentralus westus westus2 westus3 southeastus southcentralus2",
    "CA": "canadacentral canadaeast", "MX": "mexicocentral", "BR": "brazilsouth brazilsoutheast", "CL": "chilecentral",
    "IE": "northeurope", "NL": "westeurope", "GB": "uksouth ukwest", "FR": "francecentral francesouth", "IT": "italynorth",
    "DE": "germanywestcentral germanynorth", "CH": "switzerlandnorth switzerlandwest", "SE": "swedencentral swedensouth",
    "NO": "norwayeast norwaywest", "PL": "polandcentral", "ES": "spaincentral", "AT": "austriaeast", "BE": "belgiumcentral",
    "DK": "denmarkeast", "IL": "israelcentral", "QA": "qatarcentral", "AE": "uaenorth uaecentral", "ZA": "southafricanorth southafricawest",
    "IN": "centralindia southindia westindia jioindiawest jioindiacentral", "JP": "japaneast japanwest", "KR": "koreacentral koreasouth",
    "HK": "eastasia", "SG": "southeastasia", "MY": "malaysiawest", "ID": "indonesiacentral", "NZ": "newzealandnorth",
    "AU": "australiaeast australiasoutheast australiacentral australiacentral2",
}  # fmt: skip
COUNTRIES = {region: country for country, regions in REGIONS.items() for region in regions.split()}

OTHER_TYPES = frozenset({"Reservation", "DevTestConsumption"})


# Seen in the list or in Microsoft's own tools, in 2026: reason -> sizes. Hundreds of rows: refused, they would cost the whole answer.
LEFT_OUT = {
    "FPGAs": "NP10s NP20s NP40s",
    "a card for video": "NM16ads_MA35D",
    "a size of the preview, whose number of GPUs Microsoft's table doesn't say": " ".join(
        f"NC{cores}{kind}_xl_RTXPRO6000BSE_v6" for cores in (8, 16, 32, 64, 128, 256, 320) for kind in ("ds", "lds", "mds")
    ),
    "Microsoft has no table of this series": "NC8ads_A10_v4 NC16ads_A10_v4 NC32ads_A10_v4",
    "another name of a documented size's machine, at the same price": (
        "ND40s_v2 ND96asr_A100_v4 ND96is_flex_H100_v5 ND96is_noIB_H100_v5 ND96isf_H100_v5 ND96isrf_H100_v5 ND96isf_H200_v5 "
        "ND96isrf_H200_v5 ND128isrf_NDR_GB200_v6"
    ),
    "a promotion of sizes since retired": "NC6_Promo NC12_Promo NC24_Promo NC24r_Promo NV6_Promo NV12_Promo NV24_Promo",
}
GOVERNMENT = ("usgov", "usdod", "ussec", "usnat")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


class Size(NamedTuple):
    gpu: str
    gpus: int


def _sizes() -> dict[str, Size]:
    pairs = ((gpu, *size.split(":")) for gpu, sizes in SIZES.items() for size in sizes.split())
    return {f"Standard_{name}": Size(gpu, int(gpus)) for gpu, name, gpus in pairs}


class Azure(Adapter):
    source = "azure"
    provider = "azure"
    title = "Microsoft Azure"
    base_url = "https://prices.azure.com"
    reads_clock = True
    cadence = timedelta(hours=1)
    limits = (Limit(requests=1, per=timedelta(seconds=1), known="ours"),)
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot")
    docs_url = "https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices"
    terms = "https://azure.microsoft.com/support/legal/ (not read; the API is public and needs no account)"
    confidence = "grounded"
    sizes: ClassVar[Mapping[str, Size]] = _sizes()
    gpus: ClassVar[Mapping[str, str]] = {name: size.gpu for name, size in _sizes().items()}
    ignored: ClassVar[Mapping[str, str]] = {f"Standard_{name}": why for why, names in LEFT_OUT.items() for name in names.split()}

    def slices(self) -> Sequence[Slice]:
        query = {"api-version": "2023-01-01-preview", "$filter": FILTER}
        return [Slice(name="", requests=(Request(name="prices", path=PATH, query=query),))]

    def next_page(self, page: Page) -> Request | None:
        link = page.body.get("NextPageLink") if isinstance(page.body, dict) else None
        if not link:
            return None
        target = urlsplit(link) if isinstance(link, str) else None
        if target is None or target.scheme != "https" or target.hostname != urlsplit(self.base_url).hostname or target.path != PATH:
            raise PayloadChanged("NextPageLink leads away from the price list", "NextPageLink")
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        if query == dict(page.request.query):
            raise PayloadChanged("NextPageLink leads to its own page", "NextPageLink")
        return Request(name="prices", path=PATH, query=query, page=page.request.page + 1)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        now = observed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        agreed = Agreed("retailPrice")
        for page in pages:
            currency = page.body.get("BillingCurrency") if isinstance(page.body, dict) else None
            yield from agreed.each(listing(page.body, "Items"), "Items", partial(self._offers, currency, now))
        yield from agreed

    def _offers(self, billing_currency: Any, now: str, row: Row) -> list[Offer]:
        name = text(row, "armSkuName")
        if not name.startswith("Standard_N") or name in self.ignored:
            return []
        price_type = _price_type(row)
        region = text(row, "armRegionName")
        if price_type is None or region.startswith(GOVERNMENT) or not _charged(row, now):
            return []
        size = self.sizes.get(name)
        if size is None:
            raise UnknownGpu("armSkuName", name, f"unknown GPU size {name[:80]!r}")
        if text(row, "unitOfMeasure") != "1 Hour":
            raise BadRow("unitOfMeasure", f"{row['unitOfMeasure'][:40]!r} where '1 Hour' is documented")
        currency = row.get("currencyCode", billing_currency)
        if not isinstance(currency, str) or not currency:
            raise BadRow("currencyCode", "text is missing, also as BillingCurrency")
        return [
            Offer(
                offer_key=f"{region}/{name}/{price_type}",
                gpu=size.gpu,
                gpu_count=size.gpus,
                price_type=price_type,
                amount=amount(row, "retailPrice"),
                currency=currency,
                unit="hour",
                basis="per_instance",
                region=region,
                country=COUNTRIES.get(region),
                availability="unknown",
                instance_type=name,
            )
        ]


def _price_type(row: Row) -> PriceType | None:
    """None for a row of another product."""
    kind, product, meter = text(row, "type"), text(row, "productName"), text(row, "meterName")
    if kind in OTHER_TYPES or product.endswith("Windows") or "CloudServices" in product.replace(" ", "") or meter.endswith(" Low Priority"):
        return None
    if kind != "Consumption":
        raise BadRow("type", f"unknown type of price {kind[:40]!r}")
    return "spot" if meter.endswith(" Spot") else "on_demand"


def _charged(row: Row, now: str) -> bool:
    """Whether machines are charged by this row now: by the region's primary meter, at a price that is in force. The last day counts."""
    starts, ends = _time(row, "effectiveStartDate"), _time(row, "effectiveEndDate")
    return row.get("isPrimaryMeterRegion") is not False and starts <= now and (not ends or ends[:10] >= now[:10])


def _time(row: Row, field: str) -> str:
    """A time in UTC as the list writes it; empty where it states none."""
    value = row.get(field)
    if value is None:
        return ""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise BadRow(field, f"{str(value)[:40]!r} is no time, and tells not whether the price is in force")
    return value
