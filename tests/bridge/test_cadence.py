"""How often a source is polled: by what its last polls found, within bounds, and what readers are told of it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.registry import discover
from bridge.cadence import LOOKS, Cadence, cadence_of
from bridge.source import Source
from schemas.vocabulary import Market
from tests.bridge.fakes import Clock, Lumen, poller, rows, source


class Slow(Lumen):
    cadence = timedelta(hours=2)


class Turns(Lumen):
    zones = ("north", "south", "west")
    slices_per_poll = 1
    cadence = timedelta(seconds=30)


def after(cadence: Cadence, *looks: tuple[int, int]) -> list[float]:
    """The cadence after each of these polls, given as (changed, offers)."""
    found = []
    for changed, offers in looks:
        cadence.saw(changed, offers)
        cadence.polled()
        found.append(round(cadence.now_s, 3))
    return found


def test_it_stays_at_its_own_until_enough_was_seen() -> None:
    assert after(Cadence(60, 30, 120), *[(0, 100)] * (LOOKS - 1)) == [60.0] * (LOOKS - 1)


def test_a_volatile_source_is_asked_more_often_down_to_its_bound() -> None:
    assert after(Cadence(60, 30, 120), *[(5, 100)] * 5) == [48.0, 38.4, 30.72, 30.0, 30.0]


def test_a_still_source_is_asked_less_often_up_to_its_bound() -> None:
    assert after(Cadence(60, 30, 120), *[(0, 100)] * 8)[3:] == [75.0, 93.75, 117.188, 120.0, 120.0]


def test_a_few_changes_leave_it_where_it_is() -> None:
    assert after(Cadence(60, 30, 120), *[(1, 100)] * 10)[-1] == 60.0


def test_one_restless_look_hurries_it_only_while_it_is_among_the_last() -> None:
    found = after(Cadence(100, 1, 1000), (20, 100), *[(0, 100)] * (2 * LOOKS))
    assert found[:LOOKS] == [80.0, 64.0, 51.2, 40.96]
    assert found[LOOKS] == 51.2
    assert found == sorted(found[:LOOKS], reverse=True) + sorted(found[LOOKS:])


def test_a_poll_that_compared_nothing_decides_nothing() -> None:
    cadence = Cadence(60, 30, 120)
    after(cadence, (5, 100))
    cadence.polled()
    assert (cadence.now_s, cadence.changed) == (48.0, 0)


def test_slices_of_one_poll_count_together() -> None:
    cadence = Cadence(60, 30, 120)
    cadence.saw(3, 100)
    cadence.saw(0, 100)
    cadence.polled()
    assert (cadence.now_s, cadence.changed) == (60.0, 3)


def test_with_turns_a_slice_is_as_old_as_the_longest_pause_since_its_look_allows() -> None:
    cadence = Cadence(60, 15, 120, turns=3)
    assert cadence.look_s == 180.0
    looks = []
    for _ in range(4):
        after(cadence, (50, 100))
        looks.append(round(cadence.look_s, 3))
    assert looks == [180.0, 180.0, 144.0, 115.2]


@pytest.mark.parametrize(
    ("market", "interval_s", "bounds"),
    [
        ("live", None, (60.0, 30.0, 120.0)),
        ("live", 5.0, (60.0, 30.0, 120.0)),
        ("simulated", None, (60.0, 30.0, 120.0)),
        ("simulated", 5.0, (5.0, 5.0, 5.0)),
        ("simulated", 90.0, (60.0, 30.0, 90.0)),
    ],
)
def test_the_interval_caps_a_market_that_nobody_limits(
    market: Market, interval_s: float | None, bounds: tuple[float, float, float]
) -> None:
    cadence = cadence_of(Lumen(), market, interval_s, 1)
    assert (cadence.now_s, cadence.fastest_s, cadence.slowest_s) == bounds


def test_lists_are_asked_every_one_to_six_hours() -> None:
    assert Slow().bounds == (timedelta(hours=1), timedelta(hours=6))


def test_no_source_is_ever_asked_faster_than_its_limits_allow() -> None:
    vast = cadence_of(discover()["vast"], "live", None, 10)
    after(vast, *[(100, 100)] * 50)
    assert vast.now_s == 30.0


async def test_a_slowed_down_source_does_not_look_stale_and_tells_its_cadence() -> None:
    clock = Clock()
    polled = source(lambda _: httpx.Response(200, json=rows("a", "b")), clock)
    for _ in range(20):
        result = await poller(clock).poll(polled)
    health = result.health
    assert (health.cadence_s, health.cadence_fastest_s, health.cadence_slowest_s, health.changed) == (120.0, 30.0, 120.0, 0)
    assert (polled.fresh_s, polled.stale_s) == (180.0, 480.0)


async def test_changed_new_and_vanished_offers_all_count_but_not_those_of_the_first_answer() -> None:
    clock, answers = Clock(), [rows("a", "b", "c"), rows("a", "b", "c"), rows("a", "d", price="17.00"), 500, rows("a", "d", price="17.00")]

    def handler(_: httpx.Request) -> httpx.Response:
        answer: Any = answers[0]
        return httpx.Response(answer) if isinstance(answer, int) else httpx.Response(200, json=answer)

    polled, found = source(handler, clock), []
    while answers:
        found.append((await poller(clock).poll(polled)).health)
        answers.pop(0)
    # The third: a's price, d came, b and c went. The fourth failed, and the fifth has been seen before.
    assert [health.changed for health in found] == [0, 0, 4, 0, 0]
    assert [round(health.cadence_s, 2) for health in found] == [60.0, 60.0, 48.0, 48.0, 38.4]


async def test_restored_offers_are_no_changes() -> None:
    clock = Clock()
    first = source(lambda _: httpx.Response(200, json=rows("a", "b")), clock)
    await poller(clock).poll(first)
    again = source(lambda _: httpx.Response(200, json=rows("a", "c", price="17.00")), clock)
    again.book.restore(first.book.offers)
    assert (await poller(clock).poll(again)).health.changed == 0


def test_a_source_that_is_off_tells_its_bounds() -> None:
    health = Source(Turns(), None, "live", off_reason="switched off").health
    assert health is not None
    assert (health.cadence_s, health.cadence_fastest_s, health.cadence_slowest_s) == (30.0, 15.0, 60.0)
