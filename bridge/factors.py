"""What tells a unit break from a repricing: whether a source's prices moved by one exact factor that is a unit's. Pure.

A shop that changes its prices changes each by itself; a feed that changes its unit multiplies them all by the same number. So what
is judged is the factor that most offers share, after the market's own move is divided out:

- each offer's own GPU count, or its inverse: the price of the whole instance has become that of one GPU, or the reverse;
- a factor of UNITS, or its inverse, within EXACT;
- no known unit, but more than IMPLAUSIBLE either way: a wrong price is worse than a late one, so a person decides;
- the currency's name changed while the numbers did not.

Everything else passes as a repricing, also one exact factor such as 1.4, 2 or 0.5. Prices in one currency under the name of another cannot
be seen where the two are nearly worth the same (EUR, USD): 1.12 is a repricing, too. Yen for dollars is implausible.
"""

import math
from collections.abc import Callable, Sequence
from statistics import median

import msgspec

EXACT = 0.005
IMPLAUSIBLE = 5.0
WORTH_A_LOOK = 1.4
"""Below it nothing here can apply: the smallest unit's factor is 2 (an offer of two GPUs), less a market's move of 40 %."""
HALF = 0.5
LEAST_COUNTED = 3
"""Offers of several GPUs, or of one price type or slice, that must agree before they speak for all."""
UNSEEN_MOVE = 1.35
"""What a market may have moved while no other source was asked."""
LOOSE = 0.035
"""How far apart factors may be that share a move nobody else has shown yet."""
CLEARER_BY = 0.2
MOST_SPREAD = 0.03
EXAMPLES = 5

UNITS: tuple[tuple[float, str], ...] = (
    (12, "months and years"),
    (24, "hours and days"),
    (30, "days and months"),
    (60, "minutes and hours"),
    (100, "cents and whole units"),
    (168, "hours and weeks"),
    (720, "hours and months of 30 days"),
    (730, "hours and months, as the clouds bill them"),
    (744, "hours and months of 31 days"),
    (1_000, "thousandths and whole units"),
    (1_440, "minutes and days"),
    (3_600, "seconds and hours"),
    (8_760, "hours and years"),
    (10_000, "hundredths of a cent and whole units"),
    (1_000_000, "millionths and whole units"),
    (100_000_000, "hundred-millionths and whole units, as OVH counts"),
    (1_000_000_000, "billionths and whole units, as Google counts"),
)
"""Factors between two units that some provider states prices in, or that its documentation confuses."""


class Match(msgspec.Struct, frozen=True, gc=False):
    """One offer's price in the last accepted answer and in this one, in millionths of a USD per GPU-hour."""

    offer_key: str
    slice: str
    gpu: str | None
    price_type: str | None
    gpu_count: int
    old: int
    new: int
    old_text: str
    """Amount and currency as the provider stated them."""
    new_text: str
    relabelled: bool = False
    """Whether the currency's name changed and the number did not."""


class UnitBreak(msgspec.Struct, frozen=True):
    """The factor, what it is, and the evidence: `share` of `matched` offers have it; `market` is the median move divided out."""

    what: str
    factor: float
    share: float
    matched: int
    market: float
    among: str
    """Which offers were judged: empty for all."""
    examples: list[str]

    def __str__(self) -> str:
        among = f" {self.among}" if self.among else ""
        market = f", the market's own move of x{self.market:.3g} divided out" if abs(self.market - 1) > EXACT else ""
        return (
            f"{self.share:.0%} of {self.matched} matched{among} offers moved by x{self.factor:.6g} ({self.what}){market}; "
            f"such as {'; '.join(self.examples[:2])}"
        )


class MarketMove(msgspec.Struct, frozen=True):
    """How the other sources' prices moved: by GPU and price type, and over all. `spread`: how far their offers lie around that."""

    cells: dict[tuple[str | None, str | None], float] = {}
    overall: float = 1.0
    spread: float = 0.0

    def of(self, match: Match) -> float:
        """The move that this offer's market has made."""
        return self.cells.get((match.gpu, match.price_type), self.overall)


def unit_break(matches: Sequence[Match], market: Callable[[], MarketMove]) -> UnitBreak | None:
    """The unit break that these prices show, or None. `market` is asked only where half of some group of offers moved far."""
    groups = [(among, group) for among, group in _groups(matches) if _worth_a_look(group)]
    if not groups:
        return None
    move = market()
    for among, group in groups:
        found = _judge(among, group, move)
        if found is not None:
            return found
    return None


def _groups(matches: Sequence[Match]) -> list[tuple[str, list[Match]]]:
    """All offers, then those of one price type and of one slice: one field or one zone can change its unit alone."""
    groups = [("", list(matches))] if matches else []
    for field in ("price_type", "slice"):
        parts: dict[str, list[Match]] = {}
        for match in matches:
            parts.setdefault(getattr(match, field) or "", []).append(match)
        if len(parts) > 1:
            groups += [(name, part) for name, part in parts.items() if len(part) >= LEAST_COUNTED]
    return groups


