"""Scaleway: EUR per server in nine zones, servers and their stock as two paged endpoints.

https://www.scaleway.com/en/developers/api/instances/
"""

import re
from typing import Any

from sim.exchange import Answer, Exchange, Wire, dumps, json_answer, money, query_int
from sim.market import Habit, Listing, Market

PATH = re.compile(r"^/instance/v1/zones/([a-z]{2}-[a-z]{3}-[1-3])/products/servers(/availability)?$")
ZONES = tuple(f"{region}-{n}" for region in ("fr-par", "nl-ams", "pl-waw") for n in (1, 2, 3))
PER_PAGE, MOST_PER_PAGE = 50, 100
HABIT = Habit(step_s=6 * 3600, scarcity=0.25)
STOCK = ("shortage", "scarce", "available", "available")
GIB = 2**30
HOURS_A_MONTH = 730

# name, GPU as the API names it, canonical id, GiB per GPU, EUR micros per GPU-hour, counts, cores and GiB of RAM per GPU, zones
CARDS = (
    ("B300-SXM-{}-288G", "B300-SXM", "B300-SXM-288", 288, 7_500_000, (2, 4, 8), 28, 480, "fr-par-2"),
    ("H100-{}-80G", "H100-PCIe", "H100-PCIE-80", 80, 2_730_000, (1, 2), 24, 240, "fr-par-2 pl-waw-2"),
    ("H100-SXM-{}-80G", "H100-SXM", "H100-SXM-80", 80, 3_010_000, (2, 4, 8), 16, 120, "fr-par-2"),
    ("L4-{}-24G", "L4", "L4-PCIE-24", 24, 750_000, (1, 2, 4, 8), 8, 48, "fr-par-1 fr-par-2 pl-waw-2"),
    ("L40S-{}-48G", "L40S", "L40S-PCIE-48", 48, 1_400_000, (1, 2, 4, 8), 8, 96, "fr-par-2 pl-waw-2"),
    ("RENDER-S", "P100", "P100-PCIE-16", 16, 1_242_000, (1,), 10, 45, "fr-par-1 fr-par-2"),
)
# family, (suffix, cores, GiB of RAM), EUR micros per core-hour; names sort around the GPU servers', so that those stand on pages 1 and 2
_SIZES = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
FAMILIES = (
    ("BASIC2-A", tuple((f"{n}C-{n * ram}G", n, n * ram) for n in (2, 4, 6, 8, 12, 16) for ram in (2, 4)), 13_000),
    ("BASIC3-X", tuple((f"{n}C-{n * ram}G", n, n * ram) for n in (2, 4, 6, 8, 12, 16) for ram in (2, 4)), 14_000),
    ("COMPUTE3-X", tuple((f"{n}C-{2 * n}G", n, 2 * n) for n in _SIZES), 21_000),
    ("DEV1-", (("S", 2, 2), ("M", 3, 4), ("L", 4, 8), ("XL", 4, 12)), 11_000),
    ("GP1-", (("XS", 4, 16), ("S", 8, 32), ("M", 16, 64), ("L", 32, 128), ("XL", 48, 256)), 22_000),
    ("MEMORY3-X", tuple((f"{n}C-{8 * n}G", n, 8 * n) for n in _SIZES), 44_000),
    ("PLAY2-", (("PICO", 1, 2), ("NANO", 2, 4), ("MICRO", 4, 8)), 14_000),
    ("POP2-", tuple((f"{n}C-{4 * n}G", n, 4 * n) for n in _SIZES), 36_000),
    ("POP2-HC-", tuple((f"{n}C-{2 * n}G", n, 2 * n) for n in _SIZES), 26_000),
    ("POP2-HM-", tuple((f"{n}C-{8 * n}G", n, 8 * n) for n in _SIZES), 51_000),
    ("POP2-HN-", (("3", 2, 4), ("5", 2, 4), ("10", 4, 8)), 90_000),
    ("PRO2-", (("XXS", 2, 8), ("XS", 4, 16), ("S", 8, 32), ("M", 16, 64), ("L", 32, 128)), 27_000),
    ("STANDARD3-X", tuple((f"{n}C-{4 * n}G", n, 4 * n) for n in _SIZES), 28_000),
)
# What a zone sells without GPUs; the zone with most GPUs has every family, so that its GPUs stand on both of two pages of 100.
FEW, MANY = ("DEV1-", "GP1-", "PLAY2-", "PRO2-"), tuple(family for family, _, _ in FAMILIES if not family.startswith("POP2-H"))
SOLD = {zone: FEW for zone in ZONES} | {"fr-par-1": MANY, "pl-waw-2": MANY, "fr-par-2": tuple(family for family, _, _ in FAMILIES)}


