"""Sources with a host for each region, and regions that answer like one that was written."""

import re
from decimal import Decimal

from adapters.base import Adapter
from sim.app import App
from sim.history import exchange_of
from sim.simulated import Simulated
from tests.sim.asking import offers
from tests.sim.conftest import NOW_MS


async def test_amazons_regions_hold_thousands_of_offers(app: App, adapters: dict[str, Adapter]) -> None:
    found = {**await offers(app, adapters["aws"]), **await offers(app, adapters["aws-spot"])}
    assert len(found) > 3000
    assert len({offer.region for offer in found.values() if offer.price_type == "on_demand"}) == 30
    spot = [offer for offer in found.values() if offer.price_type == "spot"]
    assert len({offer.region[:-1] for offer in spot} - {"us-east-1-bos-1"}) == 17
    assert {offer.interruption for offer in spot} == {None, "<5%", "5-10%", "10-15%", "15-20%", ">20%"}
    assert len({offer.region[:-1] for offer in spot if offer.interruption} - {"us-east-1-bos-1"}) == 17


async def test_a_region_that_answers_like_another_has_its_own_names_and_level(
    app: App, market: Simulated, adapters: dict[str, Adapter]
) -> None:
    found = await offers(app, adapters["aws"])
    ireland = {key.partition("/")[2]: offer for key, offer in found.items() if offer.region == "eu-west-1"}
    tokyo = {key.partition("/")[2]: offer for key, offer in found.items() if offer.region == "ap-northeast-1"}
    assert ireland.keys() == tokyo.keys()
    ratios = {Decimal(tokyo[key].amount) / Decimal(ireland[key].amount) for key in ireland}
    assert max(ratios) - min(ratios) < Decimal("0.001")
    assert max(abs(ratio - 1) for ratio in ratios) > Decimal("0.005")
    request = next(part for part in adapters["aws"].slices() if part.name == "Asia Pacific (Tokyo)").requests[0]
    body = market.answer(exchange_of(adapters["aws"], request), NOW_MS).body
    assert b"Ireland" not in body
    assert b'"p5 48xlarge Asia Pacific Tokyo Linux":' in body


async def test_two_sources_of_one_host_each_get_their_own_answer(market: Simulated, adapters: dict[str, Adapter]) -> None:
    requests = [adapters[source].slices()[0].requests[0] for source in ("alibaba", "alibaba-spot")]
    assert requests[0].host == requests[1].host
    answers = [
        market.answer(exchange_of(adapters[source], request), NOW_MS).body
        for source, request in zip(("alibaba", "alibaba-spot"), requests, strict=True)
    ]
    assert b"InstanceTypes" in answers[0]
    assert b"SpotPrices" in answers[1]


async def test_zones_are_named_as_alibaba_names_them(app: App, adapters: dict[str, Adapter]) -> None:
    found = await offers(app, adapters["alibaba"])
    zones = {offer.region for offer in found.values()}
    assert {"ap-southeast-1a", "eu-central-1a", "cn-shanghai-a", "cn-hongkong-a"} <= zones
    assert all(re.fullmatch(r"[a-z]+-[a-z]+(-\d[a-z]|-[a-z])", zone) for zone in zones)


async def test_no_town_of_lium_stands_in_two_countries(app: App, adapters: dict[str, Adapter]) -> None:
    places = {offer.region for offer in (await offers(app, adapters["lium"])).values()} - {""}
    assert len({place.partition(", ")[0] for place in places}) == len(places) > 10
