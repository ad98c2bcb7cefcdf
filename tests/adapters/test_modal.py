"""Modal: a page of words, of which every one in its list of GPUs is accounted for."""

import msgspec
import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices

MODAL = ADAPTERS["modal"]


def read(old: str, new: str) -> list[Offer | Rejected]:
    """The page with other words in one place."""
    (page,) = fixture_slices("modal")[""]
    assert old in page.body
    changed: Page = msgspec.structs.replace(page, body=page.body.replace(old, new))
    return list(MODAL.parse([changed], NOW))


@pytest.mark.parametrize("unit", [" / hr", " / min", " / core / sec", " / secs", ""])
def test_another_unit_is_a_changed_payload(unit: str) -> None:
    with pytest.raises(PayloadChanged, match=r"per second|one list"):
        read("<!-- --> / sec", unit)


def test_one_price_in_another_unit_is_a_changed_payload_too() -> None:
    with pytest.raises(PayloadChanged, match="Nvidia H200"):
        read("$0.001270<!-- --> / sec", "$4.57 / hr")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("GPU Tasks</h3>", "GPUs</h3>"),
        ("GPU Tasks</h3>", "GPU Tasks</h3><h3>GPU Tasks</h3>"),
        ("CPU", "Processors"),
        ('<div class="resource-list"><h3>CPU', "<p>Prices may change.</p><h3>CPU"),
    ],
)
def test_another_list_is_a_changed_payload(old: str, new: str) -> None:
    with pytest.raises(PayloadChanged):
        read(old, new)


def test_elements_that_touch_are_read_apart() -> None:
    (page,) = fixture_slices("modal")[""]
    touching = msgspec.structs.replace(page, body=page.body.replace("\n", ""))
    assert list(MODAL.parse([touching], NOW)) == list(MODAL.parse([page], NOW))


def test_cpu_memory_and_multipliers_are_in_no_offer() -> None:
    (page,) = fixture_slices("modal")[""]
    offers = [row for row in MODAL.parse([page], NOW) if isinstance(row, Offer)]
    assert {(offer.price_type, offer.unit, offer.basis, offer.region, offer.gpu_count) for offer in offers} == {
        ("serverless", "second", "per_gpu", "", 1)
    }
    assert not {"0.0000132", "0.00000225"} & {offer.amount for offer in offers}
