"""What the DAGs ask the read API, and how they judge its answers.

Imported by the DAG files from their own folder; knows nothing of the application's code. The address is GPUTICKER_API_URL.
"""

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

REQUEST_TIMEOUT_S = 10.0
LOOK_EVERY_S = 2.0
ASKED_ONCE_S = 15.0
"""A poll that began so shortly before it was asked for will do: the bridge does not poll again at once."""
NOT_SERVING = ("down", "quarantined")

Source = dict[str, Any]
"""One element of `/v1/providers`."""


class FeedUnreachable(Exception):
    """The read API did not answer, or not with what it documents."""


class FeedUnhealthy(Exception):
    """The read API answers, and what it says of the sources is not good enough."""


def connect() -> httpx.Client:
    """A client of the read API. Raises FeedUnreachable where no address is set."""
    address = os.environ.get("GPUTICKER_API_URL")
    if not address:
        raise FeedUnreachable("GPUTICKER_API_URL is not set: there is no read API to ask")
    return httpx.Client(base_url=address, timeout=REQUEST_TIMEOUT_S, trust_env=False)


def enabled_sources(client: httpx.Client) -> list[Source]:
    """Every source that is not switched off, as `/v1/providers` tells of it. Raises FeedUnreachable."""
    answer = _exchange(client, "GET", "/v1/providers", None)
    sources = answer.get("providers") if isinstance(answer, dict) else None
    if not isinstance(sources, list) or not all(isinstance(source, dict) and "source" in source for source in sources):
        raise FeedUnreachable("GET /v1/providers: `providers` is not a list of sources")
    return [source for source in sources if source.get("enabled", True) and source.get("health") != "off"]


def refresh(client: httpx.Client, source: str) -> None:
    """Ask the bridge to poll a source now. Raises FeedUnreachable."""
    _exchange(client, "POST", "/v1/refresh", {"source": source})


def cold(sources: Sequence[Source], now: datetime) -> list[str]:
    """The names of the sources whose snapshot is not wholly fresh."""
    return [source["source"] for source in sources if not is_warm(source, now)]


def is_warm(source: Source, now: datetime) -> bool:
    """Every offer of the source is fresh; where it has none to rent, it was polled well and lately."""
    fresh_s = source["fresh_s"]
    if not (source.get("fresh") or source.get("stale") or source.get("expired")):
        polled_at = source.get("polled_at")
        return (
            source.get("health") == "ok" and polled_at is not None and (now - datetime.fromisoformat(polled_at)).total_seconds() <= fresh_s
        )
    return source["age_s"] <= fresh_s and not source.get("stale") and not source.get("expired")


def wait_until_warm(client: httpx.Client, wait_s: float, sleep: Callable[[float], None] = time.sleep) -> list[Source]:
    """The enabled sources that are still cold after at most `wait_s`; those that the bridge has done its best for are not waited for."""
    began, deadline = utc_now(), time.monotonic() + wait_s
    while True:
        left = [source for source in enabled_sources(client) if not is_warm(source, utc_now())]
        if all(is_providers_fault(source, began) for source in left) or time.monotonic() >= deadline:
            return left
        sleep(LOOK_EVERY_S)


def is_providers_fault(source: Source, asked_at: datetime) -> bool:
    """A cold source that the bridge has polled since (or is keeping off with an open breaker), and whose poll did not go well."""
    if source.get("health") == "ok":
        return False
    polled_at = source.get("polled_at")
    since = asked_at - timedelta(seconds=ASKED_ONCE_S)
    return source.get("breaker") == "open" or (polled_at is not None and datetime.fromisoformat(polled_at) >= since)


def check_health(sources: Sequence[Source], max_down_s: float, now: datetime) -> str:
    """One line about the sources. Raises FeedUnhealthy when there is none, most are down, or one has been down for too long."""
    if not sources:
        raise FeedUnhealthy("no source is enabled: nothing feeds the market")
    down = [source for source in sources if source.get("health") in NOT_SERVING]
    told = "; ".join(_tell(source, now) for source in down)
    if len(down) * 2 > len(sources):
        raise FeedUnhealthy(f"{len(down)} of {len(sources)} sources are down: {told}")
    too_long = [source for source in down if (down_s := down_for_s(source, now)) is None or down_s > max_down_s]
    if too_long:
        raise FeedUnhealthy(f"down for more than {max_down_s:g} s: " + "; ".join(_tell(source, now) for source in too_long))
    return f"{len(sources) - len(down)} of {len(sources)} sources serve" + (f"; down: {told}" if down else "")


def down_for_s(source: Source, now: datetime) -> float | None:
    """Seconds since the source last fed the market; where it never did, the time its failed polls took. None: nobody knows.

    The older of its newest offer and its last good poll: a quarantined source is polled well, and nothing of it is served.
    """
    ages_s = [] if source.get("age_s") is None else [float(source["age_s"])]
    if source.get("last_success") is not None:
        ages_s.append((now - datetime.fromisoformat(source["last_success"])).total_seconds())
    if ages_s:
        return max(ages_s)
    failures, cadence_s = source.get("consecutive_failures"), source.get("cadence_s")
    if failures is not None and cadence_s is not None:
        return float(failures) * float(cadence_s)
    return None


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


def _tell(source: Source, now: datetime) -> str:
    seconds = down_for_s(source, now)
    since = "for an unknown time" if seconds is None else f"for {seconds:.0f} s"
    return f"{source['source']} {since} ({source.get('error') or source.get('health')})"


def _exchange(client: httpx.Client, method: str, path: str, body: dict[str, str] | None) -> Any:
    try:
        answer = client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()
    except httpx.HTTPStatusError as error:
        raise FeedUnreachable(f"{method} {path}: status {error.response.status_code}") from error
    except httpx.HTTPError as error:
        raise FeedUnreachable(f"{method} {path}: {type(error).__name__}: {error}") from error
    except ValueError as error:
        raise FeedUnreachable(f"{method} {path}: the answer is not JSON") from error
