"""Is a service ready? One probe each, over the door that others use. Standard library only, because stack.run starts with them.

A probe returns "" when the service is ready, or else what is missing, in a few words. It never raises and takes at most a few seconds.
"""

import http.client
import json
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from stack import records
from stack.settings import CLICKHOUSE_DATABASE, HOST, Stack

TIMEOUT_S = 3.0


class NotReady(Exception):
    """What is missing, in a few words."""


def probe(stack: Stack, name: str) -> str:
    """What the service still lacks; empty when it is ready."""
    try:
        PROBES[name](stack)
    except NotReady as reason:
        return str(reason)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _short(error)
    return ""


def get(url: str, timeout: float = TIMEOUT_S, ca: str | None = None) -> tuple[int, bytes]:
    """One GET, without proxies or redirects. Raises OSError or HTTPException."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca)
        connection = http.client.HTTPSConnection(parts.hostname or HOST, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _short(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "no answer yet"
    return f"{type(error).__name__}: {error}"[:100]


def _get_ok(url: str, ca: str | None = None) -> bytes:
    status, body = get(url, ca=ca)
    if status != http.client.OK:
        raise NotReady(f"answers {status}")
    return body


def _get_json(url: str) -> Any:
    return json.loads(_get_ok(url))


def _kafka(stack: Stack) -> None:
    """Kafka's own Metadata request (key 3, version 7): at least one broker must be named."""
    client = b"gputicker-probe"
    request = struct.pack(f">hhih{len(client)}s i ?".replace(" ", ""), 3, 7, 1, len(client), client, 0, False)
    with socket.create_connection((HOST, stack.port("kafka")), TIMEOUT_S) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.sendall(struct.pack(">i", len(request)) + request)
        head = _receive(connection, 16)
    _, correlation, _, brokers = struct.unpack(">iiii", head)
    if correlation != 1 or brokers < 1:
        raise NotReady("no broker in its metadata")


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise NotReady("closed the connection")
        data += chunk
    return data


def _redis_command(stack: Stack, *words: str) -> bytes:
    """One command's first line of reply."""
    with socket.create_connection((HOST, stack.port("redis")), TIMEOUT_S) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.sendall((" ".join(words) + "\r\n").encode())
        return connection.recv(256)


def _redis(stack: Stack) -> None:
    reply = _redis_command(stack, "PING")
    if not reply.startswith(b"+PONG"):
        raise NotReady(f"answers {reply[:40]!r}")


def _registry(stack: Stack) -> None:
    _get_ok(f"{stack.urls['registry']}/subjects")


def _clickhouse(stack: Stack) -> None:
    if _get_ok(f"{stack.urls['clickhouse']}/?query=SELECT%201").strip() != b"1":
        raise NotReady("SELECT 1 is not 1")


def _loader(stack: Stack) -> None:
    _running(stack, "loader")
    url = f"{stack.urls['clickhouse']}/?query=EXISTS%20TABLE%20{CLICKHOUSE_DATABASE}.offer_events"
    if _get_ok(url).strip() != b"1":
        raise NotReady("no tables yet")


def _sim(stack: Stack) -> None:
    if not stack.sim_ca.exists():
        raise NotReady("no certificate yet")
    _get_ok(f"{stack.urls['sim']}/healthz", ca=str(stack.sim_ca))


def _bridge(stack: Stack) -> None:
    _running(stack, "bridge")
    reply = _redis_command(stack, "SCARD", "gputicker:sources")
    if not reply.startswith(b":") or int(reply[1:]) == 0:
        raise NotReady("no source in Redis yet")


def _api(stack: Stack) -> None:
    _get_ok(f"{stack.urls['api']}/readyz")


def _flink_jobmanager(stack: Stack) -> None:
    _get_json(f"{stack.urls['flink']}/overview")


def _flink_taskmanager(stack: Stack) -> None:
    if _get_json(f"{stack.urls['flink']}/overview")["taskmanagers"] < 1:
        raise NotReady("not registered yet")


def _flink_job(stack: Stack) -> None:
    jobs = _get_json(f"{stack.urls['flink']}/jobs/overview")["jobs"]
    running = [job for job in jobs if job["state"] == "RUNNING"]
    if not running:
        raise NotReady(f"no running job ({', '.join(sorted(job['state'].lower() for job in jobs)) or 'none submitted'})")
    tasks = running[0]["tasks"]
    if tasks["running"] + tasks["finished"] < tasks["total"]:
        raise NotReady(f"{tasks['running']} of {tasks['total']} tasks run")


def _airflow(part: str) -> Callable[[Stack], None]:
    def healthy(stack: Stack) -> None:
        status = (_get_json(f"{stack.urls['airflow']}/api/v2/monitor/health").get(part) or {}).get("status")
        if status != "healthy":
            raise NotReady(f"{part}: {status}")

    return healthy


def _running(stack: Stack, name: str) -> None:
    record = records.read(stack.run_dir, name)
    if record is None:
        raise NotReady("not started")
    if record.state == "waiting" and record.alive:
        raise NotReady(f"waits for {', '.join(record.waiting_for)}" if record.waiting_for else "starts again soon")
    if not record.alive:
        raise NotReady("not running")


def _once(name: str) -> Callable[[Stack], None]:
    def done(stack: Stack) -> None:
        record = records.read(stack.run_dir, name)
        if record is None or record.state != "done":
            _running(stack, name)
            raise NotReady("at work")

    return done


PROBES: dict[str, Callable[[Stack], None]] = {
    "redis": _redis,
    "sim": _sim,
    "kafka": _kafka,
    "registry": _registry,
    "bridge": _bridge,
    "api": _api,
    "topics": _once("topics"),
    "clickhouse": _clickhouse,
    "loader": _loader,
    "backfill": _once("backfill"),
    "flink-jobmanager": _flink_jobmanager,
    "flink-taskmanager": _flink_taskmanager,
    "flink-job": _flink_job,
    "airflow-db": _once("airflow-db"),
    "airflow": _airflow("metadatabase"),
    "airflow-scheduler": _airflow("scheduler"),
    "airflow-dag-processor": _airflow("dag_processor"),
}
