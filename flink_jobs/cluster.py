"""What this process asks of Flink's job manager and of the schema registry, over HTTP."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 5
ENDED = frozenset({"FINISHED", "CANCELED", "FAILED", "SUSPENDED"})


class NotReachable(RuntimeError):
    """No usable answer; the message says from where and why. Try again later."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the job manager lists it."""

    id: str
    name: str
    state: str

    @property
    def alive(self) -> bool:
        """It runs, or Flink itself is bringing it back."""
        return self.state not in ENDED


def jobs(flink_url: str) -> list[Job]:
    """All jobs the job manager knows. Raises NotReachable."""
    return [Job(job["jid"], job["name"], job["state"]) for job in _get(f"{flink_url}/jobs/overview")["jobs"]]


def subjects(registry_url: str) -> set[str]:
    """The registry's subjects. Raises NotReachable."""
    return set(_get(f"{registry_url}/subjects"))


def _get(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - settings admit http and https only
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise NotReachable(f"{url}: {error}") from error
