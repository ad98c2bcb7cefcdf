"""supervisord for one stack: its configuration, its start, and what it says and does over its unix socket."""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from supervisor.xmlrpc import SupervisorTransport

from stack import records
from stack.paths import APP_ENV, ROOT
from stack.services import Service, services
from stack.settings import Stack

LOG_BYTES = "10MB"
LOG_BACKUPS = 2
SOCKET_PATH_LIMIT = 100
"""A unix socket's path has room for 107 bytes; supervisord binds to it with a pid appended first."""
STARTED_WITHIN_S = 15


class AlreadyRunning(RuntimeError):
    """Another supervisord holds this data folder."""


def config_text(stack: Stack) -> str:
    """supervisord.conf for this stack. Every program is `python -m stack.run NAME`; restarts are unlimited, stack.run paces them."""
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        "umask=077",
        f"directory={_escaped(ROOT)}",
        f"logfile={_escaped(stack.logs_dir / 'supervisord.log')}",
        "logfile_maxbytes=5MB",
        "logfile_backups=1",
        f"pidfile={_escaped(stack.run_dir / 'supervisord.pid')}",
        f"childlogdir={_escaped(stack.logs_dir)}",
        *(["user=root"] if os.getuid() == 0 else []),
        "[unix_http_server]",
        f"file={_escaped(socket_path(stack.run_dir))}",
        "chmod=0600",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    for order, one in enumerate(services(stack), 1):
        lines += _program(stack, one, order)
    return "\n".join(lines) + "\n"


def _program(stack: Stack, one: Service, order: int) -> list[str]:
    command = f"'{APP_ENV / 'bin' / 'python'}' -m stack.run {one.name} --data-dir '{stack.data_dir}'"
    return [
        f"[program:{one.name}]",
        f"command={_escaped(command)}",
        f"priority={order}",
        "autostart=true",
        f"autorestart={'unexpected' if one.once else 'true'}",
        "exitcodes=0",
        "startsecs=0",
        "stopsignal=TERM",
        f"stopwaitsecs={one.stop_grace_s}",
        f"stopasgroup={'true' if one.once else 'false'}",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={_escaped(stack.logs_dir / f'{one.name}.log')}",
        f"stdout_logfile_maxbytes={LOG_BYTES}",
        f"stdout_logfile_backups={LOG_BACKUPS}",
    ]


def _escaped(text: object) -> str:
    return str(text).replace("%", "%%")


def socket_path(run_dir: Path) -> Path:
    """run/supervisor.sock, by a short name where the folder's own path is too long for a socket address."""
    path = run_dir / "supervisor.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    link = Path(tempfile.gettempdir()) / f"gputicker-{os.getuid()}-{run_dir.stat().st_dev:x}-{run_dir.stat().st_ino:x}"
    if not link.is_symlink() or link.lstat().st_uid != os.getuid() or link.readlink() != run_dir:
        link.unlink(missing_ok=True)
        link.symlink_to(run_dir)
    return link / "supervisor.sock"


def start(stack: Stack) -> subprocess.Popen[bytes]:
    """Start supervisord apart from this terminal, and come back once it answers. It holds a lock on the folder for as long as it lives.

    Raises AlreadyRunning, or RuntimeError with the end of its log where it doesn't come up.
    """
    config = stack.run_dir / "supervisord.conf"
    records.replace_text(config, config_text(stack))
    with lock(stack.run_dir) as held, (stack.logs_dir / "supervisord.out").open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)],
            cwd=ROOT,
            env=os.environ | {records.MARK: str(stack.data_dir)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            pass_fds=(held.fileno(),),
        )
    records.write_session(stack.run_dir, process.pid)
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        if Supervisor(stack.run_dir).answers():
            return process
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"supervisord did not start; the end of {out.name}:\n{Path(out.name).read_text()[-2000:]}")


def lock(run_dir: Path) -> IO[bytes]:
    """The folder's lock, held until the last process that inherited it ends. Raises AlreadyRunning."""
    held = (run_dir / "lock").open("ab")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise AlreadyRunning(f"a stack already runs in {run_dir.parent}") from None
    return held


def running(run_dir: Path) -> bool:
    """Whether a supervisord holds this folder."""
    if not run_dir.is_dir():
        return False
    try:
        lock(run_dir).close()
    except AlreadyRunning:
        return True
    return False


class Supervisor:
    """The running supervisord of one stack. Methods raise OSError where it is gone, xmlrpc.client.Fault where it refuses."""

    def __init__(self, run_dir: Path) -> None:
        self._address = f"unix://{socket_path(run_dir)}"

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Error):
            return False

    def processes(self) -> dict[str, dict[str, Any]]:
        """Name -> supervisord's own record of the process (`statename`, `pid`, `exitstatus`, `start`, ...)."""
        return {info["name"]: info for info in self._call("getAllProcessInfo")}

    def stop(self, names: Iterable[str]) -> None:
        """Send the stop signal to these, and come back at once."""
        for name in names:
            self._ask("stopProcess", name, wait=False)

    def stop_and_wait(self, name: str) -> None:
        """Stop one, and come back when it has ended."""
        self._ask("stopProcess", name, wait=True)

    def start(self, name: str) -> None:
        """Start one that is stopped."""
        self._ask("startProcess", name, wait=False)

    def shutdown(self) -> None:
        """End supervisord and whatever still runs under it."""
        self._call("shutdown")

    def _ask(self, method: str, name: str, *, wait: bool) -> None:
        try:
            self._call(method, name, wait)
        except xmlrpc.client.Fault as fault:
            if not fault.faultString.startswith(("NOT_RUNNING", "ALREADY_STARTED")):
                raise

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, self._address)
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()
