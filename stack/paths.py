"""Where things stand in the checkout. Standard library only: setup reads this before anything is installed."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = ROOT / ".gputicker"
"""Everything that set-up downloads or builds outside the Python environments, and the default data folders."""

APP_ENV = ROOT / ".venv"
FLINK_ENV = ROOT / ".venv-flink"
AIRFLOW_ENV = ROOT / ".venv-airflow"

JARS_LOCK = ROOT / "stack" / "jars.lock"
JARS = INSTALLED / "jars"
REGISTRY = INSTALLED / "registry"
FORMAT_JAR = JARS / "gputicker-format.jar"
"""The tolerant Avro format for Flink, compiled at set-up from flink_jobs."""
STAMPS = INSTALLED / "stamps"

DATA_DIRS = {"simulated": INSTALLED / "data", "live": INSTALLED / "data-live", "recorded": INSTALLED / "data-recorded"}


def python(env: Path) -> Path:
    """The interpreter of one environment."""
    return env / "bin" / "python"
