"""Submits the job: `python -m flink_jobs.job`, in Flink's own environment, with its options as one JSON object on standard input.

Prints `{"job_id": ...}` and leaves. Only PyFlink and the standard library are imported here.
"""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flink_jobs.render import TABLES, JobOptions, statements

JOB_NAME = "gputicker"
CHECKPOINT_EVERY = "5 s"
STATE_KEPT = "48 h"


def table_options(request: dict[str, Any]) -> dict[str, str]:
    """Flink options of the job by name. `restore_from` is a checkpoint's address, or None to begin with the oldest records."""
    address = urlsplit(request["flink_url"])
    options = {
        "execution.target": "remote",
        "rest.address": str(address.hostname),
        "rest.port": str(address.port),
        "pipeline.name": request.get("name", JOB_NAME),
        # Not public, but the only way to name a job's id before it is submitted: checkpoints.py reads the plan from it.
        "$internal.pipeline.job-id": request["job_id"],
        "pipeline.jars": ";".join(Path(jar).resolve().as_uri() for jar in request["jars"]),
        "pipeline.object-reuse": "true",
        "parallelism.default": str(request["parallelism"]),
        "pipeline.max-parallelism": "64",
        "table.local-time-zone": "UTC",
        # The views that several inserts share are planned once: 10 s of processor time instead of 13.
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        # Baselines of offers and groups that have gone silent.
        "table.exec.state.ttl": STATE_KEPT,
        "execution.checkpointing.interval": CHECKPOINT_EVERY,
        "execution.checkpointing.min-pause": "2 s",
        "execution.checkpointing.timeout": "2 min",
        "execution.checkpointing.tolerable-failed-checkpoints": "10",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    }
    if request["restore_from"] is not None:
        # The new job owns the old checkpoint from then on and deletes it when it has newer ones.
        options |= {"execution.state-recovery.path": request["restore_from"], "execution.state-recovery.claim-mode": "CLAIM"}
    return options


def submit(options: dict[str, str], job: JobOptions) -> str:
    """Plan the SQL and hand it to the job manager; the job's id. Raises whatever Flink raises."""
    from pyflink.common import Configuration
    from pyflink.table import EnvironmentSettings, TableEnvironment

    configuration = Configuration()
    for name, value in options.items():
        configuration.set_string(name, value)
    tables = TableEnvironment.create(EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build())
    inserts = tables.create_statement_set()
    for statement in statements(job):
        if statement.startswith("INSERT"):
            inserts.add_insert_sql(statement)
        else:
            tables.execute_sql(statement)
    client = inserts.execute().get_job_client()
    if client is None:
        raise RuntimeError("Flink gave no job client back")
    return str(client.get_job_id())


def main() -> None:
    request: dict[str, Any] = json.load(sys.stdin)
    topics = tuple(request.get("topics", TABLES))
    job = JobOptions(kafka=request["kafka"], registry_url=request["registry_url"], window_s=request["window_s"], topics=topics)
    sys.stdout.write(json.dumps({"job_id": submit(table_options(request), job)}) + "\n")


if __name__ == "__main__":
    main()
