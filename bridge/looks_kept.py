"""What answers looked like, on disk: one small file per source, so that a restart goes on judging by it.

    looks/<source>.json    the keys that the parse reads, the shape of the accepted answers, and for which market and adapter it holds

A file is used only for the market and the adapter it was written for: a parse that was changed reads other keys, and starts anew.
"""

import logging
import sys
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import msgspec

from adapters.base import Adapter
from bridge.shapes import Path as KeyPath
from bridge.shapes import Shape
from schemas.vocabulary import Market

log = logging.getLogger(__name__)

FORMAT = 1
"""Another one where what is counted, or how, is no longer the same: older files are then not used."""
MAX_BYTES = 1024 * 1024
"""Of one file: the keys are a provider's own, and nobody knows how long they are. The largest in the simulated market is 9 KB."""


class Known(msgspec.Struct):
    """What is known of one source's answers. `learned`: answers that the paths were learned from, by the names of their requests."""

    paths: frozenset[KeyPath] = frozenset()
    learned: dict[str, int] = {}
    shape: Shape = msgspec.field(default_factory=Shape)
    seen: int = 0
    noted_at_ms: int = 0
    noted: list[str] = []


class _Kept(msgspec.Struct):
    format: int
    market: str
    adapter: str
    known: msgspec.Raw


class _NotUsed(ValueError):
    """Why a file is not used, in a few words."""


class KeptLooks:
    """Reads and writes them under `folder`. `adapters` are all there are, also those that are not polled."""

    def __init__(self, folder: Path, market: Market, adapters: Mapping[str, Adapter]) -> None:
        self._folder = folder
        self._market = market
        self._adapters = {name: adapter_digest(adapter) for name, adapter in adapters.items()}
        self._too_large: set[str] = set()

    def read(self) -> dict[str, Known]:
        """What is known, by source; sources whose file cannot be used start anew, with one line. Files of sources that are no more go."""
        found: dict[str, Known] = {}
        anew: dict[str, list[str]] = {}
        for file in sorted(self._folder.glob("*.json")):
            try:
                if file.stem in self._adapters:
                    found[file.stem] = self._decoded(file)
                else:
                    file.unlink()
                    log.info("looks: %s is no longer a source: its file is removed", file.stem)
            except (_NotUsed, OSError) as error:
                anew.setdefault(str(error) if isinstance(error, _NotUsed) else type(error).__name__, []).append(file.stem)
        for reason, names in anew.items():
            log.warning("looks: what earlier answers looked like is learned anew (%s): %s", reason, ", ".join(names))
        return found

    def encode(self, source: str, known: Known) -> bytes | None:
        """The file's content; None, said once, where it would be too large, or the source is none of those there are."""
        if source not in self._adapters:
            return None
        inner = msgspec.Raw(msgspec.json.encode(known, order="deterministic"))
        body = msgspec.json.encode(_Kept(FORMAT, self._market, self._adapters[source], inner))
        if len(body) <= MAX_BYTES:
            return body
        if source not in self._too_large:
            self._too_large.add(source)
            log.warning("looks: %s: %d bytes are too much to be kept, a restart learns it anew", source, len(body))
        return None

    def write(self, source: str, body: bytes) -> None:
        """Replace the source's file, whole or not at all. Blocks; raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f"{source}.part"
        unfinished.write_bytes(body)
        unfinished.rename(self._folder / f"{source}.json")

    def _decoded(self, file: Path) -> Known:
        if file.stat().st_size > MAX_BYTES:
            raise _NotUsed("the file is too large")
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
            if kept.format != FORMAT:
                raise _NotUsed("written by another version")
            known = msgspec.json.decode(kept.known, type=Known)
        except msgspec.DecodeError as error:
            raise _NotUsed("the file cannot be read") from error
        if kept.market != self._market:
            raise _NotUsed(f"of the {kept.market} market")
        if kept.adapter != self._adapters[file.stem]:
            raise _NotUsed("the adapter was changed")
        return known


def adapter_digest(adapter: Adapter) -> str:
    """Of the files that the adapter's class and its own bases are written in."""
    digest = blake2b(digest_size=16)
    for kind in type(adapter).__mro__:
        if issubclass(kind, Adapter) and kind is not Adapter:
            digest.update(Path(str(sys.modules[kind.__module__].__file__)).read_bytes())
    return digest.hexdigest()
