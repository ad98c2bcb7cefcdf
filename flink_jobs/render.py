"""The SQL of the job: templates in sql/ filled from the Avro schemas, the numbers of maths.py and the addresses.

Standard library only: this runs in Flink's own environment too.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import schemas
from flink_jobs import maths

SQL = Path(__file__).parent / "sql"
AVRO = Path(schemas.__file__).parent / "avro"
STATEMENT_END = re.compile(r";[ ]*$", re.MULTILINE)
TABLES = ("provider-prices", "price-windows", "price-anomalies")
SQL_TYPES = {"string": "STRING", "long": "BIGINT", "int": "INT", "double": "DOUBLE", "boolean": "BOOLEAN"}
RENTABLE = ("high", "medium", "low", "available")
WATERMARK_DELAY_S = 2
FUTURE_LIMIT_S = 60
MOST_MICROS = 10**10
"""10,000 USD per GPU-hour: beyond any price, and small enough for exact sums of squares."""


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What differs from one installation to another. Raises ValueError where a window is shorter than a second."""

    kafka: str
    registry_url: str
    window_s: int
    topics: tuple[str, ...] = TABLES
    """Names of the topics for offer events, windows and anomalies."""

    def __post_init__(self) -> None:
        if self.window_s < 1:
            raise ValueError(f"window_s is {self.window_s}: a window takes at least one second")


def statements(options: JobOptions) -> list[str]:
    """Every SQL statement of the job, in order, without the closing semicolon."""
    fields = _fields(options)
    found = []
    for path in sorted(SQL.glob("*.sql")):
        text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("--"))
        found += [Template(statement).substitute(fields).strip() for statement in STATEMENT_END.split(text) if statement.strip()]
    return found


def columns(avro: dict[str, Any]) -> str:
    """A record schema as SQL columns. Raises ValueError for a type that the job has no use for."""
    return ",\n  ".join(f"`{field['name']}` {_sql_type(field['name'], field['type'])}" for field in avro["fields"])


def _fields(options: JobOptions) -> dict[str, object]:
    trend_s = maths.trend_s(options.window_s)
    fields: dict[str, object] = {
        "kafka": _quoted(options.kafka),
        "registry_url": _quoted(options.registry_url),
        "window_interval": _interval(options.window_s),
        "window_ms": options.window_s * 1000,
        "trend_interval": _interval(trend_s),
        "trend_ms": trend_s * 1000,
        "watermark_delay": _interval(WATERMARK_DELAY_S),
        "believable": f"event_time_ms < (UNIX_TIMESTAMP() + {FUTURE_LIMIT_S}) * 1000",
        "most_micros": MOST_MICROS,
        "rentable": ", ".join(f"'{word}'" for word in RENTABLE),
        "baseline_least": maths.BASELINE_LEAST,
        "baseline_most_less_one": maths.BASELINE_MOST - 1,
        "z_limit": maths.Z_LIMIT,
        "sigma_floor": maths.SIGMA_FLOOR,
        "iqr_per_sigma": maths.IQR_PER_SIGMA,
        "market_move_providers": maths.MARKET_MOVE_PROVIDERS,
        "window_sd": _sd("n", "s1", "s2"),
        "offer_sd": f"CASE WHEN n > 1 THEN {_sd('n', 's1', 's2')} END",
        "baseline_sd": f"CASE WHEN base_n > 1 THEN {_sd('base_n', 'base_s1', 'base_s2')} / 2e0 END",
        "spike_id": _anomaly_id("provider", "window_start_ms"),
        "window_spike_id": _anomaly_id("provider", "window_start_ms"),
        "incident_id": _anomaly_id("provider", "run_start_ms"),
    }
    for name in ("price", "centre", "median", "base_median"):
        fields[f"{name}_text"] = f"COALESCE(CONCAT('$', CAST(CAST({name} / 1e6 AS DECIMAL(18, 4)) AS STRING)), 'unknown')"
    for name in ("z", "robust_z"):
        fields[f"{name}_text"] = f"COALESCE(CAST(CAST({name} AS DECIMAL(18, 1)) AS STRING), 'unknown')"
    for table, topic in zip(TABLES, options.topics, strict=True):
        avro = json.loads((AVRO / f"{table}.avsc").read_text())
        prefix = table.replace("-", "_")
        fields[f"{prefix}_topic"] = _quoted(topic)
        fields[f"{prefix}_columns"] = columns(avro)
        fields[f"{prefix}_schema"] = _quoted(json.dumps(avro, separators=(",", ":")))
    return fields


def _interval(seconds: int) -> str:
    """The inside of an INTERVAL ... DAY TO SECOND: plain SECOND takes two digits only."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{day} {hour:02}:{minute:02}:{second:02}"


def _sd(count: str, total: str, squares: str) -> str:
    """Sample standard deviation from exact integer sums: n * sum of squares - square of sum has no cancellation in DECIMAL."""
    return f"SQRT(GREATEST(0e0, CAST({count} * {squares} - {total} * {total} AS DOUBLE)) / {count} / ({count} - 1))"


def _anomaly_id(provider: str, start_ms: str) -> str:
    """gpu|price_type|provider|start of the first window; provider is empty for the market."""
    return f"CONCAT_WS('|', gpu, price_type, {provider}, CAST({start_ms} AS STRING))"


def _sql_type(name: str, avro_type: object) -> str:
    if isinstance(avro_type, str) and avro_type in SQL_TYPES:
        return f"{SQL_TYPES[avro_type]} NOT NULL"
    if isinstance(avro_type, list) and len(avro_type) == 2 and avro_type[0] == "null" and avro_type[1] in SQL_TYPES:
        return SQL_TYPES[avro_type[1]]
    raise ValueError(f"field {name}: no SQL type for the Avro type {avro_type!r}")


def _quoted(text: str) -> str:
    """Text for inside a quoted SQL string."""
    return text.replace("'", "''")
