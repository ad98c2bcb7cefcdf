"""The body archive: each distinct body once, compressed, named by its digest, and a journal of which answer had which bodies.

    archive/bodies/ab/abcd….zst           one body, zstd, addresses of machines and wallets redacted
    archive/journal/2026-11-21.ndjson     one line per slice and answer that differs from the one before

`replay` reads both back in the form of the simulated market's /sim/history, which `bridge.backfill --from` takes.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import msgspec
import zstandard

from adapters.fetch.client import SliceAnswer

log = logging.getLogger(__name__)

LEVEL = 3
MAX_WAITING = 1500
"""More than one answer of every slice of every source: the first round asks them all at once."""
PRUNE_EVERY_BYTES = 8 * 1024 * 1024

_KEYS = rb"(?:public_ip\w*|ip_?addr\w*|ip_?address\w*|ssh_host|wallet\w*|payout_address|owner_address)"
_REDACTED = rb'"redacted"'
_BY_KEY = re.compile(rb'("' + _KEYS + rb'"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_BY_FORM = re.compile(
    rb'"(?:(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?'
    rb"|(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"
    rb"|0x[0-9a-f]{40}|akash1[0-9a-z]{38}"
    rb')"',
    re.IGNORECASE,
)


def redacted(body: bytes) -> bytes:
    """The body without addresses of hosts and wallets; every other byte is kept."""
    return _BY_FORM.sub(_REDACTED, _BY_KEY.sub(rb"\1" + _REDACTED, body))


class JournalPage(msgspec.Struct):
    """One page of an answer; its body stands under `digest`, the SHA-256 (hex) of the body as it came."""

    name: str
    page: int
    status: int
    headers: dict[str, str]
    digest: str
    text: bool = False
    """Whether the body is a page or document, not JSON."""


class JournalLine(msgspec.Struct):
    """One slice's answer. `digest` is the offers' body_digest."""

    at_ms: int
    source: str
    slice: str
    digest: str
    pages: list[JournalPage]


class Archive:
    """Keeps bodies under `folder`, at most `max_bytes` of them, the oldest removed first. Works in a thread, off the hot path."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._bodies = folder / "bodies"
        self._journal = folder / "journal"
        self._max_bytes = max_bytes
        self._last: dict[tuple[str, str], str] = {}
        self._queue: asyncio.Queue[Callable[[], None] | None] = asyncio.Queue(MAX_WAITING)
        self._behind = False
        self._since_prune = PRUNE_EVERY_BYTES

    def add(self, at_ms: int, source: str, answer: SliceAnswer) -> None:
        """Have an answer archived; returns at once. One is dropped, and said so, where the disk cannot keep up."""
        if self._max_bytes == 0 or self._last.get((source, answer.slice.name)) == answer.digest:
            return
        if self.later(partial(self.write, at_ms, source, answer)):
            self._last[source, answer.slice.name] = answer.digest

    def add_body(self, body: bytes) -> None:
        """Have one body archived that could not be decoded: it is kept, but no part of any journal."""
        if self._max_bytes:
            self.later(partial(self._write_body, sha256(body).hexdigest(), body))

    async def run(self) -> None:
        """Write what `add` was given, until `stop`."""
        while (work := await self._queue.get()) is not None:
            try:
                await asyncio.to_thread(work)
            except OSError as error:
                log.warning("archive: an answer was not kept: %s", error)

    async def stop(self) -> None:
        """Let `run` end after what is waiting."""
        await self._queue.put(None)

    def write(self, at_ms: int, source: str, answer: SliceAnswer) -> None:
        """Write one answer now. Blocks; raises OSError."""
        pages = []
        for part in answer.answers:
            digest = sha256(part.raw).hexdigest()
            self._write_body(digest, part.raw)
            headers = {name: value for name, value in part.headers.items() if name in ("content-type", "link", "x-total-count")}
            request = part.request
            text = request.answer == "text"
            pages.append(JournalPage(request.name, request.page, HTTPStatus.OK, headers, digest, text))
        line = JournalLine(at_ms, source, answer.slice.name, answer.digest, pages)
        day = datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
        self._journal.mkdir(parents=True, exist_ok=True)
        with (self._journal / f"{day}.ndjson").open("ab") as journal:
            journal.write(msgspec.json.encode(line) + b"\n")
        if self._since_prune >= PRUNE_EVERY_BYTES:
            self._prune()

    def later(self, work: Callable[[], None]) -> bool:
        """Have something written by `run`, off the event loop. False where the disk cannot keep up."""
        try:
            self._queue.put_nowait(work)
        except asyncio.QueueFull:
            if not self._behind:
                log.warning("archive: the disk is behind, answers are not kept")
            self._behind = True
            return False
        self._behind = False
        return True

    def _write_body(self, digest: str, body: bytes) -> None:
        path = body_path(self._bodies, digest)
        if path.exists():
            path.touch()
            return
        compressed = zstandard.compress(redacted(body), LEVEL)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(compressed)
        unfinished.rename(path)
        self._since_prune += len(compressed)

    def _prune(self) -> None:
        self._since_prune = 0
        journals = sorted(self._journal.glob("*.ndjson"))
        files = [(path, path.stat()) for path in (*self._bodies.glob("*/*.zst"), *journals[:-1])]
        total = sum(stat.st_size for _, stat in files)
        for path, stat in sorted(files, key=lambda item: item[1].st_mtime):
            if total <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= stat.st_size


def body_path(bodies: Path, digest: str) -> Path:
    """Where the body of this digest stands."""
    return bodies / digest[:2] / f"{digest}.zst"


def replay(folder: Path, from_ms: int, to_ms: int) -> Iterator[bytes]:
    """Lines as /sim/history streams them, in the journal's order, from `from_ms` up to `to_ms`.

    Answers whose bodies were removed are left out.
    """
    for journal in sorted((folder / "journal").glob("*.ndjson")):
        for text in journal.read_bytes().splitlines():
            line = msgspec.json.decode(text, type=JournalLine)
            if not from_ms <= line.at_ms < to_ms:
                continue
            paths = [body_path(folder / "bodies", page.digest) for page in line.pages]
            if not all(path.exists() for path in paths):
                continue
            pages = [
                {
                    "name": page.name,
                    "page": page.page,
                    "status": page.status,
                    "headers": page.headers,
                    "body": _as_json(zstandard.decompress(path.read_bytes()), page.text),
                }
                for page, path in zip(line.pages, paths, strict=True)
            ]
            slices = [{"name": line.slice, "pages": pages}]
            yield msgspec.json.encode({"at_ms": line.at_ms, "source": line.source, "slices": slices})


def _as_json(body: bytes, text: bool) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(body.decode()) if text else body)
