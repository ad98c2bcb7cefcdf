"""Together AI and Deep Infra: tables of GPU-hours among tables of everything else."""

import msgspec
import pytest

from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices, parsed


def read(source: str, old: str, new: str) -> tuple[dict[str, Offer], list[Rejected]]:
    """The page with other words in one place."""
    (page,) = fixture_slices(source)[""]
    assert old in page.body
    rows = list(ADAPTERS[source].parse([msgspec.structs.replace(page, body=page.body.replace(old, new))], NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row for row in rows if isinstance(row, Rejected)]


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        ("together", "All prices are per GPU per hour.", "All prices are per node per hour."),
        ("together", "All prices per gpu per hour", "All prices per node per hour"),
        ("together", "7-30 days", "1 month"),
        ("together", "7-30 days", "31-90 days"),
        ("together", "ON-Demand", "Spot"),
        ("together", ">Pay as you go<", ">From<"),
        ("together", '<table id="dedicated-inference"', '<table id="x"><tr></tr></table><div'),
        ("deepinfra", '<th scope="col">Memory</th>', '<th scope="col">RAM</th>'),
        ("deepinfra", '<th scope="col">GPU</th>', '<th scope="col">8 GPUs</th>'),
        ("deepinfra", "dedicated SXM-connected GPUs", "dedicated GPUs"),
    ],
)
def test_other_headings_or_another_unit_are_a_changed_payload(source: str, old: str, new: str) -> None:
    with pytest.raises(PayloadChanged):
        read(source, old, new)


def test_a_table_that_stands_twice_is_a_changed_payload() -> None:
    (page,) = fixture_slices("deepinfra")[""]
    start, end = page.body.index("<h4>Custom LLMs"), page.body.index("<h4>Dedicated Instances")
    with pytest.raises(PayloadChanged, match="2 tables"):
        read("deepinfra", page.body[start:end], page.body[start:end] * 2)


def test_together_sells_clusters_and_endpoints_apart() -> None:
    offers, _ = parsed("together", fixture_slices("together"))
    assert {key.split("/")[0]: offer.price_type for key, offer in offers.items() if offer.price_type != "reserved"} == {
        "gpu-clusters": "on_demand",
        "dedicated-inference": "serverless",
    }
    assert {offer.price_type for key, offer in offers.items() if key.startswith("dedicated")} == {"serverless"}


def test_together_reserved_prices_are_apart_by_term() -> None:
    offers, _ = parsed("together", fixture_slices("together"))
    prices = {key: offer.amount for key, offer in offers.items() if "HGX H100" in key and offer.price_type == "reserved"}
    assert prices == {
        "gpu-clusters/NVIDIA HGX H100/7-30 days/reserved": "3.65",
        "gpu-clusters/NVIDIA HGX H100/31-90 days/reserved": "3.40",
        "gpu-clusters/NVIDIA HGX H100/91-180 days/reserved": "3.15",
    }


def test_togethers_hidden_table_makes_no_offer() -> None:
    offers, _ = read("together", "<p>On-demand</p>", "<p>On-demand $0.01</p>")
    assert offers == parsed("together", fixture_slices("together"))[0]


def test_together_a_cell_too_few_moves_no_price_under_another_heading() -> None:
    cell = '<td><div class="opacity-70"><p data-batch="">$3.65</p></div></td>'
    offers, rejected = read("together", cell, "")
    assert not [key for key in offers if key.startswith("gpu-clusters/NVIDIA HGX H100")]
    assert "4 prices under 5 headings" in " ".join(row.reason for row in rejected)


def test_deepinfra_a_price_in_another_unit_costs_its_row() -> None:
    for unit in (" / GPU-minute", " / hour", "", " / 8 GPU-hour"):
        offers, rejected = read("deepinfra", "<b>$2.25</b> / GPU-hour", f"<b>$2.25</b>{unit}")
        assert "H100/serverless" not in offers
        assert "Price" in [row.field for row in rejected]


def test_deepinfra_is_no_machine() -> None:
    offers, _ = parsed("deepinfra", fixture_slices("deepinfra"))
    assert {offer.price_type for offer in offers.values()} == {"serverless"}
