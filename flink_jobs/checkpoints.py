"""Which checkpoint a new submission of the job goes on from.

A job's id begins with the digest of its SQL, and Flink names a job's folder by that id: so the folder says whether its state fits.
"""

import hashlib
import secrets
from collections.abc import Container
from pathlib import Path

from flink_jobs.render import JobOptions, statements

ID_DIGITS = 32
PLAN_DIGITS = 16


def plan_digest(window_s: int) -> str:
    """Changes whenever the SQL does; addresses do not count."""
    text = "\n".join(statements(JobOptions(kafka="", registry_url="", window_s=window_s)))
    return hashlib.sha256(text.encode()).hexdigest()[:PLAN_DIGITS]


def new_job_id(plan: str) -> str:
    """A fresh Flink job id for this plan."""
    return plan + secrets.token_hex((ID_DIGITS - PLAN_DIGITS) // 2)


def newest_checkpoint(folder: Path, plan: str, spoiled: Container[str] = ()) -> str | None:
    """URI of the newest complete checkpoint of this plan under `folder`, or None. Addresses in `spoiled` are passed over."""
    complete = [metadata for metadata in folder.glob(f"{plan}*/chk-*/_metadata") if metadata.stat().st_size > 0]
    for metadata in sorted(complete, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        address = metadata.parent.as_uri()
        if address not in spoiled:
            return address
    return None
