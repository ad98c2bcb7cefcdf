"""The in-process copy of every source's newest snapshot and health, ready to answer from. No I/O, no clock of its own."""

import logging
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from api import moments
from api.answers import OfferTold, usd
from api.wire import HealthTold, KeptRates, Snapshot, SnapshotOffer, decode_health, decode_rates, decode_snapshot
from schemas.gpus import GPUS
from schemas.vocabulary import RENTABLE, Market

log = logging.getLogger(__name__)

REFRESH_SHARE = 2 / 3
"""A read that finds a source's data older than this share of its fresh_s asks for a refresh."""

_encode = msgspec.json.Encoder().encode
_AGE = b',"age_s":'


class Entry:
    """One offer, ready to be filtered and told. `fresh_until_ms` and `stale_until_ms` are inclusive."""

    __slots__ = (
        "_head",
        "country",
        "fresh_until_ms",
        "gpu",
        "gpu_count",
        "micros",
        "observed_at_ms",
        "offer",
        "price_order",
        "price_type",
        "provider",
        "region",
        "rentable",
        "stale_until_ms",
    )

    def __init__(self, offer: SnapshotOffer, fresh_ms: int, stale_ms: int) -> None:
        self.offer = offer
        self.gpu = offer.gpu
        self.gpu_count = offer.gpu_count
        self.price_type = offer.price_type
        self.provider = offer.provider
        self.region = offer.region.casefold()
        self.country = offer.country
        self.micros = offer.usd_per_gpu_hour_micros
        self.observed_at_ms = offer.observed_at_ms
        self.rentable = offer.availability in RENTABLE
        self.fresh_until_ms = offer.observed_at_ms + fresh_ms
        self.stale_until_ms = offer.observed_at_ms + stale_ms
        self.price_order = (offer.usd_per_gpu_hour_micros, offer.source, offer.offer_key)
        self._head: bytes | None = None

    def told(self, now_ms: int) -> bytes:
        """The offer as JSON (an OfferTold). All but age and freshness is encoded once, when it is first asked for."""
        head = self._head
        if head is None:
            head = self._head = _encode(self._without_age()).rpartition(_AGE)[0] + _AGE
        age_ms = now_ms - self.observed_at_ms
        tenths = age_ms // 100 if age_ms > 0 else 0
        freshness = b"fresh" if now_ms <= self.fresh_until_ms else b"stale"
        return b'%b%d.%d,"freshness":"%b"}' % (head, tenths // 10, tenths % 10, freshness)

    def _without_age(self) -> OfferTold:
        offer = self.offer
        fields = {name: getattr(offer, name) for name in _SAME_FIELDS}
        return OfferTold(
            **fields,
            usd_per_gpu_hour=usd(offer.usd_per_gpu_hour_micros),
            provider_time=None if offer.provider_time_ms is None else moments.tell_ms(offer.provider_time_ms),
            first_seen=moments.tell_ms(offer.first_seen_ms),
            observed_at=moments.tell_ms(offer.observed_at_ms),
            age_s=0.0,
            freshness="fresh",
        )


_SAME_FIELDS = sorted(set(SnapshotOffer.__struct_fields__) & set(OfferTold.__struct_fields__))


class Copy:
    """One source: its newest snapshot as entries, its health, and why its snapshot was refused if it was."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.snapshot: Snapshot | None = None
        self.health: HealthTold | None = None
        self.refused: str | None = None
        self.entries: list[Entry] = []
        self.oldest_ms: int | None = None
        self.newest_ms: int | None = None
        self.deadlines: list[int] = []
        self._raw: dict[str, bytes] = {}

    @property
    def fresh_s(self) -> float:
        """Seconds for which this source's offers are fresh."""
        told = self.snapshot or self.health
        return told.fresh_s if told else 15.0

    @property
    def stale_s(self) -> float:
        """Seconds after which this source's offers are expired."""
        told = self.snapshot or self.health
        return told.stale_s if told else 90.0

    @property
    def provider(self) -> str:
        """Who rents the machines out; the source's own name until it is known."""
        told = self.snapshot or self.health
        return told.provider if told else self.name

    @property
    def is_off(self) -> bool:
        """Nobody polls this source: switched off, or without its credential."""
        return self.health is not None and (self.health.health == "off" or not self.health.enabled)

    def take_snapshot(self, body: bytes, market: Market) -> bool:
        """Hold this snapshot instead. False where it is what is held already. One that cannot be read, or is of another market, is
        refused: the copy stays and ages, and `refused` says why."""
        if self._raw.get("snapshot") == body:
            return False
        self._raw["snapshot"] = body
        try:
            snapshot = decode_snapshot(body)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            self.refused = f"its snapshot cannot be read: {error}"
            log.warning("%s: %s", self.name, self.refused)
            return True
        if snapshot.market != market:
            self.refused = f"its snapshot is of the {snapshot.market} market"
            log.warning("%s: %s", self.name, self.refused)
            return True
        self.refused = None
        self.snapshot = snapshot
        fresh_ms, stale_ms = round(snapshot.fresh_s * 1000), round(snapshot.stale_s * 1000)
        self.entries = [Entry(offer, fresh_ms, stale_ms) for offer in snapshot.offers]
        seen = {offer.observed_at_ms for offer in snapshot.offers}
        self.oldest_ms, self.newest_ms = min(seen, default=snapshot.polled_at_ms), max(seen, default=snapshot.polled_at_ms)
        due_ms = round(snapshot.fresh_s * 1000 * REFRESH_SHARE)
        self.deadlines = sorted({at + wait for at in seen for wait in (due_ms, fresh_ms, stale_ms)})
        return True

    def take_health(self, body: bytes, market: Market) -> bool:
        """Hold this health instead. False where it is held already; one that cannot be read is left alone, with a warning."""
        if self._raw.get("health") == body:
            return False
        self._raw["health"] = body
        try:
            health = decode_health(body)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("%s: its health cannot be read: %s", self.name, error)
            return False
        if health.market != market:
            return False
        self.health = health
        return True

    def counts(self, now_ms: int) -> tuple[int, int, int]:
        """Offers that are fresh, stale and expired."""
        if self.oldest_ms is not None and now_ms - self.oldest_ms <= self.fresh_s * 1000:
            return len(self.entries), 0, 0
        fresh = sum(entry.fresh_until_ms >= now_ms for entry in self.entries)
        served = sum(entry.stale_until_ms >= now_ms for entry in self.entries)
        return fresh, served - fresh, len(self.entries) - served

    def refresh_is_due(self, now_ms: int) -> bool:
        """Some offer is older than REFRESH_SHARE of fresh_s, or there is none yet, and the source is not off."""
        if self.is_off:
            return False
        return self.oldest_ms is None or now_ms - self.oldest_ms > round(self.fresh_s * 1000 * REFRESH_SHARE)


class Store:
    """Every source's copy, and the indexes over all of them. `version` grows with every change."""

    def __init__(self, market: Market) -> None:
        self.market: Market = market
        self.version = 0
        self.copies: dict[str, Copy] = {}
        self.rates: KeptRates | None = None
        """The exchange rates in use; None until the bridge has said."""
        self._rates_body = b""
        self._indexed = -1
        self._by_price: list[Entry] = []
        self._by_gpu: dict[str, list[Entry]] = {}

    def take(self, name: str, snapshot: bytes | None, health: bytes | None) -> None:
        """What Redis holds of one source now. None is "not there": what is held stays, and ages."""
        copy = self.copies.get(name)
        if copy is None:
            copy = self.copies[name] = Copy(name)
            self.version += 1
        changed = snapshot is not None and copy.take_snapshot(snapshot, self.market)
        changed |= health is not None and copy.take_health(health, self.market)
        self.version += changed

    def take_rates(self, body: bytes) -> None:
        """The exchange rates that Redis holds now. Those that cannot be read, or are of another market, are left alone, with a warning."""
        if body == self._rates_body:
            return
        self._rates_body = body
        try:
            rates = decode_rates(body)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("the exchange rates cannot be read: %s", error)
            return
        if rates.market != self.market:
            log.warning("the exchange rates are of the %s market", rates.market)
            return
        self.rates = rates
        self.version += 1

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget the sources that the bridge no longer knows."""
        for name in self.copies.keys() - set(names):
            del self.copies[name]
            self.version += 1

    def by_price(self) -> list[Entry]:
        """Every entry, cheapest first; equal prices by source and key."""
        self._index()
        return self._by_price

    def by_gpu(self) -> dict[str, list[Entry]]:
        """GPU -> its entries, cheapest first."""
        self._index()
        return self._by_gpu

    def counts(self, now_ms: int) -> tuple[int, int, int]:
        """Offers of all sources that are fresh, stale and expired."""
        fresh = stale = expired = 0
        for copy in self.copies.values():
            more = copy.counts(now_ms)
            fresh, stale, expired = fresh + more[0], stale + more[1], expired + more[2]
        return fresh, stale, expired

    def servable(self, now_ms: int) -> bool:
        """At least one offer is fresh or stale."""
        return any(copy.deadlines and copy.deadlines[-1] >= now_ms for copy in self.copies.values())

    def unchanged_until_ms(self, now_ms: int) -> int | None:
        """The last moment at which every offer is still fresh, stale, expired or due for a refresh as it is at `now_ms`."""
        upcoming: Iterator[int] = chain.from_iterable(
            copy.deadlines[at : at + 1] for copy in self.copies.values() for at in [bisect_right(copy.deadlines, now_ms - 1)]
        )
        return min(upcoming, default=None)

    def due(self, now_ms: int) -> list[str]:
        """The sources that a read should ask a refresh for."""
        return [name for name, copy in self.copies.items() if copy.refresh_is_due(now_ms)]

    def _index(self) -> None:
        if self._indexed == self.version:
            return
        entries = list(chain.from_iterable(copy.entries for copy in self.copies.values()))
        entries.sort(key=lambda entry: entry.price_order)
        by_gpu: dict[str, list[Entry]] = {}
        for entry in entries:
            by_gpu.setdefault(entry.gpu, []).append(entry)
        self._by_price, self._by_gpu, self._indexed = entries, by_gpu, self.version


def matching_gpus(asked: str, held: Iterable[str]) -> list[str]:
    """The GPU ids that `asked` stands for: the id itself, or else the whole GPUs whose first words it is. Case does not matter.

    Empty where there is no such GPU, neither in the canonical table nor among `held`.
    """
    wanted = asked.casefold()
    known = {**dict.fromkeys(GPUS), **dict.fromkeys(held)}
    exact = [gpu for gpu in known if gpu.casefold() == wanted]
    if exact:
        return exact
    words = wanted.split("-")
    return [gpu for gpu in known if gpu.casefold().split("-")[: len(words)] == words and not _is_slice(gpu)]


def _is_slice(gpu: str) -> bool:
    return gpu in GPUS and GPUS[gpu].slice_of is not None
