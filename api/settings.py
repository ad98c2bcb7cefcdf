"""The read API's settings, from the environment. Built once, in `__main__`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.vocabulary import Market


class ApiSettings(BaseSettings):
    """GPUTICKER_HOST, GPUTICKER_PORT and so on; docs/architecture.md says what each is."""

    model_config = SettingsConfigDict(env_prefix="GPUTICKER_", env_ignore_empty=True, extra="ignore")

    market: Market = "simulated"
    host: str = "127.0.0.1"
    port: int = Field(default=20080, ge=1, le=65535)
    redis_url: str = "redis://127.0.0.1:20379/0"
    clickhouse_url: str = "http://127.0.0.1:20123"
    clickhouse_database: str = "gputicker"
    clickhouse_user: str = "default"
    clickhouse_password: SecretStr = SecretStr("")
    window_s: float = Field(default=300.0, gt=0)
    log_level: str = "INFO"
