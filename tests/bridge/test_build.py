"""Which sources are polled, and what is said of those that are not."""

import pytest
from pydantic import SecretStr

from adapters.registry import discover
from bridge.build import build_sources
from bridge.settings import BridgeSettings
from schemas.vocabulary import Market

ADAPTERS = discover()
UNSURE = sorted(name for name, adapter in ADAPTERS.items() if adapter.confidence == "unsure")
ALL_CREDENTIALS = {name: SecretStr("x") for adapter in ADAPTERS.values() for name in adapter.credential}


def off(settings: BridgeSettings, known: dict[str, SecretStr]) -> dict[str, str | None]:
    return {name: source.off_reason for name, source in build_sources(settings, ADAPTERS, known).items() if not source.enabled}


def test_live_a_source_that_nobody_is_sure_of_is_off_and_says_why() -> None:
    assert UNSURE
    found = off(BridgeSettings(market="live"), ALL_CREDENTIALS)
    assert sorted(found) == UNSURE
    source = build_sources(BridgeSettings(market="live"), ADAPTERS, ALL_CREDENTIALS)[UNSURE[0]]
    assert source.health is not None
    assert source.health.health == "off"
    assert source.health.error == f"not sure that its answers are read right: GPUTICKER_SOURCES_UNSURE={UNSURE[0]} polls it live"


def test_live_an_operator_may_poll_it_all_the_same() -> None:
    assert off(BridgeSettings(market="live", sources_unsure=f" {UNSURE[0]} ,other"), ALL_CREDENTIALS).keys() == set(UNSURE[1:])


@pytest.mark.parametrize("market", ["simulated", "recorded"])
def test_only_live_is_anything_off_for_that(market: Market) -> None:
    assert off(BridgeSettings(market=market, upstream_url="https://127.0.0.1:1"), {}) == {}


def test_any_source_can_be_switched_off() -> None:
    found = off(BridgeSettings(market="simulated", upstream_url="https://127.0.0.1:1", sources_off="vast, azure"), {})
    assert found == dict.fromkeys(("azure", "vast"), "switched off by GPUTICKER_SOURCES_OFF")


def test_a_missing_credential_is_named() -> None:
    found = off(BridgeSettings(market="live"), {})
    assert found["tencent"] == "GPUTICKER_TENCENT_SECRET_ID, GPUTICKER_TENCENT_SECRET_KEY is not set"
