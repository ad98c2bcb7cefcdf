"""Lambda: instance types in whole cents per instance, with the regions that have capacity.

https://docs.lambda.ai/public-cloud/cloud-api/
"""

from sim.exchange import Answer, Exchange, Wire, dumps, json_answer
from sim.market import LIST_PRICE, Listing, Market

PATH = "/api/v1/instance-types"
SCARCITY = 0.35
"""About the share of time that a region has nothing of a type."""

# instance type, description of the card, cents per GPU, (canonical id, GPUs, vCPUs, memory GiB, storage GiB), regions
TYPES = (
    ("gpu_1x_a10", "A10 (24 GB PCIe)", 75, ("A10-PCIE-24", 1, 30, 200, 1400), "us-west-1 us-east-1 us-south-1"),
    ("gpu_1x_a6000", "RTX A6000 (48 GB)", 80, ("RTXA6000-PCIE-48", 1, 14, 100, 512), "us-south-1 us-west-3"),
    ("gpu_2x_a6000", "RTX A6000 (48 GB)", 80, ("RTXA6000-PCIE-48", 2, 28, 200, 1024), "us-south-1"),
    ("gpu_4x_a6000", "RTX A6000 (48 GB)", 80, ("RTXA6000-PCIE-48", 4, 56, 400, 1024), "us-south-1"),
    ("gpu_1x_a100", "A100 (40 GB PCIe)", 129, ("A100-PCIE-40", 1, 30, 200, 512), "us-west-2 asia-south-1"),
    ("gpu_2x_a100", "A100 (40 GB PCIe)", 129, ("A100-PCIE-40", 2, 60, 400, 1024), "us-west-2"),
    ("gpu_4x_a100", "A100 (40 GB PCIe)", 129, ("A100-PCIE-40", 4, 120, 800, 1024), "us-west-2"),
    ("gpu_1x_a100_sxm4", "A100 (40 GB SXM4)", 129, ("A100-SXM-40", 1, 30, 220, 512), "us-east-1 asia-northeast-1"),
    ("gpu_8x_a100", "A100 (40 GB SXM4)", 129, ("A100-SXM-40", 8, 124, 1800, 5950), "us-east-1 us-midwest-1"),
    ("gpu_8x_a100_80gb_sxm4", "A100 (80 GB SXM4)", 179, ("A100-SXM-80", 8, 240, 1800, 19968), "us-midwest-1"),
    ("gpu_1x_gh200", "GH200 (96 GB)", 149, ("GH200-SUPERCHIP-96", 1, 64, 432, 4096), "us-east-3"),
    ("gpu_1x_h100_pcie", "H100 (80 GB PCIe)", 249, ("H100-PCIE-80", 1, 26, 200, 1024), "us-west-3"),
    ("gpu_1x_h100_sxm5", "H100 (80 GB SXM5)", 329, ("H100-SXM-80", 1, 26, 225, 2816), "us-south-2"),
    ("gpu_2x_h100_sxm5", "H100 (80 GB SXM5)", 319, ("H100-SXM-80", 2, 52, 450, 5632), "us-south-2"),
    ("gpu_4x_h100_sxm5", "H100 (80 GB SXM5)", 309, ("H100-SXM-80", 4, 104, 900, 11264), "us-south-2"),
    ("gpu_8x_h100_sxm5", "H100 (80 GB SXM5)", 299, ("H100-SXM-80", 8, 208, 1800, 22528), "us-south-2 us-south-3"),
    ("gpu_1x_b200_sxm6", "B200 (180 GB SXM6)", 699, ("B200-SXM-180", 1, 26, 360, 2867), "us-south-2"),
    ("gpu_2x_b200_sxm6", "B200 (180 GB SXM6)", 689, ("B200-SXM-180", 2, 52, 720, 5734), "us-south-2"),
    ("gpu_4x_b200_sxm6", "B200 (180 GB SXM6)", 679, ("B200-SXM-180", 4, 104, 1440, 11469), "us-south-2"),
    ("gpu_8x_b200_sxm6", "B200 (180 GB SXM6)", 669, ("B200-SXM-180", 8, 208, 2900, 22938), "us-south-2"),
    ("gpu_8x_v100", "Tesla V100 (16 GB)", 55, ("V100-SXM-16", 8, 92, 448, 5939), "us-south-1"),
)
PLACES = {
    "us-west-1": "California, USA",
    "us-west-2": "Arizona, USA",
    "us-west-3": "Utah, USA",
    "us-south-1": "Texas, USA",
    "us-south-2": "North Texas, USA",
    "us-south-3": "Central Texas, USA",
    "us-midwest-1": "Illinois, USA",
    "us-east-1": "Virginia, USA",
    "us-east-3": "Washington DC, USA",
    "europe-central-1": "Germany",
    "asia-south-1": "India",
    "asia-northeast-1": "Osaka, Japan",
}


class LambdaWire(Wire):
    provider = "lambda"
    host = "cloud.lambdalabs.com"
    price_fields = ("price_cents_per_hour",)
    optional_field = "vcpus"

    def catalogue(self) -> tuple[Listing, ...]:
        return tuple(
            Listing("lambda", name, gpu, count, "", "on_demand", cents * 10_000, LIST_PRICE)
            for name, _, cents, (gpu, count, *_), _ in TYPES
        )

    def answer(self, market: Market, exchange: Exchange, at_ms: int) -> Answer:
        if exchange.path != PATH or exchange.method != "GET":
            return json_answer({"error": {"code": "global/object-does-not-exist", "message": "Specified object does not exist."}}, 404)
        if not exchange.headers.get("authorization", "").removeprefix("Bearer ").removeprefix("Basic ").strip():
            message = {"code": "global/invalid-api-key", "message": "API key was invalid, expired, or deleted."}
            return json_answer({"error": message}, 401)
        data = {
            listing.key: {
                "instance_type": {
                    "name": listing.key,
                    "description": f"{count}x {card}",
                    "gpu_description": card,
                    "price_cents_per_hour": (market.micros(listing, at_ms) * count + 5_000) // 10_000,
                    "specs": {"vcpus": vcpus, "memory_gib": memory, "storage_gib": storage, "gpus": count},
                },
                "regions_with_capacity_available": [
                    {"name": region, "description": PLACES[region]}
                    for region in regions.split()
                    if has_capacity(market, listing, region, at_ms)
                ],
            }
            for listing, (_, card, _, (_, count, vcpus, memory, storage), regions) in zip(self.listings, TYPES, strict=True)
        }
        return json_answer({"data": data})

    def rentable(self, market: Market, listing: Listing, at_ms: int) -> bool:
        regions = next(regions for name, *_, regions in TYPES if name == listing.key)
        return any(has_capacity(market, listing, region, at_ms) for region in regions.split())

    def nothing(self, exchange: Exchange) -> bytes:
        return dumps({"data": {}})


def has_capacity(market: Market, listing: Listing, region: str, at_ms: int) -> bool:
    return market.plenty(f"lambda/{listing.key}/{region}", at_ms) > SCARCITY
