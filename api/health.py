"""What the copy says of sources: how each one is, which are missing from an answer, and what works less well than it should."""

from collections.abc import Collection

from api import moments
from api.answers import DegradedTold, MissingTold, ProviderTold
from api.store import Copy, Store
from schemas.vocabulary import Health


def judge(copy: Copy, now_ms: int) -> tuple[Health, str | None]:
    """A source's health and why. The bridge's word, and `down` where the bridge has said nothing for stale_s."""
    told = copy.health
    if told is None:
        if copy.snapshot is None:
            return "down", "never polled"
        if now_ms - copy.snapshot.polled_at_ms > copy.stale_s * 1000:
            return "down", f"no poll for {moments.age_s(copy.snapshot.polled_at_ms, now_ms):.0f} s"
        return "ok", None
    if copy.is_off:
        return "off", told.error or "switched off"
    if told.health in ("ok", "degraded") and now_ms - told.polled_at_ms > told.stale_s * 1000:
        return "down", f"no poll for {moments.age_s(told.polled_at_ms, now_ms):.0f} s"
    return told.health, told.error


def missing(store: Store, now_ms: int, providers: Collection[str] = ()) -> list[MissingTold]:
    """The sources (of these providers, or of all) that lack offers now: down, quarantined, off, never seen, or with expired offers."""
    found = []
    for copy in _sorted(store):
        if providers and copy.provider not in providers:
            continue
        reason = _why_missing(copy, now_ms)
        if reason is not None:
            age_s = None if copy.newest_ms is None else moments.age_s(copy.newest_ms, now_ms)
            found.append(MissingTold(source=copy.name, reason=reason, age_s=age_s))
    return found


def degraded(store: Store, now_ms: int, redis_down_since_ms: int | None) -> list[DegradedTold]:
    """Redis while it is away, and the sources of which some slices or rows failed."""
    found = []
    if redis_down_since_ms is not None:
        away_s = moments.age_s(redis_down_since_ms, now_ms)
        found.append(DegradedTold(part="redis", reason=f"unreachable for {away_s:.0f} s: served from this process's copy"))
    for copy in _sorted(store):
        health, error = judge(copy, now_ms)
        if health == "degraded":
            found.append(DegradedTold(part=copy.name, reason=error or "degraded"))
    return found


def providers(store: Store, now_ms: int) -> list[ProviderTold]:
    """Every source, by name."""
    return [_provider(copy, now_ms) for copy in _sorted(store)]


def _sorted(store: Store) -> list[Copy]:
    return [store.copies[name] for name in sorted(store.copies)]


def _why_missing(copy: Copy, now_ms: int) -> str | None:
    health, error = judge(copy, now_ms)
    if health in ("down", "quarantined", "off"):
        return f"{health}: {error}" if error else health
    if copy.refused is not None:
        return copy.refused
    if copy.snapshot is None:
        return "no snapshot yet"
    expired = copy.counts(now_ms)[2]
    if expired:
        return f"{expired} of {len(copy.entries)} offers expired"
    return None


def _provider(copy: Copy, now_ms: int) -> ProviderTold:
    health, error = judge(copy, now_ms)
    fresh, stale, expired = copy.counts(now_ms)
    told, snapshot = copy.health, copy.snapshot
    polled_at_ms = told.polled_at_ms if told else snapshot.polled_at_ms if snapshot else None
    titled = told or snapshot
    return ProviderTold(
        source=copy.name,
        provider=copy.provider,
        title=(titled.title if titled else "") or copy.name,
        health=health,
        error=error or copy.refused,
        age_s=None if copy.newest_ms is None else moments.age_s(copy.newest_ms, now_ms),
        offers=fresh + stale,
        fresh=fresh,
        stale=stale,
        expired=expired,
        latency_ms=told.latency_ms if told else None,
        http_status=told.http_status if told else None,
        rejected=told.rejected if told else 0,
        breaker=told.breaker if told else "closed",
        consecutive_failures=told.consecutive_failures if told else 0,
        polled_at=None if polled_at_ms is None else moments.tell_ms(polled_at_ms),
        last_success=None if told is None or told.last_success_ms is None else moments.tell_ms(told.last_success_ms),
        cadence_s=titled.cadence_s if titled else None,
        cadence_fastest_s=told.cadence_fastest_s if told else None,
        cadence_slowest_s=told.cadence_slowest_s if told else None,
        changed=told.changed if told else 0,
        unchanged_answers=told.unchanged_answers if told else 0,
        bytes_saved=told.bytes_saved if told else 0,
        fresh_s=copy.fresh_s,
        stale_s=copy.stale_s,
        enabled=told.enabled if told else True,
        terms=told.terms if told else "",
        docs_url=told.docs_url if told else "",
        confidence=told.confidence if told else "",
    )
