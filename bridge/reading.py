"""From a slice's pages to priced states: the CPU part of a poll. Pure; runs in a thread."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from adapters.base import Adapter, Page
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rates import Rates
from adapters.units import BadPrice, exchange_rate, usd_per_gpu_hour_micros
from bridge.state import OfferState, state_of

TOLERATED_REJECTED = 4
TOLERATED_REJECTED_SHARE = 0.2


class Reading(msgspec.Struct, frozen=True):
    """What one slice's answer holds: states by offer key, and the rows that could not be read."""

    states: dict[str, OfferState]
    rejected: list[Rejected]

    @property
    def rows(self) -> int:
        """Rows that were there."""
        return len(self.states) + len(self.rejected)


class Readings:
    """The last reading of each slice of one source, to be used again for the same bodies at the same rates.

    `rates` are those that the reading was made with, and are not changed afterwards. Where the parse reads the clock, nothing is kept.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._timeless = not adapter.reads_clock
        self._last: dict[str, tuple[str, Rates, Reading]] = {}

    def of(self, slice_name: str, digest: str, rates: Rates) -> Reading | None:
        """The reading of these bodies, if it was the slice's last one."""
        last = self._last.get(slice_name)
        return last[2] if last is not None and last[:2] == (digest, rates) else None

    def keep(self, slice_name: str, digest: str, rates: Rates, reading: Reading) -> None:
        """Keep a slice's reading in place of the one before."""
        if self._timeless:
            self._last[slice_name] = digest, rates, reading


def read_slice(adapter: Adapter, pages: Sequence[Page], observed_at: datetime, rates: Rates) -> Reading:
    """Parse, price and check one slice.

    Raises PayloadChanged where the answer has not the documented shape, or where so many rows cannot be read that the rest is not
    to be trusted either.
    """
    states: dict[str, OfferState] = {}
    rejected: list[Rejected] = []
    # One set of rates for the whole slice: newer ones may come while it is read.
    rates = dict(rates)
    try:
        for row in adapter.parse(pages, observed_at):
            if isinstance(row, Rejected):
                rejected.append(row)
            elif row.offer_key in states:
                rejected.append(_refused(row, "offer_key", f"offer_key {row.offer_key!r} came twice"))
            else:
                try:
                    states[row.offer_key] = _priced(row, rates)
                except BadPrice as error:
                    rejected.append(_refused(row, error.field, str(error)))
    except PayloadChanged as error:
        raise PayloadChanged(f"{adapter.source}: {error}", field=error.field) from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        # A parse promises not to raise these, but what it reads is another's: one odd answer must cost one slice, not the source.
        raise PayloadChanged(f"{adapter.source}: the answer cannot be read: {type(error).__name__}: {error}", field="body") from error
    reading = Reading(states, rejected)
    # With no readable row at all there is nothing that could vouch for the answer, however short it is.
    if too_many(len(rejected), reading.rows) or (rejected and not states):
        first = rejected[0]
        message = f"{adapter.source}: {len(rejected)} of {reading.rows} rows cannot be read, the first: {first.reason}"
        raise PayloadChanged(message, field=first.field, rejected=rejected)
    return reading


def too_many(rejected: int, rows: int) -> bool:
    """Whether so many rows are rejected that the others are not believed either."""
    return rejected > TOLERATED_REJECTED and rejected > TOLERATED_REJECTED_SHARE * rows


def _priced(offer: Offer, rates: Rates) -> OfferState:
    micros = usd_per_gpu_hour_micros(offer, rates)
    rate = exchange_rate(offer, rates)
    return state_of(offer, micros, None if rate is None else str(rate.usd), None if rate is None else rate.date)


def _refused(offer: Offer, field: str, reason: str) -> Rejected:
    return Rejected(reason=reason, field=field, raw=msgspec.json.encode(offer).decode()[:2000])
