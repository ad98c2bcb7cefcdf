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
"""Environment variables that every process of a stack is born with, children too."""
SESSION_FILE = "supervisord.session"


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


def write_session(run_dir: Path, pid: int) -> None:
    """Remember supervisord's session: every process of the stack is born in it."""
    replace_text(run_dir / SESSION_FILE, json.dumps({"sid": pid, "started_ticks": started_ticks(pid), "boot_id": _boot_id()}))


def processes_of(data_dir: Path) -> list[int]:
    """The pids of all living processes of this stack, ours excepted: by their mark, or by supervisord's session.

    Both, because a process that changes its title (redis-server, Airflow's) overwrites its environment, and one may begin a session.
    """
    sid = _session(data_dir / "run")
    return [pid for pid in _all() if _session_of(pid) == sid or f"{MARK}={data_dir}" in _environment(pid)]


def orphans_of(data_dir: Path, service: str, earlier_pid: int | None) -> list[int]:
    """What an earlier start of this service left behind in our session: by its mark, or by its process group."""
    wanted = {f"{MARK}={data_dir}", f"{SERVICE_MARK}={service}"}
    ours = [pid for pid in _all() if _session_of(pid) == os.getsid(0)]
    return [pid for pid in ours if _group_of(pid) == earlier_pid or wanted <= _environment(pid)]


def _all() -> list[int]:
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and started_ticks(pid) is not None]


def _environment(pid: int) -> set[str]:
    with suppress(PermissionError, FileNotFoundError, ProcessLookupError):
        return set(Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0"))
    return set()


def _session_of(pid: int) -> int | None:
    with suppress(ProcessLookupError, PermissionError):
        return os.getsid(pid)
    return None


def _group_of(pid: int) -> int | None:
    with suppress(ProcessLookupError, PermissionError):
        return os.getpgid(pid)
    return None


def _session(run_dir: Path) -> int:
    """The session of this folder's latest supervisord; -1 where it is surely not that one any more (a reboot, a pid used again)."""
    try:
        session = json.loads((run_dir / SESSION_FILE).read_text())
    except FileNotFoundError:
        return -1
    leader = started_ticks(session["sid"])
    same = session["boot_id"] == _boot_id() and leader in (None, session["started_ticks"])
    return int(session["sid"]) if same else -1


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
