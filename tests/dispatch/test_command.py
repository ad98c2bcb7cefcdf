"""`python -m dispatch` as a person and a DAG use it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dags.fake_api import FakeApi, serve

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serve() as api:
        yield api


@pytest.fixture
def environment(api: FakeApi, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "GPUTICKER_API_URL": api.url,
        "GPUTICKER_DATA_DIR": str(tmp_path),
        "GPUTICKER_CLICKHOUSE_URL": "http://127.0.0.1:1",
    }


def dispatch(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dispatch", *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def answer(run: subprocess.CompletedProcess[str]) -> Any:
    lines = run.stdout.splitlines()
    assert len(lines) == 1, run.stderr
    return json.loads(lines[0])


def test_run_exits_as_the_job_did_and_says_what_priced_it(environment: dict[str, str]) -> None:
    run = dispatch(environment, "run", "--gpu", "H100-SXM-80", "--env", "TOKEN=hush", "--", "sh", "-c", "echo said; exit 3")
    assert run.returncode == 3
    told = answer(run)
    assert (told["status"], told["backend"], told["exit_code"], told["in_clickhouse"]) == ("failed", "local", 3, False)
    priced_by = told["priced_by"]
    assert (priced_by["source"], priced_by["usd_per_gpu_hour"], priced_by["age_s"], priced_by["market"]) == (
        "lumen",
        "2.490000",
        3.2,
        "simulated",
    )
    assert told["cost"]["cost_usd"].count(".") == 1
    assert told["env"] == ["TOKEN"]
    assert "hush" not in run.stdout + run.stderr
    assert "said\n" in run.stderr
    assert "runs on backend local, priced by lumen h100-1x-north" in run.stderr
    assert "price 3.2 s old (fresh)" in run.stderr
    assert "ClickHouse was not told" in run.stderr
    assert "?" not in run.stderr


def test_submit_status_logs_cancel_list(environment: dict[str, str]) -> None:
    told = answer(
        dispatch(environment, "submit", "--gpu", "H100-SXM-80", "--job-id", "long", "--", "sh", "-c", "echo begun; exec sleep 1000")
    )
    assert (told["job_id"], told["status"]) == ("long", "running")
    assert answer(dispatch(environment, "status", "long"))["status"] == "running"
    assert dispatch(environment, "cancel", "long").returncode == 0
    assert dispatch(environment, "cancel", "--all").returncode == 0
    follow = dispatch(environment, "run", "--gpu", "H100-SXM-80", "--job-id", "long", "--", "sh", "-c", "echo begun; exec sleep 1000")
    assert follow.returncode == 143
    assert dispatch(environment, "logs", "long", "--tail", "1").stdout == "begun\n"
    assert [job["status"] for job in answer(dispatch(environment, "list"))["jobs"]] == ["cancelled"]
    assert answer(dispatch(environment, "cancel", "--all")) == {"jobs": []}


def test_a_stale_offer_is_labelled(environment: dict[str, str], api: FakeApi) -> None:
    api.offers[0].update(freshness="stale", age_s=42.0)
    run = dispatch(environment, "run", "--gpu", "H100-SXM-80", "--", "true")
    assert run.returncode == 0
    assert answer(run)["priced_by"]["freshness"] == "stale"
    assert "priced by a stale offer" in run.stderr


def test_no_capacity_means_try_again_and_an_unknown_job_is_refused(environment: dict[str, str], api: FakeApi) -> None:
    api.offers = []
    run = dispatch(environment, "run", "--gpu", "H100-SXM-80", "--", "true")
    assert (run.returncode, answer(run)["error"]["kind"]) == (75, "NoCapacity")
    run = dispatch(environment, "status", "nobody")
    assert (run.returncode, answer(run)["error"]["kind"]) == (65, "JobRejected")


def test_sigterm_to_run_cancels_the_job(environment: dict[str, str], tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "dispatch",
        "run",
        "--gpu",
        "H100-SXM-80",
        "--job-id",
        "a",
        "--",
        "sh",
        "-c",
        "echo begun; exec sleep 1000",
    ]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line == "begun\n":
                break
        run.send_signal(signal.SIGTERM)
        stdout, _ = run.communicate(timeout=TIMEOUT_S)
    assert run.returncode == 143
    assert json.loads(stdout)["status"] == "cancelled"


@pytest.mark.parametrize(
    "arguments", [["--max-price", "0"], ["--max-price", "cheap"], ["--gpus", "0"], ["--env", "hush"], ["--time-limit-s", "0"]]
)
def test_a_bad_option_is_named(environment: dict[str, str], arguments: list[str]) -> None:
    run = dispatch(environment, "run", "--gpu", "H100-SXM-80", *arguments, "--", "true")
    assert run.returncode == 2
    assert arguments[0] in run.stderr
