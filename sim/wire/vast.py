"""Vast.ai: a market of hosts' machines, each listed in several sizes, searched by filters and clamped to 64 rows.

https://docs.vast.ai/api-reference/search/search-offers
"""

import itertools
from collections.abc import Callable, Hashable, Mapping
from decimal import Context, Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from sim.exchange import Answer, Exchange, Wire, dumps, json_answer
from sim.market import Habit, Listing, Market

PATH = "/api/v0/bundles/"
CLAMP = 64
HABIT = Habit(step_s=240, drift=0.008, daily=0.008, noise=0.004)
BID_PERCENT = 62
DISK_GB = 8
HOURS_A_MONTH = 720
FULL_ABOVE = 0.15
"""A machine with more than this much free has all its GPUs free; below, some are rented out."""
ENOUGH = 6
"""So many machines of a kind that none has to be always free."""
CROWD = 4
"""Machines of the crowd for each other one: enough for several pages of a search."""
FIRST_CROWD_ID = 200_000
DIGITS = Context(prec=17)

PLACES = (
    "Utah, US", "California, US", "Texas, US", "Virginia, US", "Quebec, CA", "Iceland, IS", "Norway, NO", "Sweden, SE", "Germany, DE",
    "France, FR", "Netherlands, NL", "United Kingdom, GB", "Poland, PL", "Czechia, CZ", "Spain, ES", "Japan, JP", "South Korea, KR",
    "Taiwan, TW", "Vietnam, VN", "India, IN", ", SE",
)  # fmt: skip
CPUS = ("AMD EPYC 9554 64-Core Processor", "AMD EPYC 7763 64-Core Processor", "Xeon® Platinum 8480+", "Xeon® Gold 6448Y")

# gpu_name, canonical id, gpu_ram in MB, USD micros per GPU-hour, machines, GPUs in a machine
CARDS = (
    ("B300", "B300-SXM-288", 275_040, 6_900_000, 1, 8),
    ("B200", "B200-SXM-180", 183_359, 4_600_000, 2, 8),
    ("H200", "H200-SXM-141", 143_771, 2_950_000, 3, 8),
    ("H200 NVL", "H200-NVL-141", 143_771, 2_550_000, 1, 4),
    ("H100 SXM", "H100-SXM-80", 81_559, 2_150_000, 3, 8),
    ("H100 NVL", "H100-NVL-94", 95_830, 2_050_000, 2, 4),
    ("H100 PCIE", "H100-PCIE-80", 81_559, 1_950_000, 2, 4),
    ("A100 SXM4", "A100-SXM-80", 81_920, 980_000, 2, 8),
    ("A100 SXM4", "A100-SXM-40", 40_960, 720_000, 2, 8),
    ("A100 PCIE", "A100-PCIE-80", 81_920, 890_000, 2, 4),
    ("L40S", "L40S-PCIE-48", 46_068, 640_000, 2, 4),
    ("L40", "L40-PCIE-48", 46_068, 560_000, 2, 4),
    ("L4", "L4-PCIE-24", 23_034, 290_000, 2, 2),
    ("A40", "A40-PCIE-48", 46_068, 330_000, 2, 4),
    ("RTX 6000Ada", "RTX6000ADA-PCIE-48", 49_140, 620_000, 2, 4),
    ("RTX A6000", "RTXA6000-PCIE-48", 49_140, 390_000, 2, 4),
    ("RTX A5000", "RTXA5000-PCIE-24", 24_564, 180_000, 2, 4),
    ("RTX A4000", "RTXA4000-PCIE-16", 16_376, 110_000, 2, 4),
    ("RTX PRO 6000 WS", "RTXPRO6000WS-PCIE-96", 97_887, 1_080_000, 2, 4),
    ("RTX PRO 6000 S", "RTXPRO6000SE-PCIE-96", 97_887, 1_150_000, 2, 8),
    ("RTX 5090", "RTX5090-PCIE-32", 32_607, 420_000, 3, 8),
    ("RTX 5080", "RTX5080-PCIE-16", 16_303, 190_000, 2, 2),
    ("RTX 4090", "RTX4090-PCIE-24", 24_564, 330_000, 24, 8),
    ("RTX 3090", "RTX3090-PCIE-24", 24_576, 150_000, 3, 4),
)  # fmt: skip

