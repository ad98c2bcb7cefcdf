"""
# Job dispatch

Runs one job where the feed says that its GPUs are cheapest: `python -m dispatch run` in the application's own interpreter
(GPUTICKER_PYTHON). Daily, once when this DAG is first seen, and by hand with other parameters.

Today the job runs **as a local process** (backend `local`), priced by the cheapest rentable offer; the clouds' own backends come later.

- The task's log shows the offer that was chosen (price, age, source), the job's output, and what it cost; the XCom `return_value`
  is the result.
- The job's id comes from the run's id, so a retry follows the job that already runs and never starts a second one. A job that failed
  is not run again by a retry or a cleared task: trigger a new run.
- Stopping the task (marking it failed, its timeout) cancels the job.
"""

import json
from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param
from airflow.timetables.trigger import CronTriggerTimetable

# Parameters travel through the environment: neither the shell nor Jinja reads the job's command as its own.
COMMAND = """
exec "${GPUTICKER_PYTHON:?the interpreter of the application}" -m dispatch run --job-id "$JOB_ID" \
  --gpu "$JOB_GPU" --gpus "$JOB_GPUS" --time-limit-s "$JOB_TIME_LIMIT_S" -- sh -c "$JOB_COMMAND"
"""

with DAG(
    dag_id="job_dispatch",
    schedule=CronTriggerTimetable("0 6 * * *", timezone="UTC", run_immediately=True),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=2),
    default_args={
        "owner": "gputicker",
        "retries": 3,
        "retry_delay": timedelta(seconds=20),
        "execution_timeout": timedelta(minutes=65),
    },
    params={
        "gpu": Param("H100-SXM-80", type="string", description="Canonical GPU id"),
        "gpus": Param(1, type="integer", minimum=1, maximum=64, description="GPUs in one machine"),
        "command": Param("date -u", type="string", minLength=1, description="Given to sh -c"),
        "time_limit_s": Param(600, type="integer", minimum=1, maximum=3600, description="Seconds after which the job is stopped"),
    },
    tags=["gputicker", "jobs"],
    description="Runs one job where its GPUs are cheapest",
    doc_md=__doc__,
) as dag:
    BashOperator(
        task_id="run_job",
        bash_command=COMMAND,
        env={
            "JOB_ID": "{{ dag.dag_id }}-{{ run_id | replace(':', '') | replace('+', '-') | replace('~', '-') }}",
            "JOB_GPU": "{{ params.gpu }}",
            "JOB_GPUS": "{{ params.gpus }}",
            "JOB_TIME_LIMIT_S": "{{ params.time_limit_s }}",
            "JOB_COMMAND": "{{ params.command }}",
        },
        append_env=True,
        skip_on_exit_code=None,
        output_processor=json.loads,
    )
