"""
# Cache warming

Every five minutes: asks the read API how fresh each source's snapshot is, has the bridge poll those that are not fresh, and
verifies that they became so. The bridge polls by itself all the time; this finds what it has missed.

`find_cold` → `refresh` → `verify`. Parameter `wait_s`: how long `verify` waits.

Red means: **a snapshot stays cold and its provider is not to blame** (the bridge did not poll when asked, or polled well and nothing
came of it: look at the bridge and at Redis), or the read API does not answer. A source that was polled and did not answer well cannot
be warmed; that is told in the log here, and judged by `provider_health`.
"""

import logging
from datetime import timedelta
from typing import Any

import feed
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param

log = logging.getLogger(__name__)


def find_cold() -> list[str]:
    """The names of the sources whose snapshot is not fresh."""
    with feed.connect() as client:
        sources = feed.enabled_sources(client)
    names = feed.cold(sources, feed.utc_now())
    log.info("%d of %d snapshots are warm; cold: %s", len(sources) - len(names), len(sources), ", ".join(names) or "none")
    return names


def refresh(names: list[str]) -> None:
    """Have each of these sources polled now."""
    with feed.connect() as client:
        for name in names:
            feed.refresh(client, name)
            log.info("%s: asked for a poll", name)


def verify(params: dict[str, Any]) -> None:
    """Wait until every snapshot is fresh. Raises FeedUnhealthy for those that stay cold and not by their provider's fault."""
    began = feed.utc_now()
    with feed.connect() as client:
        left = feed.wait_until_warm(client, params["wait_s"])
    for source in left:
        log.warning("%s: cold, age %s s, health %s, %s", source["source"], source.get("age_s"), source.get("health"), source.get("error"))
    blamed = [source["source"] for source in left if not feed.is_providers_fault(source, began)]
    if blamed:
        raise feed.FeedUnhealthy(f"still cold after {params['wait_s']} s: {', '.join(blamed)}")
    log.info("every snapshot is warm, or its provider is to blame")


with DAG(
    dag_id="cache_warming",
    schedule="*/5 * * * *",
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(minutes=5),
    default_args={
        "owner": "gputicker",
        "retries": 1,
        "retry_delay": timedelta(seconds=15),
        "execution_timeout": timedelta(minutes=2),
    },
    params={"wait_s": Param(60, type="number", minimum=0, maximum=90, description="Seconds that verify waits for cold snapshots")},
    tags=["gputicker", "feed"],
    description="Finds snapshots that are not fresh, has them polled, verifies",
    doc_md=__doc__,
) as dag:
    found = PythonOperator(task_id="find_cold", python_callable=find_cold)
    refreshed = PythonOperator(task_id="refresh", python_callable=refresh, op_args=[found.output])
    refreshed >> PythonOperator(task_id="verify", python_callable=verify)
