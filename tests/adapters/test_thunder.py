"""Thunder Compute: the keys' grammar, older names, the product that is no other's, stock in words."""

import copy
from typing import Any

import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices, price


@pytest.fixture
def pages() -> list[Page]:
    return copy.deepcopy(fixture_slices("thunder")[""])


def body(pages: list[Page], name: str) -> Any:
    (page,) = [page for page in pages if page.request.name == name]
    return page.body


def read(pages: list[Page]) -> tuple[dict[str, Offer], list[str]]:
    rows = list(ADAPTERS["thunder"].parse(pages, NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row.reason for row in rows if isinstance(row, Rejected)]


def test_the_price_is_for_all_gpus_of_the_key(pages: list[Page]) -> None:
    offers, _ = read(pages)
    assert {price(offers[f"h100_x{count}_production/on_demand"]) for count in (1, 2, 4, 8)} == {2_640_000}


def test_shared_gpus_are_another_product(pages: list[Page]) -> None:
    offers, refused = read(pages)
    assert "a6000_x1_prototyping" in body(pages, "pricing")["pricing"]
    assert all(key.endswith("_production/on_demand") for key in offers)
    assert not [reason for reason in refused if "prototyping" in reason]
    assert "prototyping" in ADAPTERS["thunder"].ignored


def test_older_keys_are_folded_and_unknown_ones_refused(pages: list[Page]) -> None:
    offers, refused = read(pages)
    assert {"h100_x1", "a6000", "a100xl"} <= body(pages, "pricing")["pricing"].keys()
    assert not {"h100_x1/on_demand", "a6000/on_demand", "a100xl/on_demand"} & offers.keys()
    assert [reason for reason in refused if "unknown key" in reason] == ["pricing: unknown key 't4'"]


@pytest.mark.parametrize(
    "key", ["h100_x0_production", "h100_x8_Production", "h100-sxm_x8_production", "network_gb", "h100_x8_production_eu"]
)
def test_a_key_of_another_grammar_is_no_offer(pages: list[Page], key: str) -> None:
    body(pages, "pricing")["pricing"] = {"h100_x1_production": 2, key: 1}
    offers, refused = read(pages)
    assert list(offers) == ["h100_x1_production/on_demand"]
    assert refused == [f"pricing: unknown key {key!r}"]


def test_an_unknown_gpu_is_refused(pages: list[Page]) -> None:
    body(pages, "pricing")["pricing"] = {"b999_x1_production": 2}
    assert read(pages) == ({}, ["pricing: unknown GPU 'b999'"])


@pytest.mark.parametrize(("value", "why"), [(0, "zero"), (None, "null"), ("NaN", "NaN"), (-1, "negative"), (True, "a boolean")])
def test_no_price_is_no_offer(pages: list[Page], value: Any, why: str) -> None:
    body(pages, "pricing")["pricing"] = {"h100_x1_production": value}
    offers, refused = read(pages)
    assert offers == {}
    assert len(refused) == 1
    assert refused[0].startswith("h100_x1_production: ")
    assert why in refused[0]


@pytest.mark.parametrize(("field", "value"), [("gpuCount", 1), ("mode", "prototyping"), ("vramGB", 94), ("vcpuOptions", [])])
def test_a_specification_that_contradicts_the_key(pages: list[Page], field: str, value: Any) -> None:
    body(pages, "specs")["specs"]["h100_x8_production"][field] = value
    offers, refused = read(pages)
    assert "h100_x8_production/on_demand" not in offers
    assert len(refused) == 4


def test_a_machine_is_what_its_specification_says(pages: list[Page]) -> None:
    offers, _ = read(pages)
    eight, unspecified = offers["h100_x8_production/on_demand"], offers["l40s_x4_production/on_demand"]
    assert (eight.vcpus, eight.memory_gib) == (120.0, 960.0)
    assert (unspecified.vcpus, unspecified.memory_gib) == (None, None)


@pytest.mark.parametrize(
    ("word", "availability"), [("available", "available"), ("unavailable", "sold_out"), ("soon", "unknown"), (3, "unknown")]
)
def test_stock_by_key(pages: list[Page], word: Any, availability: str) -> None:
    body(pages, "status")["specs"]["h100_x1_production"] = word
    offers, _ = read(pages)
    assert offers["h100_x1_production/on_demand"].availability == availability


@pytest.mark.parametrize("name", ["pricing", "specs", "status"])
def test_each_list_is_needed(pages: list[Page], name: str) -> None:
    body(pages, name).clear()
    with pytest.raises(PayloadChanged):
        read(pages)
