"""The process itself: TLS with its own authority, HTTP/2, its settings, and a clean end."""

import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from adapters.base import Outgoing
from adapters.fetch.transport import PooledTransport, Unanswered
from adapters.registry import discover
from sim.certificates import certificates
from tests.sim.asking import BEARER

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(data: Path, port: int, **settings: str) -> subprocess.Popen[bytes]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GPUTICKER_")}
    env |= {"GPUTICKER_DATA_DIR": str(data), "GPUTICKER_PORT": str(port), **settings}
    return subprocess.Popen([sys.executable, "-m", "sim"], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_ready(process: subprocess.Popen[bytes], data: Path, port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[0].decode()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                if (data / "sim" / "ca.pem").is_file():
                    return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("not ready in time")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    data, port = tmp_path_factory.mktemp("data"), free_port()
    process = start(data, port, GPUTICKER_SIM_INCIDENTS="off")
    try:
        wait_ready(process, data, port)
        yield f"https://127.0.0.1:{port}", data / "sim"
    finally:
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=20)[0].decode()
    assert process.returncode == 0, output
    assert "panick" not in output


def client(folder: Path) -> httpx.Client:
    return httpx.Client(http2=True, verify=ssl.create_default_context(cafile=str(folder / "ca.pem")))


def test_http2_over_verified_tls_by_name_and_by_address(server: tuple[str, Path]) -> None:
    url, folder = server
    with client(folder) as http:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            response = http.get(f"{address}/cloud.lambdalabs.com/api/v1/instance-types", headers=BEARER)
            assert (response.status_code, response.http_version) == (200, "HTTP/2")
            assert response.headers["x-gputicker-market"] == "simulated"
            assert response.json()["data"]


def test_a_stranger_does_not_trust_it(server: tuple[str, Path]) -> None:
    with httpx.Client(http2=True) as http, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        http.get(server[0])


async def test_the_bridges_transport_verifies_it(server: tuple[str, Path]) -> None:
    url, folder = server
    health = Outgoing(method="GET", url=f"{url}/healthz", query={}, headers={}, body=b"")
    trusting, stranger = PooledTransport(url, folder / "ca.pem"), PooledTransport(url)
    assert (await trusting.send(health)).status == 200
    with pytest.raises(Unanswered, match="connection failed"):
        await stranger.send(health)
    await trusting.aclose()
    await stranger.aclose()


def test_many_connections_that_ask_nothing_keep_nobody_out(server: tuple[str, Path]) -> None:
    url, folder = server
    with ExitStack() as idle, client(folder) as http:
        tls = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        for _ in range(200):
            plain = socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=5)
            idle.enter_context(tls.wrap_socket(plain, server_hostname="127.0.0.1"))
        assert http.get(f"{url}/healthz", timeout=5).status_code == 200


def test_history_streams_over_http2(server: tuple[str, Path]) -> None:
    now_ms = int(time.time() * 1000)
    query = {"from_ms": now_ms - 600_000, "to_ms": now_ms, "step_ms": 300_000}
    with client(server[1]) as http, http.stream("GET", f"{server[0]}/sim/history", params=query) as response:
        assert sum(1 for _ in response.iter_lines()) == 2 * len(discover())


def test_the_front_page_says_that_nothing_is_real(server: tuple[str, Path]) -> None:
    with client(server[1]) as http:
        page = http.get(server[0]).text
    assert "these are not real prices" in page and "seed 1" in page


def test_without_incidents_by_themselves_none_is_listed(server: tuple[str, Path]) -> None:
    with client(server[1]) as http:
        assert "repricing" not in http.get(server[0]).text


def test_a_taken_port_ends_it(server: tuple[str, Path], tmp_path: Path) -> None:
    process = start(tmp_path, int(server[0].rpartition(":")[2]))
    assert "is taken" in process.communicate(timeout=20)[0].decode()
    assert process.returncode == 1


def test_it_stops_while_an_answer_hangs(tmp_path: Path) -> None:
    port = free_port()
    process = start(tmp_path, port)
    try:
        wait_ready(process, tmp_path, port)
        with client(tmp_path / "sim") as http:
            http.post(f"https://127.0.0.1:{port}/sim/incidents", json={"kind": "hang", "provider": "lambda", "seconds": 60})
            with pytest.raises(httpx.ReadTimeout):
                http.get(f"https://127.0.0.1:{port}/cloud.lambdalabs.com/api/v1/instance-types", headers=BEARER, timeout=0.3)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0


def test_certificates_are_made_once_and_the_authoritys_key_is_not_kept(tmp_path: Path) -> None:
    files = certificates(tmp_path / "sim")
    before = {file: file.read_bytes() for file in files}
    assert certificates(tmp_path / "sim") == files
    assert {file: file.read_bytes() for file in files} == before
    assert stat.S_IMODE(files.server_key.stat().st_mode) == 0o600
    assert sorted(file.name for file in (tmp_path / "sim").iterdir()) == ["ca.pem", "server-key.pem", "server.pem"]
    assert b"PRIVATE KEY" not in files.ca.read_bytes() + files.server.read_bytes()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"GPUTICKER_MARKET": "recorded"}, "GPUTICKER_BODIES"),
        ({"GPUTICKER_MARKET": "live"}, "market"),
        ({"GPUTICKER_PORT": "x"}, "port"),
        ({"GPUTICKER_BODIES": "/nowhere"}, "recorded bodies"),
    ],
)
def test_wrong_settings_are_named_and_end_it(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    process = start(tmp_path, free_port(), **settings)
    output = process.communicate(timeout=20)[0].decode()
    assert process.returncode == 2
    assert message in output and "Traceback" not in output
