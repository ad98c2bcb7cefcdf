"""The life of a job: choose an offer, submit, poll, logs, cancel, cost."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import msgspec

from adapters.errors import JobRejected, NotYetDone
from adapters.jobs.backend import CanRunJobs, CostInfo, GpuSpec, JobConfig, JobResult, JobStatus
from dispatch.offers import choose_offer
from dispatch.records import JobRecord, JobRecords
from dispatch.warehouse import Warehouse

log = logging.getLogger(__name__)


class JobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A job as its owner asks for it: a JobConfig before anyone knows its price."""

    job_id: str
    name: str
    command: tuple[str, ...]
    gpu: GpuSpec
    time_limit_s: float
    env: dict[str, str] = {}
    working_dir: str | None = None


class Dispatcher:
    """Runs jobs on one backend, priced by the read API's cheapest offer. Every call may raise the ProviderErrors of CanRunJobs."""

    def __init__(
        self,
        *,
        api: httpx.AsyncClient,
        backend: CanRunJobs,
        records: JobRecords,
        warehouse: Warehouse,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = api
        self._backend = backend
        self._records = records
        self._warehouse = warehouse
        self._now = now

    async def submit(self, request: JobRequest) -> JobRecord:
        """Choose an offer, write the decision down, start the job. An id that was submitted before gives the job that stands.

        A submitter that dies between decision and start leaves a decision; submitting again starts the job at that price.
        """
        record = self._records.find(request.job_id)
        if record is None:
            await self._backend.health_check()
            decision = await choose_offer(self._api, request.gpu, self._now())
            offer = decision.offer
            config = JobConfig(
                job_id=request.job_id,
                name=request.name,
                command=request.command,
                gpu=request.gpu,
                billed_gpus=offer.gpu_count,
                usd_per_gpu_hour=offer.usd_per_gpu_hour,
                time_limit_s=request.time_limit_s,
                env=request.env,
                working_dir=request.working_dir,
            )
            record = JobRecord(config=config, backend=self._backend.backend, decision=decision, decided_at=decision.chosen_at)
            self._records.put(record)
        elif (record.config.command, record.config.gpu, record.config.env) != (request.command, request.gpu, request.env):
            raise JobRejected(f"job_id {request.job_id} stands for another job already")
        if record.result is None:
            record = msgspec.structs.replace(record, result=await self._backend.submit_job(record.config))
            self._records.put(record)
        return await self._refresh(record)

    async def status(self, job_id: str) -> JobRecord:
        """The job as it is now, with its cost. Tells ClickHouse what it has not been told yet."""
        return await self._refresh(self._records.get(job_id))

    async def list(self) -> list[JobRecord]:
        """Every job as it is now, newest first."""
        return [await self._refresh(record) for record in self._records.all()]

    async def logs(self, job_id: str, tail_lines: int | None = None) -> str:
        """What the job has written. Raises NotYetDone before it has started."""
        self._records.get(job_id)
        return await self._backend.get_job_logs(job_id, tail_lines)

    async def cancel(self, job_id: str) -> JobRecord:
        """Ask for the job to end; success also where it has ended already. The answer may still say running."""
        record = self._records.get(job_id)
        if record.result is None:
            self._records.put(cancelled_before_start(record, self._now()))
            return await self.status(job_id)
        await self._backend.cancel_job(job_id)
        return await self.status(job_id)

    async def follow(self, job_id: str, write: Callable[[str], None], stop: asyncio.Event, poll_s: float) -> JobRecord:
        """Poll the job to its end, handing on whole lines of its output. `stop` cancels the job, which is followed to its end."""
        written = 0
        cancelled = False
        while True:
            if stop.is_set() and not cancelled:
                log.warning("job %s: asked to stop, cancelling it", job_id)
                await self._backend.cancel_job(job_id)
                cancelled = True
            record = await self._refresh(self._records.get(job_id), tell_again=False)
            try:
                output = await self._backend.get_job_logs(job_id)
            except NotYetDone:
                output = ""
            end = len(output) if record.status.is_final else output.rfind("\n") + 1
            if end > written:
                write(output[written:end])
                written = end
            if record.status.is_final:
                return record
            await wait(asyncio.Event() if cancelled else stop, poll_s)

    async def _refresh(self, record: JobRecord, *, tell_again: bool = True) -> JobRecord:
        """The job as it is now. What ClickHouse missed before is told again only where `tell_again`, so that a follower isn't held up."""
        if record.is_settled:
            return record
        before = record
        job_id = record.config.job_id
        if record.result is not None and not record.status.is_final:
            record = msgspec.structs.replace(record, result=await self._backend.get_job_status(job_id))
        if record.result is not None and (record.cost is None or not record.cost.is_final):
            try:
                record = msgspec.structs.replace(record, cost=await self._backend.get_cost_info(job_id))
            except NotYetDone:
                log.debug("job %s: no cost yet", job_id)
        news = record.told_clickhouse is not record.status and (tell_again or record.status is not before.status)
        if news and await asyncio.to_thread(self._warehouse.write, record, self._now()):
            record = msgspec.structs.replace(record, told_clickhouse=record.status)
        if record != before:
            self._records.put(record)
        return record


def cancelled_before_start(record: JobRecord, now: datetime) -> JobRecord:
    """The record of a job that no backend has seen, cancelled."""
    config = record.config
    result = JobResult(
        job_id=config.job_id,
        backend=record.backend,
        status=JobStatus.CANCELLED,
        submitted_at=record.decided_at,
        ended_at=now,
        reason="cancelled before it was submitted",
    )
    cost = CostInfo(
        job_id=config.job_id,
        billed_gpus=config.billed_gpus,
        usd_per_gpu_hour=config.usd_per_gpu_hour,
        wall_time_s=0.0,
        cost_usd=None if config.usd_per_gpu_hour is None else Decimal(0),
        is_final=True,
    )
    return msgspec.structs.replace(record, result=result, cost=cost)


async def wait(event: asyncio.Event, timeout_s: float) -> None:
    """Until the event is set, at most `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