def _worth_a_look(group: Sequence[Match]) -> bool:
    counted = [match for match in group if match.gpu_count > 1]
    return any(part and sum(map(_moved_far, part)) >= HALF * len(part) for part in (group, counted))


def _moved_far(match: Match) -> bool:
    return match.relabelled or not match.old < WORTH_A_LOOK * match.new < WORTH_A_LOOK**2 * match.old


def _judge(among: str, group: list[Match], move: MarketMove) -> UnitBreak | None:
    factors = [match.new / match.old / move.of(match) for match in group]
    tolerance = EXACT + min(move.spread, MOST_SPREAD)

    def found(what: str, fits: Sequence[bool], judged: Sequence[bool] | None = None) -> UnitBreak:
        fitting = [number for number, fit in enumerate(fits) if fit and (judged is None or judged[number])]
        matched = len(group) if judged is None else sum(judged)
        examples = [group[number] for number in fitting[:EXAMPLES]]
        return UnitBreak(
            what=what,
            factor=median(factors[number] for number in fitting),
            share=len(fitting) / matched,
            matched=matched,
            market=median(move.of(match) for match in group),
            among=among,
            examples=[f"{match.offer_key}: {match.old_text} -> {match.new_text}" for match in examples],
        )

    relabelled = [match.relabelled for match in group]
    if sum(relabelled) >= HALF * len(group):
        return found("the currency's name changed and the numbers did not", relabelled)
    by_count = _own_count(group, factors, tolerance)
    if by_count is not None and (not among or _of_several_sizes(group, by_count)):
        return found("each offer's own GPU count", by_count, [match.gpu_count > 1 for match in group])
    units = [(what, [_near(each / factor, tolerance) for each in factors]) for unit, what in UNITS for factor in (unit, 1 / unit)]
    what, fits = max(units, key=lambda one: sum(one[1]))
    if sum(fits) >= HALF * len(group):
        return found(what, fits)
    for fits in ([each > IMPLAUSIBLE for each in factors], [each < 1 / IMPLAUSIBLE for each in factors]):
        if sum(fits) >= HALF * len(group) and (not among or _share_one(factors)):
            return found(_nearest([each for each, fit in zip(factors, fits, strict=True) if fit]), fits)
    return None


def _own_count(group: Sequence[Match], factors: Sequence[float], tolerance: float) -> list[bool] | None:
    """Which offers moved by their own GPU count or its inverse, where half of those with several did and no single factor says as much."""
    counts = [match.gpu_count for match in group]
    several = [number for number, count in enumerate(counts) if count > 1]
    if len(several) < LEAST_COUNTED:
        return None
    for wanted in ([float(count) for count in counts], [1 / count for count in counts]):
        left = [factor / want for factor, want in zip(factors, wanted, strict=True)]
        fits = [_near(each, tolerance) for each in left]
        centre = median(factors[number] for number in several)
        alike = sum(_near(factor / centre, tolerance) for factor in factors)
        if sum(fits[number] for number in several) >= HALF * len(several) and sum(fits) >= alike:
            return fits
        # The market may have moved where no other source has been asked since: then all are off by the same, small factor.
        moved = median(left)
        fits = [_near(each / moved, LOOSE) for each in left]
        alike = sum(_near(factor / centre, LOOSE) for factor in factors)
        small = 1 / UNSEEN_MOVE <= moved <= UNSEEN_MOVE
        if small and sum(fits[number] for number in several) >= HALF * len(several) and sum(fits) >= alike + CLEARER_BY * len(group):
            return fits
    return None


def _of_several_sizes(group: Sequence[Match], fits: Sequence[bool]) -> bool:
    """Whether the offers that moved by their own GPU count have different ones: a few pairs can be halved for other reasons."""
    return len({match.gpu_count for match, fit in zip(group, fits, strict=True) if fit and match.gpu_count > 1}) > 1


def _share_one(factors: Sequence[float]) -> bool:
    centre = median(factors)
    return sum(_near(factor / centre, LOOSE) for factor in factors) >= HALF * len(factors)


def _nearest(factors: Sequence[float]) -> str:
    centre = abs(math.log(median(factors)))
    unit, what = min(UNITS, key=lambda one: abs(math.log(one[0]) - centre))
    near = abs(math.log(unit) - centre) <= math.log(UNSEEN_MOVE)
    return f"implausible, and near {what}" if near else "no known unit, and implausible"


def _near(ratio: float, tolerance: float) -> bool:
    return abs(ratio - 1) <= tolerance
