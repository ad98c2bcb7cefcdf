"""The watcher: when it submits, from what, and how it gives up."""

import sys
import threading
from pathlib import Path

import pytest

from flink_jobs import cluster, watch
from flink_jobs.checkpoints import new_job_id, plan_digest
from flink_jobs.job import JOB_NAME
from flink_jobs.render import TABLES
from flink_jobs.settings import Settings
from flink_jobs.watch import LOOK_EVERY_S, MOST_RESTORES, SubmissionFailed, Watch, submit

SUBJECTS = {f"{topic}-value" for topic in TABLES}


class Cluster:
    """A job manager and a registry in memory; each submission is noted as the checkpoint it began from."""

    def __init__(self) -> None:
        self.jobs: list[cluster.Job] = []
        self.subjects = set(SUBJECTS)
        self.reachable = True
        self.refuses = False
        self.submitted: list[str | None] = []

    def list_jobs(self, flink_url: str) -> list[cluster.Job]:
        if not self.reachable:
            raise cluster.NotReachable(f"{flink_url}: refused")
        return self.jobs

    def list_subjects(self, registry_url: str) -> set[str]:
        return self.subjects

    def submit(self, settings: Settings, job_id: str, restore_from: str | None, stop: threading.Event) -> str:
        self.submitted.append(restore_from)
        if self.refuses:
            raise SubmissionFailed("no")
        return job_id


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    fake = Cluster()
    monkeypatch.setattr(cluster, "jobs", fake.list_jobs)
    monkeypatch.setattr(cluster, "subjects", fake.list_subjects)
    monkeypatch.setattr(watch, "submit", fake.submit)
    return fake


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings("k:1", "http://r", "http://f", tmp_path, (), window_s=10)


@pytest.fixture
def watcher(fake: Cluster, settings: Settings) -> Watch:
    return Watch(settings, threading.Event())


def add_checkpoint(settings: Settings) -> str:
    path = settings.checkpoints / new_job_id(plan_digest(settings.window_s)) / "chk-7"
    path.mkdir(parents=True)
    (path / "_metadata").write_bytes(b"state")
    return path.as_uri()


@pytest.mark.parametrize("state", ["RUNNING", "RESTARTING", "INITIALIZING", "CREATED", "FAILING"])
def test_a_job_that_flink_takes_care_of_is_left_alone(fake: Cluster, watcher: Watch, state: str) -> None:
    fake.jobs = [cluster.Job("1", JOB_NAME, state)]
    assert watcher.look() == LOOK_EVERY_S
    assert fake.submitted == []


@pytest.mark.parametrize(("name", "state"), [(JOB_NAME, "FAILED"), (JOB_NAME, "CANCELED"), ("another", "RUNNING")])
def test_a_job_that_ended_or_was_never_there_is_submitted(fake: Cluster, watcher: Watch, name: str, state: str) -> None:
    fake.jobs = [cluster.Job("1", name, state)]
    watcher.look()
    assert fake.submitted == [None]


def test_it_waits_for_the_job_manager_and_for_the_schemas(fake: Cluster, watcher: Watch) -> None:
    fake.reachable = False
    assert watcher.look() == LOOK_EVERY_S
    fake.reachable = True
    fake.subjects.remove("price-windows-value")
    assert watcher.look() == LOOK_EVERY_S
    assert fake.submitted == []
    fake.subjects = set(SUBJECTS)
    watcher.look()
    assert fake.submitted == [None]


def test_it_goes_on_from_the_checkpoint_and_begins_anew_when_that_leads_nowhere(fake: Cluster, watcher: Watch, settings: Settings) -> None:
    address = add_checkpoint(settings)
    for _ in range(MOST_RESTORES + 1):
        watcher.look()
    assert fake.submitted == [address] * MOST_RESTORES + [None]


def test_refused_submissions_are_tried_again_ever_more_slowly(fake: Cluster, watcher: Watch) -> None:
    fake.refuses = True
    pauses = [watcher.look() for _ in range(6)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (LOOK_EVERY_S, watch.LONGEST_PAUSE_S)


def interpreter(tmp_path: Path, script: str) -> str:
    """A stand-in for Flink's Python that runs `script` whatever it is asked."""
    path = tmp_path / "python"
    path.write_text(f"#!{sys.executable}\n{script}\n")
    path.chmod(0o755)
    return str(path)


def with_interpreter(settings: Settings, tmp_path: Path, script: str) -> Settings:
    return Settings(settings.kafka, settings.registry_url, settings.flink_url, tmp_path, (), 10, 1, interpreter(tmp_path, script))


def test_a_submission_hands_the_request_over_and_reads_the_jobs_id(settings: Settings, tmp_path: Path) -> None:
    script = "import json, sys; r = json.load(sys.stdin); print('noise'); print(json.dumps({'job_id': r['job_id'] + r['restore_from']}))"
    found = submit(with_interpreter(settings, tmp_path, script), "abc", "file:/chk", threading.Event())
    assert found == "abcfile:/chk"


def test_a_failed_submission_says_why_in_one_line(settings: Settings, tmp_path: Path) -> None:
    script = "import sys; print('Traceback\\n\\tat x\\nCaused by: Table not found\\n\\tat y'); sys.exit(1)"
    with pytest.raises(SubmissionFailed, match=r"^Caused by: Table not found$"):
        submit(with_interpreter(settings, tmp_path, script), "abc", None, threading.Event())


def test_sigterm_ends_a_submission_under_way(settings: Settings, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(SubmissionFailed, match="stopped"):
        submit(with_interpreter(settings, tmp_path, "import time; time.sleep(600)"), "abc", None, stop)
