"""Change detection and the book it looks at."""

import msgspec
import pytest

from bridge.book import Book, Held
from bridge.changes import Acknowledged, Statement, detect
from bridge.state import EncodedState, OfferState, state_of
from tests.bridge.fakes import START_MS, offer

MINUTE = 60_000


def state(amount: str = "16.00", availability: str = "available", **changes: object) -> OfferState:
    made = state_of(offer("a", amount, availability), int(float(amount) * 125_000), None, None)
    return msgspec.structs.replace(made, **changes)


def book(**states: OfferState) -> Book:
    made = Book([""])
    made.replace("", states, "d1", START_MS)
    return made


def acknowledged(event_time_ms: int = START_MS - 5000, **states: OfferState) -> dict[str, Acknowledged]:
    return {key: Acknowledged(EncodedState(one), event_time_ms, event_time_ms) for key, one in states.items()}


def say(one: Book, known: dict[str, Acknowledged], now_ms: int = START_MS + 10) -> list[Statement]:
    return detect(one, known, provider="lumen", now_ms=now_ms, observe_every_ms=MINUTE, expired_ms=90_000)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, state(), "appeared"),
        (state(), state("15.00"), "changed"),
        (state(), state(availability="sold_out"), "changed"),
        (state(), state(available_count=3), "changed"),
        (state(), state(region="us"), "changed"),
        (state(), state(in_market_stats=False), "changed"),
        (state(interruption="<5%"), state(interruption="5-10%"), "changed"),
        (state(), state(), None),
        (state(), state(provider_time_ms=7), None),
        (state(fx_rate="1.1", fx_date="2026-11-20"), state(fx_rate="1.1", fx_date="2026-11-21"), None),
        # Less than a millionth of a USD: the price stays.
        (state(fx_rate="1.1", fx_date="2026-11-20"), state(fx_rate="1.10000001", fx_date="2026-11-21"), None),
        # The day's rate alone moved the price in USD: what readers compare has changed, and `amount` says that the provider's has not.
        (
            state(fx_rate="1.1", fx_date="2026-11-20"),
            state(fx_rate="1.2", fx_date="2026-11-21", usd_per_gpu_hour_micros=2_181_818),
            "changed",
        ),
    ],
)
def test_what_is_said(before: OfferState | None, after: OfferState, kind: str | None) -> None:
    statements = say(book(a=after), {} if before is None else acknowledged(a=before))
    assert [one.kind for one in statements] == ([] if kind is None else [kind])
    if kind == "changed":
        assert statements[0].previous is not None
        assert statements[0].previous.state == before
        assert statements[0].encoded.state == after


def test_times_are_of_the_statement_and_of_the_question() -> None:
    (one,) = say(book(a=state()), {}, now_ms=START_MS + 1234)
    assert (one.event_time_ms, one.observed_at_ms, one.digest) == (START_MS + 1234, START_MS, "d1")


def test_an_unchanged_offer_is_said_again_each_minute_also_without_a_new_poll() -> None:
    offers, known = book(a=state()), acknowledged(START_MS, a=state())
    assert say(offers, known, START_MS + MINUTE - 1) == []
    (one,) = say(offers, known, START_MS + MINUTE)
    assert (one.kind, one.event_time_ms, one.observed_at_ms) == ("observed", START_MS + MINUTE, START_MS)


def test_nothing_is_said_of_an_expired_offer() -> None:
    assert say(book(a=state()), {}, START_MS + 90_001) == []
    assert say(book(a=state()), acknowledged(START_MS, a=state()), START_MS + 90_001) == []


def test_gone_is_said_only_when_the_offers_slice_answered_without_it() -> None:
    offers = Book(["north", "south"])
    offers.replace("north", {"a": state()}, "d", START_MS)
    offers.replace("south", {"b": state()}, "d", START_MS)
    known = acknowledged(a=state(), b=state())
    offers.replace("north", {}, "d", START_MS + 5000)
    (one,) = say(offers, known, START_MS + 5010)
    assert (one.kind, one.offer_key, one.observed_at_ms) == ("gone", "a", START_MS + 5000)
    assert one.encoded.state.usd_per_gpu_hour_micros is None
    assert one.encoded.state.gpu == "H100-SXM-80"


def test_after_a_restart_gone_waits_until_every_slice_answered() -> None:
    offers = Book(["north", "south"])
    known = acknowledged(a=state(), b=state())
    offers.restore({key: Held(one.encoded, None, START_MS, START_MS, None) for key, one in known.items()})
    offers.replace("north", {"b": state()}, "d", START_MS)
    assert say(offers, known) == []
    offers.replace("south", {}, "d", START_MS)
    assert [(one.kind, one.offer_key) for one in say(offers, known)] == [("gone", "a")]


def test_what_kafka_knows_and_nobody_lists_is_gone_even_when_learned_late() -> None:
    offers, known = book(a=state()), acknowledged(a=state(), b=state())
    offers.restore({"b": Held(EncodedState(state()), None, START_MS, START_MS, None)})
    assert [(one.kind, one.offer_key) for one in say(offers, known)] == [("gone", "b")]


def test_an_older_look_never_takes_back_a_newer_statement() -> None:
    newer = {"a": Acknowledged(EncodedState(state("15.00")), START_MS + 5000, START_MS + 5000)}
    assert say(book(a=state()), newer) == []


def test_an_offer_that_moves_between_slices_is_not_gone() -> None:
    offers = Book(["north", "south"])
    offers.replace("north", {"a": state()}, "d", START_MS)
    offers.replace("south", {"a": state()}, "d", START_MS)
    offers.replace("north", {}, "d", START_MS)
    assert list(offers.offers) == ["a"]
    assert (offers.held_in("north"), offers.held_in("south")) == (0, 1)


def test_first_seen_and_ages_survive_a_restore() -> None:
    offers = Book([""])
    offers.restore({"a": Held(EncodedState(state()), None, START_MS - 9000, START_MS - 99_000, "d0")})
    offers.replace("", {"a": state()}, "d1", START_MS)
    assert (offers.offers["a"].first_seen_ms, offers.offers["a"].observed_at_ms) == (START_MS - 99_000, START_MS)


def test_ids_are_the_same_for_the_same_statement_and_differ_otherwise() -> None:
    def identity(one: Book, known: dict[str, Acknowledged], now_ms: int = START_MS + 10) -> str:
        return say(one, known, now_ms)[0].event_id

    first = identity(book(a=state("15.00")), acknowledged(a=state()))
    assert len(first) == 32
    assert first == identity(book(a=state("15.00")), acknowledged(START_MS - 1, a=state()), START_MS + 999)
    later = Book([""])
    later.replace("", {"a": state("15.00")}, "d1", START_MS + 1)
    others = {
        identity(book(a=state("14.00")), acknowledged(a=state())),
        identity(book(a=state("15.00")), acknowledged(a=state("17.00"))),
        identity(book(a=state("15.00")), {}),
        identity(book(b=state("15.00")), acknowledged(b=state())),
        identity(later, acknowledged(a=state())),
    }
    assert len(others | {first}) == 6
