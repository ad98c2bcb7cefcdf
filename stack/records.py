"""What each service leaves about its own running, in run/NAME.json: written by stack.run, read by whoever asks.

`{"pid", "started_ticks", "state", "waiting_for", "starts", "at"}`: `starts` counts since `up`; `started_ticks` tells a process
from another one that got its pid later (field 22 of /proc/PID/stat).
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

MARK = "GPUTICKER_STACK_DIR"
SERVICE_MARK = "GPUTICKER_STACK_SERVICE"
"""Environment variables that every process of a stack carries, children too: how leftovers are found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One service's record. `state`: waiting, running, or done (a one-shot that ended well)."""

    pid: int
    started_ticks: int
    state: str
    waiting_for: list[str] = field(default_factory=list)
    starts: int = 1
    at: float = 0.0
    """time.time() of this start."""
    backoff: int = 0
    """How many starts in a row were short-lived."""

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return started_ticks(self.pid) == self.started_ticks


def write(run_dir: Path, name: str, record: Record) -> None:
    """Replace the record in one step."""
    replace_text(run_dir / f"{name}.json", json.dumps(asdict(record)))


def read(run_dir: Path, name: str) -> Record | None:
    """The record, or None where the service never started since `up`."""
    try:
        return Record(**json.loads((run_dir / f"{name}.json").read_text()))
    except FileNotFoundError:
        return None


def replace_text(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that readers see the old or the new text, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.touch(mode)
    fresh.write_text(text)
    fresh.rename(path)


def started_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None where there is none (or only a zombie)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def processes_of(data_dir: Path, service: str | None = None) -> list[int]:
    """The pids of all living processes that carry this stack's mark (and this service's, where one is named), ours excepted."""
    wanted = {f"{MARK}={data_dir}".encode()} | ({f"{SERVICE_MARK}={service}".encode()} if service else set())
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(PermissionError, FileNotFoundError, ProcessLookupError):
            if wanted <= set((folder / "environ").read_bytes().split(b"\0")) and started_ticks(int(folder.name)) is not None:
                found.append(int(folder.name))
    return found
