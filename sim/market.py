"""The market model: what every listing costs and whether it can be rented, at any moment, from a seed alone.

There is no state. Each value is a function of (seed, listing, time bucket), so history at a moment and a live poll at that
moment agree, also after a restart. Noise is kept small: a median must not leave three sigmas (floor 3 %) by accident.
"""

import math
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Literal

import msgspec

from schemas.gpus import GPUS
from schemas.vocabulary import PriceType
from sim.incidents import UNIT_KINDS, Incident, Incidents

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DRIFT_PERIOD_MS = 30 * HOUR_MS
STOCK_PERIOD_MS = 4 * HOUR_MS
STOCK_BUCKET_MS = 60_000
PPM = 1_000_000
MASK = (1 << 64) - 1

Stock = Literal[0, 1, 2, 3]


class Habit(msgspec.Struct, frozen=True):
    """How a listing's price and stock move. Amplitudes are parts of the base price, to both sides."""

    step_s: int
    """How long a price stands before it may change."""
    drift: float = 0.0
    daily: float = 0.0
    noise: float = 0.0
    jump: float = 0.0
    """Levels that hold for hours and then jump, as spot prices do."""
    scarcity: float = 0.0
    """About the share of time with nothing to rent."""


LIST_PRICE = Habit(step_s=6 * 3600, scarcity=0.08)


class Listing(msgspec.Struct, frozen=True):
    """One thing to rent. `micros` is the base price of one GPU for one hour, in millionths of the provider's currency."""

    provider: str
    key: str
    gpu: str
    """Canonical GPU id, by which incidents are aimed."""
    count: int
    region: str
    price_type: PriceType
    micros: int
    habit: Habit
    per_gpu: bool = False
    """Whether the provider states the price of one GPU; otherwise of the whole instance."""
    crowd: bool = False
    """Listed only since the market went live: most offers are, so that a day of history stays small."""


class Market:
    """Prices and stock of `listings`. Cheap to ask: a price is computed once per listing and step.

    `misstated` False: as things are, also while a provider states them in a wrong unit.
    """

    def __init__(
        self, listings: Sequence[Listing], seed: int, incidents: Incidents, crowd_from_ms: int = 0, *, misstated: bool = True
    ) -> None:
        unknown = sorted({listing.gpu for listing in listings} - GPUS.keys())
        if unknown:
            raise ValueError(f"not canonical GPU ids: {', '.join(unknown)}")
        self.listings = listings
        self.seed = seed
        self.incidents = incidents
        self.crowd_from_ms = crowd_from_ms
        self.misstated = misstated
        self._salts: dict[str, int] = {}
        self._quotes: dict[str, tuple[int, int]] = {}

    def micros(self, listing: Listing, at_ms: int) -> int:
        """Price of one GPU for one hour as the provider states it at that moment, with every incident applied."""
        name = f"{listing.provider}/{listing.key}"
        salt = self._salt(name)
        step_ms = listing.habit.step_s * 1000
        phase = salt % step_ms
        step = (at_ms + phase) // step_ms
        quote = self._quotes.get(name)
        if quote is None or quote[0] != step:
            quote = (step, self._quote(listing, salt, step, step * step_ms - phase))
            self._quotes[name] = quote
        return self._with_incidents(listing, salt, quote[1], at_ms)

    def listed(self, listing: Listing, at_ms: int) -> bool:
        """Whether the listing is in the market at all by then."""
        return not listing.crowd or at_ms >= self.crowd_from_ms

    def stock(self, listing: Listing, at_ms: int) -> Stock:
        """0 nothing to rent, 1 little, 2 some, 3 plenty."""
        if not self.listed(listing, at_ms):
            return 0
        return self.level(f"{listing.provider}/{listing.key}", listing.habit.scarcity, at_ms)

    def level(self, name: str, scarcity: float, at_ms: int) -> Stock:
        """Stock, as of a listing, of anything that has a name."""
        left = self.plenty(name, at_ms) - scarcity
        if left < 0:
            return 0
        if left < 0.15:
            return 1
        return 2 if left < 0.4 else 3

    def plenty(self, name: str, at_ms: int) -> float:
        """How much of `name` is free, 0 to 1: evenly distributed over time, moving over hours."""
        bucket_ms = at_ms - at_ms % STOCK_BUCKET_MS
        wave = smooth(self._salt(f"stock/{name}"), bucket_ms, STOCK_PERIOD_MS)
        return min(1.0, max(0.0, 0.5 - 0.6 * math.cos(math.pi * wave)))

    def _quote(self, listing: Listing, salt: int, step: int, at_ms: int) -> int:
        habit = listing.habit
        move = 0.0
        if habit.drift:
            move += habit.drift * (2 * smooth(self._salt(f"drift/{listing.gpu}"), at_ms, DRIFT_PERIOD_MS) - 1)
        if habit.daily:
            hour = at_ms % DAY_MS / DAY_MS + self._salt(f"day/{listing.provider}") % 1000 / 4000
            move += habit.daily * math.sin(2 * math.pi * hour)
        if habit.noise:
            move += habit.noise * (2 * unit(salt, step) - 1)
        if habit.jump:
            hold_ms = 2 * HOUR_MS + salt % (5 * HOUR_MS)
            move += habit.jump * (2 * unit(salt ^ 0x5B07, (at_ms + salt % hold_ms) // hold_ms) - 1)
        return max(1, listing.micros * (PPM + round(move * PPM)) // PPM)

    def _with_incidents(self, listing: Listing, salt: int, micros: int, at_ms: int) -> int:
        for incident in self.incidents.prices_at(at_ms):
            if incident.touches(listing.provider, listing.gpu, listing.key) and (self.misstated or incident.kind not in UNIT_KINDS):
                micros = _changed(listing, salt, micros, incident)
        return micros

    def _salt(self, name: str) -> int:
        salt = self._salts.get(name)
        if salt is None:
            salt = int.from_bytes(blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest())
            self._salts[name] = salt
        return salt


def unit(salt: int, n: int) -> float:
    """A number from 0 to 1 that looks random and depends on both arguments only (splitmix64)."""
    x = (salt + (n + 1) * 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return (x ^ (x >> 31)) / 2**64


def smooth(salt: int, at_ms: int, period_ms: int) -> float:
    """A wave from 0 to 1 through one random value per period, without corners."""
    shifted = at_ms + salt % period_ms
    knot, rest = divmod(shifted, period_ms)
    weight = (1 - math.cos(math.pi * rest / period_ms)) / 2
    return unit(salt, knot) * (1 - weight) + unit(salt, knot + 1) * weight


def by_key(listings: Iterable[Listing]) -> dict[str, Listing]:
    """Listings by their key; a key given twice is an error of the catalogue."""
    table: dict[str, Listing] = {}
    for listing in listings:
        if listing.key in table:
            raise ValueError(f"{listing.provider}: key given twice: {listing.key}")
        table[listing.key] = listing
    return table


def _changed(listing: Listing, salt: int, micros: int, incident: Incident) -> int:
    if incident.kind == "per_instance":
        return micros * listing.count if listing.per_gpu else micros // listing.count
    factor_ppm = incident.factor_ppm
    if incident.kind in ("repricing", "market_move"):
        # A provider rounds each new price by itself; only a unit break has one exact factor on all offers.
        factor_ppm = factor_ppm * (PPM + round(0.03 * PPM * (unit(salt, incident.from_ms) - 0.5))) // PPM
    return max(1, micros * factor_ppm // PPM)
