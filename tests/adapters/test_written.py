"""What each source.json beside the simulated market's bodies states: prices worked out by hand, every refused row, what is left out."""

import pytest

from sim.wire.templates import BODIES
from tests.adapters.support import fixture_slices, folder, parsed, price, source_json

every_written = pytest.mark.parametrize("source", sorted(path.name for path in BODIES.iterdir()))


@every_written
def test_prices(source: str) -> None:
    facts = source_json(source)
    offers, _ = parsed(source, fixture_slices(source))
    read = {
        key: (offer.gpu, offer.gpu_count, offer.amount, price(offer), offer.availability)
        for key, offer in offers.items()
        if key in facts.prices
    }
    assert read == facts.prices
    assert len(facts.prices) >= 3
    assert len(offers) == facts.offers


@every_written
def test_each_refused_row_is_refused_for_its_own_reason(source: str) -> None:
    facts = source_json(source)
    _, rejected = parsed(source, fixture_slices(source))
    assert [row.field for row in rejected] == [field for field, _ in facts.refused]
    for row, (_, words) in zip(rejected, facts.refused, strict=True):
        assert words in row.reason


@every_written
def test_other_products_are_left_out(source: str) -> None:
    facts = source_json(source)
    bodies = "".join((folder(source) / entry.file).read_text() for entry in facts.answers)
    offers, rejected = parsed(source, fixture_slices(source))
    for words in facts.left_out:
        assert words in bodies, f"{words} is no longer in the bodies"
        assert not [key for key, offer in offers.items() if words in key or words == offer.instance_type]
        assert not [row for row in rejected if words in row.raw]
