"""A front process of one's own: started, killed, asked over plain HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client

READY_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class FrontProcess:
    """`python -m clickhouse.server` on a folder. One port for its whole life, so that clients come back to it."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._data_dir = data_dir
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "FrontProcess":
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GPUTICKER_")},
            "GPUTICKER_PORT": str(self.port),
            "GPUTICKER_DATA_DIR": str(self._data_dir),
            **self._environment,
        }
        self._data_dir.mkdir(parents=True, exist_ok=True)
        with (self._data_dir / "front.log").open("ab") as log:
            self._process = subprocess.Popen([sys.executable, "-m", "clickhouse.server"], env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/ping", timeout=5).text == "Ok.\n":
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError(f"the front did not start: {(self._data_dir / 'front.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def terminate(self) -> float:
        """SIGTERM; the seconds it took. Raises where it took over 30 s."""
        assert self._process is not None
        started = time.monotonic()
        self._process.terminate()
        self._process.wait(30)
        return time.monotonic() - started

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def pss_mb(self) -> float:
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no Pss")

    def client(self, **arguments: object) -> Client:
        return clickhouse_connect.get_client(host="127.0.0.1", port=self.port, tz_mode="aware", **arguments)  # type: ignore[arg-type]

    def post(self, sql: str | bytes, **parameters: str) -> httpx.Response:
        return httpx.post(f"{self.url}/", content=sql, params=parameters, timeout=60)

    def tsv(self, sql: str, **parameters: str) -> list[list[str]]:
        """Rows of a statement that must succeed."""
        answer = self.post(sql, **parameters)
        assert answer.status_code == 200, answer.text
        return [line.split("\t") for line in answer.text.splitlines()]

    def __enter__(self) -> "FrontProcess":
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
