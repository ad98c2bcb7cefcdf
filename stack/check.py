"""`gputicker check-provider NAME`: one source asked now, through the same client and parser as the bridge, and what came of it."""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from adapters.base import Adapter
from adapters.errors import ProviderError
from adapters.fetch.client import ProviderClient
from adapters.fetch.transport import PooledTransport
from adapters.limits import Bucket
from adapters.rates import Rates, fixed_rates
from adapters.registry import discover
from bridge.rates import bank, newest_rates
from bridge.reading import Reading, read_slice
from bridge.retry import RetryPolicy
from bridge.settings import credentials_for, read_credentials
from stack.dotenv import read_dotenv
from stack.find import NoStack, find_stack
from stack.paths import ROOT
from stack.settings import Stack
from stack.shown import table

REJECTED_SHOWN = 5
OFFERS_SHOWN = 5


def check(name: str, data_dir: Path | None, *, live: bool) -> None:
    """Ask the source and print what came of it. Raises ClickException where it is unknown, lacks a credential, or fails."""
    adapters = discover()
    if name not in adapters:
        raise click.ClickException(f"no source {name!r}; there are: {', '.join(adapters)}")
    adapter = adapters[name]
    stack = Stack(market="live") if live else _stack(data_dir)
    read_dotenv(ROOT / ".env", os.environ)
    credentials = credentials_for(adapter, stack.market, read_credentials([adapter]))  # type: ignore[arg-type]
    if credentials is None:
        needed = ", ".join(f"GPUTICKER_{credential}" for credential in adapter.credential)
        raise click.ClickException(f"{name} needs {needed} (in the environment or in .env)")
    began = time.monotonic()
    try:
        readings, requests = asyncio.run(_ask(adapter, stack, credentials))
    except ProviderError as error:
        raise click.ClickException(f"{type(error).__name__}: {error}") from error
    states = [state for reading in readings for state in reading.states.values()]
    rejected = [row for reading in readings for row in reading.rejected]
    click.echo(f"{adapter.title} ({stack.market}): {len(states)} offers, {len(rejected)} rejected rows, {len(readings)} slices, ", nl=False)
    click.echo(f"{requests} requests in {time.monotonic() - began:.2f} s")
    priced = sorted(((state.usd_per_gpu_hour_micros, state) for state in states if state.usd_per_gpu_hour_micros), key=lambda pair: pair[0])
    rows = [
        [f"{micros / 1_000_000:.6f}", state.gpu, state.gpu_count, state.price_type, state.region, _age(state.provider_time_ms)]
        for micros, state in priced[:OFFERS_SHOWN]
    ]
    click.echo(table(["$/GPU-hour", "GPU", "GPUs", "type", "region", "provider's age"], rows))
    for row in rejected[:REJECTED_SHOWN]:
        click.echo(f"rejected: {row.field}: {row.reason}: {row.raw[:120]}")


def _stack(data_dir: Path | None) -> Stack:
    try:
        return find_stack(data_dir)
    except NoStack:
        if data_dir:
            raise
        return Stack(market="live")


async def _ask(adapter: Adapter, stack: Stack, credentials: dict[str, str]) -> tuple[list[Reading], int]:
    upstream = stack.urls.get("sim", "")
    ca_file = stack.sim_ca if upstream else None
    rates: Rates = fixed_rates()
    async with bank(upstream, ca_file) as client:
        try:
            rates = {**rates, **await newest_rates(client, RetryPolicy(), lambda: datetime.now(UTC))}
        except ProviderError as error:
            click.echo(f"fixed exchange rates: {error}")
    async with ProviderClient(
        adapter,
        PooledTransport(upstream, stack.sim_ca),
        credentials=credentials,
        upstream_url=upstream,
        bucket=Bucket(() if upstream else adapter.limits),
    ) as client:
        slices = list(adapter.slices())[: adapter.slices_per_poll]
        answers = [await client.fetch_slice(part) for part in slices]
        observed_at = datetime.now(UTC)
        return [read_slice(adapter, answer.pages, observed_at, rates) for answer in answers], client.counters.requests


def _age(provider_time_ms: int | None) -> str:
    return f"{time.time() - provider_time_ms / 1000:.0f} s" if provider_time_ms else "not told"