Operator = Callable[[Any, Any], bool]
OPERATORS: dict[str, Operator] = {
    "eq": lambda value, wanted: bool(value == wanted),
    "neq": lambda value, wanted: bool(value != wanted),
    "gt": lambda value, wanted: value is not None and bool(value > wanted),
    "gte": lambda value, wanted: value is not None and bool(value >= wanted),
    "lt": lambda value, wanted: value is not None and bool(value < wanted),
    "lte": lambda value, wanted: value is not None and bool(value <= wanted),
    "in": lambda value, wanted: value in wanted,
    "notin": lambda value, wanted: value not in wanted,
}
NOT_FILTERS = frozenset({"type", "order", "limit", "allocated_storage"})
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


class Size(msgspec.Struct, frozen=True):
    """One machine, listed with `listing.count` of its GPUs: `facts` is the answer's row without prices and times."""

    listing: Listing
    machine: str
    machine_gpus: int
    always_free: int
    """1 where so few machines hold this GPU that the market's median would jump when one of them is rented out."""
    gpu_name: str
    storage_cost: Decimal
    facts: dict[str, Any]


class VastWire(Wire):
    provider = "vast"
    host = "console.vast.ai"
    price_fields = ("dph_base", "dph_total", "min_bid")
    optional_field = "cpu_ram"

    def catalogue(self) -> tuple[Listing, ...]:
        self.sizes: dict[str, list[Size]] = {}
        self._found: dict[Hashable, list[dict[str, Any]]] = {}
        self._found_at: Hashable = None
        crowd_ids = itertools.count(FIRST_CROWD_ID)
        for name, gpu, ram, micros, machines, gpus in CARDS:
            for number in range(machines * (1 + CROWD)):
                crowd_id = next(crowd_ids) if number >= machines else None
                self.sizes.setdefault(name, []).extend(_sizes(name, gpu, ram, micros, machines, gpus, number, crowd_id))
        self.by_key = {size.listing.key: size for sizes in self.sizes.values() for size in sizes}
        return tuple(size.listing for size in self.by_key.values())

    def answer(self, market: Market, exchange: Exchange, at_ms: int) -> Answer:
        if exchange.path.rstrip("/") != PATH.rstrip("/"):
            return json_answer({"success": False, "error": "not_found", "msg": "no such endpoint"}, 404)
        try:
            asked = _decoder.decode(exchange.body if exchange.method == "POST" else exchange.query.get("q", "{}").encode())
            rows = self._search(market, asked, at_ms)
        except (msgspec.DecodeError, TypeError, KeyError, ValueError, AttributeError):
            return json_answer({"success": False, "error": "invalid_args", "msg": "cannot read the query"}, 400)
        return json_answer({"offers": rows})

    def nothing(self, exchange: Exchange) -> bytes:
        return dumps({"offers": []})

    def forget(self) -> None:
        self._found_at = None

    def rentable(self, market: Market, listing: Listing, at_ms: int) -> bool:
        """Whether this is the size that the machine's free GPUs are best listed in: smaller ones are folded into it."""
        size = self.by_key[listing.key]
        return market.listed(listing, at_ms) and listing.count <= self.free_gpus(market, size, at_ms) < 2 * listing.count

    def free_gpus(self, market: Market, size: Size, at_ms: int) -> int:
        plenty = market.plenty(f"vast/{size.machine}", at_ms)
        free = size.machine_gpus if plenty > FULL_ABOVE else int(plenty / FULL_ABOVE * size.machine_gpus)
        return max(free, size.always_free)

    def _search(self, market: Market, asked: Mapping[str, Any], at_ms: int) -> list[dict[str, Any]]:
        filters = [(field, op, value) for field, terms in asked.items() if field not in NOT_FILTERS for op, value in terms.items()]
        is_bid = asked.get("type") == "bid"
        disk = Decimal(str(asked.get("allocated_storage", DISK_GB)))
        name = next((value for field, op, value in filters if field == "gpu_name" and op == "eq"), None)
        rows = self._rows(market, name, disk, is_bid, at_ms)
        found = [row for row in rows if all(OPERATORS[op](row.get(field), value) for field, op, value in filters)]
        for field, direction in reversed(asked.get("order") or [["score", "desc"]]):
            found.sort(key=lambda row: (row[field], row["id"]), reverse=direction == "desc")
        return found[: min(CLAMP, int(asked.get("limit", CLAMP)))]

    def _rows(self, market: Market, name: str | None, disk: Decimal, is_bid: bool, at_ms: int) -> list[dict[str, Any]]:
        """All that is free of a GPU name, or of all. The pages of a search ask for the same rows one after the other."""
        if self._found_at != (market, at_ms):
            self._found_at, self._found = (market, at_ms), {}
        asked = (name, disk, is_bid)
        if asked not in self._found:
            candidates = self.sizes.get(name, []) if name is not None else [size for sizes in self.sizes.values() for size in sizes]
            self._found[asked] = [
                _row(size, market.micros(size.listing, at_ms) * size.listing.count, disk, is_bid, at_ms)
                for size in candidates
                if market.listed(size.listing, at_ms) and size.listing.count <= self.free_gpus(market, size, at_ms)
            ]
        return self._found[asked]


