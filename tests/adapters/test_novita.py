"""Novita: a unit of its own, and two answers that carry both prices."""

import copy
from typing import Any

import pytest

from adapters.base import Page
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, decode, fixture_slices, parsed, price

NOVITA = ADAPTERS["novita"]


def read(slice_name: str, **fields: Any) -> tuple[list[Offer], list[Rejected]]:
    """The first product of a slice with other fields (None: without the field)."""
    (page,) = copy.deepcopy(fixture_slices("novita")[slice_name])
    row = {**page.body["data"][0], **fields}
    body = {"data": [{key: value for key, value in row.items() if value is not None}]}
    rows = list(NOVITA.parse([Page(request=page.request, status=200, headers={}, body=body)], NOW))
    return [row for row in rows if isinstance(row, Offer)], [row for row in rows if isinstance(row, Rejected)]


def test_spot_and_on_demand_are_asked_apart() -> None:
    asked = [(part.name, dict(request.query)) for part in NOVITA.slices() for request in part.requests]
    assert asked == [("on-demand", {"billingMethod": "onDemand"}), ("spot", {"billingMethod": "spot"})]


@pytest.mark.parametrize("stated", [b"36000", b'"36000"'])
def test_number_and_text_are_the_same_price(stated: bytes) -> None:
    offers, _ = read("on-demand", price=decode(stated))
    assert {(offer.amount, price(offer)) for offer in offers} == {("36000", 360_000)}


@pytest.mark.parametrize("stated", [b"0.36", b'"0.36"', b'"36000.5"', b"3.6e4"])
def test_a_price_that_is_not_whole_is_in_another_unit(stated: bytes) -> None:
    offers, (bad,) = read("on-demand", price=decode(stated))
    assert offers == []
    assert "hundred-thousandths" in bad.reason


def test_each_answer_counts_only_its_own_price() -> None:
    on_demand, _ = read("on-demand", spotPrice="999")
    spot, _ = read("spot", price="999")
    assert {offer.amount for offer in on_demand} == {"36000"}
    assert {offer.amount for offer in spot} == {"18000"}


def test_a_product_that_is_not_sold_that_way_is_no_offer() -> None:
    assert read("spot", billingMethods=["onDemand"]) == ([], [])


def test_a_product_that_does_not_say_how_it_is_sold_is_refused() -> None:
    offers, (bad,) = read("spot", billingMethods=None)
    assert (offers, bad.field) == ([], "billingMethods")


@pytest.mark.parametrize(
    ("deploy", "state", "availability"),
    [
        (True, "high", "high"),
        (True, "none", "sold_out"),
        (False, "high", "sold_out"),
        (True, None, "available"),
        (True, "plenty", "unknown"),
    ],
)
def test_stock(deploy: bool, state: str | None, availability: str) -> None:
    offers, _ = read("on-demand", availableDeploy=deploy, inventoryState=state)
    assert {offer.availability for offer in offers} == {availability}


def test_countries() -> None:
    offers, _ = parsed("novita", fixture_slices("novita"))
    assert {(offer.region, offer.country) for offer in offers.values()} == {
        ("US-CA-06", "US"),
        ("US-01", "US"),
        ("EU-GB-01", "GB"),
        ("EU-FR-02", "FR"),
        ("AS-IN-01", "IN"),
        ("", None),
    }
    moon, _ = read("on-demand", regions=["MOON-01"])
    assert [(offer.region, offer.country) for offer in moon] == [("MOON-01", None)]
