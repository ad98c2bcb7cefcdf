"""A real Redis on a Unix socket, for the tests that want one."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio

from bridge.snapshot import connect

READY_WITHIN_S = 10.0


class RedisServer:
    """One redis-server that a test may stop and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder}/redis.sock"

    def start(self) -> None:
        command = shutil.which("redis-server") or str(Path(sys.executable).parent / "redis-server")
        options = ["--port", "0", "--unixsocket", str(self._folder / "redis.sock"), "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([command, *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_WITHIN_S
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)
                else:
                    return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            (self._folder / "redis.sock").unlink(missing_ok=True)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    # Not tmp_path: a socket's path may have 107 characters.
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def redis_client(redis_server: RedisServer) -> "AsyncIterator[redis.asyncio.Redis]":
    client = connect(redis_server.url)
    yield client
    await client.aclose()
