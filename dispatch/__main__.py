"""`python -m dispatch`: submit, follow, stop and list jobs. Answers are one line of JSON on stdout; everything else goes to stderr.

Exit codes: 0, or the job's own (`run`); 75 try again later (no capacity, something did not answer, not yet done); 65 refused as
described; 143 cancelled (`run`); 1 the job failed without an exit code of its own.
"""

import asyncio
import functools
import logging
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Concatenate, ParamSpec, get_args

import click
import httpx
import msgspec

from adapters.errors import JobRejected, ProviderError
from adapters.jobs.backend import GpuSpec, JobStatus
from adapters.jobs.local import LocalProcessBackend
from dispatch.lifecycle import Dispatcher, JobRequest
from dispatch.records import JobRecord, JobRecords
from dispatch.settings import Settings
from dispatch.warehouse import ClickHouse
from schemas.vocabulary import PriceType

EXIT_REFUSED = 65
EXIT_TRY_AGAIN = 75
EXIT_CANCELLED = 143
POLL_S = 0.5
DEFAULT_TIME_LIMIT_S = 3600.0

P = ParamSpec("P")
Command = Callable[Concatenate[Dispatcher, P], Coroutine[Any, Any, int]]

log = logging.getLogger("dispatch")


def main() -> None:
    """The command."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for name in ("httpx", "urllib3", "clickhouse_connect"):  # What they would say is said here once, without query strings.
        logging.getLogger(name).setLevel(logging.ERROR)
    cli(prog_name="python -m dispatch")


@click.group()
def cli() -> None:
    """Run jobs where the feed says that their GPUs are cheapest (today: as local processes, priced by that offer)."""


def with_dispatcher(command: Command[P]) -> Callable[P, None]:
    """Run a coroutine with a Dispatcher; its int is the exit code, and a ProviderError a line of JSON and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def inner() -> int:
            async with open_dispatcher(Settings()) as dispatcher:
                return await command(dispatcher, *args, **kwargs)

        try:
            sys.exit(asyncio.run(inner()))
        except ProviderError as error:
            answer({"error": {"kind": type(error).__name__, "message": str(error)}})
            sys.exit(EXIT_REFUSED if isinstance(error, JobRejected) else EXIT_TRY_AGAIN)

    return run


