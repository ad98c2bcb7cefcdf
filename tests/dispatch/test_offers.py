"""Choosing an offer."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from adapters.errors import JobRejected, NoCapacity, PayloadChanged, Transient
from adapters.jobs.backend import GpuSpec
from api.answers import OffersTold, OfferTold
from api.params import OffersParameters, read_query
from dispatch.offers import Answer, Decision, choose_offer
from dispatch.offers import OfferTold as OfferRead
from tests.dispatch.read_api import ReadApi, offer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
H100 = GpuSpec(gpu="H100-SXM-80")


async def choose(api: ReadApi, spec: GpuSpec = H100) -> Decision:
    async with api.client() as client:
        return await choose_offer(client, spec, NOW)


async def test_the_cheapest_offer_is_chosen_with_its_price_age_and_source() -> None:
    decision = await choose(ReadApi(offer(offer_key="dear", usd_per_gpu_hour="2.000001"), offer(offer_key="cheap", usd_per_gpu_hour="2.0")))
    assert decision.offer.offer_key == "cheap"
    assert decision.offer.usd_per_gpu_hour == Decimal("2.0")
    assert (decision.offer.source, decision.offer.age_s, decision.offer.freshness) == ("lumen", 3.2, "fresh")
    assert (decision.market, decision.chosen_at) == ("simulated", NOW)


async def test_all_gpus_of_the_machine_are_paid_for() -> None:
    """Eight at 1 USD cost more than one at 2."""
    api = ReadApi(offer(offer_key="eight", gpu_count=8, usd_per_gpu_hour="1"), offer(offer_key="one", usd_per_gpu_hour="2"))
    assert (await choose(api)).offer.offer_key == "one"
    assert (await choose(api, GpuSpec(gpu="H100-SXM-80", count=4))).offer.offer_key == "eight"


async def test_a_stale_price_is_taken_and_labelled_but_a_fresh_one_wins_a_tie() -> None:
    stale = offer(provider="borealis", offer_key="a", freshness="stale", age_s=40.0)
    assert (await choose(ReadApi(stale))).offer.freshness == "stale"
    assert (await choose(ReadApi(stale, offer(offer_key="b")))).offer.freshness == "fresh"


async def test_the_whole_spec_is_asked_for() -> None:
    api = ReadApi(offer(price_type="spot", gpu_count=2))
    await choose(api, GpuSpec(gpu="H100-SXM-80", count=2, price_type="spot", country="FI", max_usd_per_gpu_hour=Decimal("4.5")))
    asked = dict(api.asked[0].params)
    assert (asked.pop("sort"), asked.pop("available"), asked.pop("limit")) == ("price", "true", "1000")
    assert asked == {"gpu": "H100-SXM-80", "min_gpus": "2", "price_type": "spot", "country": "FI", "max_price": "4.5"}


@pytest.mark.parametrize(
    ("told", "spec"),
    [
        ({"availability": "sold_out"}, H100),
        ({"availability": "unknown"}, H100),
        ({"gpu": "H100-PCIE-80"}, H100),
        ({"usd_per_gpu_hour": "0.000000"}, H100),
        ({"gpu_count": 1}, GpuSpec(gpu="H100-SXM-80", count=2)),
        ({"price_type": "spot"}, GpuSpec(gpu="H100-SXM-80", price_type="on_demand")),
        ({"country": None}, GpuSpec(gpu="H100-SXM-80", country="FI")),
        ({"usd_per_gpu_hour": "2.500001"}, GpuSpec(gpu="H100-SXM-80", max_usd_per_gpu_hour=Decimal("2.5"))),
    ],
)
async def test_an_offer_that_does_not_fit_is_no_capacity(told: dict[str, Any], spec: GpuSpec) -> None:
    with pytest.raises(NoCapacity):
        await choose(ReadApi(offer(**told)), spec)


async def test_no_offers_is_no_capacity_naming_what_was_asked_and_what_is_missing() -> None:
    api = ReadApi()
    api.missing = [{"source": "borealis", "reason": "expired", "age_s": 300.0}]
    with pytest.raises(NoCapacity, match="no rentable offer for 2 x H100-SXM-80, spot; sources missing from the answer: borealis"):
        await choose(api, GpuSpec(gpu="H100-SXM-80", count=2, price_type="spot"))


async def test_an_api_that_does_not_serve_is_transient_with_its_retry_after() -> None:
    api = ReadApi()
    api.instead = httpx.Response(503, headers={"retry-after": "5"})
    with pytest.raises(Transient, match="status 503") as caught:
        await choose(api)
    assert caught.value.retry_after_s == 5.0
    api.instead = httpx.ConnectError("refused")
    with pytest.raises(Transient, match="ConnectError"):
        await choose(api)


async def test_a_refused_parameter_is_the_owners_to_know() -> None:
    api = ReadApi()
    api.instead = httpx.Response(422, json={"error": {"parameter": "gpu", "message": "unknown GPU"}})
    with pytest.raises(JobRejected, match="unknown GPU"):
        await choose(api)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"market": "simulated", "offers": [{"source": "lumen"}]}'])
async def test_an_answer_of_another_shape_is_not_guessed_at(body: bytes) -> None:
    api = ReadApi()
    api.instead = httpx.Response(200, content=body)
    with pytest.raises(PayloadChanged):
        await choose(api)


async def test_the_read_api_takes_what_is_asked_and_answers_what_is_read() -> None:
    """Against the API's own types: neither side may drift."""
    api = ReadApi(offer())
    await choose(api, GpuSpec(gpu="H100-SXM-80", count=1, price_type="on_demand", country="FI", max_usd_per_gpu_hour=Decimal("4.5")))
    parameters = read_query(api.asked[0].query.decode(), OffersParameters)
    assert (parameters.gpu, parameters.min_gpus, parameters.available, parameters.sort) == (("H100-SXM-80",), 1, True, "price")
    assert names(OfferRead) <= names(OfferTold)
    assert names(Answer) <= names(OffersTold)


def names(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}
