"""Offers that several rows of an answer state: which of them is believed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, rejected


class Agreed:
    """Offers by key. Where two rows state different prices of one offer, neither is believed; the later one is refused.

    A key that was refused stays refused: a third row doesn't settle what two contradict.
    """

    def __init__(self, field: str) -> None:
        """`field` is the price's, for the reason of a refusal."""
        self._field = field
        self._offers: dict[str, Offer] = {}
        self._disputed: set[str] = set()

    def each(self, rows: Iterable[Any], name: str, read: Callable[[Row], Iterable[Offer]]) -> Iterator[Rejected]:
        """Enters what the rows state, as `rows.each` reads them. Yields those that can't be read, or contradict an earlier one."""
        for row in rows:
            try:
                if not isinstance(row, dict):
                    raise BadRow(name, "a row is not an object")
                for offer in read(row):
                    self._note(offer)
            except BadRow as bad:
                yield rejected(row, bad)

    def _note(self, offer: Offer) -> None:
        known = self._offers.setdefault(offer.offer_key, offer)
        if known.amount != offer.amount:
            self._disputed.add(offer.offer_key)
            raise BadRow(self._field, f"price of {offer.offer_key} is stated twice, also as {known.amount}")

    def __iter__(self) -> Iterator[Offer]:
        return (offer for key, offer in self._offers.items() if key not in self._disputed)


def newest(history: Iterable[tuple[str, Row, Callable[[], Offer]]], field: str) -> Iterator[Offer | Rejected]:
    """The newest statement of each offer, by `provider_time_ms`; an offer with a row that can't be read is none.

    `history` has key, row and how to read it; `field` is the price's, for two different prices at one moment.
    """
    offers: dict[str, Offer] = {}
    unpriced: set[str] = set()
    for key, row, read in history:
        try:
            offer = read()
            known = offers.setdefault(key, offer)
            if known.provider_time_ms == offer.provider_time_ms and known.amount != offer.amount:
                raise BadRow(field, f"price of {key} is stated twice for one moment, also as {known.amount}")
        except BadRow as bad:
            unpriced.add(key)
            yield rejected(row, bad)
        else:
            if (offer.provider_time_ms or 0) > (known.provider_time_ms or 0):
                offers[key] = offer
    for key, offer in offers.items():
        if key not in unpriced:
            yield offer
