"""Traps of the smaller sources that no single row can show: markets folded to one offer a kind, paging, contracts, other currencies."""

import copy
from typing import Any

import msgspec
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


@pytest.mark.parametrize(("stated", "offers_left"), [({"instanceType": "SPOT"}, 0), ({"offerId": "data-crunch-34::spot"}, 0), ({}, 1)])
def test_spheron_a_spot_machine_told_in_any_way_is_never_on_demand(stated: dict[str, str], offers_left: int) -> None:
    pages = pages_of("spheron")
    pages[0].body["data"][0]["offers"][1].update(stated)
    assert len([key for key in read("spheron", pages) if key.endswith("/8x/H100 SXM5/on_demand") and "data-crunch" in key]) == offers_left


def test_mithril_names_an_offer_by_region_and_name_and_not_by_its_id() -> None:
    pages = pages_of("mithril")
    whole = read("mithril", pages)
    for page in pages:
        for row in page.body:
            row["fid"] = row["fid"].replace("it_", "it_2")
            if "instance_type" in row:
                row["instance_type"] = row["instance_type"].replace("it_", "it_2")
    assert read("mithril", pages) == whole


def test_sesterce_makes_no_spot_offer_of_the_price_that_stands_where_there_is_none() -> None:
    offers = read("sesterce", pages_of("sesterce"))
    assert [key for key in offers if key.endswith("/spot")] == ["AZ_07/ind-mumbai-1/A100_80G_sxm4x8/vm/spot"]


def test_latitude_reads_no_month_as_hours_and_no_reais_as_dollars() -> None:
    pages = pages_of("latitude")
    whole = read("latitude", pages)
    for plan in pages[0].body["data"]:
        for region in plan["attributes"]["regions"]:
            region["pricing"]["BRL"] = {"hour": 1, "month": 1, "year": 1}
            region["pricing"]["USD"] |= {"month": 1, "year": 1}
    assert read("latitude", pages) == whole


@pytest.mark.parametrize(
    ("card", "gpu"),
    [
        ({"count": 1, "interconnect": None}, "H100-PCIE-80"),
        ({"count": 8, "interconnect": "SXM5"}, "H100-SXM-80"),
        ({"count": 8, "interconnect": None}, None),
        ({"count": 1, "interconnect": "NVLink"}, None),
        ({"count": 4, "type": "NVIDIA H100 80GB NVLink"}, None),
    ],
)
def test_latitude_s_single_h100_says_nothing_of_the_cards_in_larger_servers(card: dict[str, object], gpu: str | None) -> None:
    pages = pages_of("latitude")
    (plan,) = [plan["attributes"] for plan in pages[0].body["data"] if plan["attributes"]["slug"] == "g3-h100-small"]
    plan["specs"]["gpu"].update(card)
    offers = [offer for key, offer in read("latitude", pages).items() if "/g3-h100-small/" in key]
    assert {offer.gpu for offer in offers} == ({gpu} if gpu else set())


def test_civo_believes_no_table_outside_the_section_of_gpus() -> None:
    (page,) = pages_of("civo")
    (section,) = [part for part in page.body.split("<section ") if part.startswith('class="pricing-product" id="nvidia-gpus"')]
    twice = msgspec.structs.replace(
        page, body=page.body.replace("</body>", f"<section {section}".replace("</html>", "").replace("</body>", "") + "</body>")
    )
    with pytest.raises(PayloadChanged, match="2 sections"):
        read("civo", [twice])
    elsewhere = msgspec.structs.replace(page, body=page.body.replace('product" id="nvidia-gpus"', 'product" id="amd-gpus"'))
    with pytest.raises(PayloadChanged, match="0 sections"):
        read("civo", [elsewhere])


def test_civo_s_commitment_is_never_an_on_demand_price() -> None:
    offers = read("civo", pages_of("civo"))
    b200 = {key: offer.price_type for key, offer in offers.items() if offer.gpu == "B200-SXM-180"}
    assert set(b200.values()) == {"reserved"} and len(b200) == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("TensorPool</div>", "Crusoe</div>"),
        ('font-medium bg-[#B8E7F5] border-t border-[#e0e0e0]">$2.10/hr', 'font-medium border-t border-[#e0e0e0]">$2.10/hr'),
        ('font-medium border-t border-[#e0e0e0]">$3.40/hr', 'font-medium bg-[#B8E7F5] border-t border-[#e0e0e0]">$3.40/hr'),
        ("ON-DEMAND", "RESERVED"),
    ],
)
def test_tensorpool_s_prices_are_told_from_its_rivals_for_certain_or_not_read(old: str, new: str) -> None:
    (page,) = pages_of("tensorpool")
    assert old in page.body
    with pytest.raises(PayloadChanged):
        read("tensorpool", [msgspec.structs.replace(page, body=page.body.replace(old, new, 1))])


def test_chutes_names_are_its_own_and_no_words() -> None:
    pages = pages_of("chutes")
    prices = pages[0].body["gpu_price_estimates"]
    prices["a100x"] = prices["a100"]
    assert "a100x/serverless" not in read("chutes", pages)


def test_massed_compute_spot_is_a_product_of_its_own() -> None:
    offers = read("massed-compute", pages_of("massed-compute"))
    assert {key: offer.price_type for key, offer in offers.items() if "a6000" in key and "8x" in key} == {
        "us-central-1/gpu_8x_a6000/on_demand": "on_demand",
        "us-central-1/gpu_8x_a6000_spot/spot": "spot",
    }


def test_gcore_s_hidden_price_is_none_whatever_number_stands_there() -> None:
    pages = pages_of("gcore")
    for row in pages[0].body["results"]:
        row["price"]["price_status"] = "hide"
    assert not [key for key in read("gcore", pages) if key.startswith("bm")]


@pytest.mark.parametrize(
    ("free", "places", "told"), [(0, [], ("sold_out", 0)), (3, [], ("unknown", None)), (0, [{"name": "x"}], ("sold_out", 0))]
)
def test_massed_compute_without_capacity_is_sold_out_and_without_a_place_unknown(free: int, places: list[object], told: object) -> None:
    pages = pages_of("massed-compute")
    pages[0].body["gpu_inventory"]["gpu_1x_h100"] |= {"capacity_available": free, "regions_with_capacity_available": places}
    offer = read("massed-compute", pages)["gpu_1x_h100/on_demand"]
    assert (offer.availability, offer.available_count) == told


@pytest.mark.parametrize(
    ("body", "told"),
    [(None, ("", None)), ([], ("", None)), ({"slug": 7, "country": "Luxembourg"}, ("", None)), (..., ("teststadt-2", "LU"))],
)
def test_gcore_s_region_only_describes_and_costs_no_price(body: Any, told: tuple[str, str | None]) -> None:
    pages = pages_of("gcore")
    whole = read("gcore", pages)
    if body is not ...:
        pages = [msgspec.structs.replace(page, body=body) if page.request.aside else page for page in pages]
    offers = read("gcore", pages if body is not None else [page for page in pages if not page.request.aside])
    assert {(offer.region, offer.country) for offer in offers.values()} == {told}
    assert {key: offer.amount for key, offer in offers.items()} == {key: offer.amount for key, offer in whole.items()}
    assert (whole["g3-ai-64-384-3000-l-48-2/on_demand"].vcpus, whole["g3-ai-64-384-3000-l-48-2/on_demand"].memory_gib) == (64, 384)
