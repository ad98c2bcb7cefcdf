"""Keeps the exchange rates in use at the European Central Bank's newest, and in Redis, where others look and a restart finds them.

Depends on nothing but the bank; nothing waits for it longer than FIRST_S. While the bank is away the rates that are known stand, the fixed
ones of the settings at first, each labelled with its day.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
import redis.asyncio as redis

from adapters.base import Request
from adapters.ecb import DAILY, NINETY_DAYS, Ecb, read_daily, read_days
from adapters.errors import PayloadChanged, ProviderError, Transient
from adapters.fetch.client import ProviderClient
from adapters.fetch.transport import PooledTransport
from adapters.models import ExchangeRate
from adapters.rates import CurrentRates, PastRates, Rates, fixed_rates
from bridge.retry import RetryPolicy
from bridge.settings import BridgeSettings, switched_off
from bridge.snapshot import REDIS_ERRORS
from schemas.vocabulary import Market

log = logging.getLogger(__name__)

RATES_KEY = "gputicker:rates"
ASK_EVERY_S = Ecb.cadence.total_seconds()
FIRST_PAUSE_S = 60.0
"""After a failure; doubled with each further one, up to ASK_EVERY_S."""
RESTATE_S = 60.0
"""A Redis that was emptied meanwhile learns of the rates again."""
ATTEMPTS_S = 10.0
FIRST_S = 3.0

RateSource = Literal["ecb", "settings"]


class KeptRate(msgspec.Struct, frozen=True):
    """One rate: USD for one unit on a day, and who says so."""

    currency: str
    usd: Decimal
    date: str
    source: RateSource


class KeptRates(msgspec.Struct, frozen=True):
    """`gputicker:rates`. `error`: why the bank's newest answer, or a part of it, is not in use."""

    market: Market
    asked_at_ms: int | None
    answered_at_ms: int | None
    error: str | None
    rates: list[KeptRate]


