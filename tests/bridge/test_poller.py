"""Polling sources: slices, health, isolation, and answers that are not to be believed."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.errors import AuthFailed, PayloadChanged, Transient
from bridge.results import PollResult
from bridge.source import Source
from tests.bridge.fakes import START_MS, Clock, Handler, Lumen, poller, rows, source


class Zoned(Lumen):
    zones = ("north", "south", "west")


class Turns(Zoned):
    slices_per_poll = 2
    cadence = timedelta(seconds=30)


class Answers:
    """A provider whose answers by path can be changed between polls; anything not named is one offer in that zone."""

    def __init__(self) -> None:
        self.by_zone: dict[str, Any] = {}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        zone = request.url.path.rpartition("/")[2]
        self.asked.append(zone)
        answer = self.by_zone.get(zone, rows(f"{zone}-1"))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer)
        return httpx.Response(200, content=answer) if isinstance(answer, bytes) else httpx.Response(200, json=answer)


def zones_of(polled: Source) -> dict[str, int]:
    """Offer key -> when it was observed, relative to the start."""
    return {key: held.observed_at_ms - START_MS for key, held in polled.book.offers.items()}


async def poll(polled: Source, clock: Clock) -> PollResult:
    return await poller(clock).poll(polled)


async def test_a_good_poll_is_ok_and_priced_once() -> None:
    clock = Clock()
    polled = source(lambda _: httpx.Response(200, json=rows("a", "b", price="16.02")), clock)
    result = await poll(polled, clock)
    assert result.health.health == "ok"
    assert (result.health.offers, result.health.rejected, result.health.requests, result.health.http_status) == (2, 0, 1, 200)
    assert polled.book.offers["a"].encoded.state.usd_per_gpu_hour_micros == 2_002_500
    assert polled.book.offers["a"].encoded.state.amount == "16.02"


async def test_a_failing_slice_degrades_the_source_and_keeps_its_offers_with_their_age() -> None:
    clock, answers = Clock(), Answers()
    polled = source(answers, clock, Zoned())
    await poll(polled, clock)
    clock.passed_s = 10
    answers.by_zone["south"] = 404
    result = await poll(polled, clock)
    assert result.health.health == "degraded"
    assert result.health.error == "lumen: types: HTTP 404"
    assert zones_of(polled) == {"north-1": 10_000, "south-1": 0, "west-1": 10_000}
    assert polled.breaker.failures == 0

    del answers.by_zone["south"]
    clock.passed_s = 20
    assert (await poll(polled, clock)).health.health == "ok"
    assert zones_of(polled)["south-1"] == 20_000


async def test_all_slices_failing_is_down_and_counts_for_the_breaker() -> None:
    clock, answers = Clock(), Answers()
    polled = source(answers, clock, Zoned())
    await poll(polled, clock)
    answers.by_zone = dict.fromkeys(Zoned.zones, 500)
    for _ in range(3):
        result = await poll(polled, clock)
    assert (result.health.health, result.health.breaker, result.health.consecutive_failures) == ("down", "open", 3)
    assert result.health.last_success_ms == START_MS
    assert len(polled.book.offers) == 3


@pytest.mark.parametrize(
    ("answer", "error", "attempts"),
    [
        (b"<html>maintenance</html>", PayloadChanged, 1),
        (b"", PayloadChanged, 1),
        (b'{"rows": [', PayloadChanged, 1),
        ({"items": []}, PayloadChanged, 1),
        (404, PayloadChanged, 1),
        (500, Transient, 3),
        (429, Transient, 3),
        (httpx.ReadTimeout(""), Transient, 3),
        (httpx.ConnectError(""), Transient, 3),
    ],
)
async def test_bad_answers_keep_the_last_good_offers(answer: Any, error: type[Exception], attempts: int) -> None:
    clock, answers = Clock(), Answers()
    polled = source(answers, clock)
    await poll(polled, clock)
    answers.by_zone[""] = answer
    answers.asked.clear()
    result = await poll(polled, clock)
    # JSON that parses and cannot be read is a fault of the collector; everything else is trouble of the provider's.
    assert result.health.health == ("quarantined" if isinstance(answer, dict) else "down")
    assert isinstance(result.slices[0].error, error)
    assert len(answers.asked) == attempts == result.health.requests
    assert zones_of(polled) == {"-1": 0}


@pytest.mark.parametrize(("asked_s", "requests"), [(3, 3), (12, 1), (120, 1)])
async def test_a_long_retry_after_is_left_to_the_breaker(asked_s: int, requests: int) -> None:
    clock = Clock()
    polled = source(lambda _: httpx.Response(429, headers={"retry-after": str(asked_s)}), clock)
    result = await poll(polled, clock)
    assert result.health.requests == requests
    assert polled.breaker.wait_s() == asked_s


async def test_a_refused_credential_rests_the_source() -> None:
    class WithKey(Lumen):
        auth = "bearer"
        credential = ("LUMEN_API_KEY",)

    clock = Clock()
    polled = source(lambda _: httpx.Response(401), clock, WithKey())
    assert polled.client is not None
    polled.client._credentials["LUMEN_API_KEY"] = "k"
    result = await poll(polled, clock)
    assert isinstance(result.slices[0].error, AuthFailed)
    assert (result.health.breaker, polled.breaker.wait_s()) == ("open", 300.0)


async def test_one_source_in_trouble_does_not_touch_another() -> None:
    clock = Clock()

    class Odd(Lumen):
        source = "odd"

        def parse(self, pages: Any, observed_at: Any) -> Any:
            raise RecursionError("a bug")

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=rows("a"))

    logging.disable(logging.CRITICAL)
    try:
        results = await poller(clock).sweep([source(answer, clock, Odd()), source(answer, clock)])
    finally:
        logging.disable(logging.NOTSET)
    assert [(result.source, result.health.health) for result in results] == [("odd", "down"), ("lumen", "ok")]


async def test_a_provider_that_hangs_costs_its_own_time_only() -> None:
    async def hangs(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    clock = Clock()
    slow: Handler = hangs  # type: ignore[assignment]
    polled, other = source(slow, clock), source(lambda _: httpx.Response(200, json=rows("a")), clock)
    results = await poller(clock, attempt_s=0.05, poll_s=0.05).sweep([polled, other])
    assert [result.health.health for result in results] == ["down", "ok"]
    assert "no whole answer" in str(results[0].health.error)


@pytest.mark.parametrize(("cadence", "attempt_s"), [(timedelta(minutes=1), 15), (timedelta(hours=1), 90), (timedelta(hours=6), 90)])
async def test_what_is_polled_seldom_may_take_longer(cadence: timedelta, attempt_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def timeout(seconds: float) -> asyncio.Timeout:
        given.append(seconds)
        return asyncio.Timeout(None)

    monkeypatch.setattr("bridge.poller.asyncio.timeout", timeout)
    clock = Clock()
    await poll(source(lambda _: httpx.Response(200, json=rows("a")), clock, type("Listed", (Lumen,), {"cadence": cadence})()), clock)
    assert given == [attempt_s]


async def test_slices_take_turns() -> None:
    clock, answers = Clock(), Answers()
    polled = source(answers, clock, Turns())
    asked = []
    for _ in range(3):
        answers.asked.clear()
        await poll(polled, clock)
        asked.append(sorted(answers.asked))
    assert asked == [["north", "south"], ["north", "west"], ["south", "west"]]
    assert (polled.cadence.look_s, polled.fresh_s, polled.stale_s) == (60.0, 90.0, 240.0)


async def test_without_limits_to_keep_all_slices_are_asked_at_once() -> None:
    clock, answers = Clock(), Answers()
    polled = source(answers, clock, Turns(), interval_s=5.0)
    await poll(polled, clock)
    assert sorted(answers.asked) == ["north", "south", "west"]
    assert (polled.cadence_s, polled.fresh_s, polled.stale_s) == (5.0, 15.0, 90.0)


async def test_the_interval_never_hurries_a_live_source() -> None:
    polled = Source(Turns(), None, "live", interval_s=5.0)
    assert (polled.cadence_s, polled.slices_per_poll) == (30.0, 2)


async def test_an_empty_answer_takes_no_offers_away() -> None:
    clock, answers = Clock(), Answers()
    polled = source(answers, clock, Zoned())
    await poll(polled, clock)
    answers.by_zone["west"] = {"rows": []}
    result = await poll(polled, clock)
    assert result.health.health == "degraded"
    assert "empty answer where there were 1 offers" in str(result.health.error)
    assert "west-1" in polled.book.offers


async def test_a_zone_that_never_had_offers_may_have_none() -> None:
    clock, answers = Clock(), Answers()
    answers.by_zone["west"] = {"rows": []}
    polled = source(answers, clock, Zoned())
    for _ in range(2):
        assert (await poll(polled, clock)).health.health == "ok"


async def test_a_slice_of_a_market_may_become_empty_but_not_all_of_it() -> None:
    clock, answers = Clock(), Answers()
    polled = source(answers, clock, Turns(), interval_s=5.0)
    await poll(polled, clock)
    answers.by_zone["west"] = {"rows": []}
    assert (await poll(polled, clock)).health.health == "ok"
    assert sorted(polled.book.offers) == ["north-1", "south-1"]
    answers.by_zone = {zone: {"rows": []} for zone in Zoned.zones}
    assert (await poll(polled, clock)).health.health != "ok"
    assert sorted(polled.book.offers) == ["north-1", "south-1"]


@pytest.mark.parametrize(("bad", "good", "believed"), [(4, 1, True), (1, 0, False), (5, 20, True), (5, 19, False), (40, 100, False)])
async def test_too_many_unreadable_rows_publish_none(bad: int, good: int, believed: bool) -> None:
    clock = Clock()
    answer = {"rows": [*rows(*map(str, range(good)))["rows"], *({"key": f"bad-{i}"} for i in range(bad))]}
    polled = source(lambda _: httpx.Response(200, json=answer), clock)
    result = await poll(polled, clock)
    assert len(polled.book.offers) == (good if believed else 0)
    assert len(result.rejected) == bad
    if not believed:
        assert isinstance(result.slices[0].error, PayloadChanged)
        assert result.slices[0].error.field == "price"


async def test_a_few_unreadable_rows_in_each_of_many_slices_are_a_changed_payload() -> None:
    clock, answers = Clock(), Answers()
    polled = source(answers, clock, Turns(), interval_s=5.0)
    bad = [{"key": f"bad-{i}"} for i in range(2)]
    answers.by_zone = {zone: {"rows": [*rows(f"{zone}-1", f"{zone}-2")["rows"], *bad]} for zone in ("south", "west")}
    assert (await poll(polled, clock)).health.offers == 5
    answers.by_zone["north"] = {"rows": [*rows("north-1")["rows"], *bad]}
    result = await poll(polled, clock)
    assert (result.health.health, result.health.offers) == ("quarantined", 0)
    assert "6 rows of 3 slices cannot be read" in str(result.health.error)
    assert len(polled.book.offers) == 5


async def test_a_price_that_cannot_be_stated_and_a_key_that_comes_twice_are_rejected() -> None:
    clock = Clock()
    answer = {"rows": [{"key": "a", "price": 16}, {"key": "a", "price": 17}, {"key": "b", "price": -1}, {"key": "c", "price": "NaN"}]}
    polled = source(lambda _: httpx.Response(200, json=answer), clock)
    result = await poll(polled, clock)
    assert sorted(polled.book.offers) == ["a"]
    assert [row.field for row in result.rejected] == ["offer_key", "amount", "amount"]
    assert result.health.health == "degraded"


async def test_parsing_runs_off_the_event_loop() -> None:
    import threading

    threads = []

    class Watching(Lumen):
        def parse(self, pages: Any, observed_at: Any) -> Any:
            threads.append(threading.current_thread())
            return super().parse(pages, observed_at)

    clock = Clock()
    await poll(source(lambda _: httpx.Response(200, json=rows("a")), clock, Watching()), clock)
    assert threads != [threading.main_thread()]