def _sizes(name: str, gpu: str, ram: int, micros: int, machines: int, gpus: int, number: int, crowd_id: int | None) -> list[Size]:
    """One machine in all sizes it is listed in. Everything about it follows from its name, so it keeps its ids for ever."""
    dice = blake2b(f"vast/{gpu}/{number}".encode(), digest_size=32).digest()
    machine_id = 20_000 + int.from_bytes(dice[:4]) % 120_000 if crowd_id is None else crowd_id
    first_gpu_id = 100_000 + machine_id * 8
    # Few machines of a kind lie closely together: one that comes or goes must not move their median far.
    spread = min(18, 2 + machines) / 100
    dear = 1 + spread * (dice[4] / 127.5 - 1)
    storage_cost = Decimal(80 + dice[5]) / 1000
    found = []
    count = 1
    while count <= gpus:
        # A host asks a little more per GPU for a part of a machine than for all of it.
        own = round(micros * dear * (1 + 0.01 * (1 - count / gpus)))
        gpu_ids = list(range(first_gpu_id, first_gpu_id + count))
        key = f"{machine_id}/{count}x/{'-'.join(map(str, gpu_ids))}"
        place = PLACES[dice[6] % len(PLACES)]
        listing = Listing("vast", key, gpu, count, place, "on_demand", own, HABIT, crowd=crowd_id is not None)
        facts = _facts(dice, name, ram, machine_id, gpu_ids, gpus, count, storage_cost)
        found.append(Size(listing, f"{gpu}/{number}", gpus, 1 if machines < ENOUGH and crowd_id is None else 0, name, storage_cost, facts))
        count *= 2
    return found


