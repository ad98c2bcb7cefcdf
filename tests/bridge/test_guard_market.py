"""The guard over the simulated market: every source, with real adapters, client and books."""

import pytest

from adapters.registry import discover
from bridge.factors import LEAST_COUNTED
from bridge.guard import COVERAGE_LEFT, LEAST_LOST
from tests.bridge.feed import Feed

SOURCES = sorted(discover())
ADDED_UP = {"gcp"}
"""Several sizes of machine are made of one price, which the simulated incident divides by one of them."""
REFUSED_WITHOUT_ROWS = {"flyio"}
"""A page that lists nothing says something else than that all is rented: it is refused at once."""
EMPTY_WITHOUT_PRICES = {"runpod-serverless"}
"""A price that is absent is no offer: an answer without any is an empty one, which a second look confirms."""
STATED_TWICE = {"replicate", "tensorpool"}
"""Pages that state a price twice; where the two disagree the page is refused before its prices are judged."""


@pytest.mark.parametrize(
    ("kind", "move", "backwards"),
    [
        ("cents", None, False),
        ("cents", 1.15, False),
        ("cents", 0.85, True),
        ("months", 1.15, True),
        ("months", 0.85, False),
        ("per_instance", None, False),
        ("per_instance", 1.15, False),
        ("per_instance", 1.15, True),
        ("per_instance", 0.85, False),
        ("per_instance", 0.85, True),
    ],
)
async def test_a_wrong_unit_holds_its_source_and_no_other_also_while_the_market_moves(
    kind: str, move: float | None, backwards: bool
) -> None:
    """Sources are asked one after the other since the move: the first see it alone, the last after everyone else."""
    feed = Feed()
    await feed.sweep()
    if move:
        feed.begin("market_move", factor=move)
    for name in sorted(SOURCES, reverse=backwards):
        before = feed.prices(name)
        feed.begin(kind, name)
        result = (await feed.sweep(name, after_s=1))[0]
        if kind != "per_instance" or (name not in ADDED_UP and _of_several_gpus(feed, name) >= LEAST_COUNTED):
            kinds = {"unit_break", "payload_change"} if name in STATED_TWICE else {"unit_break"}
            assert feed.held.keys() == {name} and set(feed.held.values()) <= kinds, result.health.error
            assert (result.health.health, result.health.offers) == ("quarantined", 0)
            assert feed.prices(name) == before
        feed.end_last()
        result = (await feed.sweep(name, after_s=1))[0]
        assert (feed.held, result.health.health) == ({}, "ok"), result.health.error


@pytest.mark.parametrize(("factor", "move"), [(1.4, None), (0.6, None), (1.4, 1.15), (0.6, 0.85)])
async def test_a_real_repricing_of_a_whole_provider_passes(factor: float, move: float | None) -> None:
    feed = Feed()
    await feed.sweep()
    if move:
        feed.begin("market_move", factor=move)
    for name in SOURCES:
        before = feed.prices(name)
        feed.begin("repricing", name, factor=factor)
        result = (await feed.sweep(name, after_s=1))[0]
        assert (feed.held, result.health.health) == ({}, "ok"), result.health.error
        assert feed.prices(name) != before


@pytest.mark.parametrize("kind", ["renamed_field", "missing_field", "retyped_field"])
async def test_a_key_that_is_gone_or_of_another_type_holds_its_source(kind: str) -> None:
    feed = Feed()
    for _ in range(6):
        await feed.sweep(after_s=61)
    # Often missing anyway; a price in an object of its own; rows of a page.
    passes = {"missing_field": {"hyperbolic"}, "retyped_field": {"thunder"}}.get(kind, set())
    for name in SOURCES:
        before = feed.prices(name)
        feed.begin(kind, name)
        result = (await feed.sweep(name, after_s=1))[0]
        if name not in passes:
            kinds = {"schema_drift", "payload_change"}
            if name in EMPTY_WITHOUT_PRICES and not feed.held:
                assert (feed.prices(name), result.health.health) == (before, "down")
                await feed.sweep(name, after_s=1)
                kinds = {"empty"}
            assert feed.held.get(name) in kinds, (name, result.health.error)
            assert feed.prices(name) == before
        feed.end()
        await feed.sweep(name, after_s=1)
        assert feed.held == {}


async def test_most_offers_gone_and_an_empty_answer_twice_hold_their_source() -> None:
    feed = Feed()
    await feed.sweep()
    shrunk = 0
    for name in SOURCES:
        before = feed.prices(name)
        feed.begin("empty", name)
        first = (await feed.sweep(name, after_s=1))[0]
        refused = name in REFUSED_WITHOUT_ROWS
        assert (feed.held, first.health.health) == (({name: "payload_change"}, "quarantined") if refused else ({}, "down"))
        await feed.sweep(name, after_s=1)
        assert (feed.held, feed.prices(name)) == ({name: "payload_change" if refused else "empty"}, before)
        feed.end()
        await feed.sweep(name, after_s=1)
        before = feed.prices(name)
        feed.begin("shrunk", name)
        left = (await feed.sweep(name, after_s=1))[0].health.offers
        if feed.held:
            shrunk += 1
            assert (feed.held, feed.prices(name)) == ({name: "coverage_drop"}, before)
        else:
            assert left >= COVERAGE_LEFT * len(before) or len(before) - left < LEAST_LOST, name
        feed.end()
        await feed.sweep(name, after_s=1)
        assert feed.held == {}
    assert shrunk > len(SOURCES) / 2


@pytest.mark.parametrize("seed", range(2, 4))
async def test_what_the_market_does_by_itself_holds_nobody(seed: int) -> None:
    feed = Feed(seed)
    for after_s in (0, 1, 5, 240, 3_600, 6 * 3_600, 30, 86_400, 60, 7 * 86_400, 900):
        await feed.sweep(after_s=after_s + seed)
        assert feed.held == {}, [hold.why for hold in feed.guard.quarantine.holds.values()]


def _of_several_gpus(feed: Feed, name: str) -> int:
    return sum((held.encoded.state.gpu_count or 1) > 1 for held in feed.sources[name].book.offers.values())
