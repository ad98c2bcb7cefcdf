"""What is a unit break, and what is a repricing."""

import random

import pytest

from bridge.factors import MarketMove, Match, unit_break

H100 = 2_490_000


def match(number: int, old: int, new: int, count: int = 8, **more: object) -> Match:
    fields = {"slice": "", "gpu": "H100-SXM-80", "price_type": "on_demand", "old_text": str(old), "new_text": str(new), **more}
    return Match(offer_key=f"offer-{number}", gpu_count=count, old=old, new=new, **fields)  # type: ignore[arg-type]


def moved(*factors: float, counts: tuple[int, ...] = (8,)) -> list[Match]:
    """Offers whose prices moved by these factors, with these GPU counts in turn."""
    prices = [H100 + 71_000 * number for number in range(len(factors))]
    return [
        match(n, price, round(price * factor), counts[n % len(counts)])
        for n, (price, factor) in enumerate(zip(prices, factors, strict=True))
    ]


def still() -> MarketMove:
    return MarketMove()


def found(matches: list[Match], market: MarketMove | None = None) -> str | None:
    judged = unit_break(matches, lambda: market or MarketMove())
    return None if judged is None else judged.what


@pytest.mark.parametrize(
    ("factor", "what"),
    [
        (100, "cents and whole units"),
        (0.01, "cents and whole units"),
        (730, "hours and months, as the clouds bill them"),
        (1 / 730, "hours and months, as the clouds bill them"),
        (720, "hours and months of 30 days"),
        (24, "hours and days"),
        (12, "months and years"),
        (3600, "seconds and hours"),
        (1e6, "millionths and whole units"),
        (150, "implausible, and near hours and weeks"),
        (6.2, "no known unit, and implausible"),
        (0.17, "no known unit, and implausible"),
    ],
)
def test_a_units_factor_and_an_implausible_one_are_breaks(factor: float, what: str) -> None:
    assert found(moved(*[factor] * 6, counts=(1, 2, 8))) == what


@pytest.mark.parametrize("factor", [1.4, 0.6, 2.0, 0.5, 1.1172, 0.5598, 3.0, 4.9, 0.21])
def test_one_exact_factor_that_is_no_units_is_a_repricing(factor: float) -> None:
    assert found(moved(*[factor] * 6, counts=(1, 2, 8))) is None


def test_a_44_percent_cut_of_one_type_is_a_repricing() -> None:
    """AWS's p5.48xlarge, 98.32 to 55.04 USD, 8 GPUs, 2025-06: alone, in every region, and beside types that stayed."""
    cut = [match(n, 12_290_000, 6_880_000) for n in range(12)]
    assert found(cut) is None
    assert found(cut[:1]) is None
    assert found(cut + moved(*[1.0] * 30, counts=(1, 4, 8))) is None


def test_half_of_the_matched_offers_are_enough_and_fewer_are_not() -> None:
    assert found(moved(*[100] * 5, *[1.0] * 5)) == "cents and whole units"
    assert found(moved(*[100] * 4, *[1.0] * 6)) is None


def test_one_price_type_or_slice_can_change_its_unit_alone() -> None:
    spot = [match(n, 900_000, 90_000_000, price_type="spot") for n in range(3)]
    assert found([*moved(*[1.0] * 20), *spot]) == "cents and whole units"
    assert found([*moved(*[1.0] * 20), *spot[:2]]) is None
    zone = [match(n, 900_000, 90_000_000, slice="fr-par-2") for n in range(4)]
    assert found([*moved(*[1.0] * 20), *zone]) == "cents and whole units"


@pytest.mark.parametrize("up", [True, False])
def test_each_offers_own_gpu_count(up: bool) -> None:
    counts = (1, 2, 4, 8)
    factors = [count if up else 1 / count for count in counts * 3]
    assert found(moved(*factors, counts=counts)) == "each offer's own GPU count"
    assert found(moved(*factors[1:4], counts=counts[1:])) == "each offer's own GPU count"
    judged = unit_break(moved(*factors, *[1.0] * 40, counts=(1, 2, 4, 8)), still)
    assert judged is None, "offers with several GPUs that stayed speak against it"


