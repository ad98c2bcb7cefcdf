"""Running jobs: what a backend is asked, what it answers, and the promises that every backend keeps."""

from abc import ABC, abstractmethod
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import ClassVar

import msgspec

from schemas.vocabulary import PriceType

MICRO = Decimal("0.000001")
SECONDS_PER_HOUR = 3600


class JobStatus(StrEnum):
    """Where a job is in its life. The last three are final."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """No later call will see another status."""
        return self in (JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED)


class GpuSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a job needs: `count` GPUs of one canonical kind, in one machine. None means that any will do."""

    gpu: str
    count: int = 1
    price_type: PriceType | None = None
    country: str | None = None
    max_usd_per_gpu_hour: Decimal | None = None


class JobConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One job, as its owner describes it.

    `job_id` is the owner's: submitting the same id again is not a second job. `name` is for people. `command` is a program and its
    arguments (no shell). `env` is the whole environment. `working_dir` None means an empty folder of the job's own. The price is what
    `billed_gpus` GPUs cost each; None where there is none, and then there is no cost either.
    """

    job_id: str
    name: str
    command: tuple[str, ...]
    gpu: GpuSpec
    billed_gpus: int
    usd_per_gpu_hour: Decimal | None
    time_limit_s: float
    env: dict[str, str] = {}
    working_dir: str | None = None


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """A job at one moment. `exit_code` is None until it ended by itself; `reason` says why it failed. Times are aware UTC."""

    job_id: str
    backend: str
    status: JobStatus
    submitted_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    reason: str | None = None


class CostInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a job has cost so far; `is_final` once it has ended. `cost_usd` is rounded half-even to a millionth, None without a price."""

    job_id: str
    billed_gpus: int
    usd_per_gpu_hour: Decimal | None
    wall_time_s: float
    cost_usd: Decimal | None
    is_final: bool


class CanRunJobs(ABC):
    """Mixin of whatever runs jobs: a local backend, or a cloud's adapter.

    Each call returns fast: it makes at most a few exchanges and never waits for a machine or for the job. A step that needs longer raises
    NotYetDone, which means "call me again". Every call may raise Transient and AuthFailed; a job id that this backend never had is
    JobRejected, except for `cancel_job`. Nothing is kept in the object: another process may ask about a job that this one submitted.
    """

    backend: ClassVar[str]
    """The name that results and records carry, such as `local`."""

    @abstractmethod
    async def submit_job(self, config: JobConfig) -> JobResult:
        """Start the job, or return it as it is where `config.job_id` was submitted before.

        Raises NoCapacity (try another offer) and JobRejected (it cannot run as described, also: the id stands for another job).
        """

    @abstractmethod
    async def get_job_status(self, job_id: str) -> JobResult:
        """The job as it is now. A final answer never changes."""

    @abstractmethod
    async def get_job_logs(self, job_id: str, tail_lines: int | None = None) -> str:
        """What the job has written so far (stdout and stderr in one), or only its last lines. Raises NotYetDone before it has started."""

    @abstractmethod
    async def cancel_job(self, job_id: str) -> None:
        """Ask for the job to end. Cancelling one that ended, was cancelled or was never there is success. The status follows."""

    @abstractmethod
    async def get_cost_info(self, job_id: str) -> CostInfo:
        """What the job has cost until now. Raises NotYetDone before it has started."""

    @abstractmethod
    async def list_available_gpus(self) -> tuple[GpuSpec, ...]:
        """What could be had now; empty where there is nothing."""

    @abstractmethod
    async def health_check(self) -> None:
        """Return when jobs can be submitted now; raise the ProviderError that says why not."""


def cost_usd(usd_per_gpu_hour: Decimal, gpus: int, wall_time_s: float) -> Decimal:
    """Price times GPUs times time, USD, rounded half-even to a millionth. Seconds count to the microsecond."""
    seconds = Decimal(wall_time_s).quantize(MICRO)
    return (usd_per_gpu_hour * gpus * seconds / SECONDS_PER_HOUR).quantize(MICRO, ROUND_HALF_EVEN)
