"""The bridge's settings, from the environment. Built once, in `__main__` and in `bridge.backfill`."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, SecretStr, create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.base import Adapter
from adapters.rates import EUR_USD, EUR_USD_DATE
from schemas.vocabulary import Market

SIMULATED_CREDENTIALS = ("sim-key", "sim-secret", "sim-project")
CONFIG = SettingsConfigDict(env_prefix="GPUTICKER_", env_ignore_empty=True, extra="ignore")


class BridgeSettings(BaseSettings):
    """Addresses and pace; docs/architecture.md says what each is."""

    model_config = CONFIG

    market: Market = "simulated"
    kafka: str = "127.0.0.1:20092"
    registry_url: str = "http://127.0.0.1:20081/apis/ccompat/v7"
    redis_url: str = "redis://127.0.0.1:20379/0"
    data_dir: Path = Path(".gputicker")
    upstream_url: str = ""
    upstream_ca: Path | None = None
    interval_s: float | None = Field(default=None, gt=0)
    observe_every_s: float = Field(default=60.0, gt=0)
    window_s: float = Field(default=300.0, gt=0)
    history_hours: float = Field(default=24.0, ge=0)
    archive_mb: int = Field(default=512, ge=0)
    eur_usd: str = EUR_USD
    eur_usd_date: str = EUR_USD_DATE
    sources_off: str = ""
    """Names of sources that are not polled, with commas between them."""
    sources_unsure: str = ""
    """Names of sources of confidence `unsure` that are polled live all the same."""
    log_level: str = "INFO"

    @property
    def observe_every_ms(self) -> int:
        """How often an unchanged offer is said again: at least twice a window, or short windows would miss live offers."""
        return int(min(self.observe_every_s, self.window_s / 2) * 1000)


class CredentialSettings(BaseSettings):
    """Base of `read_credentials`'s model: one optional SecretStr per credential that an adapter declares."""

    model_config = CONFIG


def read_credentials(adapters: Iterable[Adapter]) -> dict[str, SecretStr]:
    """The credentials that are set, by the name adapters declare them under (`GPUTICKER_<NAME>` in the environment)."""
    names = sorted({name for adapter in adapters for name in adapter.credential})
    fields = {name.lower(): (SecretStr | None, None) for name in names}
    model: CredentialSettings = create_model("Credentials", __base__=CredentialSettings, **fields)()  # type: ignore[call-overload]
    found: dict[str, SecretStr] = {}
    for name in names:
        value: SecretStr | None = getattr(model, name.lower())
        if value is not None and value.get_secret_value():
            found[name] = value
    return found


def off_reason(adapter: Adapter, settings: BridgeSettings, known: dict[str, SecretStr]) -> str | None:
    """Why this source is not polled; None where it is."""
    if switched_off(adapter.source, settings):
        return "switched off by GPUTICKER_SOURCES_OFF"
    if settings.market == "live" and adapter.confidence == "unsure" and adapter.source not in _names(settings.sources_unsure):
        return f"not sure that its answers are read right: GPUTICKER_SOURCES_UNSURE={adapter.source} polls it live"
    if credentials_for(adapter, settings.market, known) is None:
        missing = ", ".join(f"GPUTICKER_{credential}" for credential in adapter.credential if credential not in known)
        return f"{missing} is not set"
    return None


def switched_off(source: str, settings: BridgeSettings) -> bool:
    """Whether the operator wants this source not to be asked."""
    return source in _names(settings.sources_off)


def credentials_for(adapter: Adapter, market: Market, known: dict[str, SecretStr]) -> dict[str, str] | None:
    """What this adapter authenticates with in this market; None where a credential is missing, so that the source is off.

    The simulated market takes its own (any non-empty token); recorded bodies are asked for without any.
    """
    if market == "recorded" or not adapter.credential:
        return {}
    if market == "simulated":
        return dict(zip(adapter.credential, SIMULATED_CREDENTIALS, strict=False))
    if any(name not in known for name in adapter.credential):
        return None
    return {name: known[name].get_secret_value() for name in adapter.credential}


def _names(text: str) -> set[str]:
    return {name.strip() for name in text.split(",") if name.strip()}
