"""How far the backfill is: in Redis, where others look, and in a file, because Redis forgets when it ends and Kafka does not."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import redis.asyncio as redis

from bridge.snapshot import BACKFILL_KEY, REDIS_ERRORS

log = logging.getLogger(__name__)


class Progress(msgspec.Struct):
    """`published_to_ms`: everything before it is in Kafka (event time, exclusive); None before the first checkpoint."""

    state: Literal["running", "done"] = "running"
    published_to_ms: int | None = None
    updated_at_ms: int = 0


class ProgressStore:
    """Reads and writes the backfill's progress under `data_dir` and in Redis."""

    def __init__(self, data_dir: Path, client: "redis.Redis") -> None:
        self._path = data_dir / "backfill.json"
        self._redis = client

    async def read(self) -> Progress | None:
        """The file's progress, else that of Redis; None where there is none, or Redis is away."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except FileNotFoundError:
            pass  # Another machine's backfill leaves no file here: Redis knows.
        except msgspec.DecodeError as error:
            log.warning("%s cannot be read, asking redis: %s", self._path.name, error)
        try:
            fields = await self._redis.hgetall(BACKFILL_KEY)
        except REDIS_ERRORS:
            return None
        if not fields:
            return None
        return msgspec.convert({_text(name): _text(value) for name, value in fields.items()}, Progress, strict=False)

    async def write(self, progress: Progress) -> None:
        """Write both. A Redis that is away is left behind: the file counts."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".part")
        unfinished.write_bytes(msgspec.json.encode(progress))
        unfinished.rename(self._path)
        fields: Mapping[Any, Any] = {name: value for name, value in msgspec.structs.asdict(progress).items() if value is not None}
        try:
            await self._redis.hset(BACKFILL_KEY, mapping=fields)
        except REDIS_ERRORS as error:
            log.warning("redis is away, the backfill's progress is in a file only: %s", type(error).__name__)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
