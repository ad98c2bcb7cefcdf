"""`.env.example` holds every setting that a process or an adapter declares, and nothing else."""

import inspect
import re
from importlib import import_module
from pathlib import Path

from pydantic_settings import BaseSettings

from adapters.registry import discover

ROOT = Path(__file__).parents[2]
ROOMS = ("adapters", "bridge", "flink_jobs", "clickhouse", "api", "dispatch", "sim", "stack")
OF_COMPOSE = {
    "GPUTICKER_POSTGRES_PASSWORD",
    "GPUTICKER_AIRFLOW_FERNET_KEY",
    "GPUTICKER_AIRFLOW_SECRET_KEY",
    "GPUTICKER_AIRFLOW_JWT_SECRET",
}


def in_example() -> dict[str, str]:
    """Variable -> value, commented out or not."""
    found = re.findall(r"^#?(GPUTICKER_\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(found) == len(dict(found)), "a variable stands there twice"
    return dict(found)


def settings_modules() -> list[str]:
    """Every module of ours in whose text a settings class is written."""
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py") if re.search(r"class \w+\(\w*Settings\):", file.read_text())]
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]


def declared() -> set[str]:
    names: set[str] = set()
    for module in settings_modules():
        for value in vars(import_module(module)).values():
            if inspect.isclass(value) and issubclass(value, BaseSettings):
                assert value is BaseSettings or value.model_config["env_prefix"] == "GPUTICKER_", module
                names |= {f"GPUTICKER_{field.upper()}" for field in value.model_fields}
    # Flink's environment has no pydantic: flink_jobs.settings reads by these three helpers.
    read = re.findall(
        r"(?:needed|positive|address)\(\"([A-Z_]+)\"|PREFIX \+ \"([A-Z_]+)\"", (ROOT / "flink_jobs" / "settings.py").read_text()
    )
    return names | {f"GPUTICKER_{first or second}" for first, second in read}


def credentials() -> set[str]:
    return {f"GPUTICKER_{name}" for adapter in discover().values() for name in adapter.credential}


def test_settings_classes_are_found() -> None:
    assert {"bridge.settings", "api.settings", "sim.settings", "dispatch.settings", "stack.topics"} <= set(settings_modules())


def test_the_example_holds_what_is_declared_and_nothing_else() -> None:
    example = set(in_example())
    wanted = declared() | credentials() | OF_COMPOSE
    assert wanted - example == set(), "declared, and not in .env.example"
    assert example - wanted == set(), "in .env.example, and nobody reads it"


def test_secrets_are_empty_there() -> None:
    example = in_example()
    for name in credentials() | OF_COMPOSE:
        assert example[name] == ""
