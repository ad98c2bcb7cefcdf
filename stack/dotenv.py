"""The checkout's .env: GPUTICKER_ lines, taken where the environment doesn't say otherwise."""

from collections.abc import MutableMapping
from pathlib import Path

from dotenv import dotenv_values


def read_dotenv(path: Path, environment: MutableMapping[str, str]) -> None:
    """Add the file's non-empty GPUTICKER_ variables; a missing file adds none."""
    for name, value in dotenv_values(path).items() if path.exists() else ():
        if name.startswith("GPUTICKER_") and value:
            environment.setdefault(name, value)