def job_options(command: Callable[..., None]) -> Callable[..., None]:
    """What `submit` and `run` ask for."""
    options = [
        click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED),
        click.option("--gpu", required=True, help="Canonical GPU id, such as H100-SXM-80."),
        click.option("--gpus", default=1, show_default=True, type=click.IntRange(min=1), help="GPUs in one machine."),
        click.option("--price-type", type=click.Choice(get_args(PriceType)), help="Default: any."),
        click.option("--country", help="ISO 3166-1 alpha-2. Default: any."),
        click.option("--max-price", "max_price", type=PriceParameter(), help="USD per GPU-hour. Default: any."),
        click.option("--time-limit-s", default=DEFAULT_TIME_LIMIT_S, show_default=True, type=click.FloatRange(min=0, min_open=True)),
        click.option("--env", multiple=True, metavar="NAME=VALUE", help="The job sees these variables and no others."),
        click.option("--working-dir", help="Default: an empty folder of the job's own."),
        click.option("--name", help="For people. Default: the job's id."),
        click.option("--job-id", help="Submitting an id again gives the job that stands. Default: a new one."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


class PriceParameter(click.ParamType[Decimal]):
    """A positive decimal number."""

    name = "usd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Raises click's error for anything else."""
        try:
            price = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not (price.is_finite() and price > 0):
            self.fail(f"{value!r} is not a price", param, ctx)
        return price


@cli.command()
@job_options
@with_dispatcher
async def submit(dispatcher: Dispatcher, /, **asked: Any) -> int:
    """Choose an offer and start COMMAND; don't wait for it."""
    record = await dispatcher.submit(request(**asked))
    announce(record)
    answer(shown(record))
    return 0


@cli.command()
@job_options
@with_dispatcher
async def run(dispatcher: Dispatcher, /, **asked: Any) -> int:
    """Start COMMAND and follow it to its end; exits as the job did. SIGTERM and SIGINT cancel the job."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    record = await dispatcher.submit(request(**asked))
    announce(record)
    record = await dispatcher.follow(record.config.job_id, lambda text: click.echo(text, nl=False, err=True), stop, POLL_S)
    log.info("job %s: %s, cost %s USD", record.config.job_id, record.status, record.cost.cost_usd if record.cost else "0")
    answer(shown(record))
    return exit_code(record)


@cli.command()
@click.argument("job_id")
@with_dispatcher
async def status(dispatcher: Dispatcher, job_id: str) -> int:
    """One job as it is now."""
    answer(shown(await dispatcher.status(job_id)))
    return 0


@cli.command()
@click.argument("job_id")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last lines.")
@with_dispatcher
async def logs(dispatcher: Dispatcher, job_id: str, tail: int | None) -> int:
    """What a job has written so far, as it is (no JSON)."""
    click.echo(await dispatcher.logs(job_id, tail), nl=False)
    return 0


@cli.command()
@click.argument("job_id", required=False)
@click.option("--all", "every", is_flag=True, help="Every job that has not ended.")
@with_dispatcher
async def cancel(dispatcher: Dispatcher, job_id: str | None, every: bool) -> int:
    """Ask a job to end. Cancelling one that has ended is success."""
    if every == (job_id is not None):
        raise click.UsageError("either a JOB_ID or --all")
    if job_id is not None:
        answer(shown(await dispatcher.cancel(job_id)))
        return 0
    open_jobs = [record for record in await dispatcher.list() if not record.status.is_final]
    answer({"jobs": [shown(await dispatcher.cancel(record.config.job_id)) for record in open_jobs]})
    return 0


@cli.command("list")
@with_dispatcher
async def list_jobs(dispatcher: Dispatcher) -> int:
    """Every job as it is now, newest first."""
    answer({"jobs": [shown(record) for record in await dispatcher.list()]})
    return 0


@asynccontextmanager
async def open_dispatcher(settings: Settings) -> AsyncIterator[Dispatcher]:
    """The parts, put together."""
    folder = settings.data_dir.absolute() / "jobs"
    async with httpx.AsyncClient(base_url=settings.api_url, trust_env=False) as api:
        yield Dispatcher(api=api, backend=LocalProcessBackend(folder / "local"), records=JobRecords(folder), warehouse=ClickHouse(settings))


def request(
    *,
    command: tuple[str, ...],
    gpu: str,
    gpus: int,
    price_type: PriceType | None,
    country: str | None,
    max_price: Decimal | None,
    time_limit_s: float,
    env: tuple[str, ...],
    working_dir: str | None,
    name: str | None,
    job_id: str | None,
) -> JobRequest:
    """The options as a JobRequest. Raises click's error for a variable without a value."""
    if unreadable := [pair for pair in env if "=" not in pair]:
        raise click.BadParameter(f"{unreadable[0].partition('=')[0]!r} is not NAME=VALUE", param_hint="--env")
    job_id = job_id or f"job-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    return JobRequest(
        job_id=job_id,
        name=name or job_id,
        command=command,
        gpu=GpuSpec(gpu=gpu, count=gpus, price_type=price_type, country=country, max_usd_per_gpu_hour=max_price),
        time_limit_s=time_limit_s,
        env=dict(pair.split("=", 1) for pair in env),
        working_dir=working_dir,
    )


def shown(record: JobRecord) -> dict[str, Any]:
    """A job for reading: no values of its environment, money as decimal text, times as RFC 3339."""
    config, result, offer = record.config, record.result, record.decision.offer
    return {
        "job_id": config.job_id,
        "name": config.name,
        "status": record.status,
        "backend": record.backend,
        "command": config.command,
        "env": sorted(config.env),
        "gpu": config.gpu,
        "time_limit_s": config.time_limit_s,
        "priced_by": {**msgspec.structs.asdict(offer), "market": record.decision.market, "chosen_at": record.decision.chosen_at},
        "submitted_at": result.submitted_at if result else None,
        "started_at": result.started_at if result else None,
        "ended_at": result.ended_at if result else None,
        "exit_code": result.exit_code if result else None,
        "reason": result.reason if result else None,
        "cost": record.cost,
        "in_clickhouse": record.told_clickhouse is record.status,
    }


def announce(record: JobRecord) -> None:
    """Say where the job runs and what priced it; backend and offer are two things today."""
    offer, job_id = record.decision.offer, record.config.job_id
    log.info(
        "job %s: runs on backend %s, priced by %s %s (%s, %d x %s, %s) at %s USD per GPU-hour, %s market, price %.1f s old (%s)",
        job_id,
        record.backend,
        offer.source,
        offer.offer_key,
        offer.price_type,
        offer.gpu_count,
        offer.gpu,
        offer.region,
        offer.usd_per_gpu_hour,
        record.decision.market,
        offer.age_s,
        offer.freshness,
    )
    if offer.freshness != "fresh":
        log.warning("job %s: it is priced by a stale offer", job_id)


def answer(value: dict[str, Any]) -> None:
    """One line of JSON."""
    click.echo(msgspec.json.encode(value).decode())


def exit_code(record: JobRecord) -> int:
    """How `run` ends for a job that has ended."""
    if record.status is JobStatus.CANCELLED:
        return EXIT_CANCELLED
    if record.result is not None and record.result.exit_code is not None:
        return record.result.exit_code
    return 0 if record.status is JobStatus.DONE else 1


if __name__ == "__main__":
    main()
