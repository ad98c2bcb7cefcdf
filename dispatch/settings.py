"""What dispatch is told from outside."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from GPUTICKER_* variables, once, in `__main__`."""

    model_config = SettingsConfigDict(env_prefix="GPUTICKER_", extra="ignore")

    api_url: str = "http://127.0.0.1:20080"
    data_dir: Path = Path(".gputicker")
    clickhouse_url: str = "http://127.0.0.1:20123"
    clickhouse_database: str = "gputicker"
    clickhouse_user: str = "default"
    clickhouse_password: SecretStr = SecretStr("")
