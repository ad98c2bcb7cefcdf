"""What runs, in the words of `gputicker status`: states, pids, memory, restarts, addresses, how fresh the offers are."""

import json
import xmlrpc.client
from contextlib import suppress
from typing import Any

import psutil

from stack import records, supervisor
from stack.probes import get
from stack.services import services
from stack.settings import Stack

STOPPED = {"state": "stopped", "pid": None, "pss_mb": 0.0, "restarts": 0}


def status(stack: Stack) -> dict[str, Any]:
    """The object of `status --json`.

    `services`: name -> `state` (running, starting, done, failed, stopped), `pid`, `pss_mb` of the process tree, `restarts` since `up`;
    `urls`; `offers`: counts by freshness, or null while the API doesn't answer; `market`; `supervisor`.
    """
    try:
        processes = supervisor.Supervisor(stack.run_dir).processes()
    except (OSError, xmlrpc.client.Error):
        processes = {}
    return {
        "market": stack.market,
        "data_dir": str(stack.data_dir),
        "services": {one.name: _service(stack, one.name, processes.get(one.name)) for one in services(stack)},
        "supervisor": _supervisor(stack),
        "urls": stack.urls,
        "offers": _offers(stack),
    }


def _service(stack: Stack, name: str, process: dict[str, Any] | None) -> dict[str, Any]:
    record = records.read(stack.run_dir, name)
    if process is None or record is None:
        return dict(STOPPED)
    restarts = record.starts - 1
    if record.state == "done":
        return {**STOPPED, "state": "done", "restarts": restarts}
    if process["pid"] == 0:
        by_request = process["statename"] in ("STOPPED", "STOPPING")
        return {**STOPPED, "state": "stopped" if by_request else "failed", "restarts": restarts}
    # supervisord knows of a new start a moment before its record is written.
    state = record.state if record.pid == process["pid"] else "waiting"
    shown = {"pid": process["pid"], "pss_mb": pss_mb(process["pid"]), "restarts": restarts}
    if state == "waiting":
        return {"state": "starting", **shown, "waiting_for": record.waiting_for}
    return {"state": "running", **shown}


def _supervisor(stack: Stack) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        pid = int((stack.run_dir / "supervisord.pid").read_text())
        return {"pid": pid, "pss_mb": pss_mb(pid, tree=False)}
    return {"pid": None, "pss_mb": 0.0}


def pss_mb(pid: int, *, tree: bool = True) -> float:
    """Proportional set size of a process (and its descendants) in MB: shared pages are counted once over all that share them."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)] if tree else [parent]
    except psutil.Error:
        return 0.0
    total = 0
    for process in family:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return round(total / 1_000_000, 1)


def _offers(stack: Stack) -> dict[str, int] | None:
    with suppress(OSError, ValueError, KeyError):
        code, body = get(f"{stack.urls['api']}/v1/providers")
        if code == 200:
            counts: dict[str, int] = json.loads(body)["offers"]
            return counts
    return None
