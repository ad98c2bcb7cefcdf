"""Google Cloud's sums: a part that is missing, or cannot be read, leaves no machine that lacks it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices

GCP = ADAPTERS["gcp"]


def parsed(change: Callable[[dict[str, Any]], bool]) -> tuple[dict[str, Offer], list[Rejected]]:
    """What is read when the rows for which `change` says False are dropped; it may alter the others."""
    (pages,) = fixture_slices("gcp").values()
    bodies = [{**page.body, "skus": [row for row in page.body["skus"] if change(row)]} for page in pages]
    rows = list(GCP.parse([msgspec.structs.replace(page, body=body) for page, body in zip(pages, bodies, strict=True)], NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row for row in rows if isinstance(row, Rejected)]


@pytest.mark.parametrize("lost", ["A2 Instance Core running in Americas", "A2 Instance Ram running in Americas"])
def test_without_cores_or_ram_there_is_no_machine(lost: str) -> None:
    offers, rejected = parsed(lambda row: row["description"] != lost)
    assert not [key for key in offers if key.startswith(("us-", "us/")) and "/a2-" in key and key.endswith("on_demand")]
    assert "us-central1/a2-highgpu-1g/spot" in offers
    assert [row for row in rejected if "a2-ultragpu-2g in us-central1 has no on_demand price" in row.reason]


@pytest.mark.parametrize(
    ("lost", "price_type"),
    [("SSD backed Local Storage", "on_demand"), ("SSD backed Local Storage attached to Spot Preemptible VMs", "spot")],
)
def test_without_the_local_ssd_that_comes_with_it_there_is_no_machine(lost: str, price_type: str) -> None:
    """It is 0.8 % of an A100's price: a sum without it would pass for a price."""
    offers, rejected = parsed(lambda row: row["description"] != lost)
    here = {key.partition("/")[2] for key in offers if key.startswith("us-central1/") and key.endswith(price_type)}
    assert not {machine for machine in here if machine.startswith(("a2-ultragpu", "a3-"))}
    assert {f"a2-highgpu-1g/{price_type}", f"g2-standard-4/{price_type}"} <= here
    assert [row for row in rejected if f"a3-highgpu-8g in us-central1 has no {price_type} price of SSD backed" in row.reason]


def test_local_ssd_is_paid_by_the_month_and_each_gpu_brings_its_own() -> None:
    """3.9 + 12 x 0.031 + 170 x 0.004 + 375 x 0.073 / 730, and eight of each; 1.95 + 375 x 0.0292 / 730 + 12 x 0.0124 + 170 x 0.0016."""
    offers, _ = parsed(bool)
    assert offers["us-central1/a2-ultragpu-1g/on_demand"].amount == "4.9895"
    assert offers["us-central1/a2-ultragpu-8g/on_demand"].amount == "39.916"
    assert offers["us-central1/a2-ultragpu-1g/spot"].amount == "2.3858"
    assert offers["us-central1/a2-ultragpu-8g/spot"].disk_gib == 3000
    assert offers["us-central1/a2-highgpu-1g/on_demand"].disk_gib is None


def test_local_ssd_by_the_hour_is_not_divided_by_a_month() -> None:
    def hourly(row: dict[str, Any]) -> bool:
        if row["description"] == "SSD backed Local Storage":
            expression = row["pricingInfo"][0]["pricingExpression"]
            expression["usageUnit"] = "GiBy.h"
            expression["tieredRates"][0]["unitPrice"]["nanos"] = 100_000
        return True

    assert parsed(hourly)[0]["us-central1/a2-ultragpu-1g/on_demand"].amount == "4.9895"


def test_a_machine_that_is_not_sold_on_demand_has_no_such_price() -> None:
    offers, _ = parsed(bool)
    assert [key for key in offers if "a4-highgpu-8g" in key] == ["us-central1/a4-highgpu-8g/spot"]


@pytest.mark.parametrize("name", ["Nvidia H100 80GB Plus GPU", "Nvidia H100 Mega 80GB GPU"])
def test_the_mega_has_several_names_and_one_price(name: str) -> None:
    def renamed(row: dict[str, Any]) -> bool:
        row["description"] = row["description"].replace("Nvidia H100 80GB Mega GPU running in Virginia", f"{name} running in Virginia")
        return True

    assert parsed(renamed)[0] == parsed(bool)[0]


def test_without_the_gpu_there_is_no_machine() -> None:
    """The real error of a public feed: a2-ultragpu-2g as cores and RAM alone."""
    offers, _ = parsed(lambda row: row["description"] != "Nvidia Tesla A100 80GB GPU running in Iowa")
    assert not [key for key in offers if "a2-ultragpu" in key and key.endswith("on_demand")]


@pytest.mark.parametrize(
    ("units", "nanos"),
    [("NaN", 0), ("-2", 0), ("", 0), ("2.5", 0), ("2", -1), ("2", 10**9), ("2", "933"), ("2", None), (2, 0), (None, 0), ("9" * 30, 0)],
)
def test_odd_money_is_refused(units: Any, nanos: Any) -> None:
    def change(row: dict[str, Any]) -> bool:
        if row["description"] == "H200 141GB GPU running in Netherlands":
            price = row["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"]
            price["units"], price["nanos"] = units, nanos
        return True

    offers, rejected = parsed(change)
    assert "europe-west4/a3-ultragpu-8g/on_demand" not in offers
    assert "europe-west4/a3-ultragpu-8g/spot" in offers
    assert [row for row in rejected if "H200 141GB GPU running" in row.raw]


def test_two_prices_of_one_part_are_both_refused() -> None:
    def change(row: dict[str, Any]) -> bool:
        if row["description"] == "Nvidia Tesla A100 80GB GPU running in Iowa":
            row["description"] = "H200 141GB GPU running in Iowa"
            row["serviceRegions"] = ["europe-west4"]
        return True

    offers, rejected = parsed(change)
    assert "europe-west4/a3-ultragpu-8g/on_demand" not in offers
    assert [row.reason for row in rejected if "stated twice" in row.reason]


def test_parts_in_two_currencies_are_not_added_up() -> None:
    def change(row: dict[str, Any]) -> bool:
        if row["description"] == "A3 Instance Ram running in Iowa":
            row["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"]["currencyCode"] = "IDR"
        return True

    offers, _ = parsed(change)
    assert not [key for key in offers if "a3-highgpu" in key and key.endswith("on_demand")]
