"""
# Provider health

Every minute: asks the read API for the health of each source. Red means one of:

- the read API does not answer,
- no source is enabled, or **more than half of the enabled ones are down**,
- **one source has been down for longer than `max_down_s`** (quarantined counts as down: its offers are held back).

The task's log names each source, for how long, and why.
"""

import logging
from datetime import timedelta
from typing import Any

import feed
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param

log = logging.getLogger(__name__)


def check_providers(params: dict[str, Any]) -> str:
    """One line about all sources. Raises FeedUnreachable or FeedUnhealthy."""
    with feed.connect() as client:
        sources = feed.enabled_sources(client)
    verdict = feed.check_health(sources, params["max_down_s"], feed.utc_now())
    log.info("%s", verdict)
    return verdict


with DAG(
    dag_id="provider_health",
    schedule="* * * * *",
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(minutes=2),
    default_args={
        "owner": "gputicker",
        "retries": 1,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(seconds=45),
    },
    params={"max_down_s": Param(900, type="number", minimum=0, description="Seconds that one source may be down")},
    tags=["gputicker", "feed"],
    description="Fails when the API or too many sources are down, or one for too long",
    doc_md=__doc__,
) as dag:
    PythonOperator(task_id="check_providers", python_callable=check_providers)
