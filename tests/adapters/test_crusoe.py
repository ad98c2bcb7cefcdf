"""Crusoe: the signature, prices off a page full of lookalikes, and their join with types and stock."""

import copy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from adapters.base import Outgoing, Page
from adapters.errors import AuthFailed, PayloadChanged
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices

CREDENTIALS = {"CRUSOE_ACCESS_KEY": "an-example-key", "CRUSOE_SECRET_KEY": "YW4tZXhhbXBsZS1zZWNyZXQ", "CRUSOE_PROJECT_ID": "p-1"}
CAPACITIES = Outgoing(method="GET", url="https://api.cloud.crusoe.ai/v1/capacities", query={}, headers={}, body=b"")
H100 = "us-east1-a/h100-80gb-sxm-ib.8x/on_demand"


@pytest.fixture
def pages() -> list[Page]:
    return copy.deepcopy(fixture_slices("crusoe")[""])


def items(pages: list[Page], name: str) -> list[dict[str, Any]]:
    (page,) = [page for page in pages if page.request.name == name]
    return page.body["items"]  # type: ignore[no-any-return]


def read(pages: list[Page], change: tuple[str, str] = ("", "")) -> tuple[dict[str, Offer], list[str]]:
    if change[0]:
        assert change[0] in pages[-1].body
        pages = [*pages[:-1], msgspec.structs.replace(pages[-1], body=pages[-1].body.replace(*change))]
    rows = list(ADAPTERS["crusoe"].parse(pages, NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row.reason for row in rows if isinstance(row, Rejected)]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-6))])
def test_the_signature_is_what_openssl_makes(zone: timezone) -> None:
    """printf '/v1/capacities\\n\\nGET\\n2026-11-21T12:00:00+00:00\\n' | openssl dgst -sha256 -mac HMAC -macopt key:an-example-secret"""
    now = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC).astimezone(zone)
    signed = ADAPTERS["crusoe"].sign(CAPACITIES, CREDENTIALS, now)
    assert signed.headers == {
        "x-crusoe-timestamp": "2026-11-21T12:00:00+00:00",
        "authorization": "Bearer 1.0:an-example-key:1fidpIto5G0eP8MarQFP7rL7JYbUUA1DrNGGnY_Q6jM",
    }


def test_the_signature_covers_query_method_path_and_time() -> None:
    sign = ADAPTERS["crusoe"].sign
    made = {
        sign(request, CREDENTIALS, now).headers["authorization"]
        for request, now in (
            (CAPACITIES, NOW),
            (CAPACITIES, NOW + timedelta(seconds=1)),
            (msgspec.structs.replace(CAPACITIES, method="POST"), NOW),
            (msgspec.structs.replace(CAPACITIES, url=CAPACITIES.url + "x"), NOW),
            (msgspec.structs.replace(CAPACITIES, query={"a": "1", "b": "2"}), NOW),
        )
    }
    assert len(made) == 5
    turned = msgspec.structs.replace(CAPACITIES, query={"b": "2", "a": "1"})
    assert sign(turned, CREDENTIALS, NOW).headers["authorization"] in made


def test_a_secret_that_is_no_base64_is_the_keys_fault() -> None:
    with pytest.raises(AuthFailed, match="CRUSOE_SECRET_KEY"):
        ADAPTERS["crusoe"].sign(CAPACITIES, {**CREDENTIALS, "CRUSOE_SECRET_KEY": "x"}, NOW)


def test_the_page_is_asked_without_the_key() -> None:
    requests = {request.name: request for request in ADAPTERS["crusoe"].slices()[0].requests}
    assert (requests["pricing"].host, requests["pricing"].public) == ("www.crusoe.ai", True)
    assert not requests["capacities"].public


def test_lookalikes_on_the_page_are_other_products(pages: list[Page]) -> None:
    assert all(text in pages[-1].body for text in ("$5.20", "$0.05/vCPU-hr"))
    offers, refused = read(pages)
    assert not {"5.20", "0.05"} & {offer.amount for offer in offers.values()}
    assert not [reason for reason in refused if "5.20" in reason or "vCPU" in reason]


