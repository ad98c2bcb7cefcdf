"""RunPod's REST v2: the same pods once more, and serverless workers."""

import copy
from typing import Any

import pytest

from adapters.base import Page
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices, parsed

REST, SERVERLESS = ADAPTERS["runpod-rest"], ADAPTERS["runpod-serverless"]


def read(slice_name: str, **fields: Any) -> tuple[list[Offer], list[Rejected]]:
    """The first type of a slice with other fields (...: without the field)."""
    source = "runpod-rest" if slice_name else "runpod-serverless"
    (page,) = copy.deepcopy(fixture_slices(source)[slice_name])
    row = {key: value for key, value in {**page.body["gpus"][0], **fields}.items() if value is not ...}
    rows = list(ADAPTERS[source].parse([Page(request=page.request, status=200, headers={}, body={"gpus": [row]})], NOW))
    return [row for row in rows if isinstance(row, Offer)], [row for row in rows if isinstance(row, Rejected)]


def test_no_machine_is_counted_twice() -> None:
    """GraphQL's offers count; REST's are the same machines under other keys, and don't."""
    rest, _ = parsed("runpod-rest", fixture_slices("runpod-rest"))
    graphql, _ = parsed("runpod", fixture_slices("runpod"))
    workers, _ = parsed("runpod-serverless", fixture_slices("runpod-serverless"))
    assert {offer.in_market_stats for offer in rest.values()} == {False}
    assert {offer.in_market_stats for offer in workers.values()} == {True}
    assert not rest.keys() & graphql.keys()
    assert not workers.keys() & (rest.keys() | graphql.keys())
    assert {offer.price_type for offer in workers.values()} == {"serverless"}


def test_each_request_names_what_is_rented_and_where() -> None:
    asked = [dict(request.query) for adapter in (REST, SERVERLESS) for part in adapter.slices() for request in part.requests]
    assert asked == [
        {"include": "AVAILABILITY", "product": "POD", "cloud": "SECURE"},
        {"include": "AVAILABILITY", "product": "POD", "cloud": "COMMUNITY"},
        {"include": "AVAILABILITY", "product": "SERVERLESS"},
    ]


@pytest.mark.parametrize("cloud", ["secure", "community"])
def test_the_price_of_a_cloud_that_does_not_offer_the_type_is_a_placeholder(cloud: str) -> None:
    assert read(cloud, **{cloud: False}) == ([], [])


@pytest.mark.parametrize("flag", [..., None, "true", 1])
def test_without_its_flag_no_price_is_believed(flag: Any) -> None:
    offers, (bad,) = read("secure", secure=flag)
    assert (offers, bad.field) == ([], "secure")


@pytest.mark.parametrize(("price", "why"), [({}, "missing"), ({"secure": None}, "null"), ({"secure": 0}, "zero")])
def test_an_offered_type_without_a_price_is_refused(price: dict[str, Any], why: str) -> None:
    offers, (bad,) = read("secure", price=price)
    assert (offers, bad.reason) == ([], f"secure: price is {why}")


def test_each_cloud_has_its_own_price() -> None:
    assert {offer.amount for offer in read("secure")[0]} == {"0.68"}
    assert {offer.amount for offer in read("community")[0]} == {"0.35"}


def test_without_data_centres_a_type_is_one_offer_with_the_clouds_stock() -> None:
    (offer,), _ = read("secure", dataCenters=..., availability="NONE")
    assert (offer.offer_key, offer.region, offer.availability) == ("anywhere/NVIDIA GeForce RTX 4090/on_demand", "", "sold_out")


@pytest.mark.parametrize("places", [{}, ["EU-RO-1"], [{"name": "EU-RO-1", "availability": "HIGH"}], None])
def test_data_centres_of_another_shape_cost_the_row(places: Any) -> None:
    offers, (bad,) = read("secure", dataCenters=places)
    assert (offers, bad.field) == ([], "id" if isinstance(places, list) and isinstance(places[0], dict) else "dataCenters")


def test_the_most_of_one_machine_is_no_stock() -> None:
    offers, _ = parsed("runpod-rest", fixture_slices("runpod-rest"))
    assert {(offer.gpu_count, offer.available_count) for offer in offers.values()} == {(1, None)}


@pytest.mark.parametrize(
    ("place", "country"),
    [("US-KS-2", "US"), ("CA-MTL-3", "CA"), ("EU-RO-1", "RO"), ("EUR-IS-1", "IS"), ("AP-JP-1", "JP"), ("OC-AU-1", "AU"), ("LAB", None)],
)
def test_countries(place: str, country: str | None) -> None:
    (offer,), _ = read("secure", dataCenters=[{"id": place, "name": place, "availability": "HIGH"}])
    assert (offer.region, offer.country) == (place, country)


def test_a_type_in_no_pool_has_no_workers() -> None:
    assert read("", pool=None, price={"secure": 0.68, "community": 0.35}) == ([], [])
    assert read("", pool=None) == ([], [])


def test_a_pool_without_a_price_is_not_the_accounts() -> None:
    assert read("", price={"secure": 0.68, "community": 0.35}) == ([], [])


@pytest.mark.parametrize(("price", "why"), [(None, "null"), (0, "zero"), (-1, "negative")])
def test_a_pools_price_that_is_none(price: Any, why: str) -> None:
    offers, (bad,) = read("", price={"serverless": price})
    assert (offers, bad.reason) == ([], f"serverless: price is {why}")


def test_a_type_that_does_not_say_its_pool_is_refused() -> None:
    offers, (bad,) = read("", pool=...)
    assert (offers, bad.field) == ([], "pool")
