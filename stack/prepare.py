"""What stands on disk before a service starts: its folders and configuration files, and what is made once in a data folder's life."""

import base64
import json
import os
import secrets
import shutil
import subprocess
import uuid
from pathlib import Path

from flink_jobs.conf import LOG4J_CONSOLE, config_yaml, flink_config
from stack.compose import flink_ports
from stack.records import replace_text
from stack.services import flink_home, kafka_command
from stack.settings import HOST, Stack


def prepare(stack: Stack, name: str) -> None:
    """Write what the service needs. Idempotent; raises CalledProcessError where Kafka's own formatting fails."""
    if name == "kafka":
        _kafka(stack)
    elif name in ("flink-jobmanager", "flink-taskmanager"):
        _flink(stack)
    elif name.startswith("airflow"):
        _airflow(stack)
    elif name in ("redis", "registry", "sim"):
        (stack.data_dir / name).mkdir(parents=True, exist_ok=True)


def kafka_properties(stack: Stack) -> dict[str, str]:
    """One KRaft node that is broker and controller, with every internal topic at replication factor 1."""
    listeners = f"PLAINTEXT://{HOST}:{stack.port('kafka')},CONTROLLER://{HOST}:{stack.port('kafka_controller')}"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        # Static voters, because a voter set kept in the log would hold on to the ports of an earlier run.
        "controller.quorum.voters": f"1@{HOST}:{stack.port('kafka_controller')}",
        "listeners": listeners,
        "advertised.listeners": listeners.split(",")[0],
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(stack.data_dir / "kafka" / "log"),
        "auto.create.topics.enable": "false",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        # The default of 128 MB is half of this heap; compaction here is of one small topic.
        "log.cleaner.dedupe.buffer.size": "8388608",
    }


def _kafka(stack: Stack) -> None:
    folder = stack.data_dir / "kafka"
    (folder / "log").mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    replace_text(properties, "".join(f"{key}={value}\n" for key, value in kafka_properties(stack).items()))
    if (folder / "log" / "meta.properties").exists():
        return
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    arguments = ("format", "--ignore-formatted", "-t", cluster_id, "-c", str(properties))
    subprocess.run(kafka_command("kafka.tools.StorageTool", *arguments), check=True)


def _flink(stack: Stack) -> None:
    folder = stack.data_dir / "flink"
    for name in ("conf", "tmp", "checkpoints"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (stack.logs_dir / "flink").mkdir(parents=True, exist_ok=True)
    for file in (flink_home() / "conf").iterdir():
        if file.name not in ("config.yaml", "log4j-console.properties"):
            shutil.copy2(file, folder / "conf" / file.name)
    config = flink_config(HOST, flink_ports(stack), stack.data_dir) | {"web.tmpdir": str(folder / "tmp")}
    replace_text(folder / "conf" / "config.yaml", config_yaml(config))
    replace_text(folder / "conf" / "log4j-console.properties", LOG4J_CONSOLE)


def airflow_login(stack: Stack) -> tuple[str, str]:
    """Airflow's user and its generated password, kept in the data folder; made at the first call."""
    path = stack.data_dir / "airflow" / "passwords.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, json.dumps({"admin": secrets.token_urlsafe(12)}))
    passwords: dict[str, str] = json.loads(path.read_text())
    return next(iter(passwords.items()))


def airflow_secrets(stack: Stack) -> dict[str, str]:
    """Airflow's generated keys, kept in its folder; made at the first call."""
    path = stack.data_dir / "airflow" / "secrets.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        keys = {
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        }
        replace_text(path, json.dumps(keys))
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def _airflow(stack: Stack) -> None:
    airflow_secrets(stack)
    airflow_login(stack)


def write_stack(stack: Stack, path: Path) -> None:
    """Leave the stack's settings where every other command finds them."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_text(path, stack.to_json())
