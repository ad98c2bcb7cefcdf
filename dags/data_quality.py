"""
# Data quality

Every 15 minutes: holds the history in ClickHouse against what it must be like (`python -m clickhouse.quality` in the application's own
interpreter, GPUTICKER_PYTHON; Great Expectations judges). Red means that an expectation does not hold, or ClickHouse does not answer.

- **offers**: every price is its raw amount converted, checked by other code than the bridge's; GPUs, units and words are of the
  vocabularies; no offer stands twice.
- **windows** and **continuity**: statistics are in order, no window of the last half hour is missing, the newest one is young.
- **feed**: no record of Kafka was loaded twice, the newest event is young, dead letters are few.
- **polls** and **incidents**: what health and incidents say makes sense.

The task's log has a line per expectation, with the first rows that are not as expected; the table `quality_results` keeps them.
"""

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="data_quality",
    schedule="*/15 * * * *",
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(minutes=12),
    default_args={
        "owner": "gputicker",
        "retries": 1,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=5),
    },
    tags=["gputicker", "feed"],
    description="Fails when something in ClickHouse is not as it must be",
    doc_md=__doc__,
) as dag:
    BashOperator(
        task_id="check_quality",
        bash_command='exec "${GPUTICKER_PYTHON:?the interpreter of the application}" -m clickhouse.quality',
        append_env=True,
    )
