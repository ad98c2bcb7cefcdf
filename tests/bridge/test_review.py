"""The review list: what is counted, what is forgotten, and that it outlives the bridge."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import httpx
import msgspec
import pytest
import redis.asyncio

from adapters.base import Page
from adapters.models import Offer, Rejected
from adapters.rows import UnknownGpu, rejected
from api import review
from bridge.review import KEPT_MS, MAX_NAMES, Review
from bridge.snapshot import encode_review, restore
from bridge.source import Source
from tests.bridge.conftest import RedisServer
from tests.bridge.fakes import START_MS, Clock, Lumen, rows, source
from tests.bridge.feed import Feed
from tests.bridge.test_service import Setting, kafka_ready
from tests.bridge.test_snapshot import written

__all__ = ["kafka_ready"]

DAY_MS = 24 * 60 * 60 * 1000


def unknown(name: str) -> Rejected:
    return rejected({"gpu": name}, UnknownGpu("gpu", name))


def told(review: Review) -> list[tuple[str, int, int, int, int]]:
    return [(one.name, one.rows, one.polls, one.first_seen_ms, one.last_seen_ms) for one in review.names]


def test_rows_are_of_the_newest_poll_and_polls_add_up() -> None:
    review = Review()
    review.take([unknown("X1"), unknown("X1"), unknown("X2"), Rejected(reason="r", field="price", raw="{}")], 1000)
    review.take([unknown("X1")], 2000)
    review.take([], 3000)
    assert told(review) == [("X2", 1, 1, 1000, 1000), ("X1", 1, 2, 1000, 2000)]


def test_it_is_bounded_and_the_newest_stay() -> None:
    review = Review()
    for at in range(MAX_NAMES + 5):
        review.take([unknown(f"X{at}")], at)
    assert len(review.names) == MAX_NAMES
    assert (review.names[0].name, review.names[-1].name) == ("X5", f"X{MAX_NAMES + 4}")
    review.take([unknown(f"Y{i}") for i in range(3 * MAX_NAMES)], MAX_NAMES + 5)
    assert len(review.names) == MAX_NAMES


def test_what_nobody_writes_any_more_is_forgotten() -> None:
    review = Review()
    review.take([unknown("X1")], START_MS)
    review.take([], START_MS + KEPT_MS)
    assert [one.name for one in review.names] == ["X1"]
    review.take([], START_MS + KEPT_MS + 1)
    assert review.names == []


def polled() -> Source:
    return source(lambda _: httpx.Response(200, json=rows("a")), Clock())


async def test_what_redis_holds_is_what_the_architecture_says_and_a_new_bridge_goes_on(redis_client: "redis.asyncio.Redis") -> None:
    old = polled()
    old.review.take([unknown("X1"), unknown("X1")], START_MS)
    await written(redis_client, {"lumen": old})
    held = msgspec.json.decode(await redis_client.hget("gputicker:review", "lumen") or b"")
    assert held == {
        "provider": Lumen.provider,
        "market": "simulated",
        "names": [{"name": "X1", "rows": 2, "polls": 1, "first_seen_ms": START_MS, "last_seen_ms": START_MS}],
    }
    new = polled()
    await restore(redis_client, {"lumen": new})
    new.review.take([unknown("X1")], START_MS + DAY_MS)
    assert told(new.review) == [("X1", 1, 2, START_MS, START_MS + DAY_MS)]


def test_what_the_bridge_writes_is_what_the_api_reads() -> None:
    source = polled()
    source.review.take([unknown("X1"), unknown("X1")], START_MS)
    (told_by_api,) = review.told({"lumen": encode_review(source)}, "simulated")
    assert (told_by_api.source, told_by_api.provider, told_by_api.name) == ("lumen", Lumen.provider, "X1")
    assert (told_by_api.rows, told_by_api.polls, told_by_api.last_seen) == (2, 1, "2026-11-21T12:00:00.000Z")


@pytest.mark.parametrize("body", [b"{", b'{"market": "simulated", "names": [{"name": 3}]}', b'{"market": "live", "names": []}'])
async def test_what_cannot_be_read_or_is_another_markets_is_left_alone(redis_client: "redis.asyncio.Redis", body: bytes) -> None:
    await redis_client.hset("gputicker:review", "lumen", body)
    new = polled()
    new.review.take([unknown("X1")], START_MS)
    await restore(redis_client, {"lumen": new})
    assert [one.name for one in new.review.names] == ["X1"]


@pytest.mark.parametrize("name", ["clore", "lium"])
async def test_the_simulated_market_lists_a_card_that_nobody_knows_and_nothing_else_changes(name: str) -> None:
    feed = Feed(names=[name])
    source = feed.sources[name]
    (before,) = await feed.sweep()
    feed.begin("unknown_gpu", name, seconds=60)
    for polls in (1, 2):
        (result,) = await feed.sweep()
        source.review.take(result.rejected, source.polled_at_ms)
        assert (feed.held, result.health.health, result.health.rejected) == ({}, "ok", 3)
        assert result.health.offers == before.health.offers
        (one,) = review.told({name: encode_review(source)}, "simulated")
        assert (one.source, one.provider, one.rows, one.polls) == (name, name, 3, polls)
        assert "NVIDIA Simulated X" in one.name
    (result,) = await feed.sweep(after_s=120)
    assert (feed.held, result.health.health, result.health.rejected) == ({}, "ok", 0)
    assert [one.polls for one in review.told({name: encode_review(source)}, "simulated")] == [2]


class Strange(Lumen):
    """A provider of which every GPU is new."""

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        yield from (unknown(row["key"]) for page in pages for row in page.body["rows"])


async def test_it_outlives_the_bridge_and_holds_the_names_of_a_refused_answer_too(
    redis_server: RedisServer, redis_client: "redis.asyncio.Redis", tmp_path: Path, kafka_ready: None
) -> None:
    for polls in (1, 2):
        setting = Setting(redis_server, tmp_path, adapter=Strange())
        assert await setting.bridge.run_once() == 1
        assert setting.source.health is not None
        assert setting.source.health.health == "down"
        held = msgspec.json.decode(await redis_client.hget("gputicker:review", "lumen") or b"")
        assert [(one["name"], one["rows"], one["polls"]) for one in held["names"]] == [("a", 1, polls)]
