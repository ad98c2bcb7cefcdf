"""How the DAGs judge what the read API tells them."""

import importlib.util
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api.answers import ProviderTold
from tests.dags.fake_api import rfc3339, source

FEED = Path(__file__).parents[2] / "dags" / "feed.py"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def load_feed() -> Any:
    """dags/ is no package: Airflow puts the folder on the path."""
    spec = importlib.util.spec_from_file_location("feed", FEED)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["feed"] = module
    spec.loader.exec_module(module)
    return module


feed = load_feed()


def client(*answers: httpx.Response | Exception) -> httpx.Client:
    """Answers these in turn, the last one again and again."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        told = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(told, Exception):
            raise told
        return told

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://read-api.test")


def providers(*sources: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"market": "simulated", "providers": list(sources)})


def down(name: str, for_s: float, **fields: Any) -> dict[str, Any]:
    since = NOW.timestamp() - for_s
    told = {"health": "down", "age_s": for_s, "last_success": datetime.fromtimestamp(since, UTC).isoformat(), "error": "status 500"}
    return source(name, **{**told, **fields})


NONE_TO_RENT = {"age_s": None, "offers": 0, "fresh": 0}


@pytest.mark.parametrize(
    ("fields", "warm"),
    [
        ({}, True),
        ({"age_s": 15.0}, True),
        ({"age_s": 15.1}, False),
        ({"stale": 1}, False),
        ({"expired": 1}, False),
        ({"fresh": 0, "stale": 0, "expired": 4, "age_s": 300.0}, False),
        ({**NONE_TO_RENT, "fresh_s": 3600.0}, True),
        ({**NONE_TO_RENT, "polled_at": "2026-01-01T00:00:00Z"}, False),
        ({**NONE_TO_RENT, "polled_at": None}, False),
        ({**NONE_TO_RENT, "health": "down"}, False),
    ],
)
def test_a_snapshot_is_warm_when_all_of_it_is_fresh(fields: dict[str, Any], warm: bool) -> None:
    now = datetime.now(UTC)
    assert feed.is_warm(source("lumen", **fields), now) is warm
    assert feed.cold([source("lumen", **fields)], now) == ([] if warm else ["lumen"])


def test_sources_that_are_switched_off_are_not_looked_at() -> None:
    answer = providers(source("a"), source("b", health="off"), source("c", enabled=False))
    assert [each["source"] for each in feed.enabled_sources(client(answer))] == ["a"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.Response(503),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"providers": {}}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"providers": [{"provider": "lumen"}]}),
    ],
)
def test_an_api_that_does_not_answer_as_documented_is_unreachable(answer: httpx.Response | Exception) -> None:
    with pytest.raises(feed.FeedUnreachable, match="/v1/providers"):
        feed.enabled_sources(client(answer))


def test_without_an_address_there_is_no_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPUTICKER_API_URL", raising=False)
    with pytest.raises(feed.FeedUnreachable, match="GPUTICKER_API_URL"):
        feed.connect()


def test_all_well_is_healthy() -> None:
    assert feed.check_health([source("a"), source("b", health="degraded")], 900, NOW) == "2 of 2 sources serve"


def test_half_may_be_down_for_a_while_and_is_named() -> None:
    verdict = feed.check_health([source("a"), down("b", 60)], 900, NOW)
    assert verdict == "1 of 2 sources serve; down: b for 60 s (status 500)"


def test_more_than_half_down_is_unhealthy() -> None:
    with pytest.raises(feed.FeedUnhealthy, match="2 of 3 sources are down: b for 60 s"):
        feed.check_health([source("a"), down("b", 60), down("c", 60, health="quarantined")], 900, NOW)


def test_one_down_for_too_long_is_unhealthy() -> None:
    sources = [source("a"), source("b"), down("c", 901)]
    with pytest.raises(feed.FeedUnhealthy, match=r"down for more than 900 s: c for 901 s \(status 500\)"):
        feed.check_health(sources, 900, NOW)
    feed.check_health(sources, 901, NOW)


def test_no_source_at_all_is_unhealthy() -> None:
    with pytest.raises(feed.FeedUnhealthy, match="no source is enabled"):
        feed.check_health([], 900, NOW)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 60.0),
        ({"last_success": None}, 60.0),
        ({"age_s": None}, 60.0),
        ({"age_s": 90.0}, 90.0),
        ({"age_s": 1.0}, 60.0),
        ({"last_success": None, "age_s": None, "consecutive_failures": 5, "cadence_s": 30.0}, 150.0),
        ({"last_success": None, "age_s": None, "consecutive_failures": 5, "cadence_s": None}, None),
    ],
)
def test_how_long_a_source_has_been_down(fields: dict[str, Any], seconds: float | None) -> None:
    assert feed.down_for_s(down("a", 60, **fields), NOW) == seconds


def test_a_source_that_never_answered_for_an_unknown_time_counts_as_too_long() -> None:
    never = down("c", 0, last_success=None, age_s=None, cadence_s=None)
    with pytest.raises(feed.FeedUnhealthy, match="c for an unknown time"):
        feed.check_health([source("a"), source("b"), never], 900, NOW)


def test_waiting_ends_when_everything_is_warm() -> None:
    waited: list[float] = []
    cold = source("lumen", age_s=40.0, polled_at=rfc3339(40))
    assert feed.wait_until_warm(client(providers(cold), providers(cold), providers(source("lumen"))), 60, waited.append) == []
    assert len(waited) == 2


def test_a_cold_source_that_is_not_polled_is_waited_for_and_then_told() -> None:
    waited: list[float] = []
    cold = source("lumen", age_s=400.0, polled_at=rfc3339(400), health="down")
    left = feed.wait_until_warm(client(providers(cold)), 0.0, waited.append)
    assert [each["source"] for each in left] == ["lumen"]
    assert not feed.is_providers_fault(cold, datetime.now(UTC))


@pytest.mark.parametrize(("polled_s_ago", "breaker"), [(1, "closed"), (400, "open")])
def test_a_source_that_was_polled_in_vain_is_not_waited_for(polled_s_ago: float, breaker: str) -> None:
    waited: list[float] = []
    failing = source("lumen", age_s=400.0, health="down", polled_at=rfc3339(polled_s_ago), breaker=breaker)
    assert feed.wait_until_warm(client(providers(failing)), 60, waited.append) == [failing]
    assert waited == []


def test_the_read_api_tells_what_is_judged_here() -> None:
    """Against the API's own type: neither side may drift."""
    assert source("lumen").keys() <= {field.encode_name for field in msgspec.structs.fields(ProviderTold)}
