"""The guard: judges what a poll brought against the source's own earlier accepted answers, before any of it reaches the book.

A fault holds the whole source back (bridge/quarantine.py): nothing of the poll is taken, the last good offers stay and age. Kinds:

- `unit_break`: prices moved by one exact factor that is a unit's (bridge/factors.py); where many have no past, they lie implausibly far
  from what the same GPUs cost at the source before, or elsewhere.
- `coverage_drop`: fewer than COVERAGE_LEFT of the offers are left.
- `schema_drift`: a key that the parse reads is gone or of another type (bridge/shapes.py).
- `payload_change`: more than a fifth of the rows, or of the source's parts, cannot be read.
- `empty`: no rows where there were offers, twice in a row; the first time only the data is held.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from statistics import median

import msgspec

from adapters.errors import PayloadChanged
from adapters.fetch.client import SliceAnswer
from adapters.models import Rejected
from bridge.book import Held
from bridge.factors import WORTH_A_LOOK, MarketMove, Match, unit_break
from bridge.looks import Looks
from bridge.moves import Trails
from bridge.quarantine import Fault, Quarantine
from bridge.reading import TOLERATED_REJECTED_SHARE, too_many
from bridge.results import Distrusted, SliceResult, Withheld
from bridge.shapes import Shape
from bridge.source import Source
from bridge.state import OfferState

COVERAGE_LEFT = 0.4
LEAST_LOST = 6
"""Offers that a drop of coverage takes at least: three offers of five may well be rented out."""
LEAST_LOST_OF_PART = 25
"""The same where a poll asked some slices of a marketplace, each of which may run out."""
LEVEL_APART = 20.0
"""How many times their GPUs' usual price, before or elsewhere, prices without a past may be."""
LEVEL_CELLS, LEVEL_SOURCES = 5, 3
"""GPUs with their price type that a usual price must be known of before it says anything; other sources that must tell of elsewhere."""
UNMATCHED_MANY = 0.2
"""Share of offers that have no earlier price from which on their level is looked at: keys and units may change in one release."""


