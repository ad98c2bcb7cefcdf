"""Golem: coefficients in GLM, the network's own rate, variants of one machine, tokens without worth."""

import copy
from decimal import Decimal
from typing import Any

import pytest

from adapters.base import Page
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices, price

GPU = "golem.!exp.gap-35.v1.inf.gpu."
COEFFICIENTS, VECTOR = "golem.com.pricing.model.linear.coeffs", "golem.com.usage.vector"


def key(number: int) -> str:
    return f"0x{number:040x}/on_demand"


@pytest.fixture
def page() -> Page:
    (page,) = copy.deepcopy(fixture_slices("golem")[""])
    return page


def node_of(page: Page, number: int) -> dict[str, Any]:
    return next(node for node in page.body if node["node_id"] == f"0x{number:040x}")


def variant_of(page: Page, number: int) -> dict[str, Any]:
    return node_of(page, number)["runtimes"]["vm-nvidia"]  # type: ignore[no-any-return]


def read(page: Page) -> tuple[dict[str, Offer], list[str]]:
    rows = list(ADAPTERS["golem"].parse([page], NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row.reason for row in rows if isinstance(row, Rejected)]


def test_an_hour_is_the_time_and_every_thread_at_the_networks_rate(page: Page) -> None:
    """(0.000025 + 16 x 0.00000125) GLM x 3600 x 0.2 USD."""
    offer = read(page)[0][key(2)]
    assert (offer.currency, offer.unit, offer.basis) == ("GLM", "second", "components")
    assert offer.rate is not None
    assert (offer.rate.currency, offer.rate.usd, offer.rate.date) == ("GLM", Decimal("0.2"), "2026-11-21")
    assert price(offer) == 32_400


def test_the_price_of_several_gpus_is_for_the_machine(page: Page) -> None:
    """(0.00003 + 24 x 0.000001) x 3600 x 0.2 / 2."""
    offer = read(page)[0][key(4)]
    assert (offer.gpu, offer.gpu_count, price(offer)) == ("A30-PCIE-24", 2, 19_440)


def test_the_order_of_the_coefficients_is_the_vectors(page: Page) -> None:
    offered = variant_of(page, 2)["properties"]
    before = price(read(page)[0][key(2)])
    offered[VECTOR].reverse()
    offered[COEFFICIENTS] = [*reversed(offered[COEFFICIENTS][:-1]), offered[COEFFICIENTS][-1]]
    assert price(read(page)[0][key(2)]) == before


def test_the_fee_for_a_start_is_no_price_of_time(page: Page) -> None:
    before = read(page)[0][key(2)].amount
    variant_of(page, 2)["properties"][COEFFICIENTS][-1] = Decimal("5.0")
    assert read(page)[0][key(2)].amount == before


@pytest.mark.parametrize(
    ("coefficients", "vector", "why"),
    [
        ([1, 2], None, "not one coefficient a usage"),
        ([1, 2, 3, 4], None, "not one coefficient a usage"),
        ([-1, 2, 0], None, "negative"),
        ([0, 0, 5], None, "zero"),
        (None, ["golem.usage.cpu_sec", "golem.usage.gpu_sec"], "the time has no price"),
        (None, ["golem.usage.duration_sec", "golem.usage.duration_sec"], "not one coefficient a usage"),
        (None, ["golem.usage.duration_sec", "golem.usage.gpu_sec"], "unknown usage 'golem.usage.gpu_sec' has a price"),
    ],
)
def test_coefficients_that_are_not_understood_are_no_offer(page: Page, coefficients: Any, vector: Any, why: str) -> None:
    offered = variant_of(page, 2)["properties"]
    offered[COEFFICIENTS], offered[VECTOR] = coefficients or offered[COEFFICIENTS], vector or offered[VECTOR]
    offers, refused = read(page)
    assert key(2) not in offers
    assert len([reason for reason in refused if why in reason]) >= 1
    assert len(refused) == 5


def test_an_unknown_usage_that_is_free_does_no_harm(page: Page) -> None:
    offered = variant_of(page, 2)["properties"]
    offered[VECTOR].append("golem.usage.storage_gib")
    offered[COEFFICIENTS].insert(2, Decimal("0.0"))
    assert price(read(page)[0][key(2)]) == 32_400


@pytest.mark.parametrize("field", ["hourly_price_glm", "hourly_price_usd"])
@pytest.mark.parametrize("value", [0, None, 9_999_999, 10_000_000, "x", ...])
def test_without_the_networks_rate_there_is_no_price(page: Page, field: str, value: Any) -> None:
    variant = variant_of(page, 2)
    if value is ...:
        del variant[field]
    else:
        variant[field] = value
    offers, refused = read(page)
    assert key(2) not in offers
    assert len(refused) == 5


@pytest.mark.parametrize(("older", "newer"), [(0, 1), (1, 0)])
@pytest.mark.parametrize("apart", ["runtimes", "nodes"])
def test_of_two_live_variants_the_newest_counts(page: Page, older: int, newer: int, apart: str) -> None:
    node = node_of(page, 2)
    variants = [variant_of(page, 2), copy.deepcopy(variant_of(page, 2))]
    variants[newer]["last_seen_at"] = "2026-11-21T13:59:30+02:00"
    variants[older]["properties"][COEFFICIENTS] = [Decimal(1), Decimal(1), Decimal(0)]
    if apart == "runtimes":
        node["runtimes"] = {"vm-nvidia": variants[0], "vm-nvidia-old": variants[1]}
    else:
        node["runtimes"] = {"vm-nvidia": variants[0]}
        page.body.append({**node, "runtimes": {"vm-nvidia": variants[1]}})
    offer = read(page)[0][key(2)]
    assert price(offer) == 32_400
    assert offer.provider_time_ms == 1_795_262_370_000


@pytest.mark.parametrize("stated", ["", "yesterday", "2026-11-21T11:59:30", None, 5])
def test_a_time_that_is_none_is_refused(page: Page, stated: Any) -> None:
    variant_of(page, 2)["last_seen_at"] = stated
    offers, refused = read(page)
    assert key(2) not in offers
    assert len(refused) == 5


def test_what_no_scan_has_just_seen_is_unknown_and_the_test_network_pays_nothing(page: Page) -> None:
    offers, refused = read(page)
    assert node_of(page, 8)["network"] == "testnet"
    assert variant_of(page, 9)["properties"] is None
    assert not {key(7), key(8), key(9)} & offers.keys()
    assert len(refused) == 4


def test_a_node_that_computes_is_rented_out_and_one_that_is_off_is_gone(page: Page) -> None:
    node_of(page, 2)["online"] = False
    offers, _ = read(page)
    assert offers[key(3)].availability == "sold_out"
    assert key(2) not in offers


@pytest.mark.parametrize(
    ("change", "field"),
    [({"d1.model": "NVIDIA A40"}, "d1"), ({"d0.quantity": None}, "d0.quantity"), ({"d0.memory.total.gib": Decimal(48)}, "d0.model")],
)
def test_gpus_of_several_kinds_numbers_or_sizes(page: Page, change: dict[str, Any], field: str) -> None:
    variant_of(page, 4)["properties"].update({f"{GPU}{name}": value for name, value in change.items()})
    rows = list(ADAPTERS["golem"].parse([page], NOW))
    assert f"{GPU}{field}" in {row.field for row in rows if isinstance(row, Rejected)}
    assert key(4) not in {row.offer_key for row in rows if isinstance(row, Offer)}
