"""Settings of `python -m flink_jobs`, from the environment.

A plain dataclass and not pydantic-settings: this runs in Flink's own environment, which has neither pydantic nor need of it.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "GPUTICKER_"
DEFAULT_WINDOW_S = 300


class SettingsInvalid(ValueError):
    """A setting is missing or makes no sense; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything is. `jars` are the connectors and the tolerant format, resolved to files."""

    kafka: str
    registry_url: str
    flink_url: str
    data_dir: Path
    jars: tuple[Path, ...]
    window_s: int = DEFAULT_WINDOW_S
    parallelism: int = 1
    flink_python: str = sys.executable

    @property
    def checkpoints(self) -> Path:
        """Flink's checkpoints, one folder per job id (see flink_jobs.conf)."""
        return self.data_dir.resolve() / "flink" / "checkpoints"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read GPUTICKER_*. Raises SettingsInvalid naming the variable."""

        def needed(name: str) -> str:
            value = environment.get(PREFIX + name)
            if not value:
                raise SettingsInvalid(f"{PREFIX}{name} is not set")
            return value

        def positive(name: str, default: int) -> int:
            text = environment.get(PREFIX + name) or str(default)
            if not text.isdecimal() or int(text) < 1:
                raise SettingsInvalid(f"{PREFIX}{name} is {text!r}: expected a whole number from 1 on")
            return int(text)

        def address(name: str) -> str:
            parts = urlsplit(needed(name))
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise SettingsInvalid(f"{PREFIX}{name} is {parts.geturl()!r}: expected an http address")
            return parts.geturl().rstrip("/")

        return cls(
            kafka=needed("KAFKA"),
            registry_url=address("REGISTRY_URL"),
            flink_url=address("FLINK_URL"),
            data_dir=Path(needed("DATA_DIR")),
            jars=_jars(needed("FLINK_JARS")),
            window_s=positive("WINDOW_S", DEFAULT_WINDOW_S),
            parallelism=positive("FLINK_PARALLELISM", 1),
            flink_python=environment.get(PREFIX + "FLINK_PYTHON") or sys.executable,
        )


def _jars(text: str) -> tuple[Path, ...]:
    """Jar files from a list of files and folders, separated as PATH is."""
    jars: list[Path] = []
    for entry in map(Path, text.split(os.pathsep)):
        found = sorted(entry.glob("*.jar")) if entry.is_dir() else [entry]
        if not found or not all(jar.is_file() for jar in found):
            raise SettingsInvalid(f"{PREFIX}FLINK_JARS: no jar at {entry}")
        jars += found
    return tuple(dict.fromkeys(jars))
