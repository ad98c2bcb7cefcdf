"""One local job's keeper: starts its command, enforces its time limit, takes cancellations, writes down how it ended.

Run by path, standard library only, in a session of its own, so that it outlives whoever submitted the job. Arguments: the job's
folder, and the seconds between SIGTERM and SIGKILL. The folder holds `job.json` (read), and `process.json`, `output.log`,
`result.json` (written; the JSON files appear whole or not at all).
SIGTERM means cancel. The command dies with this process, and nothing that the command started outlives it.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
NOT_STARTED_EXIT_CODE = 127
SIGNAL_EXIT_CODE_BASE = 128


def main(folder: Path, grace_s: float) -> None:
    """Detach, then keep the job in `folder` to its end. The caller's process returns once `process.json` stands."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        started = os.read(reading, 1)
        os._exit(0 if started else 1)
    os.close(reading)
    os.setsid()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    # Blocked before process.json tells anyone this pid, so that no cancellation is lost.
    own_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    started_at = datetime.now(UTC)
    identity = {"pid": os.getpid(), "start_ticks": start_ticks(os.getpid()), "boot_id": boot_id()}
    write_json(folder / "process.json", {**identity, "started_at": started_at.isoformat()})
    os.write(writing, b"1")
    os.close(writing)

    began = time.monotonic()
    ending = run(folder, json.loads((folder / "job.json").read_bytes())["config"], grace_s, own_mask)
    ended = {"ended_at": datetime.now(UTC).isoformat(), "wall_time_s": time.monotonic() - began}
    write_json(folder / "result.json", {**ending, **ended})


def run(folder: Path, config: dict[str, Any], grace_s: float, own_mask: set[int]) -> dict[str, Any]:
    """Run the command to its end: `status`, `exit_code`, `reason`."""
    if (folder / "cancel").exists():
        return {"status": "cancelled", "exit_code": None, "reason": "cancelled before it started"}

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, own_mask)

    with (folder / "output.log").open("ab") as log:
        try:
            child = subprocess.Popen(
                config["command"],
                cwd=config["working_dir"] or folder / "work",
                env=config["env"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=in_child,
            )
        except OSError as error:
            reason = f"{config['command'][0]} could not be started: {error.strerror}"
            return {"status": "failed", "exit_code": NOT_STARTED_EXIT_CODE, "reason": reason}

    wait_status, stopped_for = wait_for(child.pid, config["time_limit_s"], grace_s)
    kill_descendants()
    if stopped_for is not None:
        return stopped_for
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        reason = f"killed by {signal.Signals(number).name}"
        return {"status": "failed", "exit_code": SIGNAL_EXIT_CODE_BASE + number, "reason": reason}
    exit_code = os.WEXITSTATUS(wait_status)
    if exit_code == 0:
        return {"status": "done", "exit_code": 0, "reason": None}
    return {"status": "failed", "exit_code": exit_code, "reason": f"exit code {exit_code}"}


def wait_for(pid: int, time_limit_s: float, grace_s: float) -> tuple[int, dict[str, Any] | None]:
    """The command's wait status, and how it was stopped where it did not end by itself."""
    stopped_for: dict[str, Any] | None = None
    deadline = time.monotonic() + time_limit_s
    while True:
        seen = signal.sigtimedwait({signal.SIGCHLD, signal.SIGTERM}, max(0.0, deadline - time.monotonic()))
        wait_status = reap(pid)
        if wait_status is not None:
            return wait_status, stopped_for
        if seen is not None and seen.si_signo == signal.SIGCHLD:
            continue
        if stopped_for is not None and seen is None:
            stop(pid, signal.SIGKILL)
            deadline = time.monotonic() + grace_s
            continue
        if stopped_for is None:
            stopped_for = {"status": "cancelled", "exit_code": None, "reason": "cancelled"}
            if seen is None:
                stopped_for = {"status": "failed", "exit_code": None, "reason": f"time limit of {time_limit_s:g} s reached"}
            stop(pid, signal.SIGTERM)
            deadline = time.monotonic() + grace_s


def stop(pid: int, number: signal.Signals) -> None:
    """Signal the command, not yet reaped, and its group."""
    os.kill(pid, number)
    with contextlib.suppress(ProcessLookupError):  # It may have left its own group.
        os.killpg(pid, number)


def reap(pid: int) -> int | None:
    """Collect every child that has ended; the wait status of `pid` if it was among them."""
    found = None
    while True:
        try:
            ended, wait_status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if ended == 0:
            return found
        if ended == pid:
            found = wait_status


def kill_descendants() -> None:
    """Kill what the command left behind, whatever group it went to: orphans become children of this process."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while left := children.read_text().split():
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def prctl(option: int, value: int) -> None:
    """Linux's prctl(2) with one argument."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def start_ticks(pid: int) -> int:
    """When a process started, in clock ticks since boot; with its pid, this names one process. Raises OSError where there is none."""
    return int(stat_fields(pid)[19])


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the program's name, beginning with the state."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def boot_id() -> str:
    """This boot of the machine: pids and ticks begin again with the next."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a file that is there whole or not at all, for its owner's eyes only. The first to write it wins."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # Someone else has said how it ended: a final answer never changes.
    finally:
        draft.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