class ScalewayWire(Wire):
    provider = "scaleway"
    host = "api.scaleway.com"
    price_fields = ("hourly_price",)
    optional_field = "ncpus"

    def __init__(self) -> None:
        self.zones: dict[str, dict[str, tuple[dict[str, Any], Listing | None]]] = {zone: {} for zone in ZONES}
        """zone -> server name -> (the row, complete for a CPU server, and the listing of a GPU server), by name in order"""
        super().__init__()

    def catalogue(self) -> tuple[Listing, ...]:
        listings = []
        for pattern, vendor_gpu, gpu, gib, micros, counts, cores, ram, zones in CARDS:
            for zone in zones.split():
                for count in counts:
                    name = pattern.format(count)
                    listing = Listing("scaleway", f"{zone}/{name}/on_demand", gpu, count, zone, "on_demand", micros, HABIT)
                    listings.append(listing)
                    info = {"gpu_manufacturer": "NVIDIA", "gpu_name": vendor_gpu, "gpu_memory": gib * GIB}
                    self.zones[zone][name] = (_row(cores * count, ram * count, count, info), listing)
        for family, sizes, micros in FAMILIES:
            for zone in ZONES:
                if family not in SOLD[zone]:
                    continue
                for suffix, cores, ram in sizes:
                    row = {**_row(cores, ram, 0, None), **_prices(cores * micros)}
                    self.zones[zone][family + suffix] = (row, None)
        for zone, servers in self.zones.items():
            self.zones[zone] = dict(sorted(servers.items()))
        return tuple(listings)

    def answer(self, market: Market, exchange: Exchange, at_ms: int) -> Answer:
        match = PATH.match(exchange.path)
        if match is None or match[1] not in self.zones or exchange.method != "GET":
            return json_answer({"message": "resource is not found", "type": "not_found"}, 404)
        servers = self.zones[match[1]]
        per_page = min(MOST_PER_PAGE, max(1, query_int(exchange, "per_page", PER_PAGE)))
        page = max(1, query_int(exchange, "page", 1))
        names = list(servers)[(page - 1) * per_page : page * per_page]
        if match[2]:
            body = {name: {"availability": STOCK[_stock(market, servers[name][1], at_ms)]} for name in names}
        else:
            body = {name: _priced(market, *servers[name], at_ms) for name in names}
        headers = {"x-total-count": str(len(servers)), "link": _link(f"/products/servers{match[2] or ''}", page, per_page, len(servers))}
        return json_answer({"servers": body}, headers=headers)

    def nothing(self, exchange: Exchange) -> bytes:
        return dumps({"servers": {}})


def _row(cores: int, ram_gib: int, gpus: int, gpu_info: dict[str, Any] | None) -> dict[str, Any]:
    bandwidth = max(200_000_000, cores * 160_000_000)
    return {
        "alt_names": [],
        "arch": "x86_64",
        "ncpus": cores,
        "ram": ram_gib * GIB,
        "gpu": gpus,
        "gpu_info": gpu_info,
        "mig_profile": None,
        "volumes_constraint": {"min_size": 0, "max_size": 0},
        "per_volume_constraint": {"l_ssd": {"min_size": 0, "max_size": 0}},
        "scratch_storage_max_size": gpus * 1_600_000_000_000,
        "scratch_storage_max_volumes_count": 1 if gpus else 0,
        "monthly_price": 0,
        "hourly_price": 0,
        "capabilities": {
            "boot_types": ["local", "rescue"],
            "placement_groups": True,
            "block_storage": True,
            "hot_snapshots_local_volume": False,
            "private_network": 8,
            "max_file_systems": 0,
        },
        "network": {
            "ipv6_support": True,
            "sum_internal_bandwidth": bandwidth,
            "sum_internet_bandwidth": bandwidth,
            "interfaces": [{"internal_bandwidth": bandwidth, "internet_bandwidth": bandwidth}],
        },
        "block_bandwidth": cores * 27_000_000,
        "end_of_service": False,
    }


def _prices(micros: int) -> dict[str, Any]:
    """Both prices of a server, from the EUR micros of an hour."""
    return {"monthly_price": money(micros * HOURS_A_MONTH, 4), "hourly_price": money(micros, 6)}


def _priced(market: Market, row: dict[str, Any], listing: Listing | None, at_ms: int) -> dict[str, Any]:
    return row if listing is None else {**row, **_prices(market.micros(listing, at_ms) * listing.count)}


def _stock(market: Market, listing: Listing | None, at_ms: int) -> int:
    return 3 if listing is None else market.stock(listing, at_ms)


def _link(path: str, page: int, per_page: int, total: int) -> str:
    """The Link header, with the odd relative addresses that the real one has."""
    last = max(1, -(-total // per_page))
    links = [("first", 1), ("previous", page - 1)] if page > 1 else []
    links += [("next", page + 1)] if page < last else []
    return ",".join(f'<{path}?page={n}&per_page={per_page}&>; rel="{name}"' for name, n in [*links, ("last", last)])
