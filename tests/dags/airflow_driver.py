"""Run by Airflow's own interpreter (tests/dags/test_airflow.py): one JSON line about the DAGs, or about one run of one DAG.

python airflow_driver.py structure              # sockets refused
python airflow_driver.py run DAG_ID [CONF]      # as `airflow dags test` does it
"""

import json
import os
import socket
import sys
from typing import Any, NoReturn


def refuse_sockets() -> None:
    """No module may ask the network for anything while it is imported."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise AssertionError("a DAG asked for the network at parse time")

    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, refuse)
    socket.getaddrinfo = refuse


def load() -> Any:
    """Every DAG of the folder that Airflow is set to."""
    from airflow import settings
    from airflow.dag_processing.dagbag import BundleDagBag

    return BundleDagBag(dag_folder=settings.DAGS_FOLDER, bundle_path=settings.DAGS_FOLDER, bundle_name="dags-folder")


def structure() -> dict[str, Any]:
    """What the DAGs say of themselves."""
    refuse_sockets()
    bag = load()
    return {
        "import_errors": bag.import_errors,
        "dags": {
            dag.dag_id: {
                "doc": dag.doc_md,
                "catchup": dag.catchup,
                "max_active_runs": dag.max_active_runs,
                "paused": dag.is_paused_upon_creation,
                "dagrun_timeout_s": dag.dagrun_timeout.total_seconds() if dag.dagrun_timeout else None,
                "schedule": schedule(dag),
                "tags": sorted(dag.tags),
                "params": {name: dag.params[name] for name in dag.params},
                "tasks": {
                    task.task_id: {
                        "owner": task.owner,
                        "retries": task.retries,
                        "timeout_s": task.execution_timeout.total_seconds() if task.execution_timeout else None,
                        "upstream": sorted(task.upstream_task_ids),
                    }
                    for task in dag.tasks
                },
            }
            for dag in bag.dags.values()
        },
    }


def schedule(dag: Any) -> tuple[str, bool]:
    """Its cron expression, and whether it also runs when it is first seen."""
    timetable = dag.timetable
    expression = getattr(timetable, "expression", None) or timetable.summary
    return expression, getattr(timetable, "_run_immediately", False)


def run(asked: dict[str, Any]) -> dict[str, Any]:
    """Run DAGs one after another, every task once and in this process; each one's states, and what they handed on."""
    bag = load()
    told = {}
    for name, wanted in asked.items():
        os.environ.update(wanted["env"])
        sys.stdout.write(f"\n=== {name}\n")
        dag = bag.dags[wanted["dag"]]
        for task in dag.tasks:
            task.retries = 0
        dag_run = dag.test(run_conf=wanted["conf"])
        tasks = dag_run.get_task_instances()
        told[name] = {
            "state": str(dag_run.state),
            "tasks": {task.task_id: str(task.state) for task in tasks},
            "xcom": {task.task_id: task.xcom_pull(task_ids=task.task_id) for task in tasks},
        }
    return told


if __name__ == "__main__":
    told = structure() if sys.argv[1] == "structure" else run(json.loads(sys.argv[2]))
    sys.stdout.write("\n" + json.dumps(told) + "\n")
