"""Rows in ClickHouse: the project's own server and migrations, started here."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from adapters.jobs.backend import GpuSpec
from adapters.jobs.local import LocalProcessBackend
from clickhouse.connection import connect
from dispatch.lifecycle import Dispatcher, JobRequest
from dispatch.records import JobRecord, JobRecords
from dispatch.settings import Settings
from dispatch.warehouse import ClickHouse
from tests.dispatch.read_api import ReadApi, offer

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0
DATABASE = "gputicker"

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated ClickHouse."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "GPUTICKER_PORT": str(port),
        "GPUTICKER_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "GPUTICKER_CLICKHOUSE_URL": url,
    }
    with subprocess.Popen([sys.executable, "-m", "clickhouse.server"], env=environment, cwd=ROOT) as server:
        try:
            answers(url, server)
            subprocess.run([sys.executable, "-m", "clickhouse.migrate"], env=environment, cwd=ROOT, timeout=WAIT_S, check=True)
            yield url
        finally:
            server.terminate()
            server.wait(WAIT_S)


def answers(url: str, server: subprocess.Popen[bytes]) -> None:
    """Until the server answers."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended"
        try:
            httpx.get(f"{url}/ping", trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"ClickHouse did not answer within {WAIT_S} s")


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = connect(url, "default", "", DATABASE)
    yield client
    client.close()


async def run_job(folder: Path, url: str, job_id: str, script: str) -> JobRecord:
    """One job from offer to rows."""
    async with ReadApi(offer(gpu_count=2)).client() as api:
        dispatcher = Dispatcher(
            api=api,
            backend=LocalProcessBackend(folder / "local"),
            records=JobRecords(folder),
            warehouse=ClickHouse(Settings(clickhouse_url=url, clickhouse_database=DATABASE)),
        )
        command = ("sh", "-c", script)
        await dispatcher.submit(
            JobRequest(job_id=job_id, name="a name", command=command, gpu=GpuSpec(gpu="H100-SXM-80"), time_limit_s=WAIT_S)
        )
        return await dispatcher.follow(job_id, lambda _: None, asyncio.Event(), 0.02)


async def test_a_job_and_its_cost_are_rows(url: str, client: Client, tmp_path: Path) -> None:
    record = await run_job(tmp_path, url, "told", "exit 3")
    assert record.told_clickhouse is record.status
    assert record.result is not None
    assert record.cost is not None
    assert record.cost.cost_usd is not None

    (job,) = client.query("SELECT * FROM jobs FINAL WHERE job_id = 'told'").named_results()
    assert (job["name"], job["backend"], job["status"], job["exit_code"], job["error"]) == ("a name", "local", "failed", 3, "exit code 3")
    assert (job["provider"], job["offer_key"], job["price_type"], job["region"]) == ("lumen", "h100-1x-north", "on_demand", "north-1")
    assert (job["gpu"], job["gpu_count"], job["usd_per_gpu_hour_micros"]) == ("H100-SXM-80", 1, 3_600_000)
    assert job["command"] == "sh -c 'exit 3'"
    assert abs(job["finished_at"] - record.result.ended_at).total_seconds() < 0.001

    latest = "SELECT * FROM job_costs FINAL WHERE job_id = 'told' ORDER BY measured_at DESC, seconds DESC LIMIT 1"
    (cost,) = client.query(latest).named_results()
    assert (cost["gpu_count"], cost["usd_per_gpu_hour_micros"]) == (2, 3_600_000)
    assert cost["cost_usd_micros"] == record.cost.cost_usd * 1_000_000
    assert cost["seconds"] == record.cost.wall_time_s


async def test_rows_that_were_written_before_are_not_counted_twice(url: str, client: Client, tmp_path: Path) -> None:
    record = await run_job(tmp_path, url, "again", "true")
    warehouse = ClickHouse(Settings(clickhouse_url=url, clickhouse_database=DATABASE))
    assert record.result is not None
    assert record.result.ended_at is not None
    counts = "SELECT (SELECT count() FROM jobs FINAL WHERE job_id = 'again'), (SELECT count() FROM job_costs FINAL WHERE job_id = 'again')"
    before = client.query(counts).result_rows[0]
    assert warehouse.write(record, record.result.ended_at)
    assert client.query(counts).result_rows[0] == before
    assert before[0] == 1


async def test_a_database_that_is_not_there_is_told_in_the_log(url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record = await run_job(tmp_path, "http://127.0.0.1:1", "untold", "true")
    assert record.told_clickhouse is None
    assert "job untold: ClickHouse was not told (the next status call tries again): it does not answer" in caplog.text
    elsewhere = ClickHouse(Settings(clickhouse_url=url, clickhouse_database="elsewhere"))
    assert record.result is not None
    assert not elsewhere.write(record, record.result.submitted_at)
    assert "elsewhere" in caplog.text
