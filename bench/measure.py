"""How the bench times and prints: repeated, interleaved runs, medians, ratios pair by pair."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures of the same kind from both ways, in the order in which the pairs ran."""

    what: str
    unit: str
    ours: list[float]
    usual: list[float]
    higher_is_better: bool

    @property
    def ratio(self) -> float:
        """How many times better ours is: the median of the pairs' ratios."""
        pairs = zip(self.ours, self.usual, strict=True)
        return statistics.median(ours / usual if self.higher_is_better else usual / ours for ours, usual in pairs)

    def line(self) -> str:
        """One row of the printed table."""
        ours, usual = statistics.median(self.ours), statistics.median(self.usual)
        return f"| {self.what} | {_figure(ours)} {self.unit} | {_figure(usual)} {self.unit} | {self.ratio:.1f}× | {len(self.ours)} |"


TABLE_HEAD = "| what | ours (median) | the usual way (median) | better by | pairs |\n| --- | --- | --- | --- | --- |"


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds that one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
