"""The market for the tests of this room: quiet (no incidents by themselves) at a fixed moment."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.base import Adapter
from adapters.registry import discover
from sim.app import App
from sim.simulated import Simulated

NOW_MS = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() * 1000)
RECORDINGS = Path(__file__).parents[3] / "shared" / "real-data"


@pytest.fixture(scope="session")
def kept_market() -> Simulated:
    """Made once: it takes longer to make than most tests to run."""
    return Simulated(seed=1, live_from_ms=NOW_MS, incidents=False)


@pytest.fixture
def market(kept_market: Simulated) -> Iterator[Simulated]:
    """As if newly made: prices follow from the seed and the incidents alone, so it is once those of a test are taken back."""
    yield kept_market
    kept_market.incidents.clear()
    kept_market.forget()


@pytest.fixture(scope="session")
def adapters() -> dict[str, Adapter]:
    return discover()


@pytest.fixture
def app(market: Simulated, adapters: dict[str, Adapter]) -> App:
    return App(market, list(adapters.values()), clock_ms=lambda: NOW_MS)


@pytest.fixture(scope="session")
def recordings() -> Path:
    if not (RECORDINGS / "index.json").is_file():
        pytest.skip("no recordings beside this checkout")
    return RECORDINGS