class Guard:
    """Judges every source's polls. `sources` gives the books that the market's own move is read from."""

    def __init__(
        self, quarantine: Quarantine | None = None, sources: Mapping[str, Source] | None = None, looks: Looks | None = None
    ) -> None:
        self.quarantine = quarantine or Quarantine(None)
        self._sources = sources or {}
        self._trails = Trails()
        self._looks = looks or Looks()
        self._empty_before: dict[str, set[str]] = {}

    def look(self, source: Source, answer: SliceAnswer, observed_at: datetime, *, with_offers: bool) -> Shape | None:
        """The shape of an answer, for `judge`; None for the one that was accepted last. May run in a thread."""
        return self._looks.look(source.adapter, answer, observed_at, with_offers=with_offers)

    def judge(self, source: Source, results: Sequence[SliceResult]) -> None:
        """Leave in `results` only what may be taken; everything else gets an error in place of its reading."""
        at_ms = max((result.observed_at_ms for result in results), default=0)
        known = _Known(source, results)
        faults = list(self._faults(source, known, results))
        fault = next((one for one in faults if not self.quarantine.waives(source.name, one.kind, known.asked)), None)
        waived = bool(faults) and fault is None
        if waived:
            self.quarantine.took(source.name, known.asked)
            self._looks.forget(source.name)
        if fault is not None:
            opened = self.quarantine.hold(source.name, source.adapter.provider, source.market, fault, at_ms, results)
            _withhold(results, f"{source.name}: {fault}", fault.field, opened=opened)
        elif not self.quarantine.cleared(source.name, known.asked, at_ms):
            _withhold(results, f"{source.name}: held until all its parts agree", "", opened=False)
        else:
            if not waived:
                known.hold_empty(source.name)
                self._trails.changed(source.name, at_ms, {one.key: one.old for one in known.moved})
            self._looks.accepted(source.name, results)

    def note(self, source: str, now_ms: int) -> str | None:
        """What is new about a source's answers and no fault: keys that it never had, for an hour."""
        return self._looks.note(source, now_ms)

    def pending(self, *, ending: bool = False) -> list[Callable[[], None]]:
        """Writing to be done off the event loop; each blocks and may raise OSError. With `ending`, all that a restart should know."""
        return self.quarantine.pending() + self._looks.pending(ending=ending)

    def _faults(self, source: Source, known: "_Known", results: Sequence[SliceResult]) -> Iterator[Fault]:
        """What is wrong, causes before consequences."""
        drifted = self._looks.drift(source.name, results)
        if drifted is not None:
            yield Fault("schema_drift", drifted.path, drifted.reason, frozenset(result.slice for result in results if result.answer))
        others = _unreadable(source, known, results), self._empty(source, known), self._prices(source, known), _coverage(source, known)
        yield from (fault for fault in others if fault is not None)

    def _empty(self, source: Source, known: "_Known") -> Fault | None:
        """An empty 200 of the whole source, or of most of it, twice in a row."""
        empty = known.empty
        again = empty & self._empty_before.get(source.name, set())
        self._empty_before[source.name] = empty
        lost = sum(known.had[name] for name in again)
        if not again or not (known.nothing_left or lost > (1 - COVERAGE_LEFT) * sum(known.had.values())):
            return None
        return Fault("empty", "body", f"empty answer, twice, where there were {len(source.book.offers)} offers", frozenset(again))

    def _prices(self, source: Source, known: "_Known") -> Fault | None:
        if any(one.far for one in known.moved):
            pairs = known.pairs()
            since_ms = int(median(one.held.observed_at_ms for one in pairs))
            found = unit_break([one.match() for one in pairs], lambda: self._market(source, since_ms))
            if found is not None:
                return Fault("unit_break", "amount", str(found), known.asked, msgspec.structs.asdict(found))
        if len(known.unmatched) > UNMATCHED_MANY * known.new_offers:
            return self._level(source, known)
        return None

    def _market(self, source: Source, since_ms: int) -> MarketMove:
        return self._trails.since(((name, other.book) for name, other in self._others(source)), since_ms)

    def _level(self, source: Source, known: "_Known") -> Fault | None:
        """Prices without a past, against what the same GPUs cost at the source itself before, or else elsewhere."""
        usual = _by_cell(held.encoded.state for held in source.book.offers.values())
        others = [other.book.offers for _, other in self._others(source) if other.book.offers]
        if len(others) >= LEVEL_SOURCES:
            usual = _by_cell(held.encoded.state for offers in others for held in offers.values()) | usual
        ratios = [median(prices) / median(usual[cell]) for cell, prices in _by_cell(known.unmatched).items() if cell in usual]
        if len(ratios) < LEVEL_CELLS:
            return None
        ratio = median(ratios)
        if 1 / LEVEL_APART <= ratio <= LEVEL_APART:
            return None
        reason = f"prices that it had not before are x{ratio:.6g} of what the same {len(ratios)} GPUs cost before or elsewhere"
        return Fault("unit_break", "amount", reason, known.asked, {"factor": ratio, "matched": len(ratios)})

    def _others(self, source: Source) -> list[tuple[str, Source]]:
        held = self.quarantine
        return [(name, other) for name, other in self._sources.items() if name != source.name and held.of(name) is None]


class _Pair(msgspec.Struct, gc=False):
    """An offer that was read and is held: its earlier and its new price."""

    key: str
    slice: str
    held: Held
    state: OfferState
    old: int
    new: int

    @property
    def far(self) -> bool:
        """Whether it moved so far that its unit may have changed, or changed its currency."""
        relabelled = self.state.currency != self.held.encoded.state.currency
        return relabelled or not self.old < WORTH_A_LOOK * self.new < WORTH_A_LOOK**2 * self.old

    def match(self) -> Match:
        was, now = self.held.encoded.state, self.state
        return Match(
            self.key,
            self.slice,
            now.gpu,
            now.price_type,
            now.gpu_count or 1,
            self.old,
            self.new,
            f"{was.amount} {was.currency}",
            f"{now.amount} {now.currency}",
            relabelled=was.currency != now.currency and was.amount == now.amount,
        )


