"""Every source of the simulated market asked over HTTP/2 and TLS on loopback, its answers parsed and priced, by the bridge's own poller.

Not compared with another way: the figure is what a first poll, and one request to each source, cost one process.
"""

import asyncio
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from adapters.rates import Rates
from adapters.registry import discover
from bridge.build import build_sources
from bridge.poller import Poller
from bridge.rates import bank, newest_rates
from bridge.retry import RetryPolicy
from bridge.settings import BridgeSettings
from bridge.source import Source

RUNS = 7
TARGET_S = 2.5
READY_S = 30.0


def measure() -> list[str]:
    """Lines of a table: seconds for one request to every source, and for a whole poll of all, each with new and with open connections."""
    with _market() as settings:
        rounds = [asyncio.run(_round(settings)) for _ in range(RUNS)]
    offers = {found for _, found in rounds}
    lines = [f"{len(discover())} sources, {max(offers):,} offers; target for one request to each: {TARGET_S} s\n"]
    lines.append("| every source, parsed and priced | median | slowest | runs |\n| --- | --- | --- | --- |")
    for what in rounds[0][0]:
        took = [seconds[what] for seconds, _ in rounds]
        lines.append(f"| {what} | {statistics.median(took):.2f} s | {max(took):.2f} s | {RUNS} |")
    return lines


async def _round(settings: BridgeSettings) -> tuple[dict[str, float], int]:
    """Seconds by what was done, and how many offers the whole poll brought. Raises RuntimeError where a source is not ok."""
    async with bank(settings.upstream_url, settings.upstream_ca) as client:
        rates = await newest_rates(client, RetryPolicy(), lambda: datetime.now(UTC))
    took = {}
    sources = _sources(settings)
    for source in sources:
        source.slices_per_poll = 1
    took["one request to each, new connections"], _ = await _poll(sources, rates)
    await _close(sources)
    sources = _sources(settings)
    took["whole poll, new connections"], offers = await _poll(sources, rates)
    took["whole poll, open connections"], _ = await _poll(sources, rates)
    await _close(sources)
    return took, offers


def _sources(settings: BridgeSettings) -> list[Source]:
    return list(build_sources(settings, discover(), {}).values())


async def _poll(sources: list[Source], rates: Rates) -> tuple[float, int]:
    began = time.perf_counter()
    results = await Poller(rates).sweep(sources)
    took = time.perf_counter() - began
    failed = [f"{result.source}: {result.health.error}" for result in results if result.health.health != "ok"]
    if failed:
        raise RuntimeError(f"bench: not every source is ok: {'; '.join(failed)}")
    return took, sum(result.health.offers for result in results)


async def _close(sources: list[Source]) -> None:
    for source in sources:
        if source.client is not None:
            await source.client.aclose()


@contextmanager
def _market() -> Iterator[BridgeSettings]:
    """A simulated market as a process of its own, without incidents, and the settings of a bridge that asks it."""
    with tempfile.TemporaryDirectory(prefix="gputicker-bench-") as folder:
        port = _free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GPUTICKER_")}
        environment |= {"GPUTICKER_PORT": str(port), "GPUTICKER_DATA_DIR": folder, "GPUTICKER_SIM_INCIDENTS": "false"}
        process = subprocess.Popen([sys.executable, "-m", "sim"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            settings = BridgeSettings(upstream_url=f"https://127.0.0.1:{port}", upstream_ca=Path(folder) / "sim" / "ca.pem", interval_s=5)
            _ready(settings)
            yield settings
        finally:
            process.terminate()
            process.wait(10)


def _ready(settings: BridgeSettings) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            tls = ssl.create_default_context(cafile=settings.upstream_ca)
            httpx.get(f"{settings.upstream_url}/healthz", verify=tls, trust_env=False).raise_for_status()
        except (httpx.HTTPError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("bench: the simulated market does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
