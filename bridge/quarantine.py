"""Quarantine: which sources are held back, since when and why, what is kept of it, and what has to be said about it.

    quarantine/state.json                      holds, what operators accepted, incidents that Kafka has not acknowledged yet
    quarantine/<source>/<incident>/reason.json the reason, the evidence and the list of pages
    quarantine/<source>/<incident>/001.zst     one page as it came, zstd, addresses of machines and wallets redacted

A hold ends when every slice it was for agrees with the last accepted answer again, or when an operator accepts it: then answers with that
kind of fault are taken until each slice was taken once, and they are what later ones are judged against. An operator who refuses drops what
is kept; the source stays held until it agrees again.
"""

import logging
import shutil
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import msgspec
import zstandard

from adapters.fetch.client import SliceAnswer
from bridge.archive import redacted
from bridge.results import SliceResult
from schemas.vocabulary import Market

log = logging.getLogger(__name__)

FaultKind = Literal["unit_break", "coverage_drop", "schema_drift", "payload_change", "empty"]
Verb = Literal["accept", "refuse"]

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""Of all that is kept; the oldest incident's is removed first."""
MAX_PAGES = 400
LEVEL = 3
NO_PRICE = dict.fromkeys(
    (
        "gpu",
        "price_type",
        "offer_key",
        "observed_micros",
        "centre_micros",
        "spread_micros",
        "z",
        "mean_z",
        "baseline_count",
        "providers_moved",
    )
)
"""What PriceAnomaly has for incidents on prices."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a source's answer. `slices` are those that have to agree again; `acceptable` whether there is anything to take."""

    kind: FaultKind
    field: str
    reason: str
    slices: frozenset[str]
    evidence: dict[str, Any] = {}
    acceptable: bool = True

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')}: {self.reason}"


class Hold(msgspec.Struct):
    """One source in quarantine. `kind`, `field`, `reason` and `evidence` are those it began with, `now` is what is wrong at present."""

    source: str
    provider: str
    market: Market
    incident: str
    since_ms: int
    kind: FaultKind
    field: str
    reason: str
    digest: str
    evidence: dict[str, Any]
    outstanding: set[str]
    now: FaultKind
    reason_now: str
    acceptable: bool
    refused: bool = False

    @property
    def why(self) -> str:
        """For health, in one line."""
        return f"{self.now.replace('_', ' ')}: {self.reason_now}"


class Waiver(msgspec.Struct):
    """A fault that an operator accepted, for the slices in which it has not been taken yet."""

    kind: FaultKind
    slices: set[str]


class _State(msgspec.Struct):
    holds: dict[str, Hold] = {}
    waivers: dict[str, Waiver] = {}
    unsaid: dict[str, dict[str, Any]] = {}


class NothingHeld(ValueError):
    """The order is for a source that is not held, or for an answer that cannot be taken. The message says which."""


