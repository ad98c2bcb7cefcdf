"""What goes wrong in the simulated market, and when: asked for through POST /sim/incidents, or by itself, from the seed."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Literal, get_args

import msgspec

Kind = Literal[
    "spike",
    "repricing",
    "market_move",
    "down",
    "slow",
    "throttle",
    "html",
    "empty",
    "truncated",
    "renamed_field",
    "missing_field",
    "retyped_field",
    "shrunk",
    "unknown_gpu",
    "cents",
    "months",
    "per_instance",
    "hang",
]
UNIT_KINDS = frozenset({"cents", "months", "per_instance"})
"""Prices in a wrong unit: what a provider's answers say for a while, and never what its machines cost. History leaves them out."""
PRICE_KINDS = UNIT_KINDS | {"spike", "repricing", "market_move"}
DEFAULT_FACTOR = {
    "spike": Decimal(3),
    "repricing": Decimal("1.4"),
    "market_move": Decimal("1.3"),
    "cents": Decimal(100),
    "months": Decimal(730),
}
PPM = 1_000_000

SLOT_MS = 600_000
"""By itself one incident begins in each slot, once the market is live."""
HISTORY_SLOTS = 12
"""Before that, one in this many slots."""
SPIKE_MS = 240_000
REPRICING_MS = 720_000
UNIT_BREAK_SLOTS = 3
"""Of so many slots one belongs to a wrong unit, once the market has run for a slot's time: a visitor finds every source healthy first."""
UNIT_BREAK_MS = 240_000
STRANGER_AFTER_MS = 60_000
STRANGER_EVERY_MS = 1_800_000
STRANGER_MS = 120_000
"""A minute after the market was started, and every half hour from then on, one source lists a card that nobody knows, for so long. Nothing
is broken by it, so it comes beside the others."""


class BadIncident(ValueError):
    """An incident that was asked for cannot be. The message names the field."""


