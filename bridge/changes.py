"""Change detection: what has to be said of a source's offers, given what Kafka has acknowledged. Pure."""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from bridge.book import Book
from bridge.state import EncodedState, gone_state, says_the_same
from schemas.vocabulary import EventKind

NO_STATE = b""


class Acknowledged(msgspec.Struct, frozen=True, gc=False, eq=False):
    """The last statement about an offer that Kafka has acknowledged."""

    encoded: EncodedState
    observed_at_ms: int
    event_time_ms: int


class Statement(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One event to be: everything of OfferEvent that is not the same for the whole source. `previous`: the state before, for `changed`."""

    kind: EventKind
    offer_key: str
    encoded: EncodedState
    digest: str | None
    event_time_ms: int
    observed_at_ms: int
    event_id: str
    previous: EncodedState | None = None


def detect(
    book: Book,
    acknowledged: Mapping[str, Acknowledged],
    *,
    provider: str,
    now_ms: int,
    observe_every_ms: int,
    expired_ms: int,
) -> list[Statement]:
    """At most one statement per offer, made at `now_ms`.

    appeared: not acknowledged yet. changed: says something else than acknowledged. observed: the same, and last said
    `observe_every_ms` ago. gone: acknowledged, and its slice answered without it. Of an offer last seen more than
    `expired_ms` ago nothing new is said.
    """
    statements = []
    for key, held in book.offers.items():
        known = acknowledged.get(key)
        if now_ms - held.observed_at_ms > expired_ms:
            continue
        if known is None:
            event_id = identify(provider, key, "appeared", NO_STATE, held.encoded.fingerprint, held.observed_at_ms)
            kind: EventKind = "appeared"
            previous = None
        elif held.encoded is known.encoded or says_the_same(held.encoded.state, known.encoded.state):
            if now_ms - known.event_time_ms < observe_every_ms:
                continue
            # Said again without a new poll where the cadence is slow, so the moment of saying stands in for the poll.
            event_id = identify(provider, key, "observed", known.encoded.fingerprint, held.encoded.fingerprint, now_ms)
            kind, previous = "observed", None
        elif held.observed_at_ms < known.observed_at_ms:
            continue
        else:
            event_id = identify(provider, key, "changed", known.encoded.fingerprint, held.encoded.fingerprint, held.observed_at_ms)
            kind, previous = "changed", known.encoded
        statements.append(
            Statement(
                kind,
                key,
                held.encoded,
                held.digest,
                event_time_ms=now_ms,
                observed_at_ms=held.observed_at_ms,
                event_id=event_id,
                previous=previous,
            )
        )
    statements += _gone(book, acknowledged, provider, now_ms)
    return statements


def identify(provider: str, offer_key: str, kind: EventKind, old: bytes, new: bytes, poll_ms: int) -> str:
    """The event's id: the same statement out of the same poll has the same id, in any process."""
    digest = blake2b(f"{provider}/{offer_key}\n{kind}\n{poll_ms}\n".encode(), digest_size=16)
    digest.update(old)
    digest.update(new)
    return digest.hexdigest()


def _gone(book: Book, acknowledged: Mapping[str, Acknowledged], provider: str, now_ms: int) -> list[Statement]:
    statements = []
    for key in acknowledged.keys() - book.offers.keys():
        since_ms = book.gone_since_ms(key)
        if since_ms is None:
            continue
        last = acknowledged[key].encoded
        encoded = EncodedState(gone_state(last.state))
        event_id = identify(provider, key, "gone", last.fingerprint, NO_STATE, since_ms)
        statements.append(Statement("gone", key, encoded, None, event_time_ms=now_ms, observed_at_ms=since_ms, event_id=event_id))
    return sorted(statements, key=lambda statement: statement.offer_key)