@pytest.mark.parametrize(("off", "what"), [(0.004, "hours and days"), (0.006, "implausible, and near hours and days")])
def test_a_units_factor_is_one_within_half_a_percent(off: float, what: str) -> None:
    assert found(moved(*[24 * (1 + off), 24 * (1 - off)] * 4)) == what


@pytest.mark.parametrize(("off", "what"), [(0.004, "each offer's own GPU count"), (0.1, None)])
def test_a_gpu_count_that_is_only_nearly_each_offers_own_is_a_repricing(off: float, what: str | None) -> None:
    assert found(moved(*[2 * (1 + off), 4 * (1 - off)] * 4, counts=(2, 4))) == what


def test_offers_all_of_eight_gpus_times_eight_are_a_break() -> None:
    assert found(moved(*[8.0] * 4, counts=(8,))) == "each offer's own GPU count"
    assert found(moved(*[0.125] * 4, counts=(8,))) == "each offer's own GPU count"


def test_half_price_for_everything_is_no_gpu_count() -> None:
    assert found(moved(*[0.5] * 12, counts=(1, 2, 4, 8))) is None
    assert found(moved(*[0.5] * 12, counts=(1, 2))) is None


@pytest.mark.parametrize("move", [1.15, 0.85])
@pytest.mark.parametrize("seen", [True, False])
def test_the_markets_own_move_is_divided_out_and_may_not_have_been_seen(move: float, seen: bool) -> None:
    dice = random.Random(7)  # noqa: S311 - repeatable noise
    market = MarketMove({("H100-SXM-80", "on_demand"): move}, move, 0.012) if seen else MarketMove()
    counts = (1, 2, 4, 8)
    for factors in ([100] * 16, [730] * 16, [1 / count for count in counts * 4], [float(count) for count in counts * 4]):
        noisy = [factor * move * dice.uniform(0.985, 1.015) for factor in factors]
        assert found(moved(*noisy, counts=counts), market)
    noisy = [1.4 * move * dice.uniform(0.985, 1.015) for _ in range(16)]
    assert found(moved(*noisy, counts=counts), market) is None


def test_a_currency_that_changes_its_name_and_not_its_numbers() -> None:
    relabelled = [match(n, H100, round(H100 * 1.1172), old_text="2.49 USD", new_text="2.49 EUR", relabelled=True) for n in range(4)]
    judged = unit_break(relabelled, still)
    assert judged is not None and judged.what == "the currency's name changed and the numbers did not"
    assert judged.examples[0] == "offer-0: 2.49 USD -> 2.49 EUR"


def test_the_evidence_is_told() -> None:
    judged = unit_break(moved(*[115.0] * 7, 1.0), lambda: MarketMove({}, 1.15))
    assert judged is not None
    assert (judged.matched, judged.share, judged.market, len(judged.examples)) == (8, 0.875, 1.15, 5)
    assert str(judged).startswith(
        "88% of 8 matched offers moved by x100 (cents and whole units), the market's own move of x1.15 divided out; such"
    )


def test_the_market_is_only_asked_where_something_moved_far() -> None:
    def never() -> MarketMove:
        raise AssertionError("asked")

    assert unit_break(moved(*[1.3] * 20, counts=(1, 8)), never) is None
    assert unit_break([], never) is None


@pytest.mark.parametrize("seed", range(200))
def test_noise_and_repricings_are_never_a_break(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable noise
    size = dice.choice([1, 2, 3, 5, 10, 40])
    whole = dice.uniform(0.62, 2.2)
    factors = [whole * dice.lognormvariate(0, dice.choice([0.0, 0.01, 0.05])) for _ in range(size)]
    market = MarketMove({}, dice.uniform(0.85, 1.15), dice.uniform(0, 0.03))
    assert found(moved(*factors, counts=(1, 2, 4, 8)), market) is None