class Incident(msgspec.Struct, frozen=True, omit_defaults=True):
    """One incident, in force from `from_ms` to before `to_ms`. No provider: all of them; no gpu, no offer: all of a provider's."""

    kind: Kind
    from_ms: int
    to_ms: int
    provider: str | None = None
    gpu: str | None = None
    offer: str | None = None
    factor_ppm: int = PPM
    automatic: bool = False

    def touches(self, provider: str, gpu: str, key: str) -> bool:
        if self.provider is not None and self.provider != provider:
            return False
        if self.offer is not None:
            return self.offer == key
        return self.gpu is None or self.gpu == gpu


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /sim/incidents."""

    kind: Kind
    seconds: Decimal
    provider: str | None = None
    factor: Decimal | None = None
    gpu: str | None = None
    offer: str | None = None


class Target(msgspec.Struct, frozen=True):
    """An offer that an incident can be aimed at."""

    provider: str
    gpu: str
    offer: str


class Incidents:
    """All incidents: `targets` are the offers they can be aimed at, `live_from_ms` the moment since which they come often by themselves,
    `running_from_ms` when this process began. `strangers` are the providers that can list a card that nobody knows.

    `rentable(target, at_ms)` tells whether an offer can be rented then: a spike on one that can't would be seen by nobody.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        seed: int,
        live_from_ms: int,
        rentable: Callable[[Target, int], bool],
        automatic: bool = True,
        running_from_ms: int | None = None,
        strangers: Sequence[str] = (),
    ) -> None:
        self.targets = targets
        self.seed = seed
        self.live_from_ms = live_from_ms
        self.running_from_ms = live_from_ms if running_from_ms is None else running_from_ms
        self.strangers = sorted(strangers)
        self.rentable = rentable
        self.automatic = automatic
        self.scripted: list[Incident] = []
        self._slots: dict[int, Incident | None] = {}
        self._at: tuple[int, list[Incident]] | None = None

    def prices_at(self, at_ms: int) -> list[Incident]:
        """Incidents on prices in force then."""
        if self._at is None or self._at[0] != at_ms:
            self._at = (at_ms, [i for i in self.at(at_ms) if i.kind in PRICE_KINDS])
        return self._at[1]

    def transport_at(self, at_ms: int, provider: str) -> Incident | None:
        """The newest incident on this provider's answers in force then."""
        for incident in reversed(self._strange(at_ms, at_ms + 1) + self.scripted):
            if incident.kind not in PRICE_KINDS and incident.from_ms <= at_ms < incident.to_ms and incident.provider in (None, provider):
                return incident
        return None

    def at(self, at_ms: int) -> list[Incident]:
        slot = at_ms // SLOT_MS
        slots = (slot - 1, slot) if self.automatic else ()
        found = [i for n in slots if (i := self.by_itself(n)) is not None] + self._strange(at_ms, at_ms + 1) + self.scripted
        return [i for i in found if i.from_ms <= at_ms < i.to_ms]

    def between(self, from_ms: int, to_ms: int) -> list[Incident]:
        """Every incident that touches this stretch of time, the oldest first."""
        slots = range(from_ms // SLOT_MS - 1, to_ms // SLOT_MS + 1) if self.automatic else range(0)
        found = [i for n in slots if (i := self.by_itself(n)) is not None] + self._strange(from_ms, to_ms) + self.scripted
        return sorted((i for i in found if i.from_ms < to_ms and from_ms < i.to_ms), key=lambda i: (i.from_ms, i.kind))

    def add(self, wanted: Wanted, now_ms: int) -> Incident:
        """Raises BadIncident where the request names no such provider, GPU or offer, or a useless time or factor."""
        incident = self._checked(wanted, now_ms)
        self.scripted.append(incident)
        self._at = None
        return incident

    def clear(self) -> int:
        """Ends all scripted incidents; how many there were."""
        ended, self.scripted, self._at = len(self.scripted), [], None
        return ended

    def by_itself(self, slot: int) -> Incident | None:
        """The incident that begins in a slot by itself, if any."""
        if slot not in self._slots:
            self._slots[slot] = self._draw(slot)
        return self._slots[slot]

    def _strange(self, from_ms: int, to_ms: int) -> list[Incident]:
        """Those by themselves, of a card that nobody knows, that touch this stretch of time."""
        if not self.automatic or not self.strangers:
            return []
        first = self.running_from_ms + STRANGER_AFTER_MS
        numbers = range(max(0, (from_ms - STRANGER_MS - first) // STRANGER_EVERY_MS), (to_ms - first) // STRANGER_EVERY_MS + 1)
        begins = ((number, first + number * STRANGER_EVERY_MS) for number in numbers)
        return [
            Incident("unknown_gpu", at, at + STRANGER_MS, self.strangers[(self.seed + number) % len(self.strangers)], automatic=True)
            for number, at in begins
            if at < to_ms and from_ms < at + STRANGER_MS
        ]

    def _draw(self, slot: int) -> Incident | None:
        before = slot * SLOT_MS < self.live_from_ms - SLOT_MS
        if not self.targets or (before and slot % HISTORY_SLOTS != self.seed % HISTORY_SLOTS):
            return None
        dice = blake2b(f"{self.seed}/incident/{slot}".encode(), digest_size=16).digest()
        providers = sorted({t.provider for t in self.targets})
        provider = providers[dice[0] % len(providers)]
        from_ms = slot * SLOT_MS + 30_000 + int.from_bytes(dice[5:7]) * 120_000 // 65_536
        among = [t for t in self.targets if t.provider == provider and self.rentable(t, from_ms)]
        if not among:
            return None
        target = among[int.from_bytes(dice[1:5]) % len(among)]
        if not before and slot % UNIT_BREAK_SLOTS == self.seed % UNIT_BREAK_SLOTS:
            if slot * SLOT_MS < self.running_from_ms + SLOT_MS:
                return None
            kind: Kind = "months" if dice[7] % 2 else "cents"
            return Incident(kind, from_ms, from_ms + UNIT_BREAK_MS, provider, factor_ppm=int(DEFAULT_FACTOR[kind] * PPM), automatic=True)
        if (slot // HISTORY_SLOTS if before else slot) % 2:
            factor = (1_300_000, 1_400_000, 700_000, 740_000)[dice[7] % 4]
            return Incident("repricing", from_ms, from_ms + REPRICING_MS, provider, target.gpu, None, factor, automatic=True)
        factor = 1_600_000 + dice[7] * 5_000
        return Incident("spike", from_ms, from_ms + SPIKE_MS, provider, target.gpu, target.offer, factor, automatic=True)

    def _checked(self, wanted: Wanted, now_ms: int) -> Incident:
        if not 0 < wanted.seconds <= 86_400:
            raise BadIncident("seconds: must be more than 0 and at most 86400")
        factor = wanted.factor if wanted.factor is not None else DEFAULT_FACTOR.get(wanted.kind, Decimal(1))
        if not 0 < factor <= 10_000:
            raise BadIncident("factor: must be more than 0 and at most 10000")
        if wanted.provider is None and wanted.kind != "market_move":
            raise BadIncident(f"provider: {wanted.kind} needs one of {', '.join(sorted({t.provider for t in self.targets}))}")
        if wanted.kind == "unknown_gpu" and wanted.provider not in self.strangers:
            raise BadIncident(f"provider: unknown_gpu needs one of {', '.join(self.strangers)}")
        found = [
            t
            for t in self.targets
            if wanted.provider in (None, t.provider) and wanted.gpu in (None, t.gpu) and wanted.offer in (None, t.offer)
        ]
        if not found:
            raise BadIncident("provider, gpu, offer: nothing of that name in this market")
        offer = wanted.offer
        if wanted.kind == "spike" and offer is None:
            offer = next((t.offer for t in found if self.rentable(t, now_ms)), found[0].offer)
        to_ms = now_ms + int(wanted.seconds * 1000)
        return Incident(wanted.kind, now_ms, to_ms, wanted.provider, wanted.gpu, offer, int(factor * PPM))


KINDS: tuple[str, ...] = get_args(Kind)
