"""Verda: string prices per instance, OAuth2, stock from a second endpoint.

https://api.verda.com/v1/docs
"""

from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from sim.exchange import Answer, Exchange, Wire, dumps, json_answer
from sim.market import Habit, Listing, Market

CLIENT_ID, CLIENT_SECRET = "sim-key", "sim-secret"  # as docs/architecture.md says
TOKEN_S = 3600
ON_DEMAND = Habit(step_s=1800, drift=0.008, noise=0.003)
SPOT = Habit(step_s=600, drift=0.008, daily=0.006, noise=0.003, jump=0.02)
SCARCITY = {"on_demand": 0.25, "spot": 0.35}
"""About the share of time that a location has nothing of a type."""
LOCATIONS = (("FIN-01", "Finland 1", "FI"), ("FIN-02", "Finland 2", "FI"), ("FIN-03", "Finland 3", "FI"), ("ICE-01", "Iceland 1", "IS"))

# A GPU that other providers rent out too, at a very different price, stands in one location: a count that moves would move the median.
# model in the type's name, model, name, canonical id, GiB per GPU, micros per GPU-hour, spot micros, counts,
# cores and GiB of RAM per GPU, locations
CARDS = (
    ("B300", "B300", "B300 SXM6 262GB", "B300-SXM-288", 262, 4_950_000, 1_485_000, (1, 2, 4, 8), 30, 275, "FIN-03"),
    ("B200", "B200", "B200 SXM6 180GB", "B200-SXM-180", 180, 3_990_000, 1_197_000, (1, 2, 4, 8), 30, 184, "FIN-03"),
    ("H200.141S", "H200", "H200 SXM5 141GB", "H200-SXM-141", 141, 2_990_000, 897_000, (1, 2, 4, 8), 44, 182, "FIN-02"),
    ("H100.80S", "H100", "H100 SXM5 80GB", "H100-SXM-80", 80, 2_290_000, 687_000, (1, 2, 4, 8), 30, 120, "FIN-01"),
    ("A100", "A100 80GB", "A100 SXM4 80GB", "A100-SXM-80", 80, 1_290_000, 387_000, (1, 2, 4, 8), 22, 120, "FIN-03"),
    ("A100.40S", "A100 40GB", "A100 SXM4 40GB", "A100-SXM-40", 40, 721_000, 216_300, (1, 8), 22, 120, "FIN-01"),
    (
        "RTXPRO6000",
        "RTX PRO 6000",
        "RTX PRO 6000 96GB",
        "RTXPRO6000SE-PCIE-96",
        96,
        1_390_000,
        417_000,
        (1, 2, 4, 8),
        30,
        120,
        "FIN-02 FIN-03",
    ),
    ("L40S", "L40S", "L40S 48GB", "L40S-PCIE-48", 48, 910_000, 273_000, (1, 2, 4, 8), 20, 60, "ICE-01"),
    ("RTX6000ADA", "RTX 6000 Ada", "RTX 6000 Ada 48GB", "RTX6000ADA-PCIE-48", 48, 830_000, 249_000, (1, 2, 4, 8), 10, 60, "FIN-01 ICE-01"),
    ("A6000", "RTX A6000", "RTX A6000 48GB", "RTXA6000-PCIE-48", 48, 490_000, 147_000, (1, 2, 4, 8), 10, 60, "FIN-01 ICE-01"),
    ("V100", "Tesla V100", "Tesla V100 16GB", "V100-SXM-16", 16, 138_000, 41_400, (1, 2, 4, 8), 6, 23, "FIN-01 FIN-02"),
)
SERVERLESS = frozenset({"B300", "B200", "H200.141S", "H100.80S", "RTXPRO6000", "L40S"})
"""Cards that containers run on, too."""
SERVERLESS_PERCENT = 110
CPU_NODES = ((4, 16, 29_000), (8, 32, 58_000), (16, 64, 116_000), (32, 128, 232_000), (64, 256, 464_000), (120, 480, 870_000))


