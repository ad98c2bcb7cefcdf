"""Flink's settings inside docker-compose.yml: `python -m stack.compose` writes them again after flink_jobs.conf has changed."""

import re
import sys

from flink_jobs.conf import flink_config
from stack.paths import ROOT
from stack.settings import Stack

COMPOSE = ROOT / "docker-compose.yml"
BLOCK = re.compile(r"(?<=    FLINK_PROPERTIES: \|\n)(?:      .*\n)+")


def flink_properties(stack: Stack) -> dict[str, str]:
    """The embedded configuration for containers: found by service names, listening on every address of their own network."""
    ports = flink_ports(stack)
    properties = flink_config("0.0.0.0", ports, "/data")  # noqa: S104 - inside a container
    properties |= {"rest.address": "flink-jobmanager", "jobmanager.rpc.address": "flink-jobmanager"}
    del properties["taskmanager.host"]
    return properties


def flink_ports(stack: Stack) -> dict[str, int]:
    """The ports that flink_jobs.conf asks for, by its names."""
    return {
        "rest": stack.port("flink"),
        "jobmanager_rpc": stack.port("flink_rpc"),
        "blob": stack.port("flink_blob"),
        "taskmanager_rpc": stack.port("flink_taskmanager_rpc"),
        "taskmanager_data": stack.port("flink_taskmanager_data"),
    }


def main() -> int:
    """Rewrite the block."""
    lines = "".join(f"      {name}: {value}\n" for name, value in flink_properties(Stack()).items())
    COMPOSE.write_text(BLOCK.sub(lambda _: lines, COMPOSE.read_text(), count=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
