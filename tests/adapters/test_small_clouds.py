"""Traps of small clouds and markets that no single row can show: CloudRift, Clore, Hot Aisle, Hyperbolic, JarvisLabs, Seeweb and others."""

import copy
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import ExchangeRate, Offer, Rejected
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


def test_seewebs_plan_that_is_sold_cannot_always_be_started() -> None:
    plans, startable = pages_of("seeweb")
    rows = {row["name"]: row for row in startable.body["plans"]}
    rows["ECS1GPU7"]["region_availables"] = [{"region": "it-mi2"}]
    startable.body["plans"] = [row for name, row in rows.items() if name != "ECS2GPU3"]
    offers, _ = read("seeweb", [plans, startable])
    assert [offers[f"{place}/on_demand"].availability for place in ("it-fr2/ECS1GPU7", "it-mi2/ECS1GPU7", "it-fr2/ECS2GPU3")] == [
        "sold_out",
        "available",
        "sold_out",
    ]


def test_seewebs_plan_that_is_no_longer_sold_is_sold_out() -> None:
    plans, startable = pages_of("seeweb")
    assert "ECS1GPU8" in [row["name"] for row in startable.body["plans"]]
    offers, _ = read("seeweb", [plans, startable])
    assert offers["it-fr2/ECS1GPU8/on_demand"].availability == "sold_out"


@pytest.mark.parametrize("regions", [None, ["it-fr2"], [{"location": "it-fr2"}], {"it-fr2": True}])
def test_stock_that_is_not_understood_is_no_stock_of_seeweb(regions: Any) -> None:
    plans, startable = pages_of("seeweb")
    startable.body["plans"][0]["region_availables"] = regions
    with pytest.raises(PayloadChanged, match="region_availables"):
        read("seeweb", [plans, startable])


@pytest.mark.parametrize("windows", ["no", None, 0])
def test_a_plan_of_seeweb_that_may_have_windows_is_refused(windows: Any) -> None:
    plans, startable = pages_of("seeweb")
    plans.body["plans"][1]["windows"] = windows
    _, rejected = read("seeweb", [plans, startable])
    assert "windows" in [row.field for row in rejected]


def test_of_two_options_of_hyperbolic_under_one_name_the_cheaper_counts() -> None:
    (page,) = pages_of("hyperbolic")
    first = page.body[0]
    for rows in ([first, {**first, "costPerHourCents": 299}], [{**first, "costPerHourCents": 299}, first]):
        offers, rejected = read("hyperbolic", [msgspec.structs.replace(page, body=rows)])
        assert [(offer.amount, offer.gpu) for offer in offers.values()] == [("299", "H100-SXM-80")]
        assert not rejected


@pytest.mark.parametrize(("free", "availability"), [(0, "sold_out"), (7, "sold_out"), (8, "available"), (32, "available")])
def test_hyperbolic_counts_free_gpus(free: int, availability: str) -> None:
    (page,) = pages_of("hyperbolic")
    row = next(row for row in page.body if row["gpuCount"] == 8 and row["enabled"])
    (offer,) = read("hyperbolic", [msgspec.structs.replace(page, body=[{**row, "totalAvailable": free}])])[0].values()
    assert (offer.availability, offer.available_count) == (availability, free)


def test_jarvislabs_effective_stock_stands_above_the_other() -> None:
    (page,) = pages_of("jarvislabs")
    for row in page.body["server_meta"]:
        row["effective_num_free_devices"] = 0
    offers, _ = read("jarvislabs", [page])
    assert {offer.availability for offer in offers.values() if offer.price_type == "on_demand"} == {"sold_out"}
    assert "available" in {offer.availability for offer in offers.values() if offer.price_type == "spot"}
    for row in page.body["server_meta"]:
        del row["effective_num_free_devices"]
    offers, _ = read("jarvislabs", [page])
    assert offers["europe-01/H100/on_demand"].available_count == 25


@pytest.mark.parametrize("field", ["gpu_price_spot", "reserved_gpu_price_cluster_one"])
def test_a_price_of_voltage_park_that_is_not_known_costs_its_row(field: str) -> None:
    (page,) = pages_of("voltage-park")
    page.body["results"][0][field] = "0.99"
    offers, rejected = read("voltage-park", [page])
    assert field in [row.field for row in rejected]
    assert not any(key.startswith(page.body["results"][0]["id"]) for key in offers)


