"""A job's life through the Dispatcher, on the local backend."""

import asyncio
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.errors import JobRejected, NoCapacity, Transient
from adapters.jobs.backend import GpuSpec, JobStatus
from adapters.jobs.local import LocalProcessBackend
from dispatch.lifecycle import Dispatcher, JobRequest
from dispatch.records import JobRecord, JobRecords
from dispatch.warehouse import cost_row, job_row
from tests.dispatch.jobs import ended, until
from tests.dispatch.read_api import ReadApi, offer

POLL_S = 0.02


class Rows:
    """A warehouse in memory, which can be down."""

    def __init__(self) -> None:
        self.is_down = False
        self.jobs: list[dict[str, Any]] = []
        self.costs: list[dict[str, Any]] = []

    def write(self, record: JobRecord, now: datetime) -> bool:
        if self.is_down:
            return False
        self.jobs.append(job_row(record, now))
        if (cost := cost_row(record, now)) is not None:
            self.costs.append(cost)
        return True


class Bench:
    """A dispatcher and everything around it."""

    def __init__(self, folder: Path) -> None:
        self.api = ReadApi(offer())
        self.rows = Rows()
        self.backend = LocalProcessBackend(folder / "local")
        self.records = JobRecords(folder)
        self.dispatcher = self.another_dispatcher()

    def another_dispatcher(self) -> Dispatcher:
        """As another process would have it."""
        return Dispatcher(api=self.api.client(), backend=self.backend, records=self.records, warehouse=self.rows)

    async def follow(self, job_id: str, stop: asyncio.Event | None = None) -> tuple[JobRecord, str]:
        """The ended job and its output as it was handed on."""
        output: list[str] = []
        record = await self.dispatcher.follow(job_id, output.append, stop or asyncio.Event(), POLL_S)
        return record, "".join(output)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "jobs")


def wanted(job_id: str, script: str, **fields: Any) -> JobRequest:
    described: dict[str, Any] = {
        "job_id": job_id,
        "name": job_id,
        "command": ("sh", "-c", script),
        "gpu": GpuSpec(gpu="H100-SXM-80"),
        "time_limit_s": 20.0,
    }
    return JobRequest(**{**described, **fields})


async def test_submit_follow_cost(bench: Bench) -> None:
    record = await bench.dispatcher.submit(wanted("a", "echo one; echo two; printf three"))
    assert record.backend == "local"
    assert record.decision.offer.offer_key == "h100-1x-north"

    record, output = await bench.follow("a")

    assert record.status is JobStatus.DONE
    assert output == "one\ntwo\nthree"
    assert record.cost is not None
    assert record.cost.is_final
    assert record.cost.cost_usd == (Decimal(record.cost.wall_time_s) / 1000).quantize(Decimal("0.000001"))
    assert bench.records.get("a") == record


async def test_a_machine_with_more_gpus_is_paid_in_full(bench: Bench) -> None:
    bench.api.offers = [offer(gpu_count=8)]
    await bench.dispatcher.submit(wanted("a", "true"))
    record, _ = await bench.follow("a")
    assert record.config.gpu.count == 1
    assert record.cost is not None
    assert record.cost.billed_gpus == 8
    assert record.cost.cost_usd == (Decimal(record.cost.wall_time_s) * 8 / 1000).quantize(Decimal("0.000001"))


async def test_without_an_offer_nothing_runs_and_nothing_is_kept(bench: Bench) -> None:
    bench.api.offers = []
    with pytest.raises(NoCapacity):
        await bench.dispatcher.submit(wanted("a", "true"))
    assert await bench.dispatcher.list() == []
    with pytest.raises(JobRejected):
        await bench.dispatcher.status("a")


async def test_a_backend_that_is_not_well_is_not_given_a_job(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "local").write_text("a file where the folder should be")
    with pytest.raises(Transient, match="cannot be written"):
        await bench.dispatcher.submit(wanted("a", "true"))
    assert bench.api.asked == []


async def test_an_id_again_follows_the_standing_job_at_its_first_price(bench: Bench, tmp_path: Path) -> None:
    request = wanted("a", f"echo ran >> {tmp_path}/runs")
    await bench.dispatcher.submit(request)
    await bench.follow("a")
    bench.api.offers = [offer(offer_key="another", usd_per_gpu_hour="1.0")]
    record = await bench.another_dispatcher().submit(request)
    assert record.decision.offer.offer_key == "h100-1x-north"
    assert (tmp_path / "runs").read_text() == "ran\n"
    with pytest.raises(JobRejected, match="stands for another job"):
        await bench.dispatcher.submit(wanted("a", "echo something else"))


