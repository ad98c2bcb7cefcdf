"""/v1/gpus and /v1/review: what they list, and what they do without offers or without Redis."""

import asyncio
from typing import Any

import msgspec
import pytest

from api.answers import GpusTold, ReviewTold
from api.errors import Unavailable
from api.params import NoParameters
from schemas.gpus import GPUS
from tests.api.conftest import ApiServer, RedisServer
from tests.api.market import NOW_MS, offer, store_of
from tests.api.test_service import World

DAY_MS = 24 * 60 * 60 * 1000


def listed(world: World, query: str = "") -> dict[str, tuple[int, str | None]]:
    told = msgspec.json.decode(world.get("/v1/gpus", query).body, type=GpusTold)
    assert told.count == len(told.gpus)
    return {one.gpu: (one.fresh_offers, one.cheapest_on_demand_usd_per_gpu_hour) for one in told.gpus}


def refused(world: World, query: str) -> tuple[int, str]:
    exchange = world.get("/v1/gpus", query)
    return exchange.status, msgspec.json.decode(exchange.body)["error"]["parameter"]


def test_every_gpu_is_listed_also_while_nothing_is_offered() -> None:
    assert listed(World(store_of())) == dict.fromkeys(GPUS, (0, None))


def test_offers_are_counted_while_fresh_and_the_cheapest_is_one_that_can_be_rented() -> None:
    held = [
        *(offer("a", "2.5"), offer("b", "2.1"), offer("c", "1.9", availability="sold_out"), offer("d", "0.9", price_type="spot")),
        *(offer("e", "0.5", in_market_stats=False), offer("f", "1.5", observed_at_ms=NOW_MS - 20_000)),
        offer("g", "0.4", gpu="H100-SXM-80-1g.10gb", price_type="spot"),
    ]
    world = World(store_of(lumen=held))
    found = listed(world, "model=h100")
    assert found["H100-SXM-80"] == (5, "1.500000")
    assert found["H100-SXM-80-1g.10gb"] == (1, None)
    assert found["H100-PCIE-80"] == (0, None)
    assert list(listed(world, "offered=true")) == ["H100-SXM-80", "H100-SXM-80-1g.10gb"]
    world.clock.now_ms += 100_000
    assert listed(world, "offered=true") == {}
    assert listed(world)["H100-SXM-80"] == (0, None)


@pytest.mark.parametrize(
    ("query", "some", "others"),
    [
        ("vendor=AMD,Intel", {"MI300X-OAM-192", "GAUDI3-OAM-128"}, {"H100-SXM-80"}),
        ("architecture=hopper&form_factor=NVL", {"H100-NVL-94", "H200-NVL-141"}, {"H100-SXM-80", "B200-SXM-180"}),
        ("form_factor=SUPERCHIP", {"GB200-SUPERCHIP-186", "MI300A-SUPERCHIP-128"}, {"B200-SXM-180"}),
        ("model=rtx+pro+max", {"RTXPRO6000MAXQ-PCIE-96"}, {"RTXPRO6000SE-PCIE-96"}),
        ("model=4090+laptop", {"RTX4090LAPTOP-PCIE-16"}, {"RTX4090-PCIE-24"}),
        ("model=H100&vendor=AMD", set(), {"H100-SXM-80"}),
    ],
)
def test_filters(query: str, some: set[str], others: set[str]) -> None:
    found = set(listed(World(store_of()), query))
    assert some <= found
    assert not others & found


def test_what_there_is_not_is_refused_by_name() -> None:
    world = World(store_of())
    assert refused(world, "vendor=Nvidea") == (422, "vendor")
    assert refused(world, "architecture=Hopper,Fermi") == (422, "architecture")
    assert refused(world, "form_factor=pcie") == (422, "form_factor")
    assert refused(world, "gpu=H100-SXM-80") == (422, "gpu")


def held(provider: str, *names: tuple[str, int, int, int], market: str = "simulated") -> bytes:
    """A source's field of the hash: (name, rows, polls, last seen)."""
    fields = ("name", "rows", "polls", "last_seen_ms")
    rows = [{**dict(zip(fields, one, strict=True)), "first_seen_ms": NOW_MS - DAY_MS} for one in names]
    return msgspec.json.encode({"provider": provider, "market": market, "names": rows})


def test_the_review_list_over_a_real_redis(redis_server: RedisServer, api: ApiServer) -> None:
    fields = {
        "lumen": held("lumen", ("X1", 2, 7, NOW_MS), ("X2", 5, 1, NOW_MS - DAY_MS)),
        "cumulus": held("nimbus", ("X3", 2, 1, NOW_MS + 1)),
        "elsewhere": held("elsewhere", ("X4", 1, 1, NOW_MS), market="live"),
        "broken": b"{",
    }
    redis_server.client.delete("gputicker:review")
    assert api.get("/v1/review").json()["names"] == []
    for source, body in fields.items():
        redis_server.client.hset("gputicker:review", source, body)
    told = msgspec.convert(api.get("/v1/review").json(), ReviewTold)
    assert told.count == 3
    assert [(one.source, one.provider, one.name, one.rows, one.polls) for one in told.names] == [
        ("lumen", "lumen", "X2", 5, 1),
        ("cumulus", "nimbus", "X3", 2, 1),
        ("lumen", "lumen", "X1", 2, 7),
    ]
    assert told.names[2].first_seen == "2026-11-20T08:00:00.000Z"
    assert told.names[2].last_seen == "2026-11-21T08:00:00.000Z"
    redis_server.client.delete("gputicker:review")


def test_without_redis_the_review_list_is_unavailable() -> None:
    world = World(store_of(lumen=[offer("a", "2")]))
    feed: Any = world.feed

    async def away() -> dict[str, bytes]:
        raise ConnectionRefusedError

    feed.review = away
    with pytest.raises(Unavailable, match="review list"):
        asyncio.run(world.service.review(NoParameters()))
    assert world.get("/v1/review").status == 503
