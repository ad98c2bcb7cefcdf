"""Polling: asks a source's slices, reads them, and brings its book and health up to date. Knows no Kafka and no Redis."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from adapters.base import Slice
from adapters.errors import AuthFailed, PayloadChanged, ProviderError, Transient
from adapters.http import Counters, ProviderClient, SliceAnswer
from adapters.models import Rejected
from adapters.rates import Rates
from bridge.reading import Reading, read_slice, too_many
from bridge.retry import RetryPolicy
from bridge.source import HealthRecord, Source
from schemas.vocabulary import Health

log = logging.getLogger(__name__)

POLL_S = 30.0
"""All a poll may take: every slice, every retry."""
ATTEMPT_S = 15.0
"""All one attempt at a slice may take."""
RETRY_WITHIN_S = 10.0
"""Attempts begin within this time: what fails slowly, or asks for a long pause, is left to the next poll, and known as down by then."""
DEGRADED_REJECTED_SHARE = 0.05


class SliceResult(msgspec.Struct, kw_only=True):
    """What asking one slice came to: `reading` and `answer`, or `error` (then `answer` where there was one)."""

    slice: str
    observed_at_ms: int
    reading: Reading | None = None
    answer: SliceAnswer | None = None
    error: ProviderError | None = None


class PollResult(msgspec.Struct, kw_only=True):
    """What one poll came to."""

    source: str
    health: HealthRecord
    slices: list[SliceResult]

    @property
    def rejected(self) -> list[Rejected]:
        """Rows that could not be read, also of the slices that were refused because of them."""
        rejected: list[Rejected] = []
        for part in self.slices:
            if part.reading is not None:
                rejected += part.reading.rejected
            elif isinstance(part.error, PayloadChanged):
                rejected += part.error.rejected
        return rejected


class Poller:
    """Polls sources. One for all of them: it keeps nothing of theirs."""

    def __init__(
        self,
        rates: Rates,
        *,
        retry: RetryPolicy | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        poll_s: float = POLL_S,
        attempt_s: float = ATTEMPT_S,
    ) -> None:
        self._rates = rates
        self._retry = retry or RetryPolicy()
        self._now = now
        self._clock = clock
        self._poll_s = poll_s
        self._attempt_s = attempt_s

    async def sweep(self, sources: Iterable[Source]) -> list[PollResult]:
        """Poll all these sources once, at the same time. One source's trouble is in its own result only."""
        return list(await asyncio.gather(*(self.poll(source) for source in sources if source.enabled)))

    async def poll(self, source: Source) -> PollResult:
        """Poll one source: its book, breaker and health are up to date afterwards. Never raises ProviderError."""
        if source.client is None:
            raise ValueError(f"{source.name} is off: {source.off_reason}")
        parts = source.next_slices()
        before = msgspec.structs.replace(source.client.counters)
        source.polled_at_ms = _ms(self._now())
        started = self._clock()
        # Waiting for one's turn, as the provider's limits ask for, is no delay of the provider's.
        waiting_s = source.pacing_s(parts)
        deadline = started + self._poll_s + waiting_s
        results = await asyncio.gather(*(self._ask(source, source.client, part, deadline, waiting_s) for part in parts))
        latency_ms = (self._clock() - started) * 1000
        self._guard_rejected(source, results)
        self._guard_empty(source, results)
        for result in results:
            self._take(source, result)
        source.cadence.polled()
        source.health = self._health(source, results, latency_ms, source.client.counters.since(before))
        log.debug("bridge/health %s", msgspec.json.encode(source.health).decode())
        return PollResult(source=source.name, health=source.health, slices=results)

    async def _ask(self, source: Source, client: ProviderClient, part: Slice, deadline: float, waiting_s: float) -> SliceResult:
        result = SliceResult(slice=part.name, observed_at_ms=source.polled_at_ms)

        async def attempt() -> SliceAnswer:
            # Not older than the question: a provider may answer from what it knew when it was asked.
            result.observed_at_ms = _ms(self._now())
            limit_s = min(self._attempt_s + waiting_s, max(deadline - self._clock(), 0.0))
            try:
                async with asyncio.timeout(limit_s):
                    return await client.fetch_slice(part)
            except TimeoutError as error:
                raise Transient(f"{source.name}: no whole answer within {limit_s:.0f} s") from error

        try:
            result.answer = await self._retry.run(attempt, deadline - self._poll_s + RETRY_WITHIN_S)
            observed_at = datetime.fromtimestamp(result.observed_at_ms / 1000, UTC)
            result.reading = await self._read(source, result.answer, observed_at)
        except ProviderError as error:
            result.error = error
        except Exception as error:
            # One source's trouble, whatever it is, must not end another's polling.
            log.exception("%s: slice %r failed unexpectedly", source.name, part.name)
            result.error = Transient(f"{source.name}: {type(error).__name__}")
        return result

    async def _read(self, source: Source, answer: SliceAnswer, observed_at: datetime) -> Reading:
        """What an answer holds; without reading it again where it is the one before, and its source's parse hangs on nothing else."""
        rates = dict(self._rates)
        reading = source.readings.of(answer.slice.name, answer.digest, rates) if source.adapter.conditional else None
        if reading is None:
            reading = await asyncio.to_thread(read_slice, source.adapter, answer.pages, observed_at, rates)
            if source.adapter.conditional:
                source.readings.keep(answer.slice.name, answer.digest, rates, reading)
        return reading

    def _guard_rejected(self, source: Source, results: Sequence[SliceResult]) -> None:
        """Many slices with a few unreadable rows each are one changed payload, too."""
        read = [result for result in results if result.reading is not None and result.reading.rejected]
        rejected = [row for result in read if result.reading for row in result.reading.rejected]
        if not too_many(len(rejected), sum(result.reading.rows for result in results if result.reading)):
            return
        for result in read:
            message = f"{source.name}: {len(rejected)} rows of {len(read)} slices cannot be read, the first: {rejected[0].reason}"
            result.error = PayloadChanged(message, field=rejected[0].field, rejected=result.reading.rejected if result.reading else ())
            result.reading = None

    def _guard_empty(self, source: Source, results: Sequence[SliceResult]) -> None:
        """An empty 200 is not 'no stock': it takes no offers away from a slice that may not be empty, nor all from a source."""
        read = [result for result in results if result.reading is not None]
        asked = {result.slice for result in read}
        unplaced = not source.book.completed_by(asked)
        kept = any(held.slice not in asked if held.slice is not None else unplaced for held in source.book.offers.values())
        nothing_left = bool(source.book.offers) and not kept and not any(r.reading.states for r in read if r.reading)
        for result in read:
            if result.reading is None or result.reading.states:
                continue
            had = source.book.held_in(result.slice)
            if (had and not source.may_be_empty) or nothing_left:
                result.reading = None
                result.error = PayloadChanged(f"{source.name}: empty answer where there were {had} offers", field="body")

    def _take(self, source: Source, result: SliceResult) -> None:
        if result.reading is None or result.answer is None:
            source.slice_errors[result.slice] = str(result.error)
            if source.client is not None:
                source.client.forget()
            return
        source.slice_errors.pop(result.slice, None)
        held = source.book.held_in(result.slice)
        changed = source.book.replace(result.slice, result.reading.states, result.answer.digest, result.observed_at_ms)
        if changed is not None:
            source.cadence.saw(changed, max(held, len(result.reading.states)))

    def _health(self, source: Source, results: Sequence[SliceResult], latency_ms: float, counted: Counters) -> HealthRecord:
        errors = [result.error for result in results if result.error is not None]
        offers = sum(len(result.reading.states) for result in results if result.reading)
        rejected = sum(len(result.reading.rejected) for result in results if result.reading)
        health: Health = "ok"
        if errors and len(errors) == len(results):
            health = "down"
        elif source.slice_errors or rejected > DEGRADED_REJECTED_SHARE * (offers + rejected):
            health = "degraded"
        self._tell_breaker(source, health, errors)
        if health != "down":
            source.last_success_ms = source.polled_at_ms
        return HealthRecord(
            source=source.name,
            provider=source.adapter.provider,
            market=source.market,
            polled_at_ms=source.polled_at_ms,
            latency_ms=round(latency_ms, 3),
            health=health,
            http_status=counted.last_status,
            offers=offers,
            rejected=rejected,
            requests=counted.requests,
            bytes=counted.bytes,
            breaker=source.breaker.state,
            consecutive_failures=source.breaker.failures,
            error=_in_one_line(source),
            last_success_ms=source.last_success_ms,
            cadence_s=source.cadence_s,
            cadence_fastest_s=source.cadence.fastest_s,
            cadence_slowest_s=source.cadence.slowest_s,
            changed=source.cadence.changed,
            unchanged_answers=counted.unchanged,
            bytes_saved=counted.bytes_saved,
        )

    def _tell_breaker(self, source: Source, health: Health, errors: Sequence[ProviderError]) -> None:
        if health != "down":
            source.breaker.succeeded()
        elif any(isinstance(error, AuthFailed) for error in errors):
            source.breaker.trip()
            log.error("%s: credential refused, resting for %.0f s: %s", source.name, source.breaker.wait_s(), errors[0])
        else:
            asked_s = max((error.retry_after_s or 0.0 for error in errors if isinstance(error, Transient)), default=0.0)
            source.breaker.failed(asked_s)
            if source.breaker.failures in (1, source.breaker.threshold):
                log.warning("%s: poll failed (%d in a row): %s", source.name, source.breaker.failures, errors[0])


def _in_one_line(source: Source) -> str | None:
    messages = list(dict.fromkeys(source.slice_errors.values()))
    if not messages:
        return None
    more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    return messages[0].replace("\n", " ")[:500] + more


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