class Quarantine:
    """All holds of one bridge. `folder` None keeps nothing beyond the process. Only `pending` work, and opening or ending a hold, write."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._state = _State()
        self._pending: list[Callable[[], None]] = []
        if folder is not None and (folder / "state.json").exists():
            try:
                self._state = msgspec.json.decode((folder / "state.json").read_bytes(), type=_State)
            except msgspec.DecodeError as error:
                log.error("quarantine: %s cannot be read, starting without it: %s", folder / "state.json", error)

    @property
    def holds(self) -> dict[str, Hold]:
        """By source."""
        return self._state.holds

    @property
    def unsaid(self) -> dict[str, dict[str, Any]]:
        """Records for price-anomalies that were not acknowledged yet, in order, by what `said` takes."""
        return self._state.unsaid

    def of(self, source: str) -> Hold | None:
        """This source's hold."""
        return self._state.holds.get(source)

    def hold(self, source: str, provider: str, market: Market, fault: Fault, at_ms: int, results: Sequence[SliceResult]) -> bool:
        """Hold a source back, or go on holding it. Whether the hold is new."""
        known = self._state.holds.get(source)
        if known is not None:
            known.now, known.reason_now = fault.kind, fault.reason
            known.acceptable = fault.acceptable
            if not fault.slices <= known.outstanding:
                known.outstanding |= fault.slices
                self._save()
            return False
        answers = [result.answer for result in results if result.answer is not None and result.slice in fault.slices]
        digest = answers[0].digest if answers else ""
        opened = Hold(
            source=source,
            provider=provider,
            market=market,
            incident=blake2b(f"collector_fault\n{source}\n{fault.kind}\n{at_ms}\n{digest}".encode(), digest_size=16).hexdigest(),
            since_ms=at_ms,
            kind=fault.kind,
            field=fault.field,
            reason=fault.reason,
            digest=digest,
            evidence=fault.evidence,
            outstanding=set(fault.slices),
            now=fault.kind,
            reason_now=fault.reason,
            acceptable=fault.acceptable,
        )
        self._state.holds[source] = opened
        self._say(opened, "opened", at_ms, f"{source}: {fault}; body {digest}")
        self._save()
        if self._folder is not None:
            self._pending.append(lambda: self._keep(opened, answers))
        log.error("%s: quarantined: %s", source, fault)
        return True

    def cleared(self, source: str, asked: frozenset[str], at_ms: int) -> bool:
        """These slices agree with what was accepted last: whether the source is held no longer, or never was."""
        known = self._state.holds.get(source)
        if known is None:
            return True
        if known.outstanding & asked:
            known.outstanding -= asked
            self._save()
        if known.outstanding:
            return False
        self._end(known, at_ms, "its answers agree with the last accepted ones again")
        return True

    def waives(self, source: str, kind: FaultKind, asked: frozenset[str]) -> bool:
        """Whether an operator accepted this fault in these slices."""
        waiver = self._state.waivers.get(source)
        return waiver is not None and waiver.kind == kind and bool(asked) and asked <= waiver.slices

    def took(self, source: str, asked: frozenset[str]) -> None:
        """These slices' accepted answers were taken: a fault in them is one again."""
        waiver = self._state.waivers[source]
        waiver.slices -= asked
        if not waiver.slices:
            del self._state.waivers[source]
        self._save()

    def order(self, source: str, verb: Verb, slices: Sequence[str], at_ms: int) -> str:
        """Carry out an operator's order; what was done. `slices` are all of the source's. Raises NothingHeld."""
        known = self._state.holds.get(source)
        if known is None:
            raise NothingHeld(f"{source} is not in quarantine")
        if verb == "refuse":
            known.refused = True
            self._save()
            if self._folder is not None:
                shutil.rmtree(self._folder / source / known.incident, ignore_errors=True)
            return f"{source}: what was kept is dropped; held until its answers agree with the last accepted ones"
        if not known.acceptable:
            raise NothingHeld(f"{source}: its answer cannot be read, so there is nothing to accept: {known.reason_now}")
        self._state.waivers[source] = Waiver(known.now, set(slices))
        self._end(known, at_ms, "an operator accepted the new answers")
        return f"{source}: accepted; its next answers are what later ones are judged against"

    def said(self, name: str) -> None:
        """Kafka has acknowledged this record."""
        if self._state.unsaid.pop(name, None) is not None:
            self._save()

    def pending(self) -> list[Callable[[], None]]:
        """Writing to be done off the event loop; each blocks and may raise OSError."""
        found, self._pending = self._pending, []
        return found

    def folder_of(self, hold: Hold) -> Path | None:
        """Where the bodies of a hold are kept; None where nothing is."""
        return None if self._folder is None or hold.refused else self._folder / hold.source / hold.incident

    def _end(self, known: Hold, at_ms: int, why: str) -> None:
        del self._state.holds[known.source]
        self._say(
            known,
            "closed",
            at_ms,
            f"{known.source}: {known.kind.replace('_', ' ')} ended after {(at_ms - known.since_ms) / 1000:.0f} s: {why}",
        )
        self._save()
        log.warning("%s: out of quarantine: %s", known.source, why)

    def _say(self, hold: Hold, status: Literal["opened", "closed"], at_ms: int, evidence: str) -> None:
        self._state.unsaid[f"{hold.incident}/{status}"] = {
            **NO_PRICE,
            "anomaly_id": hold.incident,
            "kind": "collector_fault",
            "status": status,
            "event_time_ms": at_ms,
            "opened_at_ms": hold.since_ms,
            "market": hold.market,
            "provider": hold.provider,
            "source": hold.source,
            "provisional": False,
            "evidence": evidence,
        }

    def _save(self) -> None:
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = self._folder / "state.part"
            unfinished.write_bytes(msgspec.json.encode(self._state))
            unfinished.rename(self._folder / "state.json")
        except OSError as error:
            log.error("quarantine: the state was not written, a restart will not know of it: %s", error)

    def _keep(self, hold: Hold, answers: Sequence[SliceAnswer]) -> None:
        folder = self.folder_of(hold)
        if folder is None or self._folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        pages: list[dict[str, Any]] = []
        for slice_name, page in [(answer.slice.name, part) for answer in answers for part in answer.answers][:MAX_PAGES]:
            name = f"{len(pages) + 1:03}.zst"
            (folder / name).write_bytes(zstandard.compress(redacted(page.raw), LEVEL))
            pages.append({"slice": slice_name, "request": page.request.name, "page": page.request.page, "file": name})
        (folder / "reason.json").write_bytes(msgspec.json.format(msgspec.json.encode({"hold": hold, "pages": pages})))
        self._prune()

    def _prune(self) -> None:
        """Oldest incidents first, and a source that is still held last."""
        if self._folder is None:
            return
        current = {hold.incident for hold in self._state.holds.values()}
        folders = sorted(self._folder.glob("*/*/"), key=lambda folder: (folder.name in current, folder.stat().st_mtime))
        sizes = {folder: sum(file.stat().st_size for file in folder.iterdir()) for folder in folders}
        total = sum(sizes.values())
        for folder in folders[:-1]:
            if total <= MAX_KEPT_BYTES:
                return
            shutil.rmtree(folder, ignore_errors=True)
            total -= sizes[folder]
