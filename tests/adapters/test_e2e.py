"""E2E Networks: a table of hours, months and years, which must agree, and cards whose form the page leaves open."""

import msgspec
import pytest

from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices

E2E = ADAPTERS["e2e"]


def read(old: str, new: str) -> tuple[dict[str, Offer], list[Rejected]]:
    """The page with other words in one place."""
    (page,) = fixture_slices("e2e")[""]
    assert old in page.body
    rows = list(E2E.parse([msgspec.structs.replace(page, body=page.body.replace(old, new))], NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row for row in rows if isinstance(row, Rejected)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Prices are per GPU-hour", "Prices are per hour"),
        ("Hourly/On-Demand", "Monthly"),
        ('<th scope="col">Annually</th>', ""),
        ('<section id="cpu-pricing">', '<table><tr>{}</tr></table><section id="cpu-pricing">'),
    ],
)
def test_another_table_or_unit_is_a_changed_payload(old: str, new: str) -> None:
    heads = "".join(f"<th>{heading}</th>" for heading in ("Item", "vRAM", "vCPUs", "RAM, GB", "Hourly/On-Demand", "Monthly", "Annually"))
    with pytest.raises(PayloadChanged):
        read(old, new.format(heads))


@pytest.mark.parametrize(("old", "new"), [("$6.80</span>", "$4,900.00</span>"), ("$4,900.00", "$6.80"), ("$4,900.00", "$39,200.00")])
def test_a_month_that_contradicts_the_hour_costs_its_row(old: str, new: str) -> None:
    offers, rejected = read(old, new)
    assert "B200/192gb/on_demand" not in offers and len(offers) == 4
    assert any("a month is no multiple" in row.reason and "B200" in row.raw for row in rejected)


@pytest.mark.parametrize("words", ["Contact us", "₹70.00", "$6.8", "6.80", "$6.80/hr", "from $6.80"])
def test_an_hour_in_other_words_costs_its_row(words: str) -> None:
    offers, rejected = read("$6.80</span>", f"{words}</span>")
    assert "B200/192gb/on_demand" not in offers and len(offers) == 4
    assert any("no price in dollars" in row.reason and "B200" in row.raw for row in rejected)


def test_without_months_in_dollars_the_hour_stands() -> None:
    offers, _ = read("$4,900.00", "Contact us")
    assert offers["B200/192gb/on_demand"].amount == "6.80"


def test_a_card_whose_form_is_open_is_no_offer() -> None:
    offers, rejected = read("NVIDIA L40S", "NVIDIA H100")
    assert {offer.gpu for offer in offers.values()} == {"B200-SXM-180", "A40-PCIE-48", "A30-PCIE-24", "L4-PCIE-24"}
    assert not [row for row in rejected if "H100" in row.raw]


def test_memory_is_of_one_gpu() -> None:
    offers, rejected = read('text-center">192', 'text-center">1536')
    assert len(offers) == 4
    assert any("1536 GiB" in row.reason for row in rejected)
