"""Keeps the job running: submits it when the job manager has no job of its name, from the newest checkpoint that fits.

A job manager forgets its jobs when it dies, so somebody outside has to remember. Planning needs a JVM of some hundred megabytes: it
lives in a process of its own and ends with the submission.
"""

import json
import logging
import os
import subprocess
import threading
import time
from collections import Counter

from flink_jobs import cluster
from flink_jobs.checkpoints import new_job_id, newest_checkpoint, plan_digest
from flink_jobs.job import JOB_NAME
from flink_jobs.render import TABLES
from flink_jobs.settings import Settings

LOOK_EVERY_S = 2.0
SUBMIT_WITHIN_S = 240
LONGEST_PAUSE_S = 30.0
MOST_RESTORES = 3
"""Submissions from one and the same checkpoint; a job that got no further from it that often begins anew."""
SUBMITTER_JVM = "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"

log = logging.getLogger(__name__)


class SubmissionFailed(RuntimeError):
    """The job could not be planned or handed over; the message holds the reason's last lines."""


class Watch:
    """One `look` after the other until `stop` is set."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._plan = plan_digest(settings.window_s)
        self._restores: Counter[str] = Counter()
        self._failures = 0
        self._told = ""

    def run(self) -> None:
        """Blocks until `stop` is set. The job itself stays where it is."""
        while not self._stop.is_set():
            pause_s = self.look()
            self._stop.wait(pause_s)

    def look(self) -> float:
        """See to it that the job runs; seconds until the next look."""
        try:
            running = [job for job in cluster.jobs(self._settings.flink_url) if job.name == JOB_NAME and job.alive]
            if running:
                self._failures = 0
                self._tell(f"job {running[0].id} is {running[0].state}")
                return LOOK_EVERY_S
            missing = {f"{topic}-value" for topic in TABLES} - cluster.subjects(self._settings.registry_url)
        except cluster.NotReachable as reason:
            self._tell(f"waiting for {reason}")
            return LOOK_EVERY_S
        if missing:
            self._tell(f"waiting for the schemas {', '.join(sorted(missing))}")
            return LOOK_EVERY_S
        return self._submit()

    def _submit(self) -> float:
        spoiled = {address for address, count in self._restores.items() if count >= MOST_RESTORES}
        restore_from = newest_checkpoint(self._settings.checkpoints, self._plan, spoiled)
        if restore_from:
            self._restores[restore_from] += 1
        log.info("submitting the job, from %s", restore_from or "the oldest records")
        began = time.monotonic()
        try:
            job_id = submit(self._settings, new_job_id(self._plan), restore_from, self._stop)
        except SubmissionFailed as error:
            self._failures += 1
            log.error("submission failed after %.1f s: %s", time.monotonic() - began, error)
            return min(LOOK_EVERY_S * self._failures**2, LONGEST_PAUSE_S)
        log.info("submitted job %s in %.1f s", job_id, time.monotonic() - began)
        return LOOK_EVERY_S

    def _tell(self, text: str) -> None:
        """Log a state once, not every two seconds."""
        if text != self._told:
            log.info("%s", text)
        self._told = text


def submit(settings: Settings, job_id: str, restore_from: str | None, stop: threading.Event) -> str:
    """Plan and submit in a process of its own; the job's id. Raises SubmissionFailed, also when `stop` is set meanwhile."""
    request = {
        "kafka": settings.kafka,
        "registry_url": settings.registry_url,
        "window_s": settings.window_s,
        "flink_url": settings.flink_url,
        "jars": [str(jar) for jar in settings.jars],
        "parallelism": settings.parallelism,
        "job_id": job_id,
        "restore_from": restore_from,
    }
    with subprocess.Popen(
        [settings.flink_python, "-m", "flink_jobs.job"],
        env=os.environ | {"JVM_ARGS": SUBMITTER_JVM},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        output = _answer(process, json.dumps(request), stop)
    if process.returncode != 0:
        raise SubmissionFailed(_reason(output))
    submitted: str = json.loads(output.strip().splitlines()[-1])["job_id"]
    return submitted


def _answer(process: "subprocess.Popen[str]", request: str, stop: threading.Event) -> str:
    """What the process says until it ends. Raises SubmissionFailed, and ends the process, when `stop` is set or time is up."""
    deadline = time.monotonic() + SUBMIT_WITHIN_S
    pending: str | None = request
    while True:
        try:
            return process.communicate(pending, timeout=1)[0]
        except subprocess.TimeoutExpired:
            pending = None
        if stop.is_set() or time.monotonic() > deadline:
            process.terminate()
            raise SubmissionFailed("stopped" if stop.is_set() else f"no answer within {SUBMIT_WITHIN_S} s")


def _reason(output: str) -> str:
    """The causes from a Java or Python stack trace, in one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("Caused by")]
    return " | ".join((causes or lines)[-3:])[:2000] or "no output"
