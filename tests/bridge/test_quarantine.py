"""Quarantine: how a source comes into it and out of it again, what is kept, and what is said."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import redis.asyncio
import zstandard

from adapters.models import Offer
from bridge import quarantine as module
from bridge.guard import Guard
from bridge.poller import Poller
from bridge.quarantine import NothingHeld, Quarantine
from bridge.quarantine_desk import QuarantineDesk
from bridge.quarantine_keys import ANSWERS, HOLDS, ORDERS
from bridge.results import Distrusted, PollResult, Withheld
from bridge.source import Source
from schemas.topics import DEAD_LETTERS, PRICE_ANOMALIES, PROVIDER_PRICES
from tests.bridge.conftest import RedisServer
from tests.bridge.fakes import START_MS, Clock, Lumen, client, poller, rows, source
from tests.bridge.test_service import Setting, kafka_ready  # noqa: F401 - a fixture
from tests.bridge.test_snapshot import until

KEYS = [f"offer-{number}" for number in range(10)]
GPUS = ["H100-SXM-80", "H200-SXM-141", "B200-SXM-180", "L40S-PCIE-48", "A100-SXM-80"]


class Turns(Lumen):
    zones = ("north", "south", "west")
    slices_per_poll = 1


class Held:
    """A source whose price the test sets, polled with a guard that keeps its state in a folder."""

    def __init__(self, folder: Path | None = None, adapter: Lumen | None = None) -> None:
        self.clock = Clock()
        self.answer: dict[str, Any] = rows(*KEYS)
        self.source = source(lambda request: httpx.Response(200, json=self._of(request)), self.clock, adapter)
        self.folder = folder
        self.restart()

    def restart(self) -> None:
        self.guard = Guard(Quarantine(self.folder), {self.source.name: self.source})
        self.poller: Poller = poller(self.clock, guard=self.guard)

    def _of(self, request: httpx.Request) -> dict[str, Any]:
        zone = request.url.path.rpartition("/")[2]
        return {"rows": [{**row, "key": f"{zone}{row['key']}"} for row in self.answer["rows"]]}

    async def poll(self, price: str | None = None) -> PollResult:
        if price is not None:
            self.answer = rows(*KEYS, price=price)
        self.clock.passed_s += 60
        result = await self.poller.poll(self.source)
        for work in self.guard.quarantine.pending():
            work()
        return result

    @property
    def prices(self) -> set[str | None]:
        return {held.encoded.state.amount for held in self.source.book.offers.values()}

    @property
    def kind(self) -> str | None:
        hold = self.guard.quarantine.of(self.source.name)
        return None if hold is None else hold.kind


async def test_a_hold_keeps_the_last_good_offers_and_ends_by_itself() -> None:
    held = Held()
    await held.poll()
    first = await held.poll("1600.00")
    assert (held.kind, held.prices, first.health.health) == ("unit_break", {"16.0"}, "quarantined")
    assert str(first.health.error).startswith("unit break: 100% of 10 matched offers moved by x100 (cents and whole units)")
    assert {offer.observed_at_ms for offer in held.source.book.offers.values()} == {START_MS + 60_000}
    assert isinstance(first.slices[0].error, Distrusted)
    again = await held.poll("1610.00")
    assert again.health.health == "quarantined" and type(again.slices[0].error) is Withheld
    assert (again.health.breaker, again.health.consecutive_failures) == ("closed", 0)
    assert again.health.last_success_ms == START_MS + 60_000
    back = await held.poll("16.10")
    assert (held.kind, held.prices, back.health.health) == (None, {"16.1"}, "ok")
    said = list(held.guard.quarantine.unsaid.values())
    assert [record["status"] for record in said] == ["opened", "closed"]
    assert len({record["anomaly_id"] for record in said}) == 1
    assert "ended after 120 s: its answers agree with the last accepted ones again" in said[1]["evidence"]


async def test_body_and_reason_are_kept(tmp_path: Path) -> None:
    held = Held(tmp_path)
    await held.poll()
    result = await held.poll("1600.00")
    hold = held.guard.quarantine.holds["lumen"]
    folder = held.guard.quarantine.folder_of(hold)
    assert folder is not None and result.slices[0].answer is not None
    kept = json.loads((folder / "reason.json").read_text())
    assert kept["pages"] == [{"slice": "", "request": "types", "page": 1, "file": "001.zst"}]
    assert kept["hold"]["digest"] == result.slices[0].answer.digest
    assert kept["hold"]["evidence"]["factor"] == 100
    assert zstandard.decompress((folder / "001.zst").read_bytes()) == result.slices[0].answer.answers[0].raw
    assert hold.digest in held.guard.quarantine.unsaid[f"{hold.incident}/opened"]["evidence"]


async def test_what_is_kept_is_bounded_and_the_newest_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT_BYTES", 3000)
    held = Held(tmp_path)
    for _ in range(4):
        await held.poll("16.00")
        await held.poll("1600.00")
    incidents = _kept(tmp_path)
    assert 1 <= len(incidents) < 4
    assert held.guard.quarantine.holds["lumen"].incident in incidents


async def test_a_hold_survives_a_restart(tmp_path: Path) -> None:
    held = Held(tmp_path)
    await held.poll()
    await held.poll("1600.00")
    incident = held.guard.quarantine.holds["lumen"].incident
    held.restart()
    assert held.guard.quarantine.holds["lumen"].incident == incident
    assert (await held.poll()).health.health == "quarantined"
    assert list(held.guard.quarantine.unsaid) == [f"{incident}/opened"]
    await held.poll("16.00")
    held.restart()
    assert held.kind is None
    assert list(held.guard.quarantine.unsaid) == [f"{incident}/opened", f"{incident}/closed"]
    held.guard.quarantine.said(f"{incident}/opened")
    held.restart()
    assert list(held.guard.quarantine.unsaid) == [f"{incident}/closed"]


async def test_accepted_answers_become_what_later_ones_are_judged_against(tmp_path: Path) -> None:
    held = Held(tmp_path)
    await held.poll()
    await held.poll("1600.00")
    assert "accepted" in held.guard.quarantine.order("lumen", "accept", [""], START_MS)
    held.restart()
    assert (await held.poll()).health.health == "ok"
    assert held.prices == {"1600.0"}
    assert (await held.poll("1610.00")).health.health == "ok"
    assert (await held.poll("16.10")).health.health == "quarantined"
    assert held.prices == {"1610.0"}


async def test_accepting_one_fault_accepts_no_other() -> None:
    held = Held()
    await held.poll()
    await held.poll("1600.00")
    held.guard.quarantine.order("lumen", "accept", [""], START_MS)
    held.answer = {"rows": held.answer["rows"][:2]}
    await held.poll()
    assert (held.kind, held.prices) == ("coverage_drop", {"16.0"})


async def test_a_refused_answer_is_dropped_and_the_source_stays_held(tmp_path: Path) -> None:
    held = Held(tmp_path)
    await held.poll()
    await held.poll("1600.00")
    held.guard.quarantine.order("lumen", "refuse", [""], START_MS)
    assert _kept(tmp_path) == []
    assert (await held.poll()).health.health == "quarantined"
    assert (await held.poll("16.00")).health.health == "ok"


async def test_what_cannot_be_read_cannot_be_accepted() -> None:
    held = Held()
    await held.poll()
    held.source.client = source(lambda _: httpx.Response(200, json={"items": []}), held.clock).client
    await held.poll()
    assert held.kind == "payload_change"
    with pytest.raises(NothingHeld, match="cannot be read, so there is nothing to accept"):
        held.guard.quarantine.order("lumen", "accept", [""], START_MS)
    with pytest.raises(NothingHeld, match="salad is not in quarantine"):
        held.guard.quarantine.order("salad", "accept", [""], START_MS)


async def test_slices_in_turns_must_each_agree_and_are_each_accepted_once() -> None:
    held = Held(adapter=Turns())
    for _ in range(3):
        await held.poll()
    for _ in range(2):
        await held.poll("1600.00")
    for _ in range(3):
        assert (await held.poll("16.00")).health.health == ("quarantined" if held.kind else "ok")
    assert (held.kind, held.prices) == (None, {"16.0"})
    await held.poll("1600.00")
    held.guard.quarantine.order("lumen", "accept", Turns.zones, START_MS)
    for _ in range(3):
        assert (await held.poll()).health.health == "ok"
    assert held.prices == {"1600.0"}


async def test_turns_are_released_only_when_the_wrong_part_is_right_again() -> None:
    held = Held(adapter=Turns())
    for _ in range(3):
        await held.poll()
    await held.poll("1600.00")
    states = [(await held.poll("16.00")).health.health for _ in range(3)]
    assert states == ["quarantined", "quarantined", "ok"]


async def test_a_poll_that_fails_does_not_end_a_hold() -> None:
    held = Held()
    await held.poll()
    await held.poll("1600.00")
    working, held.source.client = held.source.client, source(lambda _: httpx.Response(503), held.clock).client
    assert (await held.poll()).health.health == "quarantined"
    held.source.client = working
    assert (await held.poll("16.00")).health.health == "ok"


@pytest.mark.parametrize(("had", "left", "kind"), [(10, 4, None), (10, 3, "coverage_drop"), (5, 1, None), (100, 39, "coverage_drop")])
async def test_a_fall_of_over_sixty_percent_is_a_drop_of_coverage(had: int, left: int, kind: str | None) -> None:
    held = Held()
    held.answer = rows(*map(str, range(had)))
    await held.poll()
    held.answer = rows(*map(str, range(left)))
    await held.poll()
    assert (held.kind, len(held.source.book.offers)) == (kind, had if kind else left)


async def test_an_empty_answer_is_held_once_and_a_fault_when_it_comes_again() -> None:
    held = Held()
    await held.poll()
    held.answer = {"rows": []}
    assert ((await held.poll()).health.health, held.kind) == ("down", None)
    assert ((await held.poll()).health.health, held.kind) == ("quarantined", "empty")
    assert len(held.source.book.offers) == len(KEYS)


async def test_a_new_source_far_off_the_markets_level_is_held() -> None:
    clock = Clock()

    def made(name: str, price: float) -> Source:
        class Many(Lumen):
            def parse(self, pages: Any, observed_at: Any) -> Any:
                for offer, gpu in zip(super().parse(pages, observed_at), GPUS, strict=True):
                    yield msgspec.structs.replace(offer, gpu=gpu)

        Many.source = name
        return source(lambda _: httpx.Response(200, json=rows(*GPUS, price=str(price))), clock, Many())

    sources = {name: made(name, price) for name, price in (("a", 16), ("b", 18), ("c", 20), ("far", 1700), ("dear", 60))}
    guard = Guard(Quarantine(None), sources)
    for name in sources:
        await poller(clock, guard=guard).poll(sources[name])
    assert list(guard.quarantine.holds) == ["far"]
    assert "of what the same 5 GPUs cost before or elsewhere" in guard.quarantine.holds["far"].reason


@pytest.mark.parametrize(("price", "kind"), [("1600.00", "unit_break"), ("17.00", None)])
async def test_keys_and_unit_that_change_together_are_held(price: str, kind: str | None) -> None:
    """The other half keeps both, and speaks for nothing but itself."""

    class Many(Lumen):
        def parse(self, pages: Any, observed_at: Any) -> Any:
            for offer in super().parse(pages, observed_at):
                assert isinstance(offer, Offer)
                yield msgspec.structs.replace(offer, gpu=GPUS[int(offer.offer_key[-1]) % len(GPUS)])

    held = Held(adapter=Many())
    await held.poll()
    held.answer["rows"] = [*rows(*KEYS[:5])["rows"], *rows(*(f"v2-{key}" for key in KEYS[5:]), price=price)["rows"]]
    await held.poll()
    assert held.kind == kind


async def test_orders_reach_the_bridge_through_redis(redis_client: "redis.asyncio.Redis") -> None:
    held = Held()
    await held.poll()
    await held.poll("1600.00")
    desk = QuarantineDesk(redis_client, held.guard.quarantine, {"lumen": held.source})
    assert await desk.serve() == []
    told = json.loads(await redis_client.hget(HOLDS, "lumen") or "")  # type: ignore[misc, unused-ignore]
    assert (told["kind"], told["outstanding"], told["folder"]) == ("unit_break", [""], None)
    orders = {"lumen": b'{"verb": "accept"}', "nobody": b'{"verb": "accept"}', "odd": b'{"verb": "burn"}'}
    await redis_client.hset(ORDERS, mapping=orders)  # type: ignore[arg-type, misc, unused-ignore]
    assert await desk.serve() == ["lumen"]
    assert await redis_client.hgetall(ORDERS) == {}  # type: ignore[misc, unused-ignore]
    answers: dict[Any, Any] = await redis_client.hgetall(ANSWERS)  # type: ignore[misc, unused-ignore]
    assert answers[b"lumen"].startswith(b"lumen: accepted")
    assert answers[b"nobody"] == b"nobody: no such source in this bridge"
    assert answers[b"odd"].startswith(b"odd: no order")
    assert not await redis_client.exists(HOLDS)
    await held.poll()
    assert held.prices == {"1600.0"}


async def test_nothing_of_a_held_source_is_published_but_that_it_is_held(
    redis_server: RedisServer,
    redis_client: "redis.asyncio.Redis",
    tmp_path: Path,
    kafka_ready: None,  # noqa: F811 - the fixture
) -> None:
    setting = Setting(redis_server, tmp_path, interval_s=0.05)
    price = "16.00"
    setting.source.client = client(lambda _: httpx.Response(200, json=rows(*KEYS, price=price)))
    running = asyncio.create_task(setting.bridge.run())
    await until(lambda: _true(len(setting.kafka.on(PROVIDER_PRICES.name)) >= len(KEYS)))
    price = "1600.00"
    await until(lambda: _true(bool(setting.kafka.on(PRICE_ANOMALIES.name))))
    await until(lambda: redis_client.hexists(HOLDS, "lumen"))
    price = "16.00"
    await until(lambda: _true(len(setting.kafka.on(PRICE_ANOMALIES.name)) == 2))
    setting.bridge.stop()
    assert await running == 0
    opened, closed = setting.kafka.on(PRICE_ANOMALIES.name)
    assert opened.key() == closed.key()
    assert b"opened" in (opened.value() or b"") and b"closed" in (closed.value() or b"")
    letters = setting.kafka.on(DEAD_LETTERS.name)
    assert [dict(letter.headers or [])["__connect.errors.exception.class.name"] for letter in letters] == [b"Distrusted"]
    assert not any(b"1600.0" in (event.value() or b"") for event in setting.kafka.on(PROVIDER_PRICES.name))
    journal = "".join(path.read_text() for path in (tmp_path / "archive" / "journal").glob("*"))
    assert len(journal.splitlines()) == 1


def _kept(folder: Path) -> list[str]:
    return [incident.name for incident in folder.glob("lumen/*")]


async def _true(value: bool) -> bool:
    return value
