"""The bridge's polling over the simulated market, in this process: real adapters, client, guard and books, no servers."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from adapters.fetch.client import ProviderClient
from adapters.rates import fixed_rates
from adapters.registry import discover
from bridge.guard import Guard
from bridge.looks import Looks
from bridge.looks_kept import KeptLooks
from bridge.poller import Poller
from bridge.quarantine import Quarantine
from bridge.results import PollResult
from bridge.settings import SIMULATED_CREDENTIALS
from bridge.source import Source
from sim.app import App
from sim.incidents import Wanted
from sim.simulated import Simulated
from tests.transport import Served

START_MS = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() * 1000)
UPSTREAM = "https://127.0.0.1:22443"


class Feed:
    """Every source polled over a quiet market of this seed, at moments that the test says."""

    def __init__(self, seed: int = 1, folder: Path | None = None, names: Iterable[str] = ()) -> None:
        self.now_ms = START_MS
        self.simulated = Simulated(seed, START_MS, incidents=False)
        adapters = discover()
        app = App(self.simulated, list(adapters.values()), clock_ms=lambda: self.now_ms)
        wanted = set(names) or adapters.keys()
        self.sources: dict[str, Source] = {}
        for name, adapter in adapters.items():
            if name in wanted:
                credentials = dict(zip(adapter.credential, SIMULATED_CREDENTIALS, strict=False))
                transport = Served(app)
                client = ProviderClient(adapter, transport, credentials=credentials, upstream_url=UPSTREAM)
                self.sources[name] = Source(adapter, client, "simulated", interval_s=5.0)
        kept = None if folder is None else KeptLooks(folder / "looks", "simulated", adapters)
        self.guard = Guard(Quarantine(folder), self.sources, Looks(kept))
        self.poller = Poller(
            fixed_rates(), guard=self.guard, now=lambda: datetime.fromtimestamp(self.now_ms / 1000, UTC), clock=lambda: self.now_ms / 1000
        )

    async def sweep(self, *names: str, after_s: float = 5) -> list[PollResult]:
        """Time passes, then these sources (or all) are polled."""
        self.now_ms += int(after_s * 1000)
        return await self.poller.sweep(self.sources[name] for name in names or self.sources)

    def begin(self, kind: str, provider: str | None = None, seconds: float = 3600, **more: Any) -> None:
        """An incident, from now on."""
        self.simulated.incidents.add(msgspec.convert({"kind": kind, "provider": provider, "seconds": seconds, **more}, Wanted), self.now_ms)
        self.simulated.forget()

    def end_last(self) -> None:
        """The newest incident is over, earlier ones go on."""
        self.simulated.incidents.scripted.pop()
        self.simulated.incidents._at = None
        self.simulated.forget()

    def end(self) -> None:
        """All incidents are over."""
        self.simulated.incidents.clear()
        self.simulated.forget()

    def prices(self, name: str) -> dict[str, int | None]:
        """What the feed says of a source: micros by offer key."""
        return {key: held.encoded.state.usd_per_gpu_hour_micros for key, held in self.sources[name].book.offers.items()}

    @property
    def held(self) -> dict[str, str]:
        """Sources in quarantine, and of what kind."""
        return {name: hold.kind for name, hold in self.guard.quarantine.holds.items()}
