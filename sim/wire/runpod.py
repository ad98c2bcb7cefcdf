"""RunPod's GraphQL: secure and community prices per GPU, stock as text.

https://docs.runpod.io/sdks/graphql/manage-pods
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sim.exchange import Answer, Exchange, Wire, dumps, json_answer, money
from sim.market import Habit, Listing, Market
from sim.wire.graphql import BadQuery, parse, pick

SECURE = Habit(step_s=900, drift=0.006, noise=0.002, scarcity=0.1)
COMMUNITY = Habit(step_s=420, drift=0.008, daily=0.006, noise=0.004, scarcity=0.2)
BID_PERCENT = 55
STOCK = (None, "Low", "Medium", "High")
PLACES = (("US-KS-2", "US"), ("US-TX-3", "US"), ("CA-MTL-3", "CA"), ("EU-RO-1", "RO"), ("EUR-IS-1", "IS"), ("AP-JP-1", "JP"))

# id, displayName, canonical id, GiB, secure and community price in micros (0: not offered), most GPUs in a pod
CARDS = (
    ("AMD Instinct MI300X OAM", "MI300X", "MI300X-OAM-192", 192, 2_490_000, 0, 8),
    ("NVIDIA A100 80GB PCIe", "A100 PCIe", "A100-PCIE-80", 80, 1_640_000, 1_190_000, 8),
    ("NVIDIA A100-SXM4-80GB", "A100 SXM", "A100-SXM-80", 80, 1_740_000, 1_390_000, 8),
    ("NVIDIA A30", "A30", "A30-PCIE-24", 24, 0, 220_000, 4),
    ("NVIDIA A40", "A40", "A40-PCIE-48", 48, 440_000, 350_000, 9),
    ("NVIDIA B200", "B200", "B200-SXM-180", 180, 5_980_000, 4_990_000, 8),
    ("NVIDIA B300 SXM6 AC", "B300", "B300-SXM-288", 288, 7_390_000, 0, 8),
    ("NVIDIA GeForce RTX 3070", "RTX 3070", "RTX3070-PCIE-8", 8, 0, 130_000, 4),
    ("NVIDIA GeForce RTX 3080", "RTX 3080", "RTX3080-PCIE-10", 10, 0, 170_000, 6),
    ("NVIDIA GeForce RTX 3090", "RTX 3090", "RTX3090-PCIE-24", 24, 460_000, 220_000, 8),
    ("NVIDIA GeForce RTX 3090 Ti", "RTX 3090 Ti", "RTX3090TI-PCIE-24", 24, 0, 270_000, 4),
    ("NVIDIA GeForce RTX 4080 SUPER", "RTX 4080 SUPER", "RTX4080SUPER-PCIE-16", 16, 0, 280_000, 4),
    ("NVIDIA GeForce RTX 4090", "RTX 4090", "RTX4090-PCIE-24", 24, 690_000, 340_000, 8),
    ("NVIDIA GeForce RTX 5080", "RTX 5080", "RTX5080-PCIE-16", 16, 0, 390_000, 4),
    ("NVIDIA GeForce RTX 5090", "RTX 5090", "RTX5090-PCIE-32", 32, 940_000, 690_000, 8),
    ("NVIDIA H100 80GB HBM3", "H100 SXM", "H100-SXM-80", 80, 2_990_000, 2_690_000, 8),
    ("NVIDIA H100 NVL", "H100 NVL", "H100-NVL-94", 94, 2_790_000, 2_590_000, 8),
    ("NVIDIA H100 PCIe", "H100 PCIe", "H100-PCIE-80", 80, 2_390_000, 1_990_000, 8),
    ("NVIDIA H200", "H200 SXM", "H200-SXM-141", 141, 3_990_000, 3_590_000, 8),
    ("NVIDIA L4", "L4", "L4-PCIE-24", 24, 430_000, 0, 8),
    ("NVIDIA L40", "L40", "L40-PCIE-48", 48, 990_000, 690_000, 8),
    ("NVIDIA L40S", "L40S", "L40S-PCIE-48", 48, 860_000, 790_000, 8),
    ("NVIDIA RTX 4000 Ada Generation", "RTX 4000 Ada", "RTX4000ADA-PCIE-20", 20, 260_000, 200_000, 8),
    ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", "RTX6000ADA-PCIE-48", 48, 770_000, 740_000, 8),
    ("NVIDIA RTX A4000", "RTX A4000", "RTXA4000-PCIE-16", 16, 250_000, 170_000, 8),
    ("NVIDIA RTX A4500", "RTX A4500", "RTXA4500-PCIE-20", 20, 250_000, 190_000, 8),
    ("NVIDIA RTX A5000", "RTX A5000", "RTXA5000-PCIE-24", 24, 270_000, 160_000, 8),
    ("NVIDIA RTX A6000", "RTX A6000", "RTXA6000-PCIE-48", 48, 490_000, 330_000, 8),
    ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000", "RTXPRO6000SE-PCIE-96", 96, 1_890_000, 1_690_000, 8),
    ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX PRO 6000 WK", "RTXPRO6000WS-PCIE-96", 96, 1_990_000, 1_690_000, 8),
    ("Tesla V100-SXM2-16GB", "V100 SXM2", "V100-SXM-16", 16, 0, 230_000, 8),
)


class RunPodWire(Wire):
    provider = "runpod"
    host = "api.runpod.io"
    price_fields = ("securePrice", "communityPrice")
    optional_field = "stockStatus"

    def catalogue(self) -> tuple[Listing, ...]:
        found = []
        for name, _, gpu, _, secure, community, most in CARDS:
            if secure:
                found.append(Listing("runpod", f"{name}/on_demand", gpu, most, "", "on_demand", secure, SECURE, per_gpu=True))
            if community:
                found.append(Listing("runpod", f"{name}/community", gpu, most, "", "community", community, COMMUNITY, per_gpu=True))
        return tuple(found)

    def __init__(self) -> None:
        super().__init__()
        self.table = {listing.key: listing for listing in self.listings}

    def knows(self, exchange: Exchange) -> bool:
        return exchange.path == "/graphql"

    def answer(self, market: Market, exchange: Exchange, at_ms: int) -> Answer:
        if exchange.path != "/graphql" or exchange.method != "POST":
            return json_answer({"message": "Not Found"}, 404)
        try:
            asked = msgspec.json.decode(exchange.body)
            fields = parse(asked["query"], asked.get("variables") or {})
            return json_answer({"data": pick(self._root(market, at_ms), fields, "Query")})
        except BadQuery as error:
            return json_answer({"errors": [{"message": str(error), "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}, 400)
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return json_answer({"errors": [{"message": "Must provide query string.", "extensions": {"code": "BAD_REQUEST"}}]}, 400)

    def nothing(self, exchange: Exchange) -> bytes:
        return dumps({"data": {"gpuTypes": []}})

    def _root(self, market: Market, at_ms: int) -> dict[str, Any]:
        def gpu_types(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
            wanted = (arguments.get("input") or {}).get("id")
            return [self._gpu_type(market, at_ms, card) for card in CARDS if wanted in (None, card[0])] + (
                [UNKNOWN] if wanted is None else []
            )

        def data_centers(_: Mapping[str, Any]) -> list[dict[str, Any]]:
            return [self._data_center(market, at_ms, place, country) for place, country in PLACES]

        return {
            "gpuTypes": gpu_types,
            "dataCenters": data_centers,
            "countryCodes": sorted({country for _, country in PLACES}),
        }

    def _gpu_type(self, market: Market, at_ms: int, card: tuple[str, str, str, int, int, int, int]) -> dict[str, Any]:
        name, display, _, memory, _, _, most = card
        secure, community = self.table.get(f"{name}/on_demand"), self.table.get(f"{name}/community")
        secure_price, community_price = self._price(market, at_ms, secure), self._price(market, at_ms, community)
        return {
            "id": name,
            "displayName": display,
            "manufacturer": "AMD" if name.startswith("AMD") else "Nvidia",
            "memoryInGb": memory,
            "secureCloud": secure is not None,
            "communityCloud": community is not None,
            "securePrice": secure_price,
            "communityPrice": community_price,
            "secureSpotPrice": secure_price,
            "communitySpotPrice": community_price,
            "clusterPrice": None,
            "oneWeekPrice": None,
            "oneMonthPrice": None,
            "threeMonthPrice": None,
            "sixMonthPrice": None,
            "maxGpuCount": most,
            "maxGpuCountSecureCloud": most if secure else 0,
            "maxGpuCountCommunityCloud": most if community else 0,
            "nodeGroupDatacenters": [{"id": place} for place, _ in PLACES] if secure else [],
            "lowestPrice": lambda arguments: self._lowest(market, at_ms, card, arguments.get("input") or {}),
        }

    def _lowest(
        self, market: Market, at_ms: int, card: tuple[str, str, str, int, int, int, int], asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        name, _, _, memory, _, _, most = card
        count = asked.get("gpuCount") or 1
        secure, community = self.table.get(f"{name}/on_demand"), self.table.get(f"{name}/community")
        match asked.get("secureCloud"):
            case True:
                listing = secure
            case False:
                listing = community
            case _:
                listing = community or secure
        place = asked.get("dataCenterId") or asked.get("countryCode")
        stock = 0
        if listing is not None and count <= most:
            stock = market.stock(listing, at_ms) if place is None else self._local_stock(market, at_ms, listing, place)
            stock = max(0, stock - (1 if count > 4 else 0))
        if listing is None or count > most:
            return dict.fromkeys(LOWEST)
        micros = market.micros(listing, at_ms)
        return {
            "minimumBidPrice": money(micros * BID_PERCENT // 100, 2) if stock else None,
            "uninterruptablePrice": money(micros, 2),
            "minVcpu": (6 + stock) * count if stock else None,
            "minMemory": max(16, memory) * count if stock else None,
            "stockStatus": STOCK[stock],
            "compliance": None,
            "countryCode": asked.get("countryCode"),
            "maxUnreservedGpuCount": min(most, stock * 3) if stock else 0,
            "availableGpuCounts": [n for n in (1, 2, 4, 8) if n <= min(most, stock * 3)],
        }

    def _data_center(self, market: Market, at_ms: int, place: str, country: str) -> dict[str, Any]:
        rows = []
        for name, *_ in CARDS:
            listing = self.table.get(f"{name}/on_demand")
            if listing is not None:
                stock = self._local_stock(market, at_ms, listing, place)
                rows.append({"gpuTypeId": name, "available": stock > 0, "stockStatus": STOCK[stock]})
        return {"id": place, "name": place, "listed": True, "location": country, "gpuAvailability": rows}

    def _local_stock(self, market: Market, at_ms: int, listing: Listing, place: str) -> int:
        here = market.plenty(f"runpod/{listing.key}/{place}", at_ms) > 0.5
        return market.stock(listing, at_ms) if here else 0

    def _price(self, market: Market, at_ms: int, listing: Listing | None) -> Any:
        return 0 if listing is None else money(market.micros(listing, at_ms), 2)


LOWEST = (
    "minimumBidPrice",
    "uninterruptablePrice",
    "minVcpu",
    "minMemory",
    "stockStatus",
    "compliance",
    "countryCode",
    "maxUnreservedGpuCount",
    "availableGpuCounts",
)
# A row of this name stands in the real answer too, without memory and prices (recorded 2026-10).
UNKNOWN: dict[str, Any] = {
    "id": "unknown",
    "displayName": "unknown",
    "manufacturer": "unknown",
    "memoryInGb": 0,
    "secureCloud": False,
    "communityCloud": False,
    "securePrice": 0,
    "communityPrice": 0,
    "secureSpotPrice": 0,
    "communitySpotPrice": 0,
    "clusterPrice": None,
    "oneWeekPrice": None,
    "oneMonthPrice": None,
    "threeMonthPrice": None,
    "sixMonthPrice": None,
    "maxGpuCount": 0,
    "maxGpuCountSecureCloud": 0,
    "maxGpuCountCommunityCloud": 0,
    "nodeGroupDatacenters": [],
    "lowestPrice": lambda _: dict.fromkeys(LOWEST),
}
