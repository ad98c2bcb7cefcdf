"""Fly.io: a list of GPUs that once stood on a page, whose absence is never taken for sold out."""

import msgspec
import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices

FLYIO = ADAPTERS["flyio"]
ITEMS = "".join(
    f"<li>{entry}</li>\n"
    for entry in (
        "A10: $1.45/hr per GPU",
        "L40S: $1.30/hr per GPU",
        "A100 40G PCIe: $2.40/hr per GPU",
        "A100 80G SXM: $3.40/hr per GPU",
        "X9: $4.10/hr per GPU",
        "H100 80G SXM: $0.00/hr per GPU",
        "H200: $1,980/mo per GPU",
        "B200: contact us",
    )
)


def read(old: str = "", new: str = "") -> list[Offer | Rejected]:
    """The page with other words in one place."""
    (page,) = fixture_slices("flyio")[""]
    assert old in page.body
    changed: Page = msgspec.structs.replace(page, body=page.body.replace(old, new) if old else page.body)
    return list(FLYIO.parse([changed], NOW))


@pytest.mark.parametrize(("old", "new"), [("<p>On-demand GPU pricing:</p>", ""), (ITEMS, ""), (ITEMS, "<!-- none -->")])
def test_a_page_without_gpus_says_that_none_are_listed_any_more(old: str, new: str) -> None:
    with pytest.raises(PayloadChanged, match="lists no GPUs any more"):
        read(old, new)


def test_a_page_without_the_section_at_all_says_so_too() -> None:
    (page,) = fixture_slices("flyio")[""]
    start, stop = page.body.index('<h3 id="gpus-and-fly-machines">'), page.body.index('<h2 id="persistent-storage-volumes">')
    with pytest.raises(PayloadChanged, match="lists no GPUs any more"):
        read(page.body[start:stop])


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("<h1>Fly.io Resource Pricing</h1>", "<h1>Sign in</h1>", "not 'Fly.io Resource Pricing'"),
        ("<p>Usage terms:</p>", "<p>On-demand GPU pricing:</p>", "more than once"),
        ("<p>On-demand GPU pricing:</p>", "<p>On-demand GPU pricing:</p><p>From January on:</p>", "no list follows"),
        (" plus the price of the attached GPU", " which has the GPU", "no longer says"),
    ],
)
def test_another_page_is_a_changed_payload(old: str, new: str, why: str) -> None:
    with pytest.raises(PayloadChanged, match=why):
        read(old, new)


@pytest.mark.parametrize(
    "entry",
    [
        "A10: $1.45/min per GPU",
        "A10: $1.45/hr",
        "A10: $145/hr per GPU",
        "A10: €1.45/hr per GPU",
        "A10: from $1.45/hr per GPU",
        "A10: $1.45/hr per GPU, reserved",
    ],
)
def test_an_entry_in_other_words_is_refused(entry: str) -> None:
    rows = read("A10: $1.45/hr per GPU", entry)
    assert "A10/on_demand" not in {row.offer_key for row in rows if isinstance(row, Offer)}
    assert entry in [row.raw.strip('"') for row in rows if isinstance(row, Rejected)]


def test_a_kind_whose_form_is_left_open_is_refused() -> None:
    rows = read("A100 80G SXM:", "A100 80G:")
    assert [row.unknown_gpu for row in rows if isinstance(row, Rejected) and row.unknown_gpu] == ["A100 80G", "X9"]


def test_a_gpu_beside_a_machine_is_no_price_of_the_market() -> None:
    offers = [row for row in read() if isinstance(row, Offer)]
    assert {(offer.price_type, offer.unit, offer.basis, offer.region, offer.gpu_count, offer.in_market_stats) for offer in offers} == {
        ("on_demand", "hour", "per_gpu", "", 1, False)
    }


def test_it_is_off_live_until_an_operator_says_otherwise() -> None:
    assert FLYIO.confidence == "unsure"
