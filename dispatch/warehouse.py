"""Rows about jobs in ClickHouse: `jobs`, one a change of status, and `job_costs`, what it had cost then."""

import logging
import shlex
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from clickhouse.connection import connect
from dispatch.records import JobRecord
from dispatch.settings import Settings

ANSWER_TIMEOUT_S = 10
MICROS = 1_000_000

log = logging.getLogger(__name__)

Row = dict[str, Any]


class Warehouse(Protocol):
    """Where rows go."""

    def write(self, record: JobRecord, now: datetime) -> bool:
        """Write the job's rows; False, with a warning in the log, where that can't be done now. Blocks."""
        ...


class ClickHouse:
    """Rows through ClickHouse's HTTP interface. Writing the same rows again is harmless: both tables keep the newest of each key."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def write(self, record: JobRecord, now: datetime) -> bool:
        """See Warehouse."""
        settings = self._settings
        try:
            client = connect(
                settings.clickhouse_url,
                settings.clickhouse_user,
                settings.clickhouse_password.get_secret_value(),
                settings.clickhouse_database,
                timeout_s=ANSWER_TIMEOUT_S,
            )
            try:
                job, cost = job_row(record, now), cost_row(record, now)
                client.insert("jobs", [list(job.values())], column_names=list(job))
                if cost is not None:
                    client.insert("job_costs", [list(cost.values())], column_names=list(cost))
            finally:
                client.close()
        except ClickHouseError as error:
            # OperationalError's text is urllib3's, with the query string.
            why = "it does not answer" if isinstance(error, OperationalError) else str(error).partition("\n")[0][:200]
            log.warning("job %s: ClickHouse was not told (the next status call tries again): %s", record.config.job_id, why)
            return False
        return True


def job_row(record: JobRecord, now: datetime) -> Row:
    """The job's row of `jobs`. Pure."""
    config, offer, result = record.config, record.decision.offer, record.result
    return {
        "job_id": config.job_id,
        "name": config.name,
        "backend": record.backend,
        "status": record.status.value,
        "gpu": config.gpu.gpu,
        "gpu_count": config.gpu.count,
        "provider": offer.provider,
        "offer_key": offer.offer_key,
        "price_type": offer.price_type,
        "region": offer.region,
        "usd_per_gpu_hour_micros": micros(offer.usd_per_gpu_hour),
        "command": shlex.join(config.command),
        "submitted_at": result.submitted_at if result else record.decided_at,
        "started_at": result.started_at if result else None,
        "finished_at": result.ended_at if result else None,
        "exit_code": result.exit_code if result else None,
        "error": result.reason if result else None,
        "updated_at": now,
    }


def cost_row(record: JobRecord, now: datetime) -> Row | None:
    """The job's row of `job_costs`, None before it cost anything. A final cost is measured when the job ended. Pure."""
    cost, result = record.cost, record.result
    if cost is None or cost.cost_usd is None or cost.usd_per_gpu_hour is None or result is None:
        return None
    return {
        "job_id": cost.job_id,
        "backend": record.backend,
        "gpu": record.config.gpu.gpu,
        "gpu_count": cost.billed_gpus,
        "usd_per_gpu_hour_micros": micros(cost.usd_per_gpu_hour),
        "seconds": cost.wall_time_s,
        "cost_usd_micros": micros(cost.cost_usd),
        "measured_at": result.ended_at if cost.is_final and result.ended_at is not None else now,
    }


def micros(usd: Decimal) -> int:
    """Millionths of a USD; prices and costs have no finer digits."""
    return int(usd * MICROS)