class RateKeeper:
    """Asks the bank, and keeps what it says. Without a client (`off_reason` says why) the fixed rates stand."""

    def __init__(
        self,
        client: ProviderClient | None,
        redis_client: "redis.Redis",
        market: Market,
        fixed: Rates,
        *,
        off_reason: str | None = None,
        retry: RetryPolicy | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.rates = CurrentRates(fixed)
        self._fixed = fixed
        self._client = client
        self._redis = redis_client
        self._market = market
        self._retry = retry or RetryPolicy()
        self._now = now
        self._asked_at_ms: int | None = None
        self._answered_at_ms: int | None = None
        self._error = off_reason
        self._failures = 0
        self._due_ms = 0
        self._redis_away = False

    async def start(self) -> None:
        """Take what an earlier bridge knew; where there is nothing, give the bank FIRST_S to answer. Never raises."""
        await self._restore()
        if self._answered_at_ms is None:
            try:
                async with asyncio.timeout(FIRST_S):
                    await self.look()
            except TimeoutError:
                log.info("the European Central Bank has not answered within %.0f s: fixed rates for now", FIRST_S)

    async def run(self) -> None:
        """Ask hourly, sooner after a failure, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(RESTATE_S)

    async def look(self) -> None:
        """Ask the bank if it is time, and write what is known."""
        if self._client is not None and _ms(self._now()) >= self._due_ms:
            await self._ask(self._client)
        await self._write()

    async def aclose(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, client: ProviderClient) -> None:
        self._asked_at_ms = _ms(self._now())
        pause_s = ASK_EVERY_S
        try:
            refused = self.rates.take(await newest_rates(client, self._retry, self._now))
        except ProviderError as error:
            self._failures += 1
            self._error = str(error)
            asked_s = error.retry_after_s if isinstance(error, Transient) else None
            pause_s = max(min(FIRST_PAUSE_S * 2.0 ** (self._failures - 1), ASK_EVERY_S), asked_s or 0.0)
            log.warning("exchange rates stay as they are: %s", error)
        else:
            self._failures = 0
            self._answered_at_ms = self._asked_at_ms
            self._error = "; ".join(refused) or None
            if refused:
                log.error("exchange rates refused: %s", self._error)
        self._due_ms = self._asked_at_ms + int(pause_s * 1000)

    async def _restore(self) -> None:
        try:
            body = await self._redis.get(RATES_KEY)
            kept = None if body is None else msgspec.json.decode(body, type=KeptRates)
        except REDIS_ERRORS as error:
            log.warning("redis is away, no exchange rates restored: %s", type(error).__name__)
            return
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("exchange rates in redis cannot be read, starting without them: %s", error)
            return
        if kept is None or kept.market != self._market or self._client is None:
            return
        known = {rate.currency: rate for rate in kept.rates if rate.source == "ecb"}
        self.rates.take({name: ExchangeRate(currency=name, usd=rate.usd, date=rate.date) for name, rate in known.items()})
        self._answered_at_ms = kept.answered_at_ms if known else None

    async def _write(self) -> None:
        kept = KeptRates(self._market, self._asked_at_ms, self._answered_at_ms, self._error, self._kept())
        try:
            await self._redis.set(RATES_KEY, msgspec.json.encode(kept))
        except REDIS_ERRORS as error:
            if not self._redis_away:
                log.warning("redis is away, the exchange rates wait: %s", type(error).__name__)
            self._redis_away = True
        else:
            self._redis_away = False

    def _kept(self) -> list[KeptRate]:
        return [
            KeptRate(name, rate.usd, rate.date, "settings" if rate is self._fixed.get(name) else "ecb")
            for name, rate in sorted(self.rates.items())
        ]


def make_keeper(settings: BridgeSettings, redis_client: "redis.Redis") -> RateKeeper:
    """The keeper that the settings ask for. Raises ValueError for odd fixed rates."""
    reason = _off_reason(settings)
    fixed = fixed_rates(settings.eur_usd, settings.eur_usd_date)
    client = None if reason else bank(settings.upstream_url, settings.upstream_ca)
    return RateKeeper(client, redis_client, settings.market, fixed, off_reason=reason)


def bank(upstream_url: str, upstream_ca: Path | None) -> ProviderClient:
    """A client of the bank, or of the simulated one."""
    return ProviderClient(Ecb(), PooledTransport(upstream_url, upstream_ca), upstream_url=upstream_url)


async def newest_rates(client: ProviderClient, retry: RetryPolicy, now: Callable[[], datetime]) -> Rates:
    """The rates of the bank's newest day. Raises ProviderError."""
    return read_daily(await _text(client, DAILY, retry), now())


async def past_rates(settings: BridgeSettings, now: datetime) -> PastRates:
    """The rates of the 90 days before `now`; only the fixed ones where the bank does not answer. Never raises ProviderError."""
    fixed = fixed_rates(settings.eur_usd, settings.eur_usd_date)
    days: Mapping[date, Rates] = {}
    if not _off_reason(settings):
        async with bank(settings.upstream_url, settings.upstream_ca) as client:
            try:
                days = read_days(await _text(client, NINETY_DAYS, RetryPolicy()), now)
            except ProviderError as error:
                log.warning("fixed exchange rates for all of history: %s", error)
    past = PastRates(fixed, days)
    for line in past.refused:
        log.error("exchange rate refused: %s", line)
    return past


async def _text(client: ProviderClient, request: Request, retry: RetryPolicy) -> str:
    """The page's text. Raises ProviderError."""
    answer = await retry.run(lambda: client.fetch(request), retry.clock() + ATTEMPTS_S)
    if not isinstance(answer.page.body, str):
        raise PayloadChanged(f"ecb: {request.name} is no text", field="body")
    return answer.page.body


def _off_reason(settings: BridgeSettings) -> str | None:
    if switched_off(Ecb.source, settings):
        return "switched off by GPUTICKER_SOURCES_OFF"
    return "recorded answers hold no exchange rates" if settings.market == "recorded" else None


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
