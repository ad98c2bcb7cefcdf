"""What dispatch knows of each job, in one file a job that is there whole or not at all."""

import os
import tempfile
from datetime import datetime
from pathlib import Path

import msgspec

from adapters.errors import JobRejected
from adapters.jobs.backend import CostInfo, JobConfig, JobResult, JobStatus
from dispatch.offers import Decision


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One job: what was asked, why it is priced so, how it stands, and which status ClickHouse has been told last."""

    config: JobConfig
    backend: str
    decision: Decision
    decided_at: datetime
    result: JobResult | None = None
    cost: CostInfo | None = None
    told_clickhouse: JobStatus | None = None

    @property
    def status(self) -> JobStatus:
        """Pending until its backend has said something."""
        return self.result.status if self.result is not None else JobStatus.PENDING

    @property
    def is_settled(self) -> bool:
        """It has ended, and everyone who should know has been told."""
        return self.status.is_final and self.told_clickhouse is self.status


class JobRecords:
    """The records in one folder. Files are for their owner's eyes only, because a job's environment may hold secrets."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, job_id: str) -> JobRecord:
        """Raises JobRejected where there is no such job."""
        record = self.find(job_id)
        if record is None:
            raise JobRejected(f"there is no job {job_id}")
        return record

    def find(self, job_id: str) -> JobRecord | None:
        """The record, or None."""
        try:
            body = self._path(job_id).read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(body, type=JobRecord)

    def all(self) -> list[JobRecord]:
        """Every job, newest first."""
        records = [msgspec.json.decode(path.read_bytes(), type=JobRecord) for path in self._folder.glob("*.json")]
        return sorted(records, key=lambda record: record.decided_at, reverse=True)

    def put(self, record: JobRecord) -> None:
        """Replace the job's record."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".draft-", dir=self._folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(record))
        Path(draft).replace(self._path(record.config.job_id))

    def _path(self, job_id: str) -> Path:
        if "/" in job_id or job_id.startswith(".") or not job_id:
            raise JobRejected(f"job_id {job_id!r} is not one")
        return self._folder / f"{job_id}.json"
