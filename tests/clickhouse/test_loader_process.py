"""`python -m clickhouse.loader` against a Kafka broker (librdkafka's own, in memory), a registry and the real front; killed often."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.topics import PROVIDER_PRICES, TOPICS
from tests.clickhouse.front import FrontProcess
from tests.clickhouse.kafka import examples, frame, schema_text

KILLS = 4


class Registry(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"schema": schema_text(int(self.path.split("?")[0].rsplit("/", 1)[-1]))}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def registry_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def producer() -> Iterator[tuple[Producer, str]]:
    """A producer and the address of the broker that lives in it."""
    made = Producer({"bootstrap.servers": "in-memory", "test.mock.num.brokers": 1, "log_level": 0})
    for topic in TOPICS:
        made.list_topics(topic.name, timeout=10)
    brokers = made.list_topics(timeout=10).brokers.values()
    yield made, ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    made.flush(10)


class LoaderProcess:
    def __init__(self, log: Path, **environment: str) -> None:
        self._log, self._environment = log, environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GPUTICKER_")}
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "clickhouse.loader"]
            self._process = subprocess.Popen(command, env={**inherited, **self._environment}, stdout=log, stderr=log)

    def stop(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(30)


def test_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path, registry_url: str, producer: tuple[Producer, str]) -> None:
    kafka, address = producer
    front = FrontProcess(tmp_path / "clickhouse")
    log = tmp_path / "loader.log"
    loader = LoaderProcess(
        log,
        GPUTICKER_KAFKA=address,
        GPUTICKER_REGISTRY_URL=registry_url,
        GPUTICKER_CLICKHOUSE_URL=front.url,
        GPUTICKER_LOADER_SESSION_S="6",  # this broker waits for a member that was killed; Kafka knows it again by its name
        GPUTICKER_RETENTION_DAYS="3650",
        GPUTICKER_LOADER_FLUSH_S="0.1",
        GPUTICKER_LOADER_BLOCK_ROWS="200",
    )
    record, produced, random_s = examples(PROVIDER_PRICES)[0], 0, random.Random(5)  # noqa: S311

    def produce(count: int) -> None:
        nonlocal produced
        for _ in range(count):
            produced += 1
            one = {**record, "event_id": f"e{produced}", "offer_key": f"k{produced}", "event_time_ms": record["event_time_ms"] + produced}
            kafka.produce(PROVIDER_PRICES.name, key=f"k{produced}", value=frame(PROVIDER_PRICES, one))
        kafka.flush(10)

    def stored(table: str) -> int:
        rows, unique = front.tsv(f"SELECT count(), uniqExact(event_id) FROM {table}")[0]  # noqa: S608
        assert rows == unique, f"{table} has repeats"
        return int(rows)

    def wait_for(count: int) -> None:
        deadline = time.monotonic() + 60
        while stored("offer_events") < count:
            assert time.monotonic() < deadline, f"{stored('offer_events')} of {count} after a minute: {log.read_text()[-2000:]}"
            time.sleep(0.05)

    try:
        loader.start()  # before ClickHouse is there: it waits
        front.start()
        produce(300)
        deadline = time.monotonic() + 60
        while front.post("SELECT 1 FROM offer_events LIMIT 0").status_code != 200:
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.05)
        wait_for(300)
        for kill in range(KILLS):
            produce(1500)
            wait_for(produced - 1500 + random_s.randrange(1, 1200))
            if kill % 2:
                front.kill()
                front.start()
            else:
                loader.stop(signal.SIGKILL)
                loader.start()
            wait_for(produced)
        assert stored("offer_events") == stored("offers_current FINAL") == produced
        assert front.tsv("SELECT count() FROM dead_letters") == [["0"]]
        produce(50)
        wait_for(produced)
        assert loader.stop(signal.SIGTERM) == 0
    finally:
        loader.stop(signal.SIGKILL)
        front.kill()
    assert "stopped: " in log.read_text()
