"""Each provider's wire format: its paging, limits, filters, auth and errors."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from sim.exchange import Exchange, money
from sim.simulated import Simulated
from sim.wire.graphql import BadQuery, parse, pick
from sim.wire.odata import BadFilter, compiled
from tests.sim.asking import BEARER, body_of, get, post
from tests.sim.conftest import NOW_MS

AZURE, LAMBDA, RUNPOD = "prices.azure.com", "cloud.lambdalabs.com", "api.runpod.io"
SCALEWAY, VAST, VERDA = "api.scaleway.com", "console.vast.ai", "api.verda.com"
SERVERS = "/instance/v1/zones/fr-par-2/products/servers"
CROWDED = "RTX 4090"


def search(**terms: Any) -> Exchange:
    return post(VAST, "/api/v0/bundles/", {"order": [["dph_total", "asc"]], "type": "ondemand", **terms})


def test_vast_clamps_to_64_and_bands_reach_the_rest(market: Simulated) -> None:
    first = body_of(market, search(gpu_name={"eq": CROWDED}, limit=500), NOW_MS)["offers"]
    assert len(first) == 64
    assert [row["dph_total"] for row in first] == sorted(row["dph_total"] for row in first)
    rest = body_of(market, search(gpu_name={"eq": CROWDED}, dph_total={"gte": float(first[-1]["dph_total"])}), NOW_MS)["offers"]
    assert rest and len({row["id"] for row in first + rest}) > 64


def test_vast_honours_limit_order_and_operators(market: Simulated) -> None:
    dear = body_of(market, search(order=[["dph_total", "desc"]], limit=5), NOW_MS)["offers"]
    assert len(dear) == 5 and dear[0]["dph_total"] == max(row["dph_total"] for row in dear) > 10
    some = body_of(market, search(gpu_name={"in": ["H200", "B200"]}, num_gpus={"gte": 2, "lt": 8}, dph_total={"lte": 12}), NOW_MS)["offers"]
    assert some and all(row["gpu_name"] in ("H200", "B200") and row["num_gpus"] in (2, 4) and row["dph_total"] <= 12 for row in some)


def test_vast_lists_one_machine_in_sizes_that_share_gpus(market: Simulated) -> None:
    rows = body_of(market, search(gpu_name={"eq": "H100 SXM"}), NOW_MS)["offers"]
    machine = next(row["machine_id"] for row in rows if row["num_gpus"] == 2)
    sizes = {row["num_gpus"]: row for row in body_of(market, search(machine_id={"eq": machine}), NOW_MS)["offers"]}
    assert {1, 2} <= sizes.keys()
    assert set(sizes[1]["gpu_ids"]) < set(sizes[2]["gpu_ids"])
    assert all(len(row["gpu_ids"]) == row["num_gpus"] and row["gpu_total_ram"] == row["gpu_ram"] * row["num_gpus"] for row in rows)
    assert all(row["min_bid"] < row["dph_base"] < row["dph_total"] for row in rows)


def test_vast_bid_market_asks_the_least_bid(market: Simulated) -> None:
    row = body_of(market, search(gpu_name={"eq": "H100 SXM"}, type="bid"), NOW_MS)["offers"][0]
    assert row["is_bid"] is True and row["dph_base"] == row["min_bid"]


@pytest.mark.parametrize("body", [b"", b"[1]", b'{"gpu_name":{"like":"H"}}', b'{"gpu_name":3}', b'{"limit":"x"}'])
def test_vast_refuses_what_it_cannot_read(market: Simulated, body: bytes) -> None:
    assert market.answer(Exchange("POST", VAST, "/api/v0/bundles/", {}, {}, body), NOW_MS).status == 400


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"authorization": "Bearer "}, 401), (BEARER, 200)])
def test_lambda_and_verda_need_a_key(market: Simulated, headers: dict[str, str], status: int) -> None:
    for host, path in ((LAMBDA, "/api/v1/instance-types"), (VERDA, "/v1/instance-types"), (VERDA, "/v1/locations")):
        assert market.answer(get(host, path, headers=headers), NOW_MS).status == status


def test_lambda_prices_are_whole_cents_of_the_instance(market: Simulated) -> None:
    data = body_of(market, get(LAMBDA, "/api/v1/instance-types"), NOW_MS)["data"]
    assert data["gpu_8x_h100_sxm5"]["instance_type"]["price_cents_per_hour"] == 8 * 299
    assert all(isinstance(row["instance_type"]["price_cents_per_hour"], int) for row in data.values())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"grant_type":"client_credentials","client_id":"sim-key","client_secret":"sim-secret"}', 200),
        (b"grant_type=client_credentials&client_id=sim-key&client_secret=sim-secret", 200),
        (b'{"grant_type":"client_credentials","client_id":"sim-key","client_secret":"wrong"}', 401),
        (b'{"grant_type":"password","client_id":"sim-key","client_secret":"sim-secret"}', 400),
        (b"", 401),
    ],
)
def test_verda_gives_a_token_for_the_right_credentials(market: Simulated, body: bytes, status: int) -> None:
    answer = market.answer(Exchange("POST", VERDA, "/v1/oauth2/token", {}, {}, body), NOW_MS)
    assert answer.status == status
    assert ("access_token" in msgspec.json.decode(answer.body)) == (status == 200)


def test_verda_prices_are_text_and_stock_differs_for_spot(market: Simulated) -> None:
    rows = body_of(market, get(VERDA, "/v1/instance-types", {"currency": "usd"}), NOW_MS)
    assert all(isinstance(row["price_per_hour"], str) and Decimal(row["spot_price"]) < Decimal(row["price_per_hour"]) for row in rows)
    assert any(row["gpu"]["number_of_gpus"] == 0 for row in rows)
    on_demand, spot = (body_of(market, get(VERDA, "/v1/instance-availability", {"is_spot": flag}), NOW_MS) for flag in ("false", "true"))
    assert on_demand != spot
    assert {row["location_code"] for row in spot} == {row["code"] for row in body_of(market, get(VERDA, "/v1/locations"), NOW_MS)}


@pytest.mark.parametrize("per_page", ["50", "100"])
def test_scaleway_gpus_stand_on_the_first_two_pages_and_links_lead_on(market: Simulated, per_page: str) -> None:
    pages, total, page = [], 0, 1
    while True:
        answer = market.answer(get(SCALEWAY, SERVERS, {"page": str(page), "per_page": per_page}), NOW_MS)
        pages.append(msgspec.json.decode(answer.body)["servers"])
        total = int(answer.headers["x-total-count"])
        if 'rel="next"' not in answer.headers["link"]:
            break
        page += 1
        assert f'?page={page}&per_page={per_page}&>; rel="next"' in answer.headers["link"]
    assert total == sum(map(len, pages)) == len(set().union(*pages)) > 100
    with_gpus = [any(row["gpu"] for row in servers.values()) for servers in pages]
    assert with_gpus[:2] == [True, True]
    assert any(not row["gpu"] for row in pages[0].values())
    stock = market.answer(get(SCALEWAY, f"{SERVERS}/availability", {"page": "1", "per_page": per_page}), NOW_MS)
    assert msgspec.json.decode(stock.body)["servers"].keys() == pages[0].keys()


def test_scaleway_defaults_to_pages_of_50_of_at_most_100(market: Simulated) -> None:
    assert len(body_of(market, get(SCALEWAY, SERVERS), NOW_MS)["servers"]) == 50
    assert len(body_of(market, get(SCALEWAY, SERVERS, {"per_page": "1000"}), NOW_MS)["servers"]) == 100
    assert body_of(market, get(SCALEWAY, SERVERS, {"page": "99"}), NOW_MS)["servers"] == {}
    body_of(market, get(SCALEWAY, "/instance/v1/zones/us-east-1/products/servers"), NOW_MS, status=404)


def test_azure_pages_by_absolute_links(market: Simulated) -> None:
    query: dict[str, str] = {"$filter": "serviceName eq 'Virtual Machines'"}
    rows: list[dict[str, Any]] = []
    while True:
        body = body_of(market, get(AZURE, "/api/retail/prices", query), NOW_MS)
        assert body["Count"] == len(body["Items"]) <= 100
        rows += body["Items"]
        if body["NextPageLink"] is None:
            break
        assert body["NextPageLink"].startswith("https://prices.azure.com/api/retail/prices?")
        query = {**query, "$skip": str(len(rows))}
    assert len({row["meterId"] for row in rows}) == len(rows) > 500
    whole = body_of(market, get(AZURE, "/api/retail/prices", {"api-version": "2023-01-01-preview"}), NOW_MS)
    assert whole["Items"] == rows[:1000]
    assert "%24skip=1000" in whole["NextPageLink"]


def test_azure_holds_the_known_traps_and_filters_them(market: Simulated) -> None:
    query = {"api-version": "2023-01-01-preview"}
    rows = body_of(market, get(AZURE, "/api/retail/prices", query), NOW_MS)["Items"]
    for trap in (
        lambda row: row["productName"].endswith("Windows"),
        lambda row: row["meterName"].endswith(" Low Priority"),
        lambda row: row["meterName"].endswith(" Spot"),
        lambda row: row["armRegionName"].startswith("usgov"),
        lambda row: row["type"] == "Reservation",
        lambda row: row["type"] == "DevTestConsumption",
        lambda row: row["armSkuName"].startswith("Standard_D"),
    ):
        assert any(map(trap, rows))
    wanted = "startswith(armSkuName, 'Standard_ND') and (armRegionName eq 'uksouth' or armRegionName eq 'eastus') and type ne 'Reservation'"
    found = body_of(market, get(AZURE, "/api/retail/prices", {**query, "$filter": wanted}), NOW_MS)["Items"]
    assert {row["armRegionName"] for row in found} == {"uksouth", "eastus"}
    assert all(row["armSkuName"].startswith("Standard_ND") and row["type"] != "Reservation" for row in found)
    body_of(market, get(AZURE, "/api/retail/prices", {"$filter": "retailPrice gt 3"}), NOW_MS, status=400)


@pytest.mark.parametrize("text", ["a eq", "a eq 'x' b", "(a eq 'x'", "a gt 'x'", "contains(a 'x')", "a eq 3", "a & b"])
def test_a_filter_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        compiled(text)


def test_a_filter_knows_not_functions_and_quotes() -> None:
    row = {"name": "it's here"}
    assert compiled("name eq 'it''s here'")(row)
    assert compiled("not contains(name,'there') and endswith(name,'here')")(row)
    assert not compiled("name ne 'it''s here' or startswith(name,'x')")(row)


def test_runpod_answers_what_is_asked_and_no_more(market: Simulated) -> None:
    query = """query Types($count: Int) { types: gpuTypes(input: {id: "NVIDIA L4"}) {
        id securePrice # a comment
        one: lowestPrice(input: {gpuCount: 1, secureCloud: true}) { stockStatus uninterruptablePrice }
        many: lowestPrice(input: {gpuCount: $count}) { stockStatus uninterruptablePrice } } }"""
    body = body_of(market, post(RUNPOD, "/graphql", {"query": query, "variables": {"count": 99}}), NOW_MS)
    (row,) = body["data"]["types"]
    assert list(row) == ["id", "securePrice", "one", "many"]
    assert row["one"]["uninterruptablePrice"] == row["securePrice"]
    assert row["many"] == {"stockStatus": None, "uninterruptablePrice": None}


def test_runpod_has_unoffered_types_and_the_unknown_one(market: Simulated) -> None:
    prices = "gpuTypes { id securePrice communityPrice memoryInGb }"
    query = f"{{ {prices} dataCenters {{ id gpuAvailability {{ gpuTypeId stockStatus }} }} countryCodes }}"
    data = body_of(market, post(RUNPOD, "/graphql", {"query": query}), NOW_MS)["data"]
    rows = {row["id"]: row for row in data["gpuTypes"]}
    assert rows["unknown"] == {"id": "unknown", "securePrice": 0, "communityPrice": 0, "memoryInGb": 0}
    assert rows["NVIDIA GeForce RTX 3070"]["securePrice"] == 0 < rows["NVIDIA GeForce RTX 3070"]["communityPrice"]
    assert {row["gpuTypeId"] for row in data["dataCenters"][0]["gpuAvailability"]} <= rows.keys()
    assert "US" in data["countryCodes"]


@pytest.mark.parametrize(
    "query", ["{ gpuTypes { colour } }", "{ gpuTypes }", "{ gpuTypes { id { x } } }", "{ gpuTypes { id }", "{ gpu-types }", "{ a: }", ""]
)
def test_runpod_refuses_a_wrong_query_as_graphql_does(market: Simulated, query: str) -> None:
    assert body_of(market, post(RUNPOD, "/graphql", {"query": query}), NOW_MS, status=400)["errors"][0]["message"]


def test_graphql_reads_values_of_every_kind() -> None:
    (field,) = parse('{ f(a: [1, -2.5, "x"], b: true, c: ENUM, d: {e: null}) { g } }', {})
    assert field.arguments == {"a": [1, -2.5, "x"], "b": True, "c": "ENUM", "d": {"e": None}}
    with pytest.raises(BadQuery, match="Expected Name"):
        parse("{ 3 }", {})
    assert pick({"f": None}, (field,), "Query") == {"f": None}


@pytest.mark.parametrize(("host", "path"), [(host, "/nothing/here") for host in (AZURE, LAMBDA, RUNPOD, SCALEWAY, VAST, VERDA)])
def test_unknown_paths_are_404(market: Simulated, host: str, path: str) -> None:
    assert market.answer(get(host, path), NOW_MS).status == 404


def test_an_unknown_host_is_404(market: Simulated) -> None:
    assert market.reply(get("api.vultr.com", "/v2/plans"), NOW_MS).answer.status == 404


@pytest.mark.parametrize(
    ("micros", "digits", "text"), [(2_490_000, 2, "2.49"), (2_494_999, 2, "2.49"), (10_000_000, 6, "10"), (1, 6, "0.000001")]
)
def test_money_is_written_without_trailing_zeros(micros: int, digits: int, text: str) -> None:
    assert f"{money(micros, digits):f}" == text