class _Known:
    """A poll beside what the source's book holds."""

    def __init__(self, source: Source, results: Sequence[SliceResult]) -> None:
        book = source.book
        self.read = [result for result in results if result.reading is not None]
        self.asked = frozenset(result.slice for result in self.read)
        self.had = {name: book.held_in(name) for name in self.asked}
        unplaced = not book.completed_by(self.asked)
        self.kept = sum(held.slice not in self.asked if held.slice is not None else unplaced for held in book.offers.values())
        self.new_offers = sum(len(result.reading.states) for result in self.read if result.reading)
        self.nothing_left = bool(book.offers) and bool(self.read) and not self.kept and not self.new_offers
        self.empty = {
            result.slice
            for result in self.read
            if result.reading and not result.reading.states and (self.nothing_left or (self.had[result.slice] and not source.may_be_empty))
        }
        self._offers = book.offers
        self.unmatched: list[OfferState] = []
        self.moved: list[_Pair] = []
        for result in self.read:
            for key, state in result.reading.states.items() if result.reading else ():
                held = book.offers.get(key)
                if held is None:
                    self.unmatched.append(state)
                    continue
                was = held.encoded.state
                old, new = was.usd_per_gpu_hour_micros, state.usd_per_gpu_hour_micros
                if (old != new or was.currency != state.currency) and old and new:
                    self.moved.append(_Pair(key, result.slice, held, state, old, new))

    def pairs(self) -> list[_Pair]:
        """Every offer that was read and is held, with both prices."""
        found = []
        for result in self.read:
            for key, state in result.reading.states.items() if result.reading else ():
                held = self._offers.get(key)
                if held is None:
                    continue
                old, new = held.encoded.state.usd_per_gpu_hour_micros, state.usd_per_gpu_hour_micros
                if old and new:
                    found.append(_Pair(key, result.slice, held, state, old, new))
        return found

    def hold_empty(self, source: str) -> None:
        """An empty 200 is not 'no stock': once, it takes no offers away from a slice that may not be empty, nor all from a source."""
        for result in self.read:
            if result.slice in self.empty:
                result.reading = None
                had = self.had[result.slice]
                result.error = PayloadChanged(f"{source}: empty answer where there were {had} offers", field="body")


def _unreadable(source: Source, known: _Known, results: Sequence[SliceResult]) -> Fault | None:
    """Rows of several slices, or slices as a whole, that cannot be read."""
    rejected = [row for result in known.read if result.reading for row in result.reading.rejected]
    if too_many(len(rejected), sum(result.reading.rows for result in known.read if result.reading)):
        reason = f"{len(rejected)} rows of {len(known.read)} slices cannot be read, the first: {rejected[0].reason}"
        return Fault("payload_change", rejected[0].field, reason, known.asked)
    failed = [result for result in results if result.unread]
    error = failed[0].error if failed else None
    had = sum(source.book.held_in(result.slice) for result in failed)
    if not isinstance(error, PayloadChanged) or had <= TOLERATED_REJECTED_SHARE * (had + sum(known.had.values())):
        return None
    return Fault("payload_change", error.field, str(error), frozenset(result.slice for result in failed), acceptable=False)


def _coverage(source: Source, known: _Known) -> Fault | None:
    """Of what was asked, and of the source as a whole: restored offers have no slice until every slice was heard."""
    empty = sum(known.had[name] for name in known.empty)
    placed = sum(known.had.values()) - empty
    whole = known.asked == {part.name for part in source.slices}
    least = LEAST_LOST if whole or not source.may_be_empty else LEAST_LOST_OF_PART
    before = len(source.book.offers)
    if known.nothing_left or not known.read:
        return None
    for had, left, lost in ((placed, known.new_offers, least), (before, known.kept + empty + known.new_offers, LEAST_LOST)):
        if had - left >= lost and left < COVERAGE_LEFT * had:
            return Fault("coverage_drop", "rows", f"{left} offers where there were {had}", known.asked, {"offers": left, "before": had})
    return None


def _by_cell(states: Iterable[OfferState]) -> dict[tuple[str | None, str | None], list[int]]:
    """Prices by GPU and price type."""
    cells: dict[tuple[str | None, str | None], list[int]] = {}
    for state in states:
        if state.usd_per_gpu_hour_micros:
            cells.setdefault((state.gpu, state.price_type), []).append(state.usd_per_gpu_hour_micros)
    return cells


def _withhold(results: Sequence[SliceResult], fault: str, field: str, *, opened: bool) -> None:
    """Take every reading away; the first says why, where the hold is new."""
    kind = Distrusted if opened else Withheld
    for result in results:
        if result.reading is not None:
            rejected: Sequence[Rejected] = result.reading.rejected
        elif result.unread and isinstance(result.error, PayloadChanged):
            rejected = result.error.rejected
        else:
            continue
        result.reading = None
        result.error = kind(fault, field=field, rejected=rejected)
        kind = Withheld
