"""Dead letters: what of a poll could not be read, with the reason, as Kafka records with Kafka Connect's header names."""

from collections.abc import Iterator
from hashlib import blake2b, sha256

import msgspec

from adapters.errors import PayloadChanged
from bridge.archive import redacted
from bridge.results import Distrusted, PollResult, SliceResult
from schemas.topics import PROVIDER_PRICES

EXCERPT_BYTES = 64 * 1024
AGAIN_AFTER_MS = 15 * 60 * 1000
MAX_REMEMBERED = 20_000
MAX_PER_POLL = 100


class DeadLetter(msgspec.Struct, frozen=True):
    """One record of provider-prices.dlq; its key is the source."""

    source: str
    value: bytes
    headers: list[tuple[str, bytes]]


class DeadLetters:
    """Makes letters of poll results. What was said within the last quarter of an hour is not said again."""

    def __init__(self) -> None:
        self._said_ms: dict[bytes, int] = {}

    def of(self, result: PollResult) -> list[DeadLetter]:
        """The new letters of one poll, at most MAX_PER_POLL: an answer with more has one cause."""
        letters: list[DeadLetter] = []
        for part in result.slices:
            for letter, subject in self._candidates(result.source, part):
                if len(letters) < MAX_PER_POLL and self._is_new(subject, part.observed_at_ms):
                    letters.append(letter)
        return letters

    def _candidates(self, source: str, part: SliceResult) -> Iterator[tuple[DeadLetter, bytes]]:
        if isinstance(part.error, PayloadChanged) and (not part.withheld or isinstance(part.error, Distrusted)):
            body = bad_body(part)
            digest = sha256(body).hexdigest() if part.error.body or part.answer is None else part.answer.digest
            headers = _headers(source, type(part.error).__name__, str(part.error), part.error.field, digest, part.observed_at_ms)
            subject = f"{source}\n{part.slice}\n{part.error}\n{part.error.field}\n{digest}".encode()
            yield DeadLetter(source, redacted(body[:EXCERPT_BYTES]), headers), subject
        if part.reading is not None and part.answer is not None:
            for row in part.reading.rejected:
                headers = _headers(source, "Rejected", row.reason, row.field, part.answer.digest, part.observed_at_ms)
                raw = redacted(row.raw.encode())
                yield DeadLetter(source, raw[:EXCERPT_BYTES], headers), source.encode() + row.reason.encode() + raw

    def _is_new(self, subject: bytes, at_ms: int) -> bool:
        mark = blake2b(subject, digest_size=16).digest()
        last_ms = self._said_ms.pop(mark, None)
        if last_ms is not None and at_ms - last_ms < AGAIN_AFTER_MS:
            self._said_ms[mark] = last_ms
            return False
        self._said_ms[mark] = at_ms
        while len(self._said_ms) > MAX_REMEMBERED:
            del self._said_ms[next(iter(self._said_ms))]
        return True


def bad_body(part: SliceResult) -> bytes:
    """The body that a failed slice stumbled over: the one the error carries, or all of the answer."""
    if isinstance(part.error, PayloadChanged) and part.error.body:
        return part.error.body
    return b"".join(answer.raw for answer in part.answer.answers) if part.answer is not None else b""


def _headers(source: str, kind: str, message: str, field: str, digest: str, observed_at_ms: int) -> list[tuple[str, bytes]]:
    texts = {
        "__connect.errors.topic": PROVIDER_PRICES.name,
        "__connect.errors.exception.class.name": kind,
        "__connect.errors.exception.message": message,
        "gputicker.source": source,
        "gputicker.field": field,
        "gputicker.body.digest": digest,
        "gputicker.observed_at_ms": str(observed_at_ms),
    }
    return [(name, text.encode(errors="replace")) for name, text in texts.items()]
