"""Starting and stopping a whole stack, with what people see meanwhile."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

from stack import records, supervisor
from stack.page import page
from stack.paths import AIRFLOW_ENV, APP_ENV, FLINK_ENV, FORMAT_JAR, INSTALLED, JARS, REGISTRY, python
from stack.prepare import prepare, write_stack
from stack.probes import get, probe
from stack.services import STOP_ORDER, Service, services
from stack.settings import HOST, STATE_FILE, Stack

READY_WITHIN_S = 600
"""A quiet machine of 2 cores takes about 200; a busy one, several times as long."""
POLL_S = 0.4
KILL_AFTER_S = 5
AWKWARD = re.compile(r"[\s%'\";:$\\]")
"""What supervisord's configuration, Java's class paths and Flink's shell scripts do not all pass on unharmed."""
STOP_WITHIN_S = 60

Say = Callable[[str], None]


class CannotStart(RuntimeError):
    """The stack can't be started; the message says why and what to do."""


class Stopped(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal."""


def up(stack: Stack, say: Say, *, detach: bool) -> int:
    """Start the stack and wait until it is ready. In the foreground, stay until Ctrl-C and stop it then. Exit code.

    Raises CannotStart where nothing was started.
    """
    _check_folder(stack.data_dir)
    _check_installed(stack)
    for folder in (stack.run_dir, stack.logs_dir):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if supervisor.running(stack.run_dir):
        raise CannotStart(f"a stack already runs in {stack.data_dir}: `gputicker status` shows it, `gputicker down` stops it")
    _end_leftovers(stack.data_dir, say)
    _check_ports(stack)
    for one in services(stack):
        (stack.run_dir / f"{one.name}.json").unlink(missing_ok=True)
    if "airflow" not in stack.without:
        prepare(stack, "airflow")
    write_stack(stack, stack.data_dir / STATE_FILE)
    with _SignalsRaise():
        try:
            began = time.monotonic()
            try:
                process = supervisor.start(stack)
            except supervisor.AlreadyRunning as error:
                raise CannotStart(str(error)) from error
            complete = _wait_until_ready(stack, say, began)
            say(page(stack))
            if detach:
                return 0 if complete else 1
            say("Ctrl-C stops all of it.")
            return _stay(stack, process, say)
        except Stopped:
            with _SignalsIgnored():
                if supervisor.running(stack.run_dir):
                    say("\nStopping.")
                    down(stack, say)
            return 0


def down(stack: Stack, say: Say) -> bool:
    """Stop everything of this stack, in reverse order, also what a killed supervisord left behind. Whether there was anything."""
    began = time.monotonic()
    ran = supervisor.running(stack.run_dir)
    if ran:
        with suppress(OSError):
            _stop_in_order(stack)
        _until(lambda: not supervisor.running(stack.run_dir), STOP_WITHIN_S)
    left = _end_leftovers(stack.data_dir, say)
    if ran or left:
        say(f"Stopped in {time.monotonic() - began:.1f} s; nothing is left running.")
    return ran or bool(left)


def _check_folder(data_dir: Path) -> None:
    found = AWKWARD.search(str(data_dir))
    if found:
        raise CannotStart(f"{data_dir}: {found.group()!r} in a folder's name breaks the start scripts; choose another with --data-dir")


def _check_installed(stack: Stack) -> None:
    wanted = [python(APP_ENV), JARS / "kafka", REGISTRY / "quarkus-run.jar"]
    if "flink" not in stack.without:
        wanted += [python(FLINK_ENV), FORMAT_JAR]
    if "airflow" not in stack.without:
        wanted += [python(AIRFLOW_ENV)]
    for path in wanted:
        if not path.exists():
            raise CannotStart(f"{path.relative_to(INSTALLED.parent)} is missing: run `make setup`")


def _check_ports(stack: Stack) -> None:
    for one in services(stack):
        for name in one.ports:
            port = stack.port(name)
            with socket.socket() as attempt:
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    attempt.bind((HOST, port))
                except OSError as error:
                    raise CannotStart(
                        f"port {port} ({one.name}) is taken{_holder(port)}: {error.strerror}. "
                        f"Stop that, or choose other ports with --port-base (now {stack.port_base})"
                    ) from error


def _holder(port: int) -> str:
    """` by NAME (pid N)`, where the machine tells."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


def _wait_until_ready(stack: Stack, say: Say, began: float) -> bool:
    """Say when each part is ready, and show the first fresh answer as soon as there is one. False where time is up before all are."""
    say(f"gputicker: {market_in_words(stack)}, data in {_shown(stack.data_dir)}")
    waiting = list(services(stack))
    answered = False
    ends: dict[str, int] = {}
    while time.monotonic() < began + READY_WITHIN_S:
        for one in list(waiting):
            if not probe(stack, one.name):
                waiting.remove(one)
                say(f"  {time.monotonic() - began:5.1f} s  {one.name:<18} {'done' if one.once else 'ready'}: {one.about}")
            else:
                _say_restarts(stack, one, ends, say)
        if not answered and (answer := _first_answer(stack)):
            answered = True
            say(f"  {time.monotonic() - began:5.1f} s  first fresh answer: {answer}")
        if not waiting and answered:
            return True
        if not supervisor.running(stack.run_dir):
            raise CannotStart(f"supervisord ended; see {stack.logs_dir / 'supervisord.log'}")
        time.sleep(POLL_S)
    for one in waiting:
        say(f"  not ready after {READY_WITHIN_S} s: {one.name} ({probe(stack, one.name)}); `gputicker logs {one.name}` shows why")
    if not answered:
        say(f"  no fresh answer from {stack.urls['api']} after {READY_WITHIN_S} s; `gputicker logs bridge` may show why")
    return False


def _say_restarts(stack: Stack, one: Service, said: dict[str, int], say: Say) -> None:
    record = records.read(stack.run_dir, one.name)
    if record and record.starts >= said.get(one.name, 1) * 2:
        said[one.name] = record.starts
        say(f"  {one.name} ended and was started again ({record.starts - 1}×); `gputicker logs {one.name}` shows why")


def _first_answer(stack: Stack) -> str:
    """The cheapest offer of the first fresh answer, in words; empty while there is none."""
    try:
        status, body = get(f"{stack.urls['api']}/v1/offers?sort=price&limit=1")
        offers = json.loads(body)
    except (OSError, ValueError):
        return ""
    if status != 200 or not offers.get("offers") or offers["offers"][0]["freshness"] != "fresh":
        return ""
    first = offers["offers"][0]
    return (
        f"{offers['total']} offers, from ${first['usd_per_gpu_hour']} per GPU-hour "
        f"({first['gpu']} at {first['provider']}, {float(first['age_s']):.1f} s old)"
    )


def _stay(stack: Stack, process: subprocess.Popen[bytes], say: Say) -> int:
    """Wait until `gputicker down` elsewhere has stopped it (0), or supervisord was killed (1, after clearing up)."""
    process.wait()
    return 1 if _end_leftovers(stack.data_dir, say) else 0


def _stop_in_order(stack: Stack) -> None:
    control = supervisor.Supervisor(stack.run_dir)
    present = control.processes()
    for tier in STOP_ORDER:
        names = [name for name in tier if name in present]
        control.stop(names)
        grace_s = max((one.stop_grace_s for one in services(stack) if one.name in names), default=0) + KILL_AFTER_S
        _until(lambda names=names: all(control.processes()[name]["pid"] == 0 for name in names), grace_s)  # type: ignore[misc]
    control.shutdown()


def _end_leftovers(data_dir: Path, say: Say) -> list[int]:
    """End what carries the stack's mark though no supervisord holds it any more. Asks first, then kills. The pids."""
    left = records.processes_of(data_dir)
    if not left:
        return []
    say(f"Ending {len(left)} processes of this stack that nothing holds any more.")
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        for pid in records.processes_of(data_dir):
            with suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        _until(lambda: not records.processes_of(data_dir), KILL_AFTER_S)
    return left


def _until(done: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(0.1)
    return False


def market_in_words(stack: Stack) -> str:
    """What prices these are, in plain sight."""
    return {
        "simulated": "SIMULATED market (no price here is real)",
        "recorded": f"RECORDED answers from {stack.bodies}",
        "live": "live prices from the real providers",
    }[stack.market]


def _shown(path: Path) -> str:
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


class _SignalsRaise:
    """Within this block Ctrl-C, SIGTERM and SIGHUP raise Stopped."""

    NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        raise Stopped

    def __enter__(self) -> None:
        self._before = {number: signal.signal(number, self._handle) for number in self.NUMBERS}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


class _SignalsIgnored(_SignalsRaise):
    """Within this block a second Ctrl-C doesn't interrupt the stopping."""

    def _handle(self, number: int, frame: FrameType | None) -> None:
        sys.stderr.write("stopping already; a moment\n")