async def test_a_submitter_that_died_before_the_start_is_made_good_by_the_next(bench: Bench) -> None:
    request = wanted("a", "echo ran")
    record = await bench.dispatcher.submit(request)
    await bench.follow("a")
    unsubmitted = msgspec.structs.replace(record, config=msgspec.structs.replace(record.config, job_id="b"), result=None, cost=None)
    bench.records.put(unsubmitted)
    assert (await bench.dispatcher.status("b")).status is JobStatus.PENDING
    await bench.dispatcher.submit(msgspec.structs.replace(request, job_id="b"))
    _, output = await bench.follow("b")
    assert output == "ran\n"
    bench.records.put(msgspec.structs.replace(unsubmitted, config=msgspec.structs.replace(record.config, job_id="c")))
    assert (await bench.dispatcher.cancel("c")).status is JobStatus.CANCELLED


async def test_cancel_twice(bench: Bench) -> None:
    await bench.dispatcher.submit(wanted("a", "exec sleep 1000"))
    await bench.dispatcher.cancel("a")
    await bench.dispatcher.cancel("a")
    record, _ = await bench.follow("a")
    assert record.status is JobStatus.CANCELLED
    assert (await bench.dispatcher.cancel("a")) == record


async def test_a_follower_that_is_stopped_cancels_the_job(bench: Bench) -> None:
    await bench.dispatcher.submit(wanted("a", "echo begun; exec sleep 1000"))
    stop = asyncio.Event()
    following = asyncio.create_task(bench.follow("a", stop))
    await until(lambda: bench.records.get("a").status is JobStatus.RUNNING, "running")
    stop.set()
    record, _ = await following
    assert record.status is JobStatus.CANCELLED


async def test_rows_follow_the_status(bench: Bench) -> None:
    bench.api.offers = [offer(gpu_count=2)]
    await bench.dispatcher.submit(wanted("a", "exit 3"))
    record, _ = await bench.follow("a")
    await bench.dispatcher.status("a")
    last = bench.rows.jobs[-1]
    assert [row["status"] for row in bench.rows.jobs] in (["running", "failed"], ["failed"])
    assert last["command"] == "sh -c 'exit 3'"
    assert (last["exit_code"], last["error"]) == (3, "exit code 3")
    assert (last["provider"], last["offer_key"], last["usd_per_gpu_hour_micros"]) == ("lumen", "h100-1x-north", 3_600_000)
    assert record.result is not None
    assert record.cost is not None
    assert record.cost.cost_usd is not None
    cost = bench.rows.costs[-1]
    assert (cost["gpu_count"], cost["seconds"], cost["measured_at"]) == (2, record.cost.wall_time_s, record.result.ended_at)
    assert cost["cost_usd_micros"] == record.cost.cost_usd * 1_000_000


async def test_while_clickhouse_is_down_jobs_run_and_the_next_status_tells_it(bench: Bench) -> None:
    bench.rows.is_down = True
    await bench.dispatcher.submit(wanted("a", "echo ran"))
    record, output = await bench.follow("a")
    assert (record.status, output) == (JobStatus.DONE, "ran\n")
    assert record.told_clickhouse is None
    assert (await bench.dispatcher.status("a")).told_clickhouse is None

    bench.rows.is_down = False
    record = await bench.another_dispatcher().status("a")
    assert record.told_clickhouse is JobStatus.DONE
    assert [row["status"] for row in bench.rows.jobs] == ["done"]
    assert len(bench.rows.costs) == 1
    await bench.dispatcher.list()
    assert len(bench.rows.jobs) == 1


async def test_list_is_newest_first_and_as_things_are_now(bench: Bench) -> None:
    await bench.dispatcher.submit(wanted("a", "true"))
    await bench.dispatcher.submit(wanted("b", "true"))
    await ended(bench.backend, "a")
    await ended(bench.backend, "b")
    assert [(record.config.job_id, record.status) for record in await bench.dispatcher.list()] == [
        ("b", JobStatus.DONE),
        ("a", JobStatus.DONE),
    ]


async def test_records_are_for_their_owners_eyes_only(bench: Bench, tmp_path: Path) -> None:
    await bench.dispatcher.submit(wanted("a", "true", env={"TOKEN": "hush"}))
    assert (tmp_path / "jobs" / "a.json").stat().st_mode & 0o077 == 0
