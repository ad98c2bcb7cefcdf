"""The DAGs in Airflow's own environment: they import with the network off, are built as they should be, and run."""

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.dags.fake_api import serve, source

ROOT = Path(__file__).parents[2]
AIRFLOW_BIN = ROOT / ".venv-airflow" / "bin"
DRIVER = Path(__file__).with_name("airflow_driver.py")
TIMEOUT_S = 240
COMMAND = """echo "$((6 * 7)) {{ not for jinja }} '$HOME'" """

pytestmark = [
    pytest.mark.skipif(not (AIRFLOW_BIN / "airflow").exists(), reason="no .venv-airflow: `make setup` installs it"),
    pytest.mark.enable_socket,
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Airflow is told, with a database of its own."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        "PATH": f"{AIRFLOW_BIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    subprocess.run([str(AIRFLOW_BIN / "airflow"), "db", "migrate"], env=environment, capture_output=True, timeout=TIMEOUT_S, check=True)
    return environment


@pytest.fixture(scope="module")
def structure(environment: dict[str, str]) -> Any:
    told, _ = drive(environment, "structure")
    return told


@pytest.fixture(scope="module")
def runs(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Every run of this file in one process: importing Airflow takes longer than they do. Name -> state, XComs and output."""
    environment = {
        **environment,
        "GPUTICKER_PYTHON": sys.executable,
        "GPUTICKER_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "GPUTICKER_CLICKHOUSE_URL": "http://127.0.0.1:1",
        "PYTHONPATH": str(ROOT),
    }
    with ExitStack() as stack:
        well, ill, warming, stuck = (stack.enter_context(serve()) for _ in range(4))
        ill.sources = [source("lumen"), *(source(name, health="down", error="status 500") for name in ("borealis", "cumulus"))]
        warming.sources = [source("lumen"), source("borealis", age_s=70.0, fresh=0, stale=4)]
        stuck.sources = [source("lumen", age_s=70.0, fresh=0, stale=4)]
        stuck.refresh_helps = False
        asked = {
            "all well": run_of("provider_health", well.url),
            "most down": run_of("provider_health", ill.url),
            "api away": run_of("provider_health", "http://127.0.0.1:1"),
            "warmed": run_of("cache_warming", warming.url),
            "stuck": run_of("cache_warming", stuck.url, wait_s=0),
            "job": run_of("job_dispatch", well.url, command=COMMAND),
            "failing job": run_of("job_dispatch", well.url, command="exit 7"),
            "quality unknown": run_of("data_quality", well.url),
        }
        told, output = drive(environment, "run", json.dumps(asked))
        refreshes = warming.requests.count("POST /v1/refresh")
    outputs = {part.partition("\n")[0]: part for part in output.split("\n=== ")[1:]}
    return {name: {**each, "output": outputs[name], "refreshes": refreshes} for name, each in told.items()}


def run_of(dag_id: str, api_url: str, **conf: Any) -> dict[str, Any]:
    """What the driver is asked."""
    return {"dag": dag_id, "conf": conf, "env": {"GPUTICKER_API_URL": api_url}}


def drive(environment: dict[str, str], *arguments: str) -> tuple[Any, str]:
    """The driver's last line, and everything that it and the tasks wrote."""
    command = [str(AIRFLOW_BIN / "python"), str(DRIVER), *arguments]
    run = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S, check=False
    )
    assert run.returncode == 0, run.stdout
    return json.loads(run.stdout.splitlines()[-1]), run.stdout


def test_they_import_with_the_network_off(structure: Any) -> None:
    assert structure["import_errors"] == {}
    assert sorted(structure["dags"]) == ["cache_warming", "data_quality", "job_dispatch", "provider_health"]


def test_every_dag_says_who_how_often_and_for_how_long(structure: Any) -> None:
    for name, dag in structure["dags"].items():
        assert len(dag["doc"].strip().splitlines()) > 3, name
        assert dag["max_active_runs"] == 1, name
        assert dag["catchup"] is False, name
        assert dag["paused"] is False, name
        assert dag["dagrun_timeout_s"] > 0, name
        assert "gputicker" in dag["tags"], name
        for task in dag["tasks"].values():
            assert task["owner"] == "gputicker", name
            assert task["retries"] >= 1, name
            assert 0 < task["timeout_s"] < dag["dagrun_timeout_s"], name


def test_they_run_when_they_should(structure: Any) -> None:
    assert {name: dag["schedule"] for name, dag in structure["dags"].items()} == {
        "cache_warming": ["*/5 * * * *", False],
        "data_quality": ["*/15 * * * *", False],
        "provider_health": ["* * * * *", False],
        "job_dispatch": ["0 6 * * *", True],
    }
    assert structure["dags"]["cache_warming"]["tasks"]["verify"]["upstream"] == ["refresh"]
    assert structure["dags"]["job_dispatch"]["params"]["command"] == "date -u"


def test_provider_health_passes_when_all_is_well(runs: Any) -> None:
    run = runs["all well"]
    assert run["state"] == "success"
    assert run["xcom"]["check_providers"] == "3 of 3 sources serve"


def test_provider_health_fails_when_most_sources_are_down(runs: Any) -> None:
    run = runs["most down"]
    assert run["state"] == "failed"
    assert re.search(r"2 of 3 sources are down: borealis for \d+ s \(status 500\)", run["output"])


def test_provider_health_fails_when_the_api_is_away(runs: Any) -> None:
    run = runs["api away"]
    assert run["state"] == "failed"
    assert "GET /v1/providers: ConnectError" in run["output"]


def test_cache_warming_warms_what_is_cold(runs: Any) -> None:
    run = runs["warmed"]
    assert run["state"] == "success"
    assert run["xcom"]["find_cold"] == ["borealis"]
    assert run["refreshes"] == 1


def test_cache_warming_fails_for_what_stays_cold(runs: Any) -> None:
    run = runs["stuck"]
    assert run["tasks"] == {"find_cold": "success", "refresh": "success", "verify": "failed"}
    assert "still cold after 0 s: lumen" in run["output"]


def test_job_dispatch_runs_a_job_and_hands_its_result_on(runs: Any) -> None:
    run = runs["job"]
    assert run["state"] == "success"
    result = run["xcom"]["run_job"]
    assert (result["status"], result["backend"], result["exit_code"]) == ("done", "local", 0)
    assert result["command"] == ["sh", "-c", COMMAND]
    assert result["priced_by"]["usd_per_gpu_hour"] == "2.490000"
    assert "42 {{ not for jinja }} ''" in run["output"]
    assert "done, cost 0.000" in run["output"]


def test_job_dispatch_fails_with_its_job(runs: Any) -> None:
    run = runs["failing job"]
    assert run["state"] == "failed"
    assert "non-zero exit code 7" in run["output"]


def test_data_quality_fails_when_there_is_no_clickhouse_to_judge(runs: Any) -> None:
    assert runs["quality unknown"]["state"] == "failed"
    assert "ClickHouse at http://127.0.0.1:1" in runs["quality unknown"]["output"]
