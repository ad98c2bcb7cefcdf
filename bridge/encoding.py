"""Offer events as bytes, without building a dict: an event is its own header fields and the offer's cached state.

provider-prices.avsc has the event's fields first and the state's after, so a record is a join of parts that are each made
once: per batch, per offer, per state, per body. A test compares every byte with fastavro's.
"""

from bridge.changes import Statement
from bridge.state import avro_string, optional_long, optional_string, varint
from schemas.codec import HEADER, MAGIC
from schemas.vocabulary import EventKind, Market

KINDS: tuple[EventKind, ...] = ("appeared", "changed", "observed", "gone", "tick")
ID_CHARACTERS = 32

_kind_bytes = {kind: avro_string(kind) for kind in KINDS}
_nothing_before = b"\x00\x00"
_no_state = b"\x00" * 20 + b"\x01" + b"\x00" * 2


class EventEncoder:
    """Statements of one bridge to framed bytes. Pure."""

    def __init__(self, schema_id: int, market: Market) -> None:
        self._start = HEADER.pack(MAGIC, schema_id) + varint(ID_CHARACTERS)
        self._market = market
        self._moments: dict[int, bytes] = {}

    def identity(self, source: str, provider: str, offer_key: str) -> bytes:
        """The fields market, source, provider and offer_key: the same in every event of an offer."""
        return avro_string(self._market) + avro_string(source) + avro_string(provider) + avro_string(offer_key)

    def __call__(self, statement: Statement, identity: bytes, seq: int) -> bytes:
        """One event. `identity` is this offer's."""
        before = _nothing_before
        if statement.previous is not None:
            state = statement.previous.state
            before = optional_long(state.usd_per_gpu_hour_micros) + optional_string(state.availability)
        return b"".join(
            (
                self._start,
                statement.event_id.encode(),
                _kind_bytes[statement.kind],
                self._moment(statement.event_time_ms),
                self._moment(statement.observed_at_ms),
                varint(seq),
                identity,
                before,
                statement.encoded.avro,
                optional_string(statement.digest),
            )
        )

    def tick(self, event_id: str, event_time_ms: int, seq: int) -> bytes:
        """A tick: no offer, no state, only event time."""
        moment = self._moment(event_time_ms)
        identity = self.identity("", "", "")
        return b"".join(
            (self._start, event_id.encode(), _kind_bytes["tick"], moment, moment, varint(seq), identity, _nothing_before, _no_state)
        )

    def _moment(self, at_ms: int) -> bytes:
        encoded = self._moments.get(at_ms)
        if encoded is None:
            if len(self._moments) > 1000:
                self._moments.clear()
            encoded = self._moments[at_ms] = varint(at_ms)
        return encoded
