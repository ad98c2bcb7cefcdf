"""Azure retail prices: rows per VM size, region and meter, filtered with OData and paged by an absolute link.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sim.exchange import Answer, Exchange, Wire, dumps, json_answer, money, query_int
from sim.market import Habit, Listing, Market
from sim.wire.odata import BadFilter, compiled

PATH = "/api/retail/prices"
PER_PAGE, PER_PAGE_PREVIEW = 100, 1000
LIST = Habit(step_s=24 * 3600)
SPOT = Habit(step_s=3600, noise=0.004, jump=0.02)
WINDOWS_PER_CORE = 46_000
LOW_PRIORITY_PERCENT = 20

# armSkuName without "Standard_", meterName, product, "Linux" in its name, canonical id, GPUs, cores, USD micros per GPU-hour, spot percent
SIZES = (
    ("NC4as_T4_v3", "NC4as T4 v3", "NCasT4_v3 Series", "", "T4-PCIE-16", 1, 4, 526_000, 34),
    ("NC64as_T4_v3", "NC64as T4 v3", "NCasT4_v3 Series", "", "T4-PCIE-16", 4, 64, 1_088_000, 34),
    ("NC24ads_A100_v4", "NC24ads_A100_v4", "NCads A100 v4 Series", " Linux", "A100-PCIE-80", 1, 24, 3_673_000, 28),
    ("NC48ads_A100_v4", "NC48ads_A100_v4", "NCads A100 v4 Series", " Linux", "A100-PCIE-80", 2, 48, 3_673_000, 28),
    ("NC96ads_A100_v4", "NC96ads_A100_v4", "NCads A100 v4 Series", " Linux", "A100-PCIE-80", 4, 96, 3_673_000, 28),
    ("NC40ads_H100_v5", "NC40adsH100v5", "NCadsH100v5 Series", "", "H100-NVL-94", 1, 40, 6_980_000, 26),
    ("NC80adis_H100_v5", "NC80adisH100v5", "NCadsH100v5 Series", "", "H100-NVL-94", 2, 80, 6_980_000, 26),
    ("ND96asr_v4", "ND96asr_A100_v4", "NDasr A100 v4 Series", "", "A100-SXM-40", 8, 96, 3_399_625, 30),
    ("ND96amsr_A100_v4", "ND96amsr A100 v4", "NDamsr A100 v4 Series", " Linux", "A100-SXM-80", 8, 96, 4_096_250, 30),
    ("ND96isr_H100_v5", "ND96isrH100v5", "NDsr H100 v5 Series", "", "H100-SXM-80", 8, 96, 12_290_000, 24),
    ("ND96isr_H200_v5", "ND96isrH200v5", "NDsrH200v5 Series", "", "H200-SXM-141", 8, 96, 10_600_000, 30),
    ("ND96isr_MI300X_v5", "ND96isrMI300Xv5", "NDMI300Xv5 Srs", "", "MI300X-OAM-192", 8, 96, 6_000_000, 25),
    ("NV36ads_A10_v5", "NV36ads_A10_v5", "NVadsA10v5 Series", "", "A10-PCIE-24", 1, 36, 3_200_000, 22),
    ("NV72ads_A10_v5", "NV72ads_A10_v5", "NVadsA10v5 Series", "", "A10-PCIE-24", 2, 72, 3_260_000, 22),
)
# region, location, percent of the base price, and every n-th size is missing there (0: none)
REGIONS = (
    ("eastus", "US East", 100, 0),
    ("westus3", "US West 3", 100, 5),
    ("westeurope", "EU West", 112, 6),
    ("swedencentral", "SE Central", 106, 0),
    ("uksouth", "UK South", 110, 5),
    ("japaneast", "JA East", 116, 4),
    ("usgovvirginia", "US Gov Virginia", 125, 2),
)
# Listed since the market went live only, and without rows of other products: sizes as above, and regions in which both are.
CROWD_SIZES = (
    ("NC6s_v3", "NC6s v3", "NCSv3 Series", "", "V100-PCIE-16", 1, 6, 3_060_000, 30),
    ("NC12s_v3", "NC12s v3", "NCSv3 Series", "", "V100-PCIE-16", 2, 12, 3_060_000, 30),
    ("NC24s_v3", "NC24s v3", "NCSv3 Series", "", "V100-PCIE-16", 4, 24, 3_060_000, 30),
    ("ND40rs_v2", "ND40rs v2", "NDrSv2 Series", "", "V100-SXM-32", 8, 40, 2_754_000, 30),
    ("NV6ads_A10_v5", "NV6ads_A10_v5", "NVadsA10v5 Series", "", "A10-PCIE-24-1of6", 1, 6, 454_000, 22),
    ("NV12ads_A10_v5", "NV12ads_A10_v5", "NVadsA10v5 Series", "", "A10-PCIE-24-1of3", 1, 12, 908_000, 22),
    ("NV18ads_A10_v5", "NV18ads_A10_v5", "NVadsA10v5 Series", "", "A10-PCIE-24-1of2", 1, 18, 1_600_000, 22),
    ("NV12s_v3", "NV12s v3", "NVSv3 Series", "", "M60-PCIE-8", 1, 12, 1_140_000, 25),
    ("NV24s_v3", "NV24s v3", "NVSv3 Series", "", "M60-PCIE-8", 2, 24, 1_140_000, 25),
    ("NV48s_v3", "NV48s v3", "NVSv3 Series", "", "M60-PCIE-8", 4, 48, 1_140_000, 25),
    ("NV8ads_V710_v5", "NV8ads V710 v5", "NVadsV710v5 Series", "", "V710-PCIE-28-1of3", 1, 8, 530_000, 24),
    ("NV24ads_V710_v5", "NV24ads V710 v5", "NVadsV710v5 Series", "", "V710-PCIE-28", 1, 24, 1_590_000, 24),
    ("NC144ds_xl_RTXPRO6000BSE_v6", "NC144ds_xl_RTXPRO6000BSE_v6", "NCdsxl Series", "", "RTXPRO6000SE-PCIE-96", 1, 144, 4_100_000, 27),
    ("NC288ds_xl_RTXPRO6000BSE_v6", "NC288ds_xl_RTXPRO6000BSE_v6", "NCdsxl Series", "", "RTXPRO6000SE-PCIE-96", 2, 288, 4_100_000, 27),
    ("ND128isr_NDR_GB200_v6", "ND128isrNDRGB200v6", "NDsrGB200v6 Series", "", "GB200-SUPERCHIP-186", 4, 128, 27_040_000, 30),
    ("ND128isr_GB300_v6", "ND128isrGB300v6", "NDsrGB300v6 Series", "", "GB300-SUPERCHIP-288", 4, 128, 29_500_000, 30),
)
CROWD_REGIONS = (
    ("eastus2", "US East 2", 100, 0),
    ("centralus", "US Central", 103, 7),
    ("northcentralus", "US North Central", 106, 6),
    ("southcentralus", "US South Central", 104, 0),
    ("westus", "US West", 110, 9),
    ("westus2", "US West 2", 102, 0),
    ("canadacentral", "CA Central", 108, 6),
    ("canadaeast", "CA East", 109, 4),
    ("mexicocentral", "MX Central", 112, 5),
    ("northeurope", "EU North", 107, 8),
    ("ukwest", "UK West", 112, 4),
    ("francecentral", "FR Central", 111, 0),
    ("italynorth", "IT North", 110, 7),
    ("germanywestcentral", "DE West Central", 109, 0),
    ("switzerlandnorth", "CH North", 116, 6),
    ("norwayeast", "NO East", 108, 5),
    ("polandcentral", "PL Central", 106, 6),
    ("spaincentral", "ES Central", 107, 5),
    ("israelcentral", "IL Central", 112, 6),
    ("uaenorth", "AE North", 113, 5),
    ("southafricanorth", "ZA North", 114, 5),
    ("centralindia", "IN Central", 105, 8),
    ("southindia", "IN South", 106, 4),
    ("japanwest", "JA West", 115, 4),
    ("koreacentral", "KR Central", 109, 7),
    ("eastasia", "AP East", 113, 6),
    ("southeastasia", "AP Southeast", 110, 9),
    ("australiaeast", "AU East", 112, 8),
    ("newzealandnorth", "NZ North", 114, 5),
)
CPU_SIZES = (("D4s_v5", 4, 192_000), ("D8s_v5", 8, 384_000), ("E16s_v5", 16, 1_008_000), ("F8s_v2", 8, 338_000))


class AzureWire(Wire):
    provider = "azure"
    host = "prices.azure.com"
    price_fields = ("retailPrice", "unitPrice")
    optional_field = "isPrimaryMeterRegion"

    def catalogue(self) -> tuple[Listing, ...]:
        self.rows: list[tuple[dict[str, Any], Listing | None, int, int]] = []
        """(the row without its price, the listing it follows, percent of that, micros on top for the instance)"""
        listings: list[Listing] = []
        for region, location, percent, gap in REGIONS:
            for number, size in enumerate(SIZES, 1):
                if not gap or number % gap:
                    listings += self._add(size, region, location, percent)
        for region, location, percent, gap in CROWD_REGIONS:
            for number, size in enumerate(SIZES + CROWD_SIZES, 1):
                if not gap or number % gap:
                    listings += self._add(size, region, location, percent, crowd=True)
        for region, location, percent, _ in REGIONS:
            for name, cores, micros in CPU_SIZES:
                for licence in ("", " Windows"):
                    product = f"Virtual Machines {name[0]}s Series{licence}"
                    row = _row(f"Standard_{name}", region, location, name.replace("_", " "), product)
                    price = micros * percent // 100 + (cores * WINDOWS_PER_CORE if licence else 0)
                    self.rows.append((row, None, 0, price))
        # The real answer comes in no order that one could lean on.
        self.rows.sort(key=lambda entry: blake2b(f"{entry[0]['meterId']}".encode(), digest_size=8).digest())
        return tuple(listings)

    def answer(self, market: Market, exchange: Exchange, at_ms: int) -> Answer:
        if exchange.path != PATH or exchange.method != "GET":
            return json_answer({"Error": {"Code": "NotFound", "Message": "no such resource"}}, 404)
        try:
            wanted = compiled(exchange.query.get("$filter", ""))
            rows = [entry for entry in self.rows if (entry[1] is None or market.listed(entry[1], at_ms)) and wanted(entry[0])]
        except BadFilter as error:
            return json_answer({"Error": {"Code": "BadRequest", "Message": f"Invalid OData parameters supplied: {error}"}}, 400)
        per_page = PER_PAGE_PREVIEW if "preview" in exchange.query.get("api-version", "") else PER_PAGE
        skip = query_int(exchange, "$skip", 0)
        items = [_priced(market, *entry, at_ms) for entry in rows[skip : skip + per_page]]
        after = skip + per_page
        next_link = None
        if after < len(rows):
            next_link = f"https://{self.host}{PATH}?{urlencode({**exchange.query, '$skip': after})}"
        return json_answer(_envelope(items, next_link))

    def nothing(self, exchange: Exchange) -> bytes:
        return dumps(_envelope([], None))

    def _add(
        self, size: tuple[str, str, str, str, str, int, int, int, int], region: str, location: str, percent: int, *, crowd: bool = False
    ) -> Iterator[Listing]:
        name, meter, product, linux, gpu, gpus, cores, micros, spot_percent = size
        sku = f"Standard_{name}"
        micros = micros * percent // 100
        listed = Listing("azure", f"{region}/{sku}/on_demand", gpu, gpus, region, "on_demand", micros, LIST, crowd=crowd)
        spot = Listing("azure", f"{region}/{sku}/spot", gpu, gpus, region, "spot", micros * spot_percent // 100, SPOT, crowd=crowd)
        yield listed
        yield spot
        if crowd:
            for suffix, listing in (("", listed), (" Spot", spot)):
                self.rows.append((_row(sku, region, location, meter + suffix, f"Virtual Machines {product}{linux}"), listing, 100, 0))
            return
        licence = cores * WINDOWS_PER_CORE
        for suffix, listing, part, on_top in (
            ("", listed, 100, 0),
            (" Spot", spot, 100, 0),
            (" Low Priority", listed, LOW_PRIORITY_PERCENT, 0),
        ):
            row = _row(sku, region, location, meter + suffix, f"Virtual Machines {product}{linux}")
            self.rows.append((row, listing, part, on_top))
            licensed = _row(sku, region, location, meter + suffix, f"Virtual Machines {product} Windows")
            self.rows.append((licensed, listing, part, licence * part // 100))
        # Traps of the real list: a price of years ago, what is paid in advance for a year or three, and one for developers' subscriptions.
        retired = {
            **_row(sku, region, location, meter, f"Virtual Machines {product}{linux}"),
            "effectiveStartDate": "2023-03-01T00:00:00Z",
            "effectiveEndDate": "2025-02-28T00:00:00Z",
            "meterId": _id(f"{region}/{sku}/retired"),
        }
        self.rows.append((retired, listed, 130, 0))
        reserved = _row(sku, region, location, meter, f"Virtual Machines {product}{linux}")
        for term, hours_percent in (("1 Year", 8760 * 63), ("3 Years", 26_280 * 43)):
            row = {**reserved, "type": "Reservation", "reservationTerm": term, "meterId": _id(f"{region}/{sku}/{term}")}
            self.rows.append((row, None, 0, micros * gpus * hours_percent // 100))
        developers = {
            **_row(sku, region, location, meter, f"Virtual Machines {product} Windows"),
            "type": "DevTestConsumption",
            "meterId": _id(f"{region}/{sku}/developers"),
        }
        self.rows.append((developers, listed, 100, 0))


def _row(sku: str, region: str, location: str, meter: str, product: str) -> dict[str, Any]:
    name = sku.removeprefix("Standard_").replace("_", " ")
    suffix = next((s for s in (" Spot", " Low Priority") if meter.endswith(s)), "")
    identity = blake2b(f"{sku}/{region}/{meter}/{product}".encode(), digest_size=16).digest()
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0,
        "retailPrice": 0,
        "unitPrice": 0,
        "armRegionName": region,
        "location": location,
        "effectiveStartDate": "2025-03-01T00:00:00Z",
        "meterId": _id(f"{sku}/{region}/{meter}/{product}"),
        "meterName": meter,
        "productId": f"DZH318Z{identity.hex()[:5].upper()}",
        "skuId": f"DZH318Z{identity.hex()[:5].upper()}/{identity.hex()[5:9].upper()}",
        "productName": product,
        "skuName": name + suffix,
        "serviceName": "Virtual Machines",
        "serviceId": "DZH313Z7MMC8",
        "serviceFamily": "Compute",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": sku,
    }


def _id(name: str) -> str:
    return str(UUID(bytes=blake2b(name.encode(), digest_size=16).digest(), version=4))


def _priced(market: Market, row: dict[str, Any], listing: Listing | None, percent: int, on_top: int, at_ms: int) -> dict[str, Any]:
    micros = on_top
    if listing is not None:
        micros += market.micros(listing, at_ms) * listing.count * percent // 100
    price = money(micros, 6)
    return {**row, "retailPrice": price, "unitPrice": price}


def _envelope(items: list[dict[str, Any]], next_link: str | None) -> dict[str, Any]:
    return {
        "BillingCurrency": "USD",
        "CustomerEntityId": "Default",
        "CustomerEntityType": "Retail",
        "Items": items,
        "NextPageLink": next_link,
        "Count": len(items),
    }
