"""Polling: asks a source's slices, reads them, has them judged, and brings its book and health up to date. Knows no Kafka and no Redis."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from adapters.base import Slice
from adapters.errors import AuthFailed, ProviderError, Transient
from adapters.fetch.client import Counters, ProviderClient, SliceAnswer
from adapters.rates import Rates
from bridge.guard import Guard
from bridge.reading import read_slice
from bridge.results import PollResult, SliceResult
from bridge.retry import RetryPolicy
from bridge.source import HealthRecord, Source
from schemas.vocabulary import Health

log = logging.getLogger(__name__)

POLL_S = 30.0
"""All a poll may take: every slice, every retry. Of a source that is polled seldom, longer."""
ATTEMPT_S = 15.0
"""All one attempt at a slice may take."""
RETRY_WITHIN_S = 10.0
"""Attempts begin within this time: what fails slowly, or asks for a long pause, is left to the next poll, and known as down by then."""
SELDOM_S, SELDOM_TIMES = 3600.0, 6.0
"""A list that is asked once an hour or less may take so many times as long: many long pages, one a second."""
DEGRADED_REJECTED_SHARE = 0.05
READ_AT_ONCE_BYTES = 64 * 1024
"""Answers up to this size are read in a few milliseconds on the event loop; a thread would wait longer for the interpreter's lock."""


class _Patience(NamedTuple):
    """How long an attempt may take; until when, by the poller's clock, another may begin, and the whole poll may last."""

    attempt_s: float
    attempts_until: float
    until: float


class Poller:
    """Polls sources. One for all of them: it keeps nothing of theirs."""

    def __init__(
        self,
        rates: Rates,
        *,
        guard: Guard | None = None,
        retry: RetryPolicy | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        poll_s: float = POLL_S,
        attempt_s: float = ATTEMPT_S,
    ) -> None:
        self._rates = rates
        self.guard = guard or Guard()
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
        patience = self._patience(source, parts, started)
        results = await asyncio.gather(*(self._ask(source, source.client, part, patience) for part in parts))
        latency_ms = (self._clock() - started) * 1000
        self.guard.judge(source, results)
        for result in results:
            self._take(source, result)
        source.cadence.polled()
        source.health = self._health(source, results, latency_ms, source.client.counters.since(before))
        log.debug("bridge/health %s", msgspec.json.encode(source.health).decode())
        return PollResult(source=source.name, health=source.health, slices=results)

    def _patience(self, source: Source, parts: Sequence[Slice], started: float) -> "_Patience":
        longer = SELDOM_TIMES if source.cadence_s >= SELDOM_S else 1.0
        # Waiting for one's turn, as the provider's limits ask for, is no delay of the provider's.
        waiting_s = source.pacing_s(parts)
        begun = started + waiting_s
        return _Patience(self._attempt_s * longer + waiting_s, begun + RETRY_WITHIN_S, begun + self._poll_s * longer)

    async def _ask(self, source: Source, client: ProviderClient, part: Slice, patience: "_Patience") -> SliceResult:
        result = SliceResult(slice=part.name, observed_at_ms=source.polled_at_ms)

        async def attempt() -> SliceAnswer:
            # Not older than the question: a provider may answer from what it knew when it was asked.
            result.observed_at_ms = _ms(self._now())
            limit_s = min(patience.attempt_s, max(patience.until - self._clock(), 0.0))
            try:
                async with asyncio.timeout(limit_s):
                    return await client.fetch_slice(part)
            except TimeoutError as error:
                raise Transient(f"{source.name}: no whole answer within {limit_s:.0f} s") from error

        try:
            result.answer = await self._retry.run(attempt, patience.attempts_until)
            observed_at = datetime.fromtimestamp(result.observed_at_ms / 1000, UTC)
            await self._read(source, result, result.answer, observed_at)
        except ProviderError as error:
            result.error = error
        except Exception as error:
            # One source's trouble, whatever it is, must not end another's polling.
            log.exception("%s: slice %r failed unexpectedly", source.name, part.name)
            result.error = Transient(f"{source.name}: {type(error).__name__}")
        return result

    async def _read(self, source: Source, result: SliceResult, answer: SliceAnswer, observed_at: datetime) -> None:
        """What an answer holds; without reading it again where it is the one before, and its source's parse hangs on nothing else."""
        rates = dict(self._rates)
        result.reading = source.readings.of(answer.slice.name, answer.digest, rates)
        if result.reading is not None:
            result.shape = self.guard.look(source, answer, observed_at, with_offers=bool(result.reading.states))
        else:
            if answer.size > READ_AT_ONCE_BYTES:
                await asyncio.to_thread(self._read_anew, source, result, answer, observed_at, rates)
            else:
                self._read_anew(source, result, answer, observed_at, rates)
            if result.reading is not None:
                source.readings.keep(answer.slice.name, answer.digest, rates, result.reading)

    def _read_anew(self, source: Source, result: SliceResult, answer: SliceAnswer, observed_at: datetime, rates: Rates) -> None:
        try:
            result.reading = read_slice(source.adapter, answer.pages, observed_at, rates)
        finally:
            result.shape = self.guard.look(
                source, answer, observed_at, with_offers=result.reading is not None and bool(result.reading.states)
            )

    def _take(self, source: Source, result: SliceResult) -> None:
        if result.withheld:
            return
        if result.reading is None or result.answer is None:
            source.slice_errors[result.slice] = str(result.error)
            if source.client is not None:
                source.client.forget()
            return
        source.slice_errors.pop(result.slice, None)
        if result.answer.trouble:
            source.slice_errors[result.slice] = result.answer.trouble
        held = source.book.held_in(result.slice)
        changed = source.book.replace(result.slice, result.reading.states, result.answer.digest, result.observed_at_ms)
        if changed is not None:
            source.cadence.saw(changed, max(held, len(result.reading.states)))

    def _health(self, source: Source, results: Sequence[SliceResult], latency_ms: float, counted: Counters) -> HealthRecord:
        held = self.guard.quarantine.of(source.name)
        errors = [result.error for result in results if result.error is not None and not result.withheld]
        offers = sum(len(result.reading.states) for result in results if result.reading)
        rejected = sum(len(result.reading.rejected) for result in results if result.reading)
        health: Health = "ok"
        if errors and len(errors) == len(results):
            health = "down"
        elif source.slice_errors or rejected > DEGRADED_REJECTED_SHARE * (offers + rejected):
            health = "degraded"
        self._tell_breaker(source, health, errors)
        if held is not None:
            health = "quarantined"
        elif health != "down":
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
            error=(held.why if held else None) or _in_one_line(source) or self.guard.note(source.name, source.polled_at_ms),
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
