"""Settings of the loader, from the environment (prefix GPUTICKER_)."""

from pydantic import Field

from clickhouse.migrate import MigrateSettings


class LoaderSettings(MigrateSettings):
    """What `python -m clickhouse.loader` reads; the addresses of ClickHouse and the retention are those of the migrations."""

    kafka: str = "127.0.0.1:20092"
    registry_url: str = "http://127.0.0.1:20081/apis/ccompat/v7"
    loader_group: str = "gputicker-loader"
    loader_session_s: float = Field(default=10.0, gt=0)
    """How long Kafka keeps the partitions for a loader that is silent, for one that comes back under its name."""
    loader_flush_s: float = Field(default=1.0, gt=0)
    """Longest time a record waits for others before its block is written."""
    loader_block_rows: int = Field(default=10_000, ge=1)
    """Records per block (topic and partition) at most."""
    loader_buffer_mb: int = Field(default=8, ge=1)
    """Values held before blocks are cut at once, flush time or not."""
