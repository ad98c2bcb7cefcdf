"""Markets that list one kind of machine many times: one offer, at the price that one would pay; and their paging."""

import copy

import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import Offer
from tests.adapters.support import ADAPTERS, NOW, fixture_slices


def pages_of(source: str) -> list[Page]:
    return copy.deepcopy(next(iter(fixture_slices(source).values())))


def read(source: str, pages: list[Page]) -> dict[str, Offer]:
    return {row.offer_key: row for row in ADAPTERS[source].parse(pages, NOW) if isinstance(row, Offer)}


@pytest.mark.parametrize("source", ["gpuai", "nebula-block", "spheron"])
def test_machines_whose_owner_is_not_told_do_not_count(source: str) -> None:
    offers = read(source, pages_of(source))
    assert all(offer.upstream and not offer.in_market_stats for offer in offers.values())


def test_rows_of_one_kind_are_one_offer_at_the_lowest_price_in_any_order() -> None:
    pages = pages_of("gpuai")
    whole = read("gpuai", pages)
    pages[0].body["data"].reverse()
    assert read("gpuai", pages) == whole
    assert whole["us-west/1x/h100_sxm/container/community"].amount == "2.6"


def test_what_can_be_rented_comes_before_what_is_cheaper_and_sold_out() -> None:
    pages = pages_of("gpuai")
    pages[0].body["data"][0]["available"] = 0
    assert read("gpuai", pages)["us-west/1x/h100_sxm/container/community"].amount == "2.75"


def test_a_relisted_row_under_another_id_is_no_other_offer() -> None:
    pages = pages_of("gpuai")
    whole = read("gpuai", pages)
    for row in pages[0].body["data"]:
        row["offering_id"] += "0"
    assert read("gpuai", pages) == whole


def test_gpuai_without_a_cursor_is_not_the_end_of_the_list() -> None:
    pages = pages_of("gpuai")
    del pages[1].body["next_cursor"]
    with pytest.raises(PayloadChanged, match="next_cursor"):
        read("gpuai", pages)


def test_nebula_block_believes_no_answer_that_calls_itself_failed() -> None:
    pages = pages_of("nebula-block")
    pages[0].body["status"] = "failed"
    with pytest.raises(PayloadChanged, match="status"):
        read("nebula-block", pages)


def test_nebula_block_99_in_stock_is_no_count() -> None:
    offers = read("nebula-block", pages_of("nebula-block"))
    assert offers["CANADA/1/Container/1x/H100-80G-SXM/on_demand"].available_count is None
    assert offers["CANADA/2/Virtual Machine/8x/H100-80G-PCIe/on_demand"].available_count == 3


def test_spheron_makes_no_on_demand_offer_of_a_row_with_a_spot_price() -> None:
    pages = pages_of("spheron")
    row = pages[0].body["data"][0]["offers"][1]
    row["spot_price"] = row["price"] / 2
    offers = read("spheron", pages)
    assert "data-crunch/FIN-01/dedicated/8x/H100 SXM5/on_demand" not in offers
    assert offers["data-crunch/FIN-01/dedicated/8x/H100 SXM5/spot"].amount == "9.6"
