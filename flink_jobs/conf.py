"""Flink's configuration for the job manager and the task manager, sized for one small machine.

Numbers without a comment are Flink's own words for "small"; the measured sizes stand in docs/flink.md.
"""

import json
from collections.abc import Mapping
from pathlib import Path

PORT_NAMES = ("rest", "jobmanager_rpc", "blob", "taskmanager_rpc", "taskmanager_data")

JDK_MODULES = " ".join(
    [f"--add-exports={package}=ALL-UNNAMED" for package in ("java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5")]
    + [
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in (
            "java.lang",
            "java.lang.reflect",
            "java.net",
            "java.io",
            "java.nio",
            "java.text",
            "java.time",
            "java.util",
            "java.util.concurrent",
            "java.util.concurrent.atomic",
            "java.util.concurrent.locks",
            "sun.nio.ch",
        )
    ]
)
# Garbage that reads as a string of 2 GB must be refused, not allocated. The connector's jar carries Avro under a moved package,
# and moving packages rewrites property names too.
AVRO_LIMITS = " ".join(
    f"-D{package}.limits.{kind}.maxLength=1048576"
    for package in ("org.apache.avro", "org.apache.flink.avro.shaded.org.apache.avro")
    for kind in ("string", "bytes")
)
# Flink sets -Xms to -Xmx; what stands here comes later and wins: the heap grows with the load and is given back after it.
SMALL_HEAP = "-Xms64m -XX:MinHeapFreeRatio=20 -XX:MaxHeapFreeRatio=40"
# The quick compiler alone: a day's history (200,000 events) took the task manager 47 s of processor time instead of 65 s, and 395 MB
# instead of 463 MB. Far more events a second than one machine has would want the other one back.
QUICK_START = "-XX:TieredStopAtLevel=1"
JVM_ALL = f"{JDK_MODULES} {AVRO_LIMITS} -XX:+UseSerialGC -Xss512k {SMALL_HEAP} {QUICK_START}"

LOG4J_CONSOLE = """\
# Written by gputicker: one line per message on standard output, which the supervisor rotates.
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} - %m%n
logger.flink.name = org.apache.flink
logger.flink.level = WARN
logger.graph.name = org.apache.flink.runtime.executiongraph.ExecutionGraph
logger.graph.level = INFO
logger.dispatcher.name = org.apache.flink.runtime.dispatcher
logger.dispatcher.level = INFO
logger.checkpoints.name = org.apache.flink.runtime.checkpoint
logger.checkpoints.level = WARN
# Two inserts into one topic give two metrics one name: said at every restart, of no consequence.
logger.metrics.name = org.apache.flink.metrics.MetricGroup
logger.metrics.level = ERROR
"""


def flink_config(host: str, ports: Mapping[str, int], data_dir: Path | str) -> dict[str, str]:
    """Flink options by name for config.yaml, the same file for job manager and task manager.

    `ports` gives one port for each of PORT_NAMES (KeyError otherwise). Checkpoints, temporary files and uploads live under
    `data_dir`/flink. Write it with `config_yaml`.
    """
    port = {name: str(ports[name]) for name in PORT_NAMES}
    folder = Path(data_dir).resolve() / "flink"
    return {
        # Where each listens: nothing outside `host`.
        "rest.address": host,
        "rest.bind-address": host,
        "rest.port": port["rest"],
        "rest.bind-port": port["rest"],
        "jobmanager.rpc.address": host,
        "jobmanager.rpc.port": port["jobmanager_rpc"],
        "jobmanager.bind-host": host,
        "blob.server.port": port["blob"],
        "taskmanager.host": host,
        "taskmanager.bind-host": host,
        "taskmanager.rpc.port": port["taskmanager_rpc"],
        "taskmanager.data.port": port["taskmanager_data"],
        "io.tmp.dirs": str(folder / "tmp"),
        "web.submit.enable": "false",
        "web.cancel.enable": "false",
        # Memory.
        "env.java.opts.all": JVM_ALL,
        "jobmanager.memory.heap.size": "160m",
        "jobmanager.memory.off-heap.size": "64m",
        "jobmanager.memory.jvm-metaspace.size": "192m",
        "jobmanager.memory.jvm-overhead.min": "64m",
        "jobmanager.memory.jvm-overhead.max": "64m",
        "taskmanager.numberOfTaskSlots": "2",
        "taskmanager.memory.framework.heap.size": "64m",
        "taskmanager.memory.task.heap.size": "320m",
        "taskmanager.memory.managed.size": "16m",
        "taskmanager.memory.framework.off-heap.size": "64m",
        "taskmanager.memory.network.min": "32m",
        "taskmanager.memory.network.max": "32m",
        "taskmanager.memory.jvm-metaspace.size": "256m",
        "taskmanager.memory.jvm-overhead.min": "64m",
        "taskmanager.memory.jvm-overhead.max": "64m",
        "jobmanager.execution.failover-strategy": "region",
        # State: in memory, saved every few seconds, kept when the job is gone. Small state files stand inside _metadata.
        "state.backend.type": "hashmap",
        "execution.checkpointing.dir": (folder / "checkpoints").as_uri(),
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.num-retained": "2",
        # A killed job manager is back in seconds and its task manager must notice: a refused connection counts after two tries, a
        # pause of a busy machine only after the timeout. Defaults (10 s, 50 s, and 10 to 30 s between tries) took 35 s to reconnect.
        "heartbeat.interval": "2 s",
        "heartbeat.timeout": "20 s",
        "heartbeat.rpc-failure-threshold": "2",
        "cluster.registration.initial-timeout": "200 ms",
        "cluster.registration.max-timeout": "2 s",
        "cluster.registration.error-delay": "1 s",
        "cluster.registration.refused-registration-delay": "1 s",
        "taskmanager.registration.timeout": "1 h",
        "resourcemanager.standalone.start-up-time": "60 s",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1 s",
        "restart-strategy.exponential-delay.max-backoff": "30 s",
        "jobstore.expiration-time": "600",
    }


def config_yaml(config: Mapping[str, str]) -> str:
    """The text of Flink's config.yaml. JSON strings are YAML strings, and no value needs escaping."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in config.items())
