"""Settings of the server, from the environment (prefix GPUTICKER_)."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerSettings(BaseSettings):
    """What `python -m clickhouse.server` reads."""

    model_config = SettingsConfigDict(env_prefix="GPUTICKER_", extra="ignore")

    host: str = "127.0.0.1"
    port: int = 20123
    data_dir: Path = Path("data")
    clickhouse_database: str = Field(default="gputicker", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    clickhouse_user: str = "default"
    clickhouse_password: SecretStr = SecretStr("")
    clickhouse_max_body_mb: int = Field(default=256, ge=1)
    """Largest request body, compressed or not, and a quarter of what all requests may hold at once."""
    clickhouse_max_queries: int = Field(default=24, ge=1)
    """Statements running at once; more wait."""
    clickhouse_max_memory_mb: int = Field(default=1500, ge=256)
    """The engine's own limit (max_server_memory_usage)."""
