"""What the simulated market can be told, from the environment."""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """GPUTICKER_HOST, GPUTICKER_PORT and so on; `market` is `recorded` where only `bodies` is given."""

    model_config = SettingsConfigDict(env_prefix="GPUTICKER_", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: int = 20443
    seed: int = 1
    market: Literal["simulated", "recorded"] = "simulated"
    bodies: Path | None = None
    """Folder of recorded bodies with an index.json."""
    data_dir: Path = Path("data")
    sim_incidents: bool = True
    """Whether incidents happen by themselves."""
    sim_crowd: bool = True
    """Whether the live market is crowded: with some ten thousand offers; without, with the fifth of them that history has."""

    @model_validator(mode="after")
    def _market_fits_bodies(self) -> Self:
        if "market" not in self.model_fields_set and self.bodies is not None:
            self.market = "recorded"
        if self.market == "recorded" and self.bodies is None:
            raise ValueError("GPUTICKER_MARKET=recorded needs GPUTICKER_BODIES, a folder with an index.json")
        return self
