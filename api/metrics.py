"""Prometheus text: what was counted here, and what the store and the feed say when they are looked at."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping

from api import health, moments
from api.answers import usd
from api.feed import Feed
from api.history import History
from api.store import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0)


class Metrics:
    """Requests and their latencies, by route."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS_S) + 1))
        self._seconds: dict[str, float] = defaultdict(float)

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request answered."""
        self._requests[route, method, status] += 1
        self._buckets[route][bisect_left(BOUNDS_S, seconds)] += 1
        self._seconds[route] += seconds

    def lines(self) -> Iterable[str]:
        """What was counted, as Prometheus text."""
        yield "# HELP gputicker_api_requests_total Requests answered."
        yield "# TYPE gputicker_api_requests_total counter"
        for (route, method, status), count in sorted(self._requests.items()):
            yield _sample("gputicker_api_requests_total", {"route": route, "method": method, "status": str(status)}, count)
        yield "# HELP gputicker_api_request_seconds Seconds from a request's arrival in Python to its answer."
        yield "# TYPE gputicker_api_request_seconds histogram"
        for route, buckets in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), buckets, strict=True):
                total += count
                yield _sample("gputicker_api_request_seconds_bucket", {"route": route, "le": bound}, total)
            yield _sample("gputicker_api_request_seconds_sum", {"route": route}, self._seconds[route])
            yield _sample("gputicker_api_request_seconds_count", {"route": route}, total)


def render(metrics: Metrics, store: Store, feed: Feed, history: History, now_ms: int) -> bytes:
    """The whole page."""
    return ("\n".join([*metrics.lines(), *_market_lines(store, now_ms), *_part_lines(feed, history, now_ms)]) + "\n").encode()


def _market_lines(store: Store, now_ms: int) -> Iterable[str]:
    told = health.providers(store, now_ms)
    yield from _gauge("gputicker_offers", "Offers held, by freshness; expired ones are not served.", _by_freshness(store.counts(now_ms)))
    yield from _gauge(
        "gputicker_source_offers",
        "The same by source.",
        [
            ({"source": source.source, "freshness": freshness}, count)
            for source in told
            for freshness, count in (("fresh", source.fresh), ("stale", source.stale), ("expired", source.expired))
        ],
    )
    yield from _gauge(
        "gputicker_source_age_seconds",
        "Since the source's newest offer was seen.",
        [({"source": source.source}, source.age_s) for source in told if source.age_s is not None],
    )
    yield from _gauge(
        "gputicker_source_health",
        "1 at the state a source is in.",
        [({"source": source.source, "health": source.health}, 1) for source in told],
    )
    cheapest: dict[tuple[str, str, str], int] = {}
    for entry in store.by_price():
        if entry.stale_until_ms >= now_ms and entry.rentable and entry.offer.in_market_stats:
            cheapest.setdefault((entry.gpu, entry.price_type, entry.provider), entry.micros)
    yield from _gauge(
        "gputicker_price_usd_per_gpu_hour",
        "The cheapest rentable offer, USD per GPU and hour.",
        [({"gpu": gpu, "price_type": kind, "provider": provider}, usd(price)) for (gpu, kind, provider), price in sorted(cheapest.items())],
    )


def _part_lines(feed: Feed, history: History, now_ms: int) -> Iterable[str]:
    away_s = 0.0 if feed.down_since_ms is None else moments.age_s(feed.down_since_ms, now_ms)
    yield from _gauge("gputicker_redis_up", "1 while Redis answers this process.", [({}, int(feed.down_since_ms is None))])
    yield from _gauge("gputicker_redis_down_seconds", "Since Redis stopped answering; 0 while it does.", [({}, away_s)])
    yield from _gauge("gputicker_clickhouse_up", "1 while ClickHouse answers this process.", [({}, int(history.up is True))])
    yield "# HELP gputicker_refresh_asked_total Refreshes that this process asked the bridge for."
    yield "# TYPE gputicker_refresh_asked_total counter"
    for source, count in sorted(feed.refreshes_asked.items()):
        yield _sample("gputicker_refresh_asked_total", {"source": source}, count)


def _by_freshness(counts: tuple[int, int, int]) -> list[tuple[Mapping[str, str], float | str]]:
    return [({"freshness": name}, count) for name, count in zip(("fresh", "stale", "expired"), counts, strict=True)]


def _gauge(name: str, about: str, samples: Iterable[tuple[Mapping[str, str], float | str]]) -> Iterable[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        yield _sample(name, labels, value)


def _sample(name: str, labels: Mapping[str, str], value: float | str) -> str:
    if not labels:
        return f"{name} {value}"
    told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{told}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
