"""Each provider's traps, on the fixtures: what is offered, what is left out, what is refused and why. Prices are worked out by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.base import Page, Request
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices, parsed, price


def offers_of(source: str) -> dict[str, Offer]:
    return parsed(source, fixture_slices(source))[0]


def rejected_of(source: str) -> list[Rejected]:
    return parsed(source, fixture_slices(source))[1]


def answered(source: str, *bodies: tuple[Request, Any]) -> list[Offer | Rejected]:
    pages = [Page(request=request, status=200, headers={}, body=body) for request, body in bodies]
    return list(ADAPTERS[source].parse(pages, NOW))


PRICES = {
    "runpod": {
        "NVIDIA H100 80GB HBM3/on_demand": ("H100-SXM-80", 1, "3.29", 3_290_000),
        "NVIDIA H100 80GB HBM3/community": ("H100-SXM-80", 1, "2.71", 2_710_000),
        "NVIDIA H100 NVL/on_demand": ("H100-NVL-94", 1, "2.87", 2_870_000),
        "NVIDIA H200/on_demand": ("H200-SXM-141", 1, "4.17", 4_170_000),
        "NVIDIA A100-SXM4-40GB/community": ("A100-SXM-40", 1, "1.03", 1_030_000),
        "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb/on_demand": ("RTXPRO6000SE-PCIE-96-1g.24gb", 1, "0.62", 620_000),
    },
    "vast": {
        "7001/1x/501/on_demand": ("H100-SXM-80", 1, "2.2125", 2_212_500),
        "7001/2x/501-502/on_demand": ("H100-SXM-80", 2, "4.4", 2_200_000),
        # 8.755555555555556 / 4 = 2.188888888888889
        "7001/4x/501-502-503-504/on_demand": ("H100-SXM-80", 4, "8.755555555555556", 2_188_889),
        "7001/4x/501-502-503-504/bid": ("H100-SXM-80", 4, "5.2", 1_300_000),
        "8501/2x/20001-20002/on_demand": ("A100-SXM-40", 2, "1.46", 730_000),
        "8502/1x/20003/on_demand": ("A100-SXM-40", 1, "0.75", 750_000),
        "8503/1x/20004/on_demand": ("A100-SXM-80", 1, "0.99", 990_000),
        "8102/1x/10102/on_demand": ("RTX4090-PCIE-48", 1, "0.316", 316_000),
    },
    "lambda": {
        "us-west-1/gpu_1x_a10/on_demand": ("A10-PCIE-24", 1, "79", 790_000),
        "us-west-1/gpu_8x_h100_sxm5/on_demand": ("H100-SXM-80", 8, "2632", 3_290_000),
        "europe-central-1/gpu_1x_h100_pcie/on_demand": ("H100-PCIE-80", 1, "329", 3_290_000),
        # 53.33 USD / 8 = 6.66625
        "gpu_8x_b200_sxm6/on_demand": ("B200-SXM-180", 8, "5333", 6_666_250),
        "gpu_8x_v100/on_demand": ("V100-SXM-16", 8, "443", 553_750),
        "gpu_1x_rtx6000/on_demand": ("QUADRORTX6000-PCIE-24", 1, "53", 530_000),
    },
    "verda": {
        "FIN-01/1H200.141S.44V/on_demand": ("H200-SXM-141", 1, "3.07", 3_070_000),
        "FIN-03/1H200.141S.44V/on_demand": ("H200-SXM-141", 1, "3.07", 3_070_000),
        "FIN-03/1H200.141S.44V/spot": ("H200-SXM-141", 1, "0.9211", 921_100),
        "8H200.141S.176V/on_demand": ("H200-SXM-141", 8, "24.56", 3_070_000),
        "FIN-03/4B300.120V/on_demand": ("B300-SXM-288", 4, "19.84", 4_960_000),
        "1A100.40S.22V/spot": ("A100-SXM-40", 1, "0.22", 220_000),
        "FIN-01/2V100.10V/spot": ("V100-SXM-16", 2, "0.09", 45_000),
        "8H200.141S.176V/serverless": ("H200-SXM-141", 8, "26.88", 3_360_000),
        "2B300.CC.60V/on_demand": ("B300-SXM-288", 2, "10.9", 5_450_000),
        "4GB300.120V/spot": ("GB300-SUPERCHIP-288", 4, "6.96", 1_740_000),
        "1RTXPRO6000.CC.30V/serverless": ("RTXPRO6000SE-PCIE-96", 1, "1.62", 1_620_000),
    },
    # at 1.1 USD for one EUR
    "scaleway": {
        "fr-par-2/B300-SXM-8-288G/on_demand": ("B300-SXM-288", 8, "61.2", 8_415_000),
        "fr-par-2/H100-1-80G/on_demand": ("H100-PCIE-80", 1, "2.911", 3_202_100),
        "pl-waw-2/H100-1-80G/on_demand": ("H100-PCIE-80", 1, "2.911", 3_202_100),
        "fr-par-2/H100-SXM-4-80G/on_demand": ("H100-SXM-80", 4, "12.9", 3_547_500),
        # 5.777777 x 1.1 / 4 = 1.588888675
        "fr-par-2/L40S-4-48G/on_demand": ("L40S-PCIE-48", 4, "5.777777", 1_588_889),
        "fr-par-2/H100-1-1-10G/on_demand": ("H100-PCIE-80-1g.10gb", 1, "0.52", 572_000),
        "fr-par-2/RENDER-S/on_demand": ("P100-PCIE-16", 1, "1.19", 1_309_000),
    },
    "azure": {
        "eastus/Standard_ND96isr_H100_v5/on_demand": ("H100-SXM-80", 8, "97.44", 12_180_000),
        "eastus/Standard_ND96isr_H100_v5/spot": ("H100-SXM-80", 8, "29.232", 3_654_000),
        "uksouth/Standard_ND96isr_H200_v5/on_demand": ("H200-SXM-141", 8, "104.8", 13_100_000),
        "uksouth/Standard_ND96isr_H200_v5/spot": ("H200-SXM-141", 8, "104.8", 13_100_000),
        "westeurope/Standard_NC48ads_A100_v4/on_demand": ("A100-PCIE-80", 2, "8.228", 4_114_000),
        "swedencentral/Standard_NC80adis_H100_v5/on_demand": ("H100-NVL-94", 2, "14.8", 7_400_000),
        "eastus/Standard_NV6ads_A10_v5/on_demand": ("A10-PCIE-24-1of6", 1, "0.461", 461_000),
        "eastus/Standard_NV12ads_A10_v5/on_demand": ("A10-PCIE-24-1of3", 1, "0.922", 922_000),
        "eastus/Standard_NV72ads_A10_v5/on_demand": ("A10-PCIE-24", 2, "6.54", 3_270_000),
        "northeurope/Standard_ND96isr_MI300X_v5/on_demand": ("MI300X-OAM-192", 8, "58.4", 7_300_000),
    },
}


@pytest.mark.parametrize("source", PRICES)
def test_prices_are_those_worked_out_by_hand(source: str) -> None:
    offers = offers_of(source)
    read = {key: (offers[key].gpu, offers[key].gpu_count, offers[key].amount, price(offers[key])) for key in PRICES[source]}
    assert read == PRICES[source]


REFUSED = {
    "runpod": ["id: unknown GPU 'NVIDIA GB999' with 300 GiB"] * 2,
    "vast": [
        "gpu_ids: no list of 1 GPU ids",
        "min_bid: price is zero",
        "gpu_name: unknown GPU 'H100 SXM' with 39.5859 GiB",
        "gpu_name: unknown GPU 'H100 SXM' with 39.5859 GiB",
        "gpu_total_ram: 81559 MB is not 2 x 81559 MB",
        "gpu_total_ram: 81559 MB is not 2 x 81559 MB",
    ],
    "lambda": ["description: '1x H100 (80 GB SXM5)' does not say 2 GPUs", "description: unknown GPU 'X900 (24 GB PCIe)'"],
    "verda": [
        "spot_price: price is zero",
        "gpu.description: unknown GPU 'RTX A6000 48GB' with 24 GiB",
        "gpu.description: unknown GPU 'RTX A6000 48GB' with 24 GiB",
        "gpu.description: unknown GPU 'Z1000 64GB' with 64 GiB",
        "gpu.description: unknown GPU 'Z1000 64GB' with 64 GiB",
    ],
    "scaleway": [
        "mig_profile: unknown slice 'H100-PCIE-80-9g.99gb'",
        "gpu_name: unknown GPU 'R100-SXM' with 192 GiB",
        "gpu_name: unknown GPU 'L4' with 48 GiB",
    ],
    "azure": [
        "armSkuName: unknown GPU size 'Standard_ND512_X1_v9'",
        "retailPrice: price is zero",
        "unitOfMeasure: '1/Month' where '1 Hour' is documented",
    ],
}


@pytest.mark.parametrize("source", REFUSED)
def test_rows_that_cannot_be_read_are_refused_with_a_reason(source: str) -> None:
    assert [row.reason for row in rejected_of(source)] == REFUSED[source]


# RunPod


def test_runpod_zero_null_and_unrented_clouds_are_not_offered() -> None:
    offers = offers_of("runpod")
    missing = [
        "NVIDIA A100-SXM4-40GB/on_demand",  # 0
        "NVIDIA H200/community",  # null
        "NVIDIA B200/community",  # 0
        "NVIDIA RTX A4500/community",  # 0.5, but communityCloud is false
        "unknown/on_demand",
    ]
    assert [key for key in missing if key in offers] == []


def test_runpod_a_missing_price_is_refused() -> None:
    request = ADAPTERS["runpod"].slices()[0].requests[0]
    (row,) = answered("runpod", (request, {"data": {"gpuTypes": [{"id": "NVIDIA L4", "memoryInGb": 24}]}}))
    assert isinstance(row, Rejected)
    assert row.reason == "securePrice: price is missing"


def test_runpod_placeholder_is_kept_but_not_counted() -> None:
    offers = offers_of("runpod")
    assert not offers["AMD Instinct MI300X OAM/community"].in_market_stats  # 0.5 beside 2.53
    assert not offers["NVIDIA RTX A2000/on_demand"].in_market_stats  # 0.5 beside 0.13
    assert offers["NVIDIA L4/community"].in_market_stats  # 0.5 beside 0.6
    assert offers["AMD Instinct MI300X OAM/on_demand"].in_market_stats
    assert sum(not offer.in_market_stats for offer in offers.values()) == 2


def test_runpod_placeholder_is_believed_when_machines_are_rented_at_it() -> None:
    row = {"id": "NVIDIA RTX A2000", "memoryInGb": 6, "securePrice": Decimal("0.50"), "communityPrice": Decimal("0.13")}
    request = ADAPTERS["runpod"].slices()[0].requests[0]
    lowest = {"uninterruptablePrice": Decimal("0.5"), "stockStatus": "Low"}
    echo = {**lowest, "stockStatus": None}
    for extra, counted in (({}, False), ({"lowestPrice": lowest}, True), ({"lowestPrice": echo}, False)):
        (offer,) = answered("runpod", (request, {"data": {"gpuTypes": [{**row, **extra}]}}))
        assert isinstance(offer, Offer)
        assert offer.in_market_stats is counted


def test_runpod_stock() -> None:
    offers = offers_of("runpod")
    assert offers["NVIDIA H100 80GB HBM3/on_demand"].availability == "high"
    assert offers["NVIDIA H100 80GB HBM3/community"].availability == "low"
    assert offers["NVIDIA H100 NVL/community"].availability == "medium"
    assert offers["NVIDIA B200/on_demand"].availability == "sold_out"  # stockStatus null
    assert offers["NVIDIA A100 80GB PCIe/on_demand"].availability == "unknown"  # no lowestPrice
    assert offers["NVIDIA GeForce RTX 4090/on_demand"].availability == "unknown"  # lowestPrice null
    assert offers["NVIDIA RTX PRO 6000 Blackwell Server Edition/on_demand"].availability == "unknown"  # another word


@pytest.mark.parametrize(
    ("word", "stock"),
    [
        (None, "sold_out"),
        ("None", "sold_out"),
        ("none", "sold_out"),
        ("HIGH", "high"),
        ("Plenty", "unknown"),
        ("", "unknown"),
        (3, "unknown"),
    ],
)
def test_runpod_words_for_stock(word: Any, stock: str) -> None:
    row = {"id": "NVIDIA L4", "memoryInGb": 24, "securePrice": Decimal("0.43"), "lowestPrice": {"stockStatus": word}}
    (offer,) = answered("runpod", (ADAPTERS["runpod"].slices()[0].requests[0], {"data": {"gpuTypes": [row]}}))
    assert isinstance(offer, Offer)
    assert offer.availability == stock


def test_runpod_publishes_no_spot() -> None:
    assert {offer.price_type for offer in offers_of("runpod").values()} == {"on_demand", "community"}


def test_runpod_graphql_errors_are_a_changed_payload() -> None:
    request = ADAPTERS["runpod"].slices()[0].requests[0]
    with pytest.raises(PayloadChanged, match="GraphQL errors"):
        answered("runpod", (request, {"errors": [{"message": "Cannot query field"}], "data": {"gpuTypes": []}}))


# Vast.ai


def test_vast_alternatives_over_the_same_gpus_count_once() -> None:
    offers = offers_of("vast")
    counted = {key for key, offer in offers.items() if offer.in_market_stats and key.startswith("7001/")}
    assert counted == {"7001/4x/501-502-503-504/on_demand", "7001/4x/501-502-503-504/bid"}


def test_vast_a_bid_is_an_offer_of_its_own_and_null_is_none() -> None:
    offers = offers_of("vast")
    assert offers["7001/1x/501/bid"].amount == "1.3"
    assert "7002/1x/611/on_demand" in offers
    assert "7002/1x/611/bid" not in offers


def test_vast_places_and_stock() -> None:
    offers = offers_of("vast")
    assert (offers["7001/1x/501/bid"].region, offers["7001/1x/501/bid"].country) == ("Oregon, US", "US")
    assert (offers["7002/1x/611/on_demand"].region, offers["7002/1x/611/on_demand"].country) == ("SE", "SE")
    assert (offers["7003/2x/701-702/on_demand"].region, offers["7003/2x/701-702/on_demand"].country) == ("", None)
    assert offers["7003/2x/701-702/on_demand"].availability == "sold_out"
    assert offers["7002/1x/611/on_demand"].vcpus is None


def test_vast_goes_on_where_64_offers_came_and_counts_none_twice() -> None:
    pages = fixture_slices("vast")["RTX 4090"]
    assert [len(page.body["offers"]) for page in pages] == [64, 5]
    bound = pages[1].request.json["dph_total"]["gte"]
    assert 0 < 0.3255 - bound < 1e-12
    on_demand = [key for key in offers_of("vast") if key.endswith("/on_demand") and key.startswith("8") and "/1x/10" in key]
    assert len(on_demand) == 64 + 3


def test_vast_a_full_page_of_one_price_is_stepped_over() -> None:
    adapter = ADAPTERS["vast"]
    offers = [{"dph_total": Decimal("0.4")} for _ in range(64)]
    page = Page(request=adapter.slices()[0].requests[0], status=200, headers={}, body={"offers": offers})
    second = adapter.next_page(page)
    assert second is not None
    third = adapter.next_page(Page(request=second, status=200, headers={}, body={"offers": offers}))
    assert third is not None
    assert third.json["dph_total"]["gt"] >= 0.4
    assert third.page == 3


def test_vast_never_asks_without_end() -> None:
    adapter = ADAPTERS["vast"]
    request: Request | None = adapter.slices()[0].requests[0]
    asked = 0
    while request is not None:
        asked += 1
        offers = [{"dph_total": asked + Decimal(number) / 100} for number in range(64)]
        request = adapter.next_page(Page(request=request, status=200, headers={}, body={"offers": offers}))
        assert asked < 100
    assert asked == 12


def test_vast_keeps_no_host_address() -> None:
    assert all("192.0.2.7" not in row.raw and "public_ipaddr" not in row.raw for row in rejected_of("vast"))


def test_vast_refuses_offers_of_another_gpu_than_asked_for() -> None:
    pages = fixture_slices("vast")["A100 SXM4"]
    other = Page(request=ADAPTERS["vast"].slices()[0].requests[0], status=200, headers={}, body=pages[0].body)
    rows = list(ADAPTERS["vast"].parse([other], NOW))
    assert {row.field for row in rows if isinstance(row, Rejected)} == {"gpu_name"}
    assert [row for row in rows if isinstance(row, Offer)] == []


def test_vast_a_bids_price_is_no_on_demand_price() -> None:
    pages = fixture_slices("vast")["H100 SXM"]
    (row,) = [row for row in pages[0].body["offers"] if row["num_gpus"] == 4]
    for said, fields in ((False, set()), (True, {"is_bid"}), ("true", {"is_bid"})):
        rows = answered("vast", (pages[0].request, {"offers": [{**row, "is_bid": said}]}))
        assert {bad.field for bad in rows if isinstance(bad, Rejected)} == fields
        assert len([offer for offer in rows if isinstance(offer, Offer)]) == (2 if not fields else 0)


# Lambda


def test_lambda_stock_is_the_region_list() -> None:
    offers = offers_of("lambda")
    assert offers["us-west-1/gpu_1x_a10/on_demand"].availability == "available"
    assert offers["us-west-1/gpu_1x_a10/on_demand"].country == "US"
    assert offers["asia-northeast-1/gpu_1x_a10/on_demand"].country == "JP"
    assert offers["gpu_1x_gh200/on_demand"].availability == "sold_out"
    assert (offers["gpu_1x_gh200/on_demand"].region, offers["gpu_1x_gh200/on_demand"].country) == ("", None)


def test_lambda_has_no_cpu_types() -> None:
    assert [key for key in offers_of("lambda") if "cpu" in key] == []


def test_lambda_dollars_in_place_of_cents_are_refused() -> None:
    (page,) = fixture_slices("lambda")[""]
    for row in page.body["data"].values():
        row["instance_type"]["price_cents_per_hour"] = Decimal("3.29")
    rows = list(ADAPTERS["lambda"].parse([page], NOW))
    assert [row for row in rows if isinstance(row, Offer)] == []
    assert "no whole number" in {row.reason for row in rows if isinstance(row, Rejected)}.pop()


# Verda


def test_verda_stock_by_location_and_kind() -> None:
    offers = offers_of("verda")
    assert offers["FIN-01/1H200.141S.44V/on_demand"].availability == "available"
    assert offers["FIN-01/1H200.141S.44V/on_demand"].country == "FI"
    assert "FIN-01/1H200.141S.44V/spot" not in offers
    assert offers["8H200.141S.176V/on_demand"].availability == "sold_out"
    assert offers["2V100.10V/on_demand"].availability == "sold_out"
    assert offers["FIN-01/2V100.10V/spot"].availability == "available"


def test_verda_spot_null_is_none_and_cpu_types_are_left_out() -> None:
    offers = offers_of("verda")
    assert [key for key in offers if "CPU" in key or "FUTURE" in key] == []
    assert [key for key in offers if "1A100.22V/spot" in key] == []


def test_verda_containers_have_a_price_of_their_own_and_no_place() -> None:
    offers = {key: offer for key, offer in offers_of("verda").items() if offer.price_type == "serverless"}
    assert sorted(offers) == ["1H200.141S.44V/serverless", "1RTXPRO6000.CC.30V/serverless", "8H200.141S.176V/serverless"]
    assert {(offer.region, offer.country, offer.availability) for offer in offers.values()} == {("", None, "unknown")}


def test_verda_without_an_availability_answer_is_a_changed_payload() -> None:
    pages = [page for page in fixture_slices("verda")[""] if page.request.name != "availability:spot"]
    with pytest.raises(PayloadChanged):
        list(ADAPTERS["verda"].parse(pages, NOW))


# Scaleway


def test_scaleway_asks_nine_zones_and_follows_pages() -> None:
    assert len(ADAPTERS["scaleway"].slices()) == 9
    pages = fixture_slices("scaleway")["fr-par-2"]
    assert [(page.request.name, page.request.query["page"]) for page in pages] == [
        ("servers", "1"),
        ("servers", "2"),
        ("availability", "1"),
        ("availability", "2"),
    ]
    assert all(page.request.path.startswith("/instance/v1/zones/fr-par-2/products/servers") for page in pages)


def test_scaleway_stock_and_what_is_left_out() -> None:
    offers = offers_of("scaleway")
    assert offers["fr-par-2/B300-SXM-8-288G/on_demand"].availability == "sold_out"
    assert offers["fr-par-2/H100-1-80G/on_demand"].availability == "low"
    assert offers["fr-par-2/H100-SXM-4-80G/on_demand"].availability == "available"
    assert offers["fr-par-2/L4-2-24G/on_demand"].availability == "unknown"  # another word
    assert offers["fr-par-2/L40S-4-48G/on_demand"].availability == "unknown"  # not in the stock answer
    assert [key for key in offers if "GPU-OLD-S" in key or "DEV1" in key or key.startswith("nl-ams")] == []
    assert offers["pl-waw-2/H100-1-80G/on_demand"].country == "PL"
    assert offers["fr-par-2/B300-SXM-8-288G/on_demand"].memory_gib == 3840


def test_scaleway_a_link_to_its_own_page_ends() -> None:
    adapter = ADAPTERS["scaleway"]
    request = adapter.slices()[0].requests[0]
    link = '</products/servers?page=1&per_page=100&>; rel="next"'
    assert adapter.next_page(Page(request=request, status=200, headers={"link": link}, body={"servers": {}})) is None


# Azure


def test_azure_leaves_other_products_out() -> None:
    offers = offers_of("azure")
    assert {key for key in offers if "ND96isr_H100" in key} == {
        "eastus/Standard_ND96isr_H100_v5/on_demand",
        "eastus/Standard_ND96isr_H100_v5/spot",
    }
    assert [key for key in offers if key.startswith("usgov") or "NC6s_v3" in key or "NP10s" in key] == []


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("https://evil.example/api/retail/prices?$skip=1000", "away"),
        ("http://prices.azure.com/api/retail/prices?$skip=1000", "away"),
        ("https://prices.azure.com.evil.example/api/retail/prices", "away"),
        ("https://prices.azure.com/other", "away"),
        (5, "away"),
    ],
)
def test_azure_follows_no_link_to_elsewhere(link: object, reason: str) -> None:
    adapter = ADAPTERS["azure"]
    page = Page(request=adapter.slices()[0].requests[0], status=200, headers={}, body={"Items": [], "NextPageLink": link})
    with pytest.raises(PayloadChanged, match=reason):
        adapter.next_page(page)


def test_azure_follows_the_next_link_by_path_and_query() -> None:
    first, second = fixture_slices("azure")[""]
    assert second.request.path == first.request.path
    assert second.request.query["$skip"] == "1000"
    assert second.request.query["$filter"] == "serviceName eq 'Virtual Machines'"
    again = Page(request=second.request, status=200, headers={}, body=first.body)
    with pytest.raises(PayloadChanged, match="its own page"):
        ADAPTERS["azure"].next_page(again)


def test_azure_two_prices_for_one_offer_are_none() -> None:
    first, _ = fixture_slices("azure")[""]
    row = first.body["Items"][0]
    other = {**row, "retailPrice": Decimal("96.1")}
    rows = answered("azure", (first.request, {"BillingCurrency": "USD", "Items": [row, other, row]}))
    assert len(rows) == 1
    assert isinstance(rows[0], Rejected)
    assert "stated twice, also as 97.44" in rows[0].reason


def test_azure_a_price_that_begins_later_is_none_until_then() -> None:
    first, _ = fixture_slices("azure")[""]
    later = [row for row in first.body["Items"] if row["effectiveStartDate"].startswith("2031")]
    page = Page(request=first.request, status=200, headers={}, body={"BillingCurrency": "USD", "Items": later})
    assert list(ADAPTERS["azure"].parse([page], NOW)) == []
    (offer,) = ADAPTERS["azure"].parse([page], datetime(2031, 1, 2, tzinfo=UTC))
    assert isinstance(offer, Offer)
    assert offer.amount == "15.9"


@pytest.mark.parametrize(
    ("starts", "ends", "counts"),
    [
        ("2026-02-01T00:00:00Z", None, True),
        ("2026-02-01T00:00:00Z", "2026-11-21T00:00:00Z", True),
        ("2026-02-01T00:00:00Z", "2026-11-20T23:59:59.9999999Z", False),
        ("2018-09-04T00:00:00Z", "2026-07-31T00:00:00Z", False),
        # At a cent, where it was seen: retired, and its beginning moved on.
        ("2026-08-01T00:00:00Z", "2026-07-31T00:00:00Z", False),
    ],
)
def test_azure_a_price_counts_in_its_window_only(starts: str, ends: str | None, counts: bool) -> None:
    first, _ = fixture_slices("azure")[""]
    row = {**first.body["Items"][0], "effectiveStartDate": starts, "effectiveEndDate": ends}
    assert len(answered("azure", (first.request, {"BillingCurrency": "USD", "Items": [row]}))) == counts


@pytest.mark.parametrize("field", ["effectiveStartDate", "effectiveEndDate"])
@pytest.mark.parametrize("value", [20261121, "31/07/2026", ""])
def test_azure_a_window_that_cannot_be_read_is_refused(field: str, value: Any) -> None:
    first, _ = fixture_slices("azure")[""]
    (row,) = answered("azure", (first.request, {"BillingCurrency": "USD", "Items": [{**first.body["Items"][0], field: value}]}))
    assert isinstance(row, Rejected) and row.field == field


@pytest.mark.parametrize("region", ["usgovvirginia", "usdodeast", "ussecwest", "usnateast"])
def test_azure_government_regions_are_left_out(region: str) -> None:
    first, _ = fixture_slices("azure")[""]
    row = {**first.body["Items"][0], "armRegionName": region}
    assert answered("azure", (first.request, {"BillingCurrency": "USD", "Items": [row]})) == []


def test_azure_no_size_is_both_read_and_left_out() -> None:
    adapter = ADAPTERS["azure"]
    assert not adapter.gpus.keys() & adapter.ignored.keys()
    assert "Standard_NC128lds_xl_RTXPRO6000BSE_v6" in adapter.ignored
