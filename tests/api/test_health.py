"""What a source is told as: how it is asked, and under which terms."""

from typing import Any

from api.health import providers
from api.store import Store
from tests.api.market import NOW_MS, health, snapshot


def test_a_source_tells_its_pace_and_its_terms() -> None:
    limits: dict[str, Any] = {"cadence_s": 38.4, "fresh_s": 57.6, "stale_s": 153.6}
    pace: dict[str, Any] = {**limits, "cadence_fastest_s": 30.0, "cadence_slowest_s": 60.0}
    seen = {"changed": 7, "unchanged_answers": 2, "bytes_saved": 20_480}
    facts: dict[str, Any] = {"terms": "https://vast.example/terms", "docs_url": "https://vast.example/docs", "confidence": "unsure"}
    store = Store("simulated")
    store.take("vast", snapshot("vast", [], **limits), health("vast", **pace, **seen, **facts))
    told = providers(store, NOW_MS)[0]
    assert {name: getattr(told, name) for name in {**pace, **seen, **facts}} == {**pace, **seen, **facts}


def test_a_source_that_is_off_says_why_and_keeps_its_terms() -> None:
    store = Store("simulated")
    why = "switched off by GPUTICKER_SOURCES_OFF"
    store.take("vast", None, health("vast", health="off", enabled=False, error=why, terms="https://vast.example/terms"))
    told = providers(store, NOW_MS)[0]
    assert (told.health, told.enabled, told.error, told.terms) == ("off", False, why, "https://vast.example/terms")
