"""What each route does: parameters in, JSON bytes out. Offers come from the store alone; only history and refresh wait for anything."""

from collections.abc import Callable, Collection

import msgspec

from api import gpus, health, listing, moments, rates, review
from api.answers import (
    AnomaliesTold,
    GpusTold,
    HistoryTold,
    OfferCounts,
    ProvidersTold,
    RefreshTold,
    ReviewTold,
    StatusTold,
    WindowsTold,
)
from api.errors import BadParameter, Unavailable
from api.feed import REDIS_ERRORS, Feed
from api.history import History
from api.params import (
    AnomaliesParameters,
    CheapestParameters,
    GpusParameters,
    HistoryParameters,
    NoParameters,
    OffersParameters,
    RefreshBody,
    WindowsParameters,
)
from api.store import Entry, Store

STUCK_AFTER_MS = 60_000
"""The feed tries Redis every few seconds; one that has not tried for so long hangs."""
RETRY_AFTER_S = 5

encode = msgspec.json.Encoder().encode


class Service:
    """The read API without HTTP. `clock_ms` is Unix milliseconds."""

    def __init__(self, store: Store, feed: Feed, history: History, clock_ms: Callable[[], int], window_s: float) -> None:
        self.store = store
        self.feed = feed
        self.history = history
        self.clock_ms = clock_ms
        self._window_s = window_s

    def offers(self, parameters: OffersParameters) -> bytes:
        """OffersTold. Raises BadParameter, and Unavailable where no offer of any source is servable."""
        now_ms = self._servable_now()
        page = listing.page(self.store, parameters, now_ms)
        return self._envelope(page.entries, page.total, page.next_cursor, parameters.provider, now_ms)

    def cheapest(self, parameters: CheapestParameters) -> bytes:
        """OffersTold, one offer per GPU and price type. Raises as `offers`."""
        now_ms = self._servable_now()
        entries = listing.cheapest(self.store, parameters, now_ms)
        return self._envelope(entries, len(entries), None, parameters.provider, now_ms)

    def providers(self, parameters: NoParameters) -> bytes:
        """ProvidersTold, also while nothing is servable: that is when one wants to know."""
        now_ms = self.clock_ms()
        return encode(
            ProvidersTold(
                market=self.store.market,
                as_of=moments.tell_ms(now_ms),
                providers=health.providers(self.store, now_ms),
                offers=self._counts(now_ms),
                degraded=health.degraded(self.store, now_ms, self.feed.down_since_ms),
            )
        )

    def rates(self, parameters: NoParameters) -> bytes:
        """RatesTold. Raises Unavailable where the bridge has not said yet."""
        now_ms = self.clock_ms()
        if self.store.rates is None:
            raise Unavailable("no exchange rates have been seen yet", RETRY_AFTER_S)
        return encode(rates.told(self.store.rates, now_ms))

    def gpus(self, parameters: GpusParameters) -> bytes:
        """GpusTold, also while nothing is servable. Raises BadParameter."""
        now_ms = self.clock_ms()
        found = gpus.told(self.store, parameters, now_ms)
        return encode(GpusTold(market=self.store.market, as_of=moments.tell_ms(now_ms), count=len(found), gpus=found))

    async def review(self, parameters: NoParameters) -> bytes:
        """ReviewTold. Raises Unavailable while Redis is away."""
        try:
            held = await self.feed.review()
        except REDIS_ERRORS as error:
            raise Unavailable(f"Redis does not answer ({type(error).__name__}): the review list stands there", RETRY_AFTER_S) from error
        names = review.told(held, self.store.market)
        return encode(ReviewTold(market=self.store.market, as_of=moments.tell_ms(self.clock_ms()), count=len(names), names=names))

    async def windows(self, parameters: WindowsParameters) -> bytes:
        """WindowsTold. Raises BadParameter and Unavailable."""
        windows = await self.history.windows(parameters)
        as_of = moments.tell_ms(self.clock_ms())
        return encode(WindowsTold(market=self.store.market, as_of=as_of, count=len(windows), windows=windows))

    async def anomalies(self, parameters: AnomaliesParameters) -> bytes:
        """AnomaliesTold. Raises BadParameter and Unavailable."""
        anomalies = await self.history.anomalies(parameters)
        as_of = moments.tell_ms(self.clock_ms())
        return encode(AnomaliesTold(market=self.store.market, as_of=as_of, count=len(anomalies), anomalies=anomalies))

    async def price_history(self, parameters: HistoryParameters) -> bytes:
        """HistoryTold. Raises BadParameter and Unavailable."""
        now_ms = self.clock_ms()
        series = await self.history.series(parameters, moments.from_ms(now_ms))
        return encode(
            HistoryTold(
                market=self.store.market, as_of=moments.tell_ms(now_ms), hours=parameters.hours, window_s=self._window_s, series=series
            )
        )

    async def refresh(self, body: RefreshBody) -> bytes:
        """RefreshTold. Raises BadParameter for a source the bridge does not know, Unavailable while Redis is away."""
        if body.source not in self.store.copies and self.store.copies:
            raise BadParameter("source", f"there is no source {body.source!r}; /v1/providers lists them")
        try:
            asked = await self.feed.ask(body.source)
        except REDIS_ERRORS as error:
            raise Unavailable(f"Redis does not answer ({type(error).__name__}): nobody can be asked", RETRY_AFTER_S) from error
        return encode(RefreshTold(source=body.source, asked=asked))

    def alive(self) -> StatusTold:
        """How the process is. `failing` where the feed hangs: only a restart helps then."""
        now_ms = self.clock_ms()
        stuck_ms = now_ms - self.feed.tried_at_ms
        if stuck_ms > STUCK_AFTER_MS:
            return self._status("failing", f"redis was last tried {stuck_ms // 1000} s ago", now_ms)
        return self._status("ok", None, now_ms)

    def ready(self) -> StatusTold:
        """Whether offers can be served: at least one is fresh or stale."""
        now_ms = self.clock_ms()
        if self.store.servable(now_ms):
            return self._status("ready", None, now_ms)
        return self._status("not_ready", self._nothing_servable(), now_ms)

    def _servable_now(self) -> int:
        now_ms = self.clock_ms()
        if not self.store.servable(now_ms):
            raise Unavailable(self._nothing_servable(), RETRY_AFTER_S)
        return now_ms

    def _nothing_servable(self) -> str:
        redis = "" if self.feed.down_since_ms is None else "; Redis does not answer"
        if any(copy.entries for copy in self.store.copies.values()):
            return f"every offer has expired{redis}"
        return f"no offer has been seen yet{redis}"

    def _envelope(self, entries: list[Entry], total: int, next_cursor: str | None, providers: Collection[str], now_ms: int) -> bytes:
        """An OffersTold, put together from the offers' own ready bytes."""
        return b'{"market":%b,"as_of":"%b","count":%d,"total":%d,"next_cursor":%b,"offers":[%b],"missing":%b,"degraded":%b}' % (
            encode(self.store.market),
            moments.tell_ms(now_ms).encode(),
            len(entries),
            total,
            encode(next_cursor),
            b",".join([entry.told(now_ms) for entry in entries]),
            encode(health.missing(self.store, now_ms, providers)),
            encode(health.degraded(self.store, now_ms, self.feed.down_since_ms)),
        )

    def _counts(self, now_ms: int) -> OfferCounts:
        fresh, stale, expired = self.store.counts(now_ms)
        return OfferCounts(fresh=fresh, stale=stale, expired=expired)

    def _status(self, status: str, message: str | None, now_ms: int) -> StatusTold:
        clickhouse = {None: "unknown", True: "up", False: "down"}[self.history.up]
        return msgspec.convert(
            {
                "status": status,
                "redis": "up" if self.feed.down_since_ms is None else "down",
                "clickhouse": clickhouse,
                "offers": self._counts(now_ms),
                "message": message,
            },
            StatusTold,
        )
