"""One real stack for the whole run: Kafka, registry, Flink, ClickHouse, Redis, Airflow, the simulated market, bridge, loader, API."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.codec import Decoder
from schemas.topics import PARTITIONS, Topic

GPUTICKER = str(Path(sys.executable).with_name("gputicker"))
WINDOW_S = 10
HISTORY_HOURS = 0.1
"""36 windows of history: baselines need 12."""


class Stack:
    """A running stack, seen through its doors."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.urls: dict[str, str] = self.status()["urls"]
        self.api = httpx.Client(base_url=self.urls["api"], timeout=10)
        self.sim = httpx.Client(base_url=self.urls["sim"], verify=False, timeout=10)  # noqa: S501 - tests/sim verifies the certificate
        self.decode = Decoder.from_registry(self.urls["registry"])

    def close(self) -> None:
        """Close the connections."""
        self.api.close()
        self.sim.close()

    def cli(self, *arguments: str, check: bool = True) -> str:
        """Run a gputicker command against this stack; its standard output."""
        done = subprocess.run(
            [GPUTICKER, *arguments, "--data-dir", str(self.data_dir)], capture_output=True, text=True, timeout=180, check=False
        )
        assert not check or done.returncode == 0, f"gputicker {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def status(self) -> dict[str, Any]:
        """`gputicker status --json`."""
        status: dict[str, Any] = json.loads(self.cli("status", "--json"))
        return status

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """A GET of the read API that must answer 200."""
        response = self.api.get(path, params=parameters)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:500]}"
        answer: dict[str, Any] = response.json()
        return answer

    def clickhouse(self) -> Client:
        """A new clickhouse-connect client."""
        url = httpx.URL(self.urls["clickhouse"])
        return clickhouse_connect.get_client(host=url.host, port=url.port, database="gputicker", autogenerate_session_id=False)

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """A query's rows."""
        client = self.clickhouse()
        try:
            return [tuple(row) for row in client.query(sql, parameters=parameters).result_rows]
        finally:
            client.close()

    def records(self, topic: Topic, stop: Callable[[list[Any]], bool], within_s: float = 60) -> list[Any]:
        """Read a topic from its start until `stop(messages)`: confluent_kafka messages, in the order they came."""
        consumer = Consumer({"bootstrap.servers": self.urls["kafka"], "group.id": "e2e", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic.name, partition, 0) for partition in range(PARTITIONS)])
        messages: list[Any] = []
        deadline = time.monotonic() + within_s
        try:
            while not stop(messages):
                assert time.monotonic() < deadline, f"{topic.name}: {len(messages)} records in {within_s} s, and not what was waited for"
                for message in consumer.consume(10_000, timeout=0.5):
                    error = message.error()
                    assert error is None, f"{topic.name}: {error}"
                    messages.append(message)
        finally:
            consumer.close()
        return messages

    def records_to_end(self, topic: Topic) -> list[Any]:
        """All records of a topic up to where its partitions end now."""
        consumer = Consumer({"bootstrap.servers": self.urls["kafka"], "group.id": "e2e", "enable.partition.eof": True})
        consumer.assign([TopicPartition(topic.name, partition, 0) for partition in range(PARTITIONS)])
        messages: list[Any] = []
        unfinished = set(range(PARTITIONS))
        deadline = time.monotonic() + 60
        try:
            while unfinished:
                assert time.monotonic() < deadline, f"{topic.name}: partitions {unfinished} not read to their end"
                for message in consumer.consume(10_000, timeout=0.5):
                    error = message.error()
                    if error is None:
                        messages.append(message)
                    else:
                        assert error.code() == KafkaError._PARTITION_EOF, f"{topic.name}: {error}"
                        unfinished.discard(message.partition())
        finally:
            consumer.close()
        return messages

    def incident(self, kind: str, provider: str, seconds: float, **more: Any) -> None:
        """Script an incident into the simulated market."""
        self.sim.post("/sim/incidents", json={"kind": kind, "provider": provider, "seconds": seconds, **more}).raise_for_status()

    def calm(self) -> None:
        """Take every scripted incident back."""
        self.sim.delete("/sim/incidents").raise_for_status()


def eventually(what: str, probe: Callable[[], Any], within_s: float = 60) -> Any:
    """Poll until `probe()` is truthy; its value. Failures of the connection count as not yet."""
    deadline = time.monotonic() + within_s
    last: object = None
    while time.monotonic() < deadline:
        try:
            if value := probe():
                return value
            last = value
        except (httpx.HTTPError, OSError, AssertionError, clickhouse_connect.driver.exceptions.Error) as error:
            last = error
        time.sleep(0.2)
    raise AssertionError(f"not within {within_s} s: {what}; last seen: {last!r}")


def free_port_base() -> int:
    """A port base whose first port nobody uses."""
    for base in range(31_000, 60_000, 1_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", base + 80)):
                return base
    raise AssertionError("no free port base")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The shared stack, with 10-second windows and six minutes of history.

    Windows that short say every offer every five seconds, which two cores do for a market without its crowd.
    """
    data_dir = tmp_path_factory.mktemp("stack")
    arguments = ["--sim", "--detach", "--data-dir", str(data_dir), "--port-base", str(free_port_base())]
    arguments += ["--window", str(WINDOW_S), "--history-hours", str(HISTORY_HOURS), "--interval", "2"]
    environment = os.environ | {"GPUTICKER_SIM_INCIDENTS": "off", "GPUTICKER_SIM_CROWD": "off"}
    up = subprocess.run([GPUTICKER, "up", *arguments], env=environment, capture_output=True, text=True, timeout=420, check=False)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        running = Stack(data_dir)
        yield running
        running.close()
    finally:
        down = subprocess.run([GPUTICKER, "down", "--data-dir", str(data_dir)], capture_output=True, text=True, timeout=240, check=False)
    assert down.returncode == 0, down.stdout + down.stderr
