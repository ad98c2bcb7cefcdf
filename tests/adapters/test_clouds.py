"""Traps of clouds and their list prices that no single row can show: Hyperstack, OVH, Oracle, CoreWeave, Scaleway."""

import re
from typing import Any

import msgspec
import pytest

from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from tests.adapters.test_traps import pages_of, read


@pytest.mark.parametrize(("price", "why"), [(..., "missing"), (None, "null"), (0, "zero")])
def test_hyperstack_a_gpu_without_a_price_leaves_its_flavours_refused(price: Any, why: str) -> None:
    pages = pages_of("hyperstack")
    for entry in [row for row in pages[0].body if row["name"] == "L40"]:
        if price is ...:
            del entry["original_value"]
        else:
            entry["original_value"] = price
    offers, rejected = read("hyperstack", pages)
    assert "NORWAY-1/n3-L40x4/on_demand" not in offers
    assert f"original_value: price is {why}" in [row.reason for row in rejected]
    assert "original_value: no on_demand price of L40 in the price book" in [row.reason for row in rejected]


def test_hyperstack_two_prices_of_one_gpu_are_both_not_believed() -> None:
    pages = pages_of("hyperstack")
    pages[0].body.append({"name": "L40", "value": "0.8", "original_value": "0.970"})
    assert read("hyperstack", pages)[0]["NORWAY-1/n3-L40x4/on_demand"].amount == "0.97"
    pages[0].body.append({"name": "L40", "value": "0.8", "original_value": "0.8"})
    pages[0].body.append({"name": "L40", "value": "0.8", "original_value": "0.97"})
    offers, rejected = read("hyperstack", pages)
    assert "NORWAY-1/n3-L40x4/on_demand" not in offers
    assert "original_value: price of L40 is stated twice" in [row.reason for row in rejected]


def test_hyperstack_stock_of_a_size_counts_only_where_the_flag_says_so() -> None:
    pages = pages_of("hyperstack")
    offers, _ = read("hyperstack", pages)
    counts = {key.split("/")[1]: offer.available_count for key, offer in offers.items()}
    assert (counts["n3-H100x1"], counts["n3-H100x8"], counts["n3-H200-SXM5x8"], counts["n3-A100x1-spot"]) == (26, 3, None, None)
    pages[1].body["stocks"][0]["models"][0]["configurations"]["8x"] = 0
    offer = read("hyperstack", pages)[0]["CANADA-1/n3-H100x8/on_demand"]
    assert (offer.availability, offer.available_count) == ("available", None)
    flavor = pages[2].body["data"][0]["flavors"][0]
    assert flavor["name"] == "n3-H100x1"
    flavor["stock_available"] = False
    offer = read("hyperstack", pages)[0]["CANADA-1/n3-H100x1/on_demand"]
    assert (offer.availability, offer.available_count) == ("sold_out", None)


@pytest.mark.parametrize("source", ["ovh", "ovh-us"])
@pytest.mark.parametrize(("field", "value"), [("currencyCode", "CAD"), ("currencyCode", None), ("subsidiary", "CA")])
def test_ovh_another_subsidiarys_catalogue_is_not_believed(source: str, field: str, value: Any) -> None:
    pages = pages_of(source)
    pages[0].body["locale"][field] = value
    with pytest.raises(PayloadChanged, match=field):
        read(source, pages)


def test_ovh_what_is_charged_by_the_minute_is_told_by_its_brick_and_not_by_its_name() -> None:
    pages = pages_of("ovh")
    (row,) = [row for row in pages[0].body["addons"] if row["planCode"] == "ai-deploy-l4.consumption"]
    row["planCode"] = "inference-l4.consumption"
    assert not [key for key in read("ovh", pages)[0] if "inference" in key]
    del row["blobs"]["commercial"]["brick"]
    offers, rejected = read("ovh", pages)
    assert not [key for key in offers if "inference" in key]
    assert "brick: text is missing" in [row.reason for row in rejected]


def test_oracle_a_price_in_another_currency_than_was_asked_for_is_refused() -> None:
    pages = pages_of("oracle")
    (row,) = [row for row in pages[0].body["items"] if row["partNumber"] == "B98415"]
    row["currencyCodeLocalizations"][0]["currencyCode"] = "JPY"
    offers, rejected = read("oracle", pages)
    assert "BM.GPU.H100.8/on_demand" not in offers
    assert "currencyCode: 'JPY'; USD was asked for" in [row.reason for row in rejected]


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("displayName", "OCI - Compute - GPU - H200", "no longer H100"),
        ("displayName", "OCI - Compute - GPU - H1000", "no longer H100"),
        ("displayName", None, "no longer H100"),
        ("serviceCategory", "SuperCluster Appliance", "no category of public GPUs"),
        ("serviceCategory", None, "no category of public GPUs"),
    ],
)
def test_oracle_a_part_that_says_something_else_is_refused(field: str, value: Any, why: str) -> None:
    pages = pages_of("oracle")
    (row,) = [row for row in pages[0].body["items"] if row["partNumber"] == "B98415"]
    row[field] = value
    offers, rejected = read("oracle", pages)
    assert "BM.GPU.H100.8/on_demand" not in offers
    assert [bad.reason for bad in rejected if bad.field == field and why in bad.reason]


def coreweave(*changes: tuple[str, str]) -> tuple[dict[str, Offer], list[Rejected]]:
    (page,) = pages_of("coreweave")
    body = page.body
    for old, new in changes:
        assert old in body
        body = body.replace(old, new)
    return read("coreweave", [msgspec.structs.replace(page, body=body)])


@pytest.mark.parametrize("price", ["€48.80", "48.80", "CA$48.80", "$48,80", "from $48.80", "$48.80*"])
def test_coreweave_a_price_of_another_form_is_none(price: str) -> None:
    offers, rejected = coreweave(("$48.80", price))
    assert not [key for key, offer in offers.items() if "hgx-h100" in key and offer.region == "north-america"]
    assert [row for row in rejected if row.field == "On-Demand Price (Per Hour)" and price[:20] in row.reason]


def test_coreweave_a_table_stands_under_its_own_region() -> None:
    with pytest.raises(PayloadChanged, match="no known region above it"):
        coreweave(("REGION: EUROPE", "Reserved capacity"))
    (page,) = pages_of("coreweave")
    body = re.sub(r"<h5>(?:(?!</h5>).)*REGION: EUROPE(?:(?!</h5>).)*</h5>", "", page.body, flags=re.DOTALL)
    assert body != page.body
    with pytest.raises(PayloadChanged, match="no known region above it"):
        read("coreweave", [msgspec.structs.replace(page, body=body)])


def test_scaleway_a_slice_never_passes_for_a_whole_gpu() -> None:
    pages = pages_of("scaleway")
    rows = {name: row for page in pages if page.request.name == "servers" for name, row in page.body["servers"].items()}
    (name,) = [name for name, row in rows.items() if row["mig_profile"] == "1g.10gb"]
    del rows[name]["mig_profile"]
    rows[name]["gpu_info"]["gpu_memory"] = 80 * 1024**3
    offers, rejected = read("scaleway", pages)
    assert not [key for key in offers if f"/{name}/" in key]
    assert "mig_profile: missing: a slice would pass for a whole GPU" in [row.reason for row in rejected]
