"""The in-process copy: freshness to the millisecond, what is missing and why, refused snapshots, deadlines."""

import msgspec
import pytest

from api import health as judging
from api.answers import OfferTold
from api.store import Store, matching_gpus
from tests.api.market import NOW_MS, health, offer, snapshot, store_of


@pytest.mark.parametrize(
    ("age_ms", "counts"),
    [
        (0, (1, 0, 0)),
        (15_000, (1, 0, 0)),
        (15_001, (0, 1, 0)),
        (90_000, (0, 1, 0)),
        (90_001, (0, 0, 1)),
        (-500, (1, 0, 0)),
    ],
)
def test_an_offer_is_fresh_then_stale_then_expired(age_ms: int, counts: tuple[int, int, int]) -> None:
    store = store_of(lumen=[offer("a", "2")])
    assert store.counts(NOW_MS + age_ms) == counts
    assert store.servable(NOW_MS + age_ms) is (counts[2] == 0)


def test_each_source_has_its_own_limits() -> None:
    store = Store("simulated")
    store.take("slow", snapshot("slow", [offer("a", "2")], fresh_s=90.0, stale_s=240.0), None)
    assert store.counts(NOW_MS + 60_000) == (1, 0, 0)
    assert store.counts(NOW_MS + 240_000) == (0, 1, 0)
    assert store.counts(NOW_MS + 240_001) == (0, 0, 1)


def test_offers_of_one_source_age_each_by_its_own_look() -> None:
    store = store_of(lumen=[offer("new", "2"), offer("old", "2", observed_at_ms=NOW_MS - 80_000)])
    assert store.counts(NOW_MS) == (1, 1, 0)
    assert store.counts(NOW_MS + 10_001) == (1, 0, 1)


def test_nothing_changes_before_the_next_deadline() -> None:
    store = store_of(lumen=[offer("a", "2")])
    moments = [NOW_MS]
    while (until := store.unchanged_until_ms(moments[-1])) is not None:
        moments.append(until + 1)
    assert [moment - NOW_MS for moment in moments] == [0, 10_001, 15_001, 90_001]


def test_what_is_told_is_the_documented_type() -> None:
    store = store_of(lumen=[offer("a", "2.49", provider_time_ms=NOW_MS - 1500)])
    told = msgspec.json.decode(store.by_price()[0].told(NOW_MS + 16_250), type=OfferTold)
    assert told.usd_per_gpu_hour == "2.490000"
    assert told.age_s == 16.2
    assert told.freshness == "stale"
    assert told.observed_at == "2026-11-21T08:00:00.000Z"
    assert told.provider_time == "2026-11-21T07:59:58.500Z"


def test_the_same_snapshot_twice_changes_nothing() -> None:
    store = store_of(lumen=[offer("a", "2")])
    version = store.version
    store.take("lumen", snapshot("lumen", [offer("a", "2")]), health("lumen"))
    assert store.version == version
    store.take("lumen", snapshot("lumen", [offer("a", "3")]), None)
    assert store.version == version + 1
    assert store.by_price()[0].micros == 3_000_000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "cannot be read"),
        (snapshot("lumen", [offer("a", "2", usd_per_gpu_hour_micros=None)]), "cannot be read"),
        (snapshot("lumen", [offer("a", "2")], market="recorded"), "of the recorded market"),
    ],
)
def test_a_refused_snapshot_is_named_and_the_copy_ages(body: bytes, reason: str) -> None:
    store = store_of(lumen=[offer("a", "2")])
    store.take("lumen", body, None)
    assert store.counts(NOW_MS + 20_000) == (0, 1, 0)
    missing = judging.missing(store, NOW_MS)
    assert [one.source for one in missing] == ["lumen"]
    assert reason in missing[0].reason


@pytest.mark.parametrize("state", ["down", "quarantined", "off"])
def test_a_source_that_is_not_well_is_missing_with_its_reason(state: str) -> None:
    store = store_of(lumen=[offer("a", "2")], borealis=[offer("b", "3")])
    store.take("lumen", None, health("lumen", health=state, error="status 500"))
    assert [(one.source, one.reason, one.age_s) for one in judging.missing(store, NOW_MS + 4_000)] == [
        ("lumen", f"{state}: status 500", 4.0)
    ]


def test_expired_offers_make_their_source_missing() -> None:
    store = store_of(lumen=[offer("a", "2"), offer("b", "2", observed_at_ms=NOW_MS - 100_000)])
    assert [one.reason for one in judging.missing(store, NOW_MS)] == ["1 of 2 offers expired"]


def test_a_source_never_seen_is_missing_without_an_age() -> None:
    store = store_of(lumen=[offer("a", "2")])
    store.take("borealis", None, health("borealis"))
    store.take("cumulus", None, health("cumulus", health="down", error="connection refused"))
    assert [(one.source, one.reason, one.age_s) for one in judging.missing(store, NOW_MS)] == [
        ("borealis", "no snapshot yet", None),
        ("cumulus", "down: connection refused", None),
    ]


def test_missing_is_about_the_providers_asked_for() -> None:
    store = store_of(lumen=[offer("a", "2")])
    store.take("cumulus", None, health("cumulus", health="down"))
    assert judging.missing(store, NOW_MS, ("lumen",)) == []


def test_a_bridge_that_fell_silent_makes_its_sources_down() -> None:
    store = store_of(lumen=[offer("a", "2")])
    assert judging.providers(store, NOW_MS + 90_000)[0].health == "ok"
    told = judging.providers(store, NOW_MS + 91_000)[0]
    assert (told.health, told.error) == ("down", "no poll for 91 s")


def test_degraded_names_redis_and_half_failed_sources() -> None:
    store = store_of(lumen=[offer("a", "2")])
    store.take("lumen", None, health("lumen", health="degraded", error="1 of 3 slices failed"))
    told = judging.degraded(store, NOW_MS, NOW_MS - 7_000)
    assert [one.part for one in told] == ["redis", "lumen"]
    assert "7 s" in told[0].reason
    assert told[1].reason == "1 of 3 slices failed"


def test_sources_the_bridge_dropped_are_forgotten() -> None:
    store = store_of(lumen=[offer("a", "2")], borealis=[offer("b", "3")])
    store.keep_only(["lumen"])
    assert list(store.copies) == ["lumen"]
    assert len(store.by_price()) == 1


@pytest.mark.parametrize(("age_ms", "due"), [(10_000, []), (10_001, ["lumen"]), (95_000, ["lumen"])])
def test_a_refresh_is_due_at_two_thirds_of_fresh(age_ms: int, due: list[str]) -> None:
    assert store_of(lumen=[offer("a", "2")]).due(NOW_MS + age_ms) == due


def test_no_refresh_is_due_for_a_source_that_is_off() -> None:
    store = store_of(lumen=[offer("a", "2")])
    store.take("lumen", None, health("lumen", health="off", enabled=False))
    assert store.due(NOW_MS + 60_000) == []


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ("H100-SXM-80", ["H100-SXM-80"]),
        ("h100-sxm-80", ["H100-SXM-80"]),
        ("H100-SXM", ["H100-SXM-80"]),
        ("H100-SXM-80-1g.10gb", ["H100-SXM-80-1g.10gb"]),
        ("H20", ["H20-SXM-96", "H20-SXM-141"]),
        ("B200", ["B200-SXM-180"]),
        ("H10", []),
        ("100", []),
        ("", []),
    ],
)
def test_a_gpu_is_matched_by_whole_words(asked: str, ids: list[str]) -> None:
    assert matching_gpus(asked, ()) == ids
