"""What the tests of jobs share: a job's description, and waiting for what must come about."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from adapters.errors import NotYetDone
from adapters.jobs.backend import CanRunJobs, GpuSpec, JobConfig, JobResult

WAIT_S = 20.0
LOOK_EVERY_S = 0.02


def job(job_id: str, script: str, **fields: Any) -> JobConfig:
    """A shell script as a job at 3.60 USD per GPU-hour: 0.001 USD a second."""
    described: dict[str, Any] = {
        "job_id": job_id,
        "name": job_id,
        "command": ("sh", "-c", script),
        "gpu": GpuSpec(gpu="H100-SXM-80"),
        "billed_gpus": 1,
        "usd_per_gpu_hour": Decimal("3.60"),
        "time_limit_s": WAIT_S,
    }
    return JobConfig(**{**described, **fields})


async def until(condition: Callable[[], Awaitable[bool] | bool], what: str) -> None:
    """Look until it is so; fails saying what was not."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not (await answer if isinstance(answer := condition(), Awaitable) else answer):  # noqa: ASYNC110 - other processes set no Event
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise AssertionError(f"not within {WAIT_S} s: {what}") from None


async def ended(backend: CanRunJobs, job_id: str) -> JobResult:
    """The job once its status is final."""

    async def is_final() -> bool:
        return (await backend.get_job_status(job_id)).status.is_final

    await until(is_final, f"{job_id} ended")
    return await backend.get_job_status(job_id)


async def wrote(backend: CanRunJobs, job_id: str, text: str) -> None:
    """Until the job's output holds the text."""

    async def is_there() -> bool:
        try:
            return text in await backend.get_job_logs(job_id)
        except NotYetDone:
            return False

    await until(is_there, f"{job_id} wrote {text!r}")