class VerdaWire(Wire):
    provider = "verda"
    host = "api.verda.com"
    price_fields = ("price_per_hour", "spot_price", "serverless_price")
    optional_field = "storage"

    def __init__(self) -> None:
        self.rows: list[tuple[dict[str, Any], Listing, Listing, Listing | None]] = []
        """(the row without its prices, the on-demand listing, the spot listing, that of containers)"""
        self.places: dict[str, list[str]] = {}
        super().__init__()

    def catalogue(self) -> tuple[Listing, ...]:
        for code, model, name, gpu, gib, micros, spot_micros, counts, cores, ram, locations in CARDS:
            for count in counts:
                key = f"{count}{code}.{cores * count}V"
                serverless = micros * SERVERLESS_PERCENT // 100
                facts = _row(key, model, name, count, gib * count, cores * count, ram * count)
                self.places[key] = locations.split()
                self.rows.append(
                    (
                        facts,
                        Listing("verda", f"{key}/on_demand", gpu, count, "", "on_demand", micros, ON_DEMAND),
                        Listing("verda", f"{key}/spot", gpu, count, "", "spot", spot_micros, SPOT),
                        Listing("verda", f"{key}/serverless", gpu, count, "", "serverless", serverless, ON_DEMAND)
                        if code in SERVERLESS
                        else None,
                    )
                )
        return tuple(listing for _, *listings in self.rows for listing in listings if listing is not None)

    def guarded(self, exchange: Exchange) -> bool:
        return exchange.path == "/v1/oauth2/token"

    def answer(self, market: Market, exchange: Exchange, at_ms: int) -> Answer:
        if self.guarded(exchange):
            return _token(exchange) if exchange.method == "POST" else _error(405, "method_not_allowed", "Use POST")
        if not exchange.headers.get("authorization", "").removeprefix("Bearer ").strip():
            return _error(401, "unauthorized_request", "Access token is missing or invalid")
        match exchange.path:
            case "/v1/instance-types":
                return json_answer([*self._types(market, at_ms), *CPU_ROWS])
            case "/v1/instance-availability":
                return json_answer(self._availability(market, exchange.query.get("is_spot") == "true", at_ms))
            case "/v1/locations":
                return json_answer([{"code": code, "name": name, "country_code": country} for code, name, country in LOCATIONS])
        return _error(404, "not_found", "Not found")

    def rentable(self, market: Market, listing: Listing, at_ms: int) -> bool:
        key, _, kind = listing.key.rpartition("/")
        return kind == "serverless" or any(_has_stock(market, key, place, kind, at_ms) for place in self.places[key])

    def nothing(self, exchange: Exchange) -> bytes:
        return dumps([])

    def _types(self, market: Market, at_ms: int) -> list[dict[str, Any]]:
        return [
            {
                **facts,
                "price_per_hour": _text(market.micros(on_demand, at_ms) * on_demand.count),
                "spot_price": _text(market.micros(spot, at_ms) * spot.count),
                "serverless_price": _text(market.micros(container, at_ms) * container.count) if container else None,
                "serverless_spot_price": _text(market.micros(container, at_ms) * container.count // 2) if container else None,
            }
            for facts, on_demand, spot, container in self.rows
        ]

    def _availability(self, market: Market, is_spot: bool, at_ms: int) -> list[dict[str, Any]]:
        kind = "spot" if is_spot else "on_demand"
        stock: dict[str, list[str]] = {code: [] for code, _, _ in LOCATIONS}
        for key, places in self.places.items():
            for place in places:
                if _has_stock(market, key, place, kind, at_ms):
                    stock[place].append(key)
        for listed in stock.values():
            listed.extend(row["instance_type"] for row in CPU_ROWS)
        return [{"location_code": code, "availabilities": listed} for code, listed in stock.items()]


def _has_stock(market: Market, key: str, place: str, kind: str, at_ms: int) -> bool:
    return market.plenty(f"verda/{key}/{place}/{kind}", at_ms) > SCARCITY[kind]


def _row(key: str, model: str, name: str, gpus: int, gpu_gib: int, cores: int, ram: int) -> dict[str, Any]:
    return {
        "best_for": [],
        "cpu": {"description": f"{cores} CPU", "number_of_cores": cores},
        "currency": "usd",
        "deploy_warning": None,
        "description": "Dedicated Hardware Instance",
        "display_name": None,
        "gpu": {"description": f"{gpus}x {name}" if gpus else "", "number_of_gpus": gpus},
        "gpu_memory": {"description": f"{gpu_gib}GB GPU RAM" if gpus else "", "size_in_gigabytes": gpu_gib},
        "id": str(UUID(bytes=blake2b(key.encode(), digest_size=16).digest(), version=4)),
        "instance_type": key,
        "manufacturer": "NVIDIA" if gpus else "AMD",
        "memory": {"description": f"{ram}GB RAM", "size_in_gigabytes": ram},
        "model": model,
        "name": name,
        "p2p": "NVLink" if gpus > 1 else None,
        "storage": {"description": "dynamic"},
        "supported_os": ["ubuntu-22.04", "ubuntu-24.04"],
    }


CPU_ROWS: tuple[dict[str, Any], ...] = tuple(
    {
        **_row(f"CPU.{cores}V.{ram}G", "CPU Node", "AMD EPYC", 0, 0, cores, ram),
        "price_per_hour": f"{micros / 1_000_000:.4f}",
        "spot_price": f"{micros / 2_000_000:.4f}",
    }
    for cores, ram, micros in CPU_NODES
)


def _text(micros: int) -> str:
    """Dollars with four decimals, or two where that is exact."""
    ten_thousandths = (micros + 50) // 100
    text = f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04d}"
    return text.removesuffix("00")


def _token(exchange: Exchange) -> Answer:
    """Client credentials as JSON or as a form; anything but the simulated pair is refused."""
    given = _credentials(exchange.body)
    if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        return _error(401, "invalid_client", "Invalid client id or client secret")
    if given.get("grant_type", "client_credentials") not in ("client_credentials", "refresh_token"):
        return _error(400, "unsupported_grant_type", "Unsupported grant type")
    return json_answer(
        {
            "access_token": "sim-access-token",
            "expires_in": TOKEN_S,
            "refresh_token": "sim-refresh-token",
            "scope": "cloud-api-v1",
            "token_type": "Bearer",
        }
    )


def _credentials(body: bytes) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(body)
    except msgspec.DecodeError:
        given = dict(parse_qsl(body.decode("utf-8", "replace")))
    return given if isinstance(given, dict) else {}


def _error(status: int, code: str, message: str) -> Answer:
    return json_answer({"code": code, "message": message}, status)
