"""Traps of providers with written bodies that no single row can show."""

import copy
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.base import Page, Request
from adapters.errors import PayloadChanged, Transient
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices


def pages_of(source: str) -> list[Page]:
    return copy.deepcopy(next(iter(fixture_slices(source).values())))


def read(source: str, pages: list[Page]) -> tuple[dict[str, Offer], list[Rejected]]:
    rows = list(ADAPTERS[source].parse(pages, NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row for row in rows if isinstance(row, Rejected)]


def test_jarvislabs_two_prices_of_one_card_are_both_not_believed() -> None:
    pages = pages_of("jarvislabs")
    rows = pages[0].body["server_meta"]
    machine = next(row for row in rows if row["gpu_type"] == "A100-80GB" and row["workload_type"] == "vm")
    machine["price_per_hour"] *= 2
    offers, rejected = read("jarvislabs", pages)
    assert "india-noida-01/A100-80GB/on_demand" not in offers
    assert "india-noida-01/A100-80GB/spot" in offers
    assert [row.reason for row in rejected if "stated twice" in row.reason]


@pytest.mark.parametrize("source", ["prime-intellect", "shadeform"])
def test_resold_machines_name_their_cloud_and_do_not_count(source: str) -> None:
    offers, _ = read(source, pages_of(source))
    assert offers
    for offer in offers.values():
        assert offer.upstream
        assert offer.offer_key.startswith(f"{offer.upstream}/")
        assert not offer.in_market_stats


def test_prime_intellect_is_paged_by_the_total_it_states() -> None:
    adapter = ADAPTERS["prime-intellect"]
    (request,) = adapter.slices()[0].requests
    asked = []
    following: Request | None = request
    while following is not None:
        asked.append(following.query["page"])
        following = adapter.next_page(Page(request=following, status=200, headers={}, body={"items": [], "totalCount": 201}))
    assert asked == ["1", "2", "3"]


def test_prime_intellect_an_empty_page_among_rows_that_it_states_is_no_answer() -> None:
    """A hundred offers would be gone, and back at the next poll. Where nothing is told at all, the guard asks a second time."""
    adapter = ADAPTERS["prime-intellect"]
    (first,) = pages_of("prime-intellect")
    second = msgspec.structs.replace(first, request=msgspec.structs.replace(first.request, page=2), body={"items": [], "totalCount": 101})
    with pytest.raises(Transient, match="page 2 of gpus is empty, of 101 rows"):
        list(adapter.parse([first, second], NOW))
    with pytest.raises(Transient, match="page 1"):
        list(adapter.parse([msgspec.structs.replace(first, body={"items": [], "totalCount": 101}), first], NOW))
    shrunk = msgspec.structs.replace(second, body={"items": [], "totalCount": 100})
    assert list(adapter.parse([first, shrunk], NOW)) == list(adapter.parse([first], NOW))
    assert list(adapter.parse([msgspec.structs.replace(first, body={"items": [], "totalCount": 608})], NOW)) == []


@pytest.mark.parametrize(
    ("changes", "price_type", "amount"),
    [
        ({}, "on_demand", "1.5"),
        ({"prices": {"onDemand": Decimal("1.5"), "communityPrice": Decimal("1.2")}}, "community", "1.2"),
        ({"security": "community_cloud"}, "community", "1.5"),
        ({"isSpot": True}, "spot", "1.5"),
        ({"prepaidTime": 24}, "reserved", "1.5"),
        ({"prepaidTime": 0}, "on_demand", "1.5"),
    ],
)
def test_prime_intellect_what_is_paid_and_how(changes: dict[str, Any], price_type: str, amount: str) -> None:
    (page,) = pages_of("prime-intellect")
    row = {**page.body["items"][0], "prices": {"onDemand": Decimal("1.5"), "communityPrice": None}, **changes}
    row["prices"] = {**row["prices"], "currency": "USD"}
    (offer,) = ADAPTERS["prime-intellect"].parse([msgspec.structs.replace(page, body={"items": [row], "totalCount": 1})], NOW)
    assert isinstance(offer, Offer) and (offer.price_type, offer.amount) == (price_type, amount)


@pytest.mark.parametrize(
    ("changes", "gpu"),
    [
        ({"gpu_type": "RTX6000", "vram_per_gpu_in_gb": 24}, "QUADRORTX6000-PCIE-24"),
        ({"gpu_type": "RTX6000", "vram_per_gpu_in_gb": 48}, None),
        ({"gpu_type": "RTX6000Ada", "vram_per_gpu_in_gb": 48}, "RTX6000ADA-PCIE-48"),
        ({"gpu_type": "GAUDI2", "vram_per_gpu_in_gb": 96}, "GAUDI2-OAM-96"),
        ({"gpu_type": "GH200", "vram_per_gpu_in_gb": 480}, None),
        ({"gpu_type": "H100_nvl", "vram_per_gpu_in_gb": 94}, "H100-NVL-94"),
        ({"gpu_type": "V100", "vram_per_gpu_in_gb": 16}, "V100-PCIE-16"),
        ({"gpu_type": "V100", "vram_per_gpu_in_gb": 16, "num_gpus": 8, "cloud": "lambdalabs"}, "V100-SXM-16"),
        ({"gpu_type": "V100", "vram_per_gpu_in_gb": 32, "num_gpus": 8, "cloud": "lambdalabs"}, None),
        ({"gpu_type": "V100_32G", "vram_per_gpu_in_gb": 32}, "V100-PCIE-32"),
    ],
)
def test_shadeform_cards_whose_interconnect_says_pcie(changes: dict[str, Any], gpu: str | None) -> None:
    (page,) = pages_of("shadeform")
    row = next(row for row in page.body["instance_types"] if row["shade_instance_type"] == "L40S")
    cloud = changes.pop("cloud", row["cloud"])
    row = {**row, "cloud": cloud, "configuration": {**row["configuration"], **changes, "interconnect": "pcie"}}
    (read_row,) = ADAPTERS["shadeform"].parse([msgspec.structs.replace(page, body={"instance_types": [row]})], NOW)
    assert (read_row.gpu if isinstance(read_row, Offer) else None) == gpu


def test_shadeform_a_region_that_is_stated_twice_is_refused() -> None:
    """Which of the two has stock would hang on their order."""
    (page,) = pages_of("shadeform")
    row = page.body["instance_types"][0]
    row["availability"] = [{**row["availability"][0], "available": available} for available in (True, False)]
    (refused,) = ADAPTERS["shadeform"].parse([msgspec.structs.replace(page, body={"instance_types": [row]})], NOW)
    assert isinstance(refused, Rejected) and refused.field == "region"


@pytest.mark.parametrize(
    ("model", "form", "ram", "gpu"),
    [
        ("h200", "Nothsure", "141Gi", "H200-SXM-141"),
        ("v100", "PCIe", "32Gi", "V100-PCIE-32"),
        ("v100", "SXM2", "16Gi", "V100-SXM-16"),
        ("rtx4000", "PCIe", "8Gi", "QUADRORTX4000-PCIE-8"),
        ("rtx4000", "PCIe", "20Gi", None),
        ("rtx4000ada", "PCIe", "20Gi", "RTX4000ADA-PCIE-20"),
        ("a100", "SXM", "64Gi", None),
    ],
)
def test_akash_cards_by_the_networks_own_names(model: str, form: str, ram: str, gpu: str | None) -> None:
    (page,) = pages_of("akash")
    row = {**page.body["models"][0], "model": model, "interface": form, "ram": ram}
    (read_row,) = ADAPTERS["akash"].parse([msgspec.structs.replace(page, body={"models": [row]})], NOW)
    assert (read_row.gpu if isinstance(read_row, Offer) else None) == gpu


@pytest.mark.parametrize("order", [1, -1])
def test_prime_intellect_of_two_rows_of_one_box_the_cheapest_counts(order: int) -> None:
    (page,) = pages_of("prime-intellect")
    row = next(row for row in page.body["items"] if row["cloudId"] == "A100.8V")
    dearer = {**row, "vcpu": {**row["vcpu"], "defaultCount": 240}, "prices": {**row["prices"], "onDemand": Decimal("9.99")}}
    body = {"items": [row, dearer][::order], "totalCount": 2}
    (offer,) = ADAPTERS["prime-intellect"].parse([msgspec.structs.replace(page, body=body)], NOW)
    assert isinstance(offer, Offer) and offer.amount == "5.36"


@pytest.mark.parametrize(
    "link",
    ["https://elsewhere.example/v2/sizes?page=2", "http://api.digitalocean.com/v2/sizes?page=2", "https://api.digitalocean.com/v2/keys", 7],
)
def test_digitalocean_follows_no_link_elsewhere(link: Any) -> None:
    (request,) = ADAPTERS["digitalocean"].slices()[0].requests
    page = Page(request=request, status=200, headers={}, body={"sizes": [], "links": {"pages": {"next": link}}})
    with pytest.raises(PayloadChanged, match="leads away"):
        ADAPTERS["digitalocean"].next_page(page)


def test_voltage_parks_second_page_is_not_passed_over() -> None:
    (page,) = pages_of("voltage-park")
    with pytest.raises(PayloadChanged, match="second page"):
        ADAPTERS["voltage-park"].next_page(msgspec.structs.replace(page, body={**page.body, "has_next": True}))


def test_lium_an_announced_price_is_not_the_price() -> None:
    offers, _ = read("lium", pages_of("lium"))
    assert "13.4" not in {offer.amount for offer in offers.values()}


def test_linodes_regional_price_stands_above_the_plans() -> None:
    offers, _ = read("linode", pages_of("linode"))
    prices = {offer.region: offer.amount for offer in offers.values() if offer.instance_type == "g2-gpu-rtx4000a1-s"}
    assert prices == {"us-ord": "0.54", "br-gru": "0.75", "id-cgk": "0.64", "fr-par-2": "0.54"}


def test_cudo_a_box_is_the_sum_of_its_parts() -> None:
    """4 vCPUs, at most half a vCPU per GiB: 8 GiB. 2.35 + 4 x 0.0025 + 8 x 0.0035 + 0.004."""
    offers, _ = read("cudo", pages_of("cudo"))
    offer = offers["us-newyork-1/sapphire-rapids-h100/nvidia-h100/on_demand"]
    assert (offer.amount, offer.vcpus, offer.memory_gib) == ("2.392000", 4.0, 8.0)


@pytest.mark.parametrize(
    ("changes", "amount", "vcpus", "memory_gib"),
    [
        ({"minVcpu": 2, "minMemoryGib": 4}, "2.392000", 4, 8),
        # 2.35 + 6 x 0.0025 + 12 x 0.0035 + 0.004
        ({"minVcpu": 6}, "2.411000", 6, 12),
        # 2.35 + 4 x 0.0025 + 16 x 0.0035 + 0.004
        ({"minMemoryGib": 16}, "2.420000", 4, 16),
    ],
)
def test_cudo_no_box_is_smaller_than_the_least(changes: dict[str, Any], amount: str, vcpus: float, memory_gib: float) -> None:
    pages = pages_of("cudo")
    next(row for row in pages[0].body["machineTypes"] if row["gpuModelId"] == "nvidia-h100").update(changes)
    offer = read("cudo", pages)[0]["us-newyork-1/sapphire-rapids-h100/nvidia-h100/on_demand"]
    assert (offer.amount, offer.vcpus, offer.memory_gib) == (amount, vcpus, memory_gib)


@pytest.mark.parametrize(
    ("name", "gpu"),
    [
        ("H100 NVL", "H100-NVL-94"),
        ("H100 SXM", "H100-SXM-80"),
        ("H100 PCIe", "H100-PCIE-80"),
        ("H100", None),
        ("A100 80GB PCIe", "A100-PCIE-80"),
        ("L40S (graphics mode)", "L40S-PCIE-48"),
        ("A800 PCIe", "A800-PCIE-80"),
        ("RTX 3080", None),
        ("V100", None),
    ],
)
def test_cudo_the_card_is_what_its_name_says_not_its_id(name: str, gpu: str | None) -> None:
    pages = pages_of("cudo")
    next(row for row in pages[0].body["machineTypes"] if row["gpuModelId"] == "nvidia-h100")["gpuModel"] = name
    offer = read("cudo", pages)[0].get("us-newyork-1/sapphire-rapids-h100/nvidia-h100/on_demand")
    assert (offer.gpu if offer else None) == gpu


def test_vultr_says_how_a_plan_is_sold_with_both_flags_or_none() -> None:
    pages = pages_of("vultr")
    metal = next(page for page in pages if page.request.name == "plans-metal")
    (row,) = [row for row in metal.body["plans_metal"] if row["id"] == "vbm-112c-2048gb-8-a100-gpu"]
    for flags, sold in (
        ({"deploy_ondemand": False, "deploy_preemptible": True}, ["preemptible"]),
        ({"deploy_ondemand": True, "deploy_preemptible": False}, ["on_demand"]),
        ({"deploy_ondemand": False, "deploy_preemptible": False}, []),
        ({}, ["on_demand", "preemptible"]),
        ({"deploy_preemptible": True}, ["deploy_ondemand"]),
        ({"deploy_ondemand": None, "deploy_preemptible": True}, ["deploy_ondemand"]),
        ({"deploy_ondemand": "false", "deploy_preemptible": True}, ["deploy_ondemand"]),
    ):
        altered = {key: value for key, value in row.items() if not key.startswith("deploy_")} | flags
        offers, rejected = read("vultr", [msgspec.structs.replace(metal, body={"plans_metal": [altered]})])
        assert [offer.price_type for offer in offers.values()] + [bad.field for bad in rejected] == sold


def test_vultr_bare_metal_called_l40_has_l40s() -> None:
    pages = pages_of("vultr")
    metal = next(page for page in pages if page.request.name == "plans-metal")
    (row,) = [row for row in metal.body["plans_metal"] if row["id"] == "vbm-64c-2048gb-8-l40-gpu"]
    for left_out in ((), ("gpu_vram_gb",), ("gpu_count",), ("gpu_type",), ("gpu_type", "gpu_count", "gpu_vram_gb")):
        altered = {key: value for key, value in row.items() if key not in left_out}
        offers, _ = read("vultr", [msgspec.structs.replace(metal, body={"plans_metal": [altered]})])
        assert {(offer.gpu, offer.gpu_count) for offer in offers.values()} == {("L40S-PCIE-48", 8)}


@pytest.mark.parametrize(("field", "most"), [("max_vcpus", 3), ("max_ram_gb", 15), ("max_storage_gb", 99), ("max_vcpus", 0)])
def test_tensordock_a_box_that_does_not_fit_is_not_to_be_had(field: str, most: int) -> None:
    pages = pages_of("tensordock")
    key = "00000001-0000-4000-8000-000000000000/geforcertx4090-pcie-24gb/on_demand"
    assert read("tensordock", pages)[0][key].availability == "available"
    place = next(place for place in pages[0].body["data"]["locations"] if key.startswith(place["id"]))
    (row,) = [row for row in place["gpus"] if row["v0Name"] in key]
    row["resources"][field] = most
    offer = read("tensordock", pages)[0][key]
    assert (offer.availability, offer.available_count, offer.amount) == ("sold_out", 0, "0.39900")