def _without_rates(pages: list[Page]) -> list[Page]:
    return [page for page in pages if page.request.name == "marketplace"]


def test_a_price_in_clore_has_the_rate_of_the_same_answer() -> None:
    offers, _ = read("clore", pages_of("clore"))
    rates = {offer.currency: offer.rate for offer in offers.values()}
    assert rates == {"USD": None, "CLORE": ExchangeRate(currency="CLORE", usd=Decimal("0.004"), date="2026-11-21")}
    assert {key for key, offer in offers.items() if offer.currency == "CLORE"} == {"4106/on_demand", "4106/bid"}


@pytest.mark.parametrize("factor", [100, 24, Decimal("0.9")])
def test_a_rate_of_clore_that_the_server_contradicts_is_no_rate(factor: int | Decimal) -> None:
    pages = pages_of("clore")
    (rates,) = [page for page in pages if page.request.name == "rates"]
    rates.body["market"]["currency_rates_in_usd"]["CLORE-Blockchain"] *= factor
    offers, rejected = read("clore", pages)
    assert {offer.currency for offer in offers.values()} == {"USD"}
    assert "on_demand_clore" in [row.field for row in rejected]


def test_clore_without_rates_still_has_its_prices_in_usd() -> None:
    offers, rejected = read("clore", _without_rates(pages_of("clore")))
    assert {offer.currency for offer in offers.values()} == {"USD"}
    assert "CLORE-Blockchain" in [row.field for row in rejected]


def test_clores_rates_are_asked_for_where_a_server_needs_them() -> None:
    (page,) = _without_rates(pages_of("clore"))
    asked = ADAPTERS["clore"].next_page(page)
    assert asked is not None
    assert (asked.path, asked.query) == ("/v1/spot_marketplace", {"market": "4106"})
    servers = [row for row in page.body["servers"] if "USD-Blockchain" in row["allowed_coins"]]
    assert ADAPTERS["clore"].next_page(msgspec.structs.replace(page, body={"code": 0, "servers": servers})) is None
    assert ADAPTERS["clore"].next_page(msgspec.structs.replace(page, request=asked)) is None


def test_clores_free_gpus_of_a_server_rented_in_parts() -> None:
    offers, _ = read("clore", pages_of("clore"))
    stock = {key: (offer.availability, offer.available_count) for key, offer in offers.items() if offer.price_type == "on_demand"}
    assert stock["4114/on_demand"] == ("available", 3)
    assert stock["4115/on_demand"] == ("sold_out", 0)
    assert stock["4102/on_demand"] == ("available", 8)
    assert stock["4103/on_demand"] == ("sold_out", 0)


def test_hot_aisle_without_a_free_machine_answers_null() -> None:
    machines, metal = (pages[0] for pages in copy.deepcopy(fixture_slices("hotaisle")).values())
    assert read("hotaisle", [msgspec.structs.replace(metal, body=None)]) == ({}, [])
    offers, _ = read("hotaisle", [machines, msgspec.structs.replace(metal, body=None)])
    assert {key.partition("/")[0] for key in offers} == {"virtual-machines"}


def test_of_two_machines_of_hot_aisle_under_one_name_the_cheaper_counts() -> None:
    (page,) = pages_of("hotaisle")
    first = page.body[0]
    dearer = {**first, "OnDemandPrice": 299, "Specs": {**first["Specs"], "ram_capacity": 2 * first["Specs"]["ram_capacity"]}}
    for rows in ([first, dearer], [dearer, first]):
        (offer,) = read("hotaisle", [msgspec.structs.replace(page, body=rows)])[0].values()
        assert offer.amount == "197"


def test_as_many_hosts_of_lium_as_were_asked_for_may_not_be_all() -> None:
    (page,) = pages_of("lium")
    hosts = [{**page.body[0], "id": str(number)} for number in range(1000)]
    offers, _ = read("lium", [msgspec.structs.replace(page, body=hosts[1:])])
    assert len(offers) == 999
    with pytest.raises(PayloadChanged, match="there may be more"):
        read("lium", [msgspec.structs.replace(page, body=hosts)])