def _facts(
    dice: bytes, name: str, ram: int, machine_id: int, gpu_ids: list[int], gpus: int, count: int, storage_cost: Decimal
) -> dict[str, Any]:
    share = Decimal(count) / gpus
    cores = 16 * gpus
    traffic = Decimal(dice[7] % 9 + 1) / 2000
    reliability = Decimal(970_000 + dice[8] * 117) / 1_000_000
    row_id = 30_000_000 + machine_id * 16 + count
    return {
        "bundled_results": None,
        "bw_nvlink": Decimal("956.25") if "SXM" in name or name in ("B200", "B300", "H200") else Decimal("0.0"),
        "compute_cap": 900,
        "cpu_arch": "amd64",
        "cpu_cores": cores,
        "cpu_ghz": Decimal("3.7"),
        "cpu_name": CPUS[dice[9] % len(CPUS)],
        "credit_discount_max": Decimal("0.0"),
        "cuda_max_good": Decimal("13.0"),
        "disk_bw": Decimal(2000 + dice[10] * 20) + Decimal("0.5"),
        "disk_name": "SAMSUNG MZQL27T6HBLA",
        "driver_version": "580.95.05",
        "driver_vers": 580_095_005,
        "duration": Decimal("0"),
        "end_date": Decimal("0"),
        "external": None,
        "geolocation": PLACES[dice[6] % len(PLACES)],
        "geolocode": 400_000_000 + dice[6] * 1_000,
        "gpu_arch": "nvidia",
        "gpu_display_active": False,
        "gpu_lanes": 16,
        "gpu_mem_bw": Decimal(ram) / 25 + Decimal("0.1"),
        "gpu_name": name,
        "gpu_ram": ram,
        "gpu_max_power": Decimal("600.0"),
        "gpu_max_temp": Decimal(40 + dice[11] % 30) + Decimal("0.0"),
        "has_avx": 1,
        "host_id": 1_000 + int.from_bytes(dice[12:14]),
        "hosting_type": dice[14] % 2,
        "hostname": None,
        "inet_down": Decimal(800 + dice[15] * 30) + Decimal("0.5"),
        "inet_down_cost": traffic,
        "inet_up": Decimal(700 + dice[16] * 20) + Decimal("0.5"),
        "inet_up_cost": traffic,
        "is_bid": False,
        "logo": "/static/logos/vastai_small2.png",
        "machine_id": machine_id,
        "mobo_name": "H13DSG-O",
        "os_version": "24.04",
        "pci_gen": Decimal("5.0"),
        "pcie_bw": Decimal("50.1"),
        "public_ipaddr": "192.0.2.1",
        "reliability": reliability,
        "reliability_mult": Decimal("0.95"),
        "rentable": True,
        "rented": False,
        "start_date": Decimal("0"),
        "static_ip": dice[17] % 2 == 0,
        "storage_cost": storage_cost,
        "storage_total_cost": Decimal("0"),
        "verification": ("verified", "verified", "verified", "unverified")[dice[18] % 4],
        "vericode": 1,
        "vram_costperhour": Decimal("0.0"),
        "webpage": None,
        "vms_enabled": False,
        "expected_reliability": Decimal("0.0"),
        "sla_sigma_x": None,
        "sla_broker_rate": None,
        "is_vm_deverified": False,
        "resource_type": "gpu",
        "cluster_id": None,
        "avail_vol_ask_id": row_id + 100_000_000,
        "avail_vol_dph": Decimal("0.0003"),
        "avail_vol_size": Decimal("2000.0"),
        "nw_disk_min_bw": None,
        "nw_disk_max_bw": None,
        "nw_disk_avg_bw": None,
        "rn": 1,
        "reliability2": reliability,
        "target_reliability": Decimal("0.0"),
        "sla_r_claim": Decimal("0.0"),
        "discount_rate": Decimal("0.0"),
        "discounted_hourly": Decimal("0.0"),
        "instance": {},
        "time_remaining": "",
        "time_remaining_isbid": "",
        "internet_up_cost_per_tb": traffic * 1024,
        "internet_down_cost_per_tb": traffic * 1024,
        "id": row_id,
        "ask_contract_id": row_id,
        "bundle_id": 1_000_000_000 + row_id,
        "cpu_cores_effective": cores * share + Decimal("0.0"),
        "cpu_ram": int(cores * share * 8 * 1000),
        "direct_port_count": 199,
        "disk_space": Decimal(4000) * share + Decimal("0.25"),
        "dlperf": Decimal(count * 180) + Decimal("0.5"),
        "dlperf_per_dphtotal": Decimal("0"),
        "dph_base": Decimal("0"),
        "dph_total": Decimal("0"),
        "flops_per_dphtotal": Decimal("0"),
        "gpu_frac": share + Decimal("0.0"),
        "gpu_ids": gpu_ids,
        "gpu_total_ram": ram * count,
        "min_bid": Decimal("0"),
        "num_gpus": count,
        "score": Decimal("0"),
        "total_flops": Decimal(count * 65) + Decimal("0.5"),
        "dph_total_adj": Decimal("0"),
        "discounted_dph_total": Decimal("0"),
        "search": {},
    }


def _row(size: Size, micros: int, disk_gb: Decimal, is_bid: bool, at_ms: int) -> dict[str, Any]:
    """The facts with what moves: prices of the whole offer, and times."""
    asked = Decimal(micros) / 1_000_000
    bid = asked * BID_PERCENT / 100
    base = bid if is_bid else asked
    disk = DIGITS.divide(size.storage_cost * disk_gb, Decimal(HOURS_A_MONTH))
    total = DIGITS.add(base, disk)
    facts = size.facts
    # A host's offer runs for weeks and is renewed; the day of renewal depends on the machine.
    now_s = at_ms // 1000
    start_s = now_s - (now_s + facts["machine_id"] * 977) % 1_209_600
    costs = {"slaPremiumPerHour": Decimal("0.0"), "discountTotalHour": 0, "diskHour": disk}
    return {
        **facts,
        "is_bid": is_bid,
        "start_date": start_s + Decimal("0.5"),
        "end_date": start_s + 1_814_400 + Decimal("0.5"),
        "duration": start_s + 1_814_400 - now_s + Decimal("0.5"),
        "storage_total_cost": disk,
        "vram_costperhour": DIGITS.divide(base, Decimal(facts["gpu_total_ram"])) * 1000,
        "dph_base": base,
        "dph_total": total,
        "dph_total_adj": DIGITS.add(total, facts["inet_down_cost"]),
        "discounted_dph_total": total,
        "dlperf_per_dphtotal": DIGITS.divide(facts["dlperf"], total),
        "flops_per_dphtotal": DIGITS.divide(facts["total_flops"], total),
        "score": DIGITS.divide(facts["dlperf"] * facts["reliability"], total),
        "min_bid": bid,
        "instance": {**costs, "gpuCostPerHour": 0, "totalHour": disk, "discountedTotalPerHour": disk},
        "search": {**costs, "gpuCostPerHour": base, "totalHour": total, "discountedTotalPerHour": total},
    }