@pytest.mark.parametrize("cell", ["$3.80", "$3.80/hr", "$3.80/GPU-hr per node", "€3.80/GPU-hr", "from $3.80/GPU-hr", "$3.8/GPU-hr", ""])
def test_a_price_of_another_form_is_none(pages: list[Page], cell: str) -> None:
    offers, refused = read(pages, ("$3.80/GPU-hr", cell))
    assert not [key for key in offers if "h100" in key]
    assert len(refused) == 6


def test_a_qualifier_in_a_second_paragraph_is_not_passed_over(pages: list[Page]) -> None:
    offers, _ = read(pages, ("<p>$3.80/GPU-hr</p>", "<p>$3.80/GPU-hr</p><p> per 8-GPU node</p>"))
    assert H100 not in offers


def test_a_gpu_that_is_stated_twice_is_not_believed(pages: list[Page]) -> None:
    offers, refused = read(
        pages,
        (
            '<div class="pricing-tag">PCIe</div></div></a><div class="pricing-rich w-richtext"><p>$1.90',
            '<div class="pricing-tag">SXM</div></div></a><div class="pricing-rich w-richtext"><p>$1.90',
        ),
    )
    assert not [key for key in offers if "a100" in key]
    assert "GPU model: A100-SXM-80 is stated twice" in refused


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("GPU instances pricing", "GPU pricing"),
        ("CPU instances pricing", "GPU instances pricing"),
        ("Current spot", "Reserved"),
        (
            '<div class="pricing-heading is-d">On-demand</div><div class="pricing-heading is-d">Current spot</div>',
            '<div class="pricing-heading is-d">Current spot</div><div class="pricing-heading is-d">On-demand</div>',
        ),
    ],
)
def test_another_section_or_heading_changes_the_payload(pages: list[Page], old: str, new: str) -> None:
    with pytest.raises(PayloadChanged):
        read(pages, (old, new))


def test_a_type_without_a_price_is_no_offer(pages: list[Page]) -> None:
    offers, refused = read(pages)
    assert any(row["product_name"] == "b200-180gb-sxm-ib.8x" for row in items(pages, "types"))
    assert not [key for key in offers if "b200" in key]
    assert not [reason for reason in refused if "B200" in reason]


def test_stock_is_a_place_and_a_number(pages: list[Page]) -> None:
    offers, _ = read(pages)
    stock = {
        key: (offer.availability, offer.available_count, offer.country) for key, offer in offers.items() if "h100" in key or "h200" in key
    }
    assert stock == {
        H100: ("available", 4, "US"),
        "us-east1-a/h100-80gb-sxm-ib.8x/spot": ("unknown", None, "US"),
        "us-northcentral1-a/h100-80gb-sxm-ib.8x/on_demand": ("sold_out", 0, "US"),
        "us-northcentral1-a/h100-80gb-sxm-ib.8x/spot": ("unknown", None, "US"),
        "eu-iceland1-a/h200-141gb-sxm-ib.8x/on_demand": ("available", 6, "IS"),
    }


def test_of_several_rows_for_a_place_the_most_counts(pages: list[Page]) -> None:
    items(pages, "capacities").append({"type": "h100-80gb-sxm-ib.8x", "location": "us-east1-a", "quantity": 1})
    assert read(pages)[0][H100].available_count == 4


def test_a_type_that_capacities_do_not_name_has_stock_unknown(pages: list[Page]) -> None:
    items(pages, "capacities").clear()
    offers, _ = read(pages)
    assert {(offer.region, offer.availability, offer.available_count) for offer in offers.values()} == {("", "unknown", None)}


@pytest.mark.parametrize(("place", "country"), [("us-west1-a", "US"), ("eu-norway1-a", "NO"), ("eu-elsewhere1-a", None)])
def test_a_places_country_is_told_by_its_name_or_not_at_all(pages: list[Page], place: str, country: str | None) -> None:
    items(pages, "capacities").append({"type": "h100-80gb-sxm-ib.8x", "location": place, "quantity": 1})
    assert read(pages)[0][f"{place}/h100-80gb-sxm-ib.8x/on_demand"].country == country
