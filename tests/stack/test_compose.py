"""docker-compose.yml is the same stack as the embedded one: services, ports, settings, topics."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.compose import flink_properties
from stack.prepare import kafka_properties
from stack.services import OWN_SERVERS, environment, services
from stack.settings import Stack

ROOT = Path(__file__).parents[2]
EMBEDDED = Stack(data_dir=Path("/data"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
MODULES = ("sim", "bridge", "backfill", "topics", "loader", "api", "flink-job")
OWN_TO_CONTAINERS = {"postgres"}
"""Airflow's database, where the embedded stack uses a file."""
INSIDE = {
    "127.0.0.1:20092": "kafka:9092",
    "//127.0.0.1:20081": "//registry:20081",
    "//127.0.0.1:20379": "//redis:20379",
    "//127.0.0.1:20123": "//clickhouse:20123",
    "//127.0.0.1:20082": "//flink-jobmanager:20082",
    "//127.0.0.1:20080": "//api:20080",
    "//127.0.0.1:20443": "//sim:20443",
}
"""Embedded address -> the same door seen from another container."""
SECRET = re.compile(r"^\$\{GPUTICKER_\w+:\?set it in \.env\}$")


def settings_of(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in (SERVICES[name].get("environment") or {}).items()}


def translated(value: str) -> str:
    for embedded, inside in INSIDE.items():
        value = value.replace(embedded, inside)
    return value


def test_the_services_are_the_same() -> None:
    assert set(SERVICES) - OWN_TO_CONTAINERS == {one.name for one in services(EMBEDDED)}


def test_the_doors_have_the_same_ports_on_loopback() -> None:
    doors = {"api", "registry", "flink-jobmanager", "airflow", "kafka", "clickhouse", "redis", "sim"}
    embedded = {one.name: EMBEDDED.port(one.ports[0]) for one in services(EMBEDDED) if one.name in doors}
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published == {name: [f"127.0.0.1:{port}:{port}"] for name, port in embedded.items()}


@pytest.mark.parametrize("name", MODULES)
def test_our_processes_run_the_same_module_with_the_same_settings(name: str) -> None:
    (one,) = (one for one in services(EMBEDDED) if one.name == name)
    assert SERVICES[name]["command"].split()[1:] == one.command(EMBEDDED)[1:]
    embedded = {key: value for key, value in environment(EMBEDDED, one).items() if key.startswith("GPUTICKER_")}
    found = {key: value for key, value in settings_of(name).items() if key.startswith("GPUTICKER_")}
    assert found.keys() == embedded.keys()
    for key, value in embedded.items():
        if key == "GPUTICKER_CLICKHOUSE_PASSWORD":
            assert SECRET.match(found[key])
        elif key == "GPUTICKER_HOST":
            assert found[key] == "0.0.0.0" and name in OWN_SERVERS
        elif key == "GPUTICKER_FLINK_JARS":
            assert [Path(path).name for path in found[key].split(":")] == [Path(path).name for path in value.split(":")]
        else:
            assert found[key] == translated(value), key


@pytest.mark.parametrize("name", ["airflow-db", "airflow", "airflow-scheduler", "airflow-dag-processor"])
def test_airflow_has_the_same_settings(name: str) -> None:
    (one,) = (one for one in services(EMBEDDED) if one.name == name)
    assert SERVICES[name]["command"].split() == one.command(EMBEDDED)[1:]
    found = settings_of(name)
    embedded = environment(EMBEDDED, one)
    assert found.keys() - embedded.keys() == {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__API_AUTH__JWT_SECRET",
    }
    differs = {
        "AIRFLOW__CORE__DAGS_FOLDER": "/app/dags",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://airflow:20088/execution/",
        "AIRFLOW__API__HOST": "0.0.0.0",
        "GPUTICKER_PYTHON": "/app/.venv/bin/python",
    }
    for key, value in embedded.items():
        if key != "GPUTICKER_CLICKHOUSE_PASSWORD":
            assert found[key] == differs.get(key, translated(value)), key


def test_kafka_has_the_same_settings() -> None:
    embedded = {
        f"KAFKA_{key.upper().replace('.', '_')}": value
        for key, value in kafka_properties(EMBEDDED).items()
        if not any(word in key for word in ("listener", "voters", "log.dirs"))
    }
    found = settings_of("kafka")
    assert {key: found.get(key) for key in embedded} == embedded


@pytest.mark.parametrize("name", ["flink-jobmanager", "flink-taskmanager"])
def test_flink_has_the_same_settings(name: str) -> None:
    lines = settings_of(name)["FLINK_PROPERTIES"].strip().splitlines()
    assert dict(line.split(": ", 1) for line in lines) == flink_properties(EMBEDDED), "run `python -m stack.compose`"


def test_topics_are_made_by_the_same_code_before_whoever_needs_them() -> None:
    assert SERVICES["topics"]["command"] == "python -m stack.topics"
    for one in services(EMBEDDED):
        if "topics" in one.needs:
            assert SERVICES[one.name]["depends_on"]["topics"] == {"condition": "service_completed_successfully"}


def test_no_secret_stands_in_it() -> None:
    for name in SERVICES:
        for key, value in settings_of(name).items():
            if re.search("PASSWORD|SECRET|FERNET", key) and not key.endswith("_FILE"):
                assert SECRET.match(value), f"{name}: {key}"


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed here (Debian package docker-compose)")
def test_docker_compose_accepts_it() -> None:
    secrets = {name: "x" for name in re.findall(r"\$\{(GPUTICKER_\w+)", (ROOT / "docker-compose.yml").read_text())}
    done = subprocess.run(
        ["docker-compose", "-f", "docker-compose.yml", "config", "--quiet"],
        cwd=ROOT,
        env=os.environ | secrets,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
