"""Aquanode: rows of many clouds, whose price is of all their GPUs, but for one cloud's."""

from typing import Any

import msgspec
import pytest

from adapters.errors import PayloadChanged, Transient
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices

AQUANODE = ADAPTERS["aquanode"]


def read(*changes: dict[str, Any]) -> list[Offer | Rejected]:
    """What is made of the written answer's second row (four B200), once for each change to it."""
    (page,) = fixture_slices("aquanode")[""]
    row = page.body["data"][1]
    body = {**page.body, "data": [{**row, **change} for change in changes]}
    return list(AQUANODE.parse([msgspec.structs.replace(page, body=body)], NOW))


def only(row: Offer | Rejected) -> Offer:
    assert isinstance(row, Offer), row
    return row


@pytest.mark.parametrize("name", ["akash", " Akash", "AKASH"])
def test_rows_that_state_the_price_of_one_gpu_are_left_out(name: str) -> None:
    assert read({"provider": name}) == []


def test_a_price_is_of_all_gpus_and_nothing_counts_in_the_market() -> None:
    (row,) = read({})
    offer = only(row)
    assert (offer.amount, offer.gpu_count, offer.basis, offer.upstream, offer.in_market_stats) == (
        "24.0",
        4,
        "per_instance",
        "datacrunch",
        False,
    )


def test_spaces_around_texts_make_no_other_offer() -> None:
    (row,) = read({}, {"provider": " datacrunch ", "region": "FIN-03 ", "gpuShortName": " B200", "price": 30})
    assert only(row).amount == "24.0"


@pytest.mark.parametrize("region", ["", "  ", "N/A", "unknown", "null"])
def test_a_word_for_no_region_is_none(region: str) -> None:
    (row,) = read({"region": region})
    assert (only(row).region, only(row).offer_key) == ("", "datacrunch/anywhere/4x/B200/on_demand")


@pytest.mark.parametrize("field", ["region", "cloud_type"])
def test_a_row_that_does_not_say_where_is_refused(field: str) -> None:
    (row,) = read({field: None})
    assert isinstance(row, Rejected) and row.field == field


def test_a_card_whose_form_is_left_open_is_no_offer() -> None:
    assert read({"gpuShortName": "H100", "gpuMemory": "80GB", "interface": ""}) == []
    (row,) = read({"gpuShortName": "H100", "gpuMemory": "80GB", "interface": "SXM5"})
    assert only(row).gpu == "H100-SXM-80"


def test_memory_in_another_unit_only_describes_and_is_left_out() -> None:
    (row,) = read({"availableMemory": {"value": 1, "unit": "TB"}, "availableStorage": {"value": 900, "unit": "GB"}})
    assert (only(row).memory_gib, only(row).disk_gib) == (None, 900.0)


def test_an_answer_that_says_it_failed_is_no_empty_market() -> None:
    (page,) = fixture_slices("aquanode")[""]
    with pytest.raises(Transient, match="marketplace down"):
        list(AQUANODE.parse([msgspec.structs.replace(page, body={"success": False, "error": "marketplace down", "data": []})], NOW))
    with pytest.raises(PayloadChanged):
        list(AQUANODE.parse([msgspec.structs.replace(page, body={"success": True})], NOW))


def test_it_is_off_live_until_an_operator_says_otherwise() -> None:
    assert AQUANODE.confidence == "unsure"
