"""Traps of the small clouds and markets that no single row can show: CloudRift, Clore, Hyperbolic, JarvisLabs, Seeweb, Voltage Park."""

import copy

import pytest

from adapters.base import Page
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices


def pages_of(source: str) -> list[Page]:
    return copy.deepcopy(next(iter(fixture_slices(source).values())))


def read(source: str, pages: list[Page]) -> tuple[dict[str, Offer], list[Rejected]]:
    rows = list(ADAPTERS[source].parse(pages, NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row for row in rows if isinstance(row, Rejected)]


def test_cloudrifts_rented_nodes_are_no_stock() -> None:
    (page,) = pages_of("cloudrift")
    (kind,) = [kind for kind in page.body["data"]["instance_types"] if kind["name"] == "l40s"]
    (variant,) = kind["variants"]
    assert variant["nodes_per_dc"]["eu-central-it-gv-1"] == 3
    variant["available_nodes_per_dc"]["eu-central-it-gv-1"] = 0
    offers, _ = read("cloudrift", [page])
    found = offers["eu-central-it-gv-1/l40s.1/on_demand"]
    assert (found.availability, found.available_count, found.country) == ("sold_out", 0, "IT")


@pytest.mark.parametrize("vram", [34359738368, 8 * 34359738368])
def test_cloudrifts_memory_of_one_card_is_that_of_the_variant_with_one(vram: int) -> None:
    (page,) = pages_of("cloudrift")
    for kind in page.body["data"]["instance_types"]:
        for variant in kind["variants"]:
            if variant["name"] == "rtx59-16c-nr.8":
                variant["vram"] = vram
    offers, _ = read("cloudrift", [page])
    assert offers["rtx59-16c-nr.8/on_demand"].gpu == "RTX5090-PCIE-32"


def test_cloudrifts_memory_that_fits_neither_reading_is_refused() -> None:
    (page,) = pages_of("cloudrift")
    for kind in page.body["data"]["instance_types"]:
        for variant in kind["variants"]:
            if variant["name"] == "rtx49-7-50-500-nr.2":
                variant["vram"] *= 4
    offers, rejected = read("cloudrift", [page])
    assert "us-west-ca-1/rtx49-7-50-500-nr.2/on_demand" not in offers
    assert [row.field for row in rejected if "where one GPU has" in row.reason] == ["vram"]
