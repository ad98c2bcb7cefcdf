"""`python -m stack.run NAME --data-dir DIR`: wait for what the service needs, prepare its files, then become it.

The supervisor starts every service through this, and starts it again when it dies. Standard library only: it runs before each service.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from stack import records
from stack.paths import AIRFLOW_ENV, APP_ENV, FLINK_ENV, ROOT
from stack.prepare import airflow_secrets, prepare
from stack.probes import probe
from stack.services import READ_BY, Service, environment, service, services
from stack.settings import STATE_FILE, Stack

log = logging.getLogger("stack.run")

NEEDS_WITHIN_S = 600
"""After that the service starts all the same, and says itself what it lacks."""
POLL_S = 0.3
SHORT_LIFE_S = 10
BACKOFF_CAP_S = 15
SET_BY_STACK = {*READ_BY, "GPUTICKER_HOST", "GPUTICKER_PORT", records.MARK, records.SERVICE_MARK}
MACHINE_ENV = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
NETWORK_ENV = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy")


def main() -> int:
    """Become the service; returns only for one-shots, with their exit code."""
    parser = argparse.ArgumentParser(prog="python -m stack.run", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--data-dir", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    stack = Stack.from_json((arguments.data_dir / STATE_FILE).read_text())
    one = service(stack, arguments.name)
    return _Start(stack, one).go()


class _Start:
    """One start of one service."""

    def __init__(self, stack: Stack, one: Service) -> None:
        self.stack, self.one, self.now = stack, one, time.time()
        earlier = records.read(stack.run_dir, one.name)
        self.starts = earlier.starts + 1 if earlier else 1
        lived_s = self.now - earlier.at if earlier else SHORT_LIFE_S
        self.backoff = earlier.backoff + 1 if earlier and lived_s < SHORT_LIFE_S + _pause_s(earlier.backoff) else 0
        self.earlier_pid = earlier.pid if earlier else None
        self.earlier_done = earlier is not None and earlier.state == "done"

    def go(self) -> int:
        """Wait, prepare, become it. Comes back for one-shots alone, with their exit code."""
        if self.one.once and self.earlier_done:
            return 0
        self._end_orphans()
        self._pause()
        self._wait(self.one.needs, NEEDS_WITHIN_S)
        self._wait(self.one.after, self.one.after_within_s)
        prepare(self.stack, self.one.name)
        command = self.one.command(self.stack)
        env = self._environment()
        self._record("running")
        log.info("%s starts: %s", self.one.name, command[0])
        sys.stderr.flush()
        os.chdir(ROOT)
        os.nice(self.one.nice)
        if not self.one.once:
            os.execve(command[0], command, env)  # noqa: S606 - becoming the service is the point
        code = subprocess.run(command, env=env, check=False).returncode
        if code == 0:
            self._record("done")
        return code

    def _end_orphans(self) -> None:
        """Children that a killed predecessor left hold its ports. A job that runs on in a session of its own is none of them."""
        for pid in records.orphans_of(self.stack.data_dir, self.one.name, self.earlier_pid):
            log.warning("%s: ending process %d, which the one before left behind", self.one.name, pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _pause(self) -> None:
        pause_s = _pause_s(self.backoff)
        if pause_s:
            self._record("waiting")
            log.warning("%s ended soon after its start, for the %d. time: starts again in %d s", self.one.name, self.backoff, pause_s)
            time.sleep(pause_s)

    def _wait(self, names: tuple[str, ...], within_s: float) -> None:
        """Poll until each named service that this stack has is ready, or time is up."""
        present = {other.name for other in services(self.stack)}
        missing = [name for name in names if name in present]
        deadline = time.monotonic() + within_s
        while missing and time.monotonic() < deadline:
            missing = [name for name in missing if probe(self.stack, name)]
            if missing:
                self._record("waiting", missing)
                time.sleep(POLL_S)
        if missing:
            log.warning("%s starts without %s, which took longer than %d s", self.one.name, ", ".join(missing), within_s)

    def _record(self, state: str, waiting_for: list[str] | None = None) -> None:
        record = records.Record(
            pid=os.getpid(),
            started_ticks=records.started_ticks(os.getpid()) or 0,
            state=state,
            waiting_for=waiting_for or [],
            starts=self.starts,
            at=self.now,
            backoff=self.backoff,
        )
        records.write(self.stack.run_dir, self.one.name, record)

    def _environment(self) -> dict[str, str]:
        """The machine's own few, the user's tuning, the service's own. Credentials go to the bridge alone, and only live."""
        env = {name: os.environ[name] for name in MACHINE_ENV if name in os.environ}
        env["PYTHONUNBUFFERED"] = "1"
        env |= {records.MARK: str(self.stack.data_dir), records.SERVICE_MARK: self.one.name}
        env |= self._tuning()
        if self.one.part == "airflow":
            env |= airflow_secrets(self.stack)
        environments = {"airflow": AIRFLOW_ENV, "flink": FLINK_ENV}
        env["PATH"] = f"{environments.get(self.one.part or '', APP_ENV) / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
        return env | environment(self.stack, self.one)

    def _tuning(self) -> dict[str, str]:
        """GPUTICKER_ variables of whoever ran `up` that the table doesn't set, such as GPUTICKER_EUR_USD."""
        own = {name: value for name, value in os.environ.items() if name.startswith("GPUTICKER_") and name not in SET_BY_STACK}
        if not own and self.stack.market != "live":
            return {}
        credentials = credential_names()
        if self.one.name == "bridge" and self.stack.market == "live":
            return own | {name: os.environ[name] for name in NETWORK_ENV if name in os.environ}
        return {name: value for name, value in own.items() if name not in credentials}


def credential_names() -> set[str]:
    """The environment variables of every adapter's credentials."""
    from adapters.registry import discover

    return {f"GPUTICKER_{name}" for adapter in discover().values() for name in adapter.credential}


def _pause_s(backoff: int) -> int:
    """Seconds to wait before a start that follows `backoff` short lives: 0, 1, 2, 4, 8, then the cap."""
    return min(2 ** (backoff - 1), BACKOFF_CAP_S) if backoff else 0


if __name__ == "__main__":
    sys.exit(main())
