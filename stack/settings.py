"""One stack's settings: market, folder, ports, addresses. Nothing here touches the machine."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from stack.paths import DATA_DIRS

HOST = "127.0.0.1"
PORT_BASE = 20000
STATE_FILE = "stack.json"
OPTIONAL_PARTS = ("airflow", "flink")
MARKETS = ("simulated", "recorded", "live")

PORTS = {
    "api": 80,
    "registry": 81,
    "flink": 82,
    "flink_rpc": 83,
    "flink_blob": 84,
    "flink_taskmanager_rpc": 85,
    "flink_taskmanager_data": 86,
    "registry_management": 87,
    "airflow": 88,
    "kafka": 92,
    "kafka_controller": 93,
    "clickhouse": 123,
    "redis": 379,
    "sim": 443,
}
"""Port name -> offset from the port base."""

REGISTRY_PATH = "/apis/ccompat/v7"
CLICKHOUSE_DATABASE = "gputicker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One stack on this machine. `without` names the optional parts that are left out."""

    market: str = "simulated"
    data_dir: Path = DATA_DIRS["simulated"]
    port_base: int = PORT_BASE
    without: tuple[str, ...] = ()
    window_s: int = 300
    history_hours: float = 24
    interval_s: float | None = 5.0
    bodies: Path | None = None
    seed: int = 1

    def port(self, name: str) -> int:
        """The port of one entry of PORTS."""
        return self.port_base + PORTS[name]

    @property
    def urls(self) -> dict[str, str]:
        """The addresses of the doors, by the names that `status --json` uses. Parts that are left out are absent."""
        urls = {
            "api": f"http://{HOST}:{self.port('api')}",
            "clickhouse": f"http://{HOST}:{self.port('clickhouse')}",
            "kafka": f"{HOST}:{self.port('kafka')}",
            "registry": f"http://{HOST}:{self.port('registry')}{REGISTRY_PATH}",
            "redis": f"redis://{HOST}:{self.port('redis')}/0",
        }
        if "flink" not in self.without:
            urls["flink"] = f"http://{HOST}:{self.port('flink')}"
        if "airflow" not in self.without:
            urls["airflow"] = f"http://{HOST}:{self.port('airflow')}"
        if self.market != "live":
            urls["sim"] = f"https://{HOST}:{self.port('sim')}"
        return urls

    @property
    def run_dir(self) -> Path:
        """Where what is running leaves its records: pids, starts, the supervisor's socket."""
        return self.data_dir / "run"

    @property
    def logs_dir(self) -> Path:
        """The services' logs."""
        return self.data_dir / "logs"

    @property
    def sim_ca(self) -> Path:
        """The simulated market's CA certificate (PEM)."""
        return self.data_dir / "sim" / "ca.pem"

    def to_json(self) -> str:
        """This stack as JSON text."""
        return json.dumps({**asdict(self), "data_dir": str(self.data_dir), "bodies": self.bodies and str(self.bodies)}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Stack":
        """The stack of `to_json`."""
        fields = json.loads(text)
        bodies = fields["bodies"]
        return cls(
            **{
                **fields,
                "data_dir": Path(fields["data_dir"]),
                "bodies": Path(bodies) if bodies else None,
                "without": tuple(fields["without"]),
            }
        )
