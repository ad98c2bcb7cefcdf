"""Alibaba Cloud: the signature against the published example, what three answers must agree on, the newest spot price, and its budget."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from adapters.base import Outgoing, Page
from adapters.errors import AuthFailed, PayloadChanged, ProviderError, Transient
from adapters.families.aliyun import SIZES, SPECS, TYPES, signature
from adapters.fetch.client import ProviderClient
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices
from tests.transport import InProcess

LIST, SPOT = ADAPTERS["alibaba"], ADAPTERS["alibaba-spot"]
NAME = "ap-southeast-1/ecs.gn6i-c24g1.24xlarge"
CREDENTIALS = {"ALIBABA_ACCESS_KEY_ID": "testid", "ALIBABA_ACCESS_KEY_SECRET": "testsecret"}


def test_the_signature_is_that_of_the_vendors_example() -> None:
    query = {
        "Timestamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }
    assert signature("GET", query, "testsecret") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="
    assert signature("GET", {**query, "Action": "DescribeZones"}, "testsecret") != "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


def test_a_nonce_is_another_for_another_request_or_moment_and_the_same_for_the_same() -> None:
    def made(action: str, at: datetime) -> str:
        outgoing = Outgoing(method="GET", url="https://ecs.us-east-1.aliyuncs.com/", query={"Action": action}, headers={}, body=b"")
        return LIST.sign(outgoing, CREDENTIALS, at).url

    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert made("A", at) == made("A", at)
    nonces = {httpx.URL(made(*one)).params["SignatureNonce"] for one in [("A", at), ("B", at), ("A", at + timedelta(microseconds=1))]}
    assert len(nonces) == 3


async def test_goes_out_as_it_was_signed_to_each_regions_own_host() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    request = next(part for part in LIST.slices() if part.name == NAME).requests[0]
    await ProviderClient(LIST, InProcess(httpx.MockTransport(handler)), credentials=CREDENTIALS, now=lambda: NOW).fetch(request)
    (sent,) = seen
    assert sent.url.host == "ecs.ap-southeast-1.aliyuncs.com"
    query = dict(sent.url.params)
    assert query["Timestamp"] == "2026-11-21T12:00:00Z"
    assert query.pop("Signature") == signature("GET", query, "testsecret")
    assert "Timestamp=2026-11-21T12%3A00%3A00Z" in sent.url.raw_path.decode()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "Throttling.User", Transient),
        (503, "ServiceUnavailable", Transient),
        (404, "InvalidAccessKeyId.NotFound", AuthFailed),
        (400, "SignatureDoesNotMatch", AuthFailed),
        (403, "Forbidden.RAM", AuthFailed),
        (400, "InvalidParameter", PayloadChanged),
    ],
)
async def test_what_an_error_means_is_said_by_its_code(status: int, code: str, error: type[ProviderError]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json={"Code": code, "Message": "no", "RequestId": "1"}))
    with pytest.raises(error, match=f"HTTP {status}"):
        await ProviderClient(SPOT, InProcess(transport), credentials=CREDENTIALS).fetch(SPOT.slices()[0].requests[0])


def listed(**changes: Any) -> list[Offer | Rejected]:
    """What the three answers of one type give, with `changes` to the body of each."""
    return list(LIST.parse([page(one, changes) for one in fixture_slices("alibaba")[NAME]], NOW))


def page(one: Page, changes: dict[str, Any]) -> Page:
    change = changes.get(one.request.name)
    body = deepcopy(one.body)
    if change is not None:
        change(body)
    return msgspec.structs.replace(one, body=body)


def test_the_price_is_the_instances_alone_and_the_list_price() -> None:
    """The total holds a system disk, the trade price the account's own discount."""
    answer = next(one.body for one in fixture_slices("alibaba")[NAME] if one.request.name == "price")["PriceInfo"]["Price"]
    amounts = {row.amount for row in listed() if isinstance(row, Offer)}
    assert amounts == {str(answer["DetailInfos"]["DetailInfo"][0]["OriginalPrice"])}
    assert not amounts & {str(answer["OriginalPrice"]), str(answer["TradePrice"])}


def test_without_a_price_of_the_instance_alone_there_is_no_offer() -> None:
    def total_only(body: Any) -> None:
        del body["PriceInfo"]["Price"]["DetailInfos"]["DetailInfo"][0]

    (refused,) = listed(price=total_only)
    assert isinstance(refused, Rejected) and refused.field == "DetailInfos"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("GPUSpec", "NVIDIA A10", "which has NVIDIA T4"),
        ("GPUSpec", "NVIDIA T4/4", "unknown GPU"),
        ("GPUAmount", 8, "8 GPUs"),
        ("GPUAmount", Decimal("0.25"), "no count"),
        ("GPUMemorySize", 24, "is not T4"),
        ("InstanceTypeId", "ecs.gn6i-c4g1.xlarge", "no row of"),
    ],
)
def test_a_type_that_is_not_what_the_list_says_is_refused(field: str, value: Any, words: str) -> None:
    def other(body: Any) -> None:
        body["InstanceTypes"]["InstanceType"][0][field] = value

    (refused,) = listed(types=other)
    assert isinstance(refused, Rejected) and refused.field == field and words in refused.reason


def test_memory_may_be_that_of_all_gpus() -> None:
    def total(body: Any) -> None:
        body["InstanceTypes"]["InstanceType"][0]["GPUMemorySize"] = 4 * 16

    assert listed(types=total) == listed()


@pytest.mark.parametrize(
    ("status", "category", "availability"),
    [
        ("Available", "WithStock", "high"),
        ("Available", "ClosedWithStock", "low"),
        ("SoldOut", "WithoutStock", "sold_out"),
        ("SoldOut", "ClosedWithoutStock", "sold_out"),
        ("Available", "WithoutStock", "unknown"),
        ("Soon", "WithStock", "unknown"),
    ],
)
def test_stock_is_the_types_own_not_its_zones(status: str, category: str, availability: str) -> None:
    def change(body: Any) -> None:
        for zone in body["AvailableZones"]["AvailableZone"]:
            zone["AvailableResources"]["AvailableResource"][0]["SupportedResources"]["SupportedResource"][0].update(
                Status=status, StatusCategory=category
            )

    assert {row.availability for row in listed(stock=change) if isinstance(row, Offer)} == {availability}


def test_a_type_that_no_zone_has_is_not_priced() -> None:
    stock = next(one for one in fixture_slices("alibaba")[NAME] if one.request.name == "stock")
    asked = LIST.next_page(stock)
    assert asked is not None and (asked.name, asked.query["InstanceType"], asked.host) == (
        "price",
        NAME.partition("/")[2],
        stock.request.host,
    )
    empty: Sequence[Any] = ({"RequestId": "1", "AvailableZones": {"AvailableZone": []}}, {"RequestId": "1"})
    for body in empty:
        nowhere = msgspec.structs.replace(stock, body=body)
        assert LIST.next_page(nowhere) is None
        types = fixture_slices("alibaba")[NAME][0]
        assert list(LIST.parse([types, nowhere], NOW)) == []
    with pytest.raises(PayloadChanged, match="no price was asked"):
        list(LIST.parse([fixture_slices("alibaba")[NAME][0], stock], NOW))


def test_an_account_of_the_china_site_is_told_cny() -> None:
    def yuan(body: Any) -> None:
        body["PriceInfo"]["Price"]["Currency"] = "CNY"

    assert {row.currency for row in listed(price=yuan) if isinstance(row, Offer)} == {"CNY"}


def spot(rows: list[dict[str, Any]], **changes: Any) -> Page:
    one = fixture_slices("alibaba-spot")[NAME][0]
    template = one.body["SpotPrices"]["SpotPriceType"][0]
    body = {**one.body, "SpotPrices": {"SpotPriceType": [{**template, **row} for row in rows]}, **changes}
    return msgspec.structs.replace(one, body=body)


def hour(number: int, amount: str, zone: str = "ap-southeast-1a", **changes: Any) -> dict[str, Any]:
    return {"ZoneId": zone, "SpotPrice": Decimal(amount), "Timestamp": f"2026-11-21T{number:02d}:00:00Z", **changes}


@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_price_of_a_zone_counts_over_all_pages(order: int) -> None:
    pages = [spot([hour(9, "1.5"), hour(8, "1.1")]), spot([hour(10, "1.25"), hour(7, "9", NetworkType="classic")])][::order]
    (offer,) = SPOT.parse(pages, NOW)
    assert isinstance(offer, Offer) and offer.amount == "1.25"


@pytest.mark.parametrize("order", [1, -1])
def test_a_history_with_an_empty_page_is_not_believed(order: int) -> None:
    with pytest.raises(PayloadChanged, match="newer prices may be missing"):
        list(SPOT.parse([spot([]), spot([hour(7, "1.5")])][::order], NOW))


def test_an_old_price_does_not_stand_in_for_a_new_one_that_cannot_be_read() -> None:
    (refused,) = SPOT.parse([spot([hour(9, "1.5"), hour(10, "0")])], NOW)
    assert isinstance(refused, Rejected) and refused.reason == "SpotPrice: price is zero"
    (refused,) = SPOT.parse([spot([hour(9, "1.5"), hour(9, "1.6")])], NOW)
    assert isinstance(refused, Rejected) and "stated twice" in refused.reason


@pytest.mark.parametrize(
    ("field", "value"),
    [("InstanceType", "ecs.g6.large"), ("ZoneId", "eu-central-1a"), ("Timestamp", "now"), ("Timestamp", None), ("NetworkType", "")],
)
def test_a_row_that_may_be_the_newest_of_any_costs_the_answer(field: str, value: Any) -> None:
    with pytest.raises(PayloadChanged, match=field):
        list(SPOT.parse([spot([hour(9, "1.5"), hour(10, "1.6", **{field: value})])], NOW))


def test_pages_end_where_the_offset_goes_no_further() -> None:
    first = spot([hour(9, "1.5")], NextOffset=100)
    second = SPOT.next_page(first)
    assert second is not None and second.query["Offset"] == "100"
    for offset in (100, 0, None):
        assert SPOT.next_page(msgspec.structs.replace(spot([hour(9, "1.5")], NextOffset=offset), request=second)) is None
    assert SPOT.next_page(msgspec.structs.replace(spot([], NextOffset=200), request=second)) is None


def test_an_offset_that_is_no_number_does_not_end_the_history_unseen() -> None:
    """Newer prices may follow: without them an old one would pass for today's."""
    with pytest.raises(PayloadChanged, match="NextOffset"):
        SPOT.next_page(spot([hour(9, "1.5")], NextOffset="200"))


def test_a_page_of_the_history_that_comes_again_costs_the_answer() -> None:
    page = spot([hour(9, "1.5"), hour(10, "1.6")])
    with pytest.raises(PayloadChanged, match="SpotPrices"):
        list(SPOT.parse([page, page], NOW))


def test_a_sweep_fits_the_budget() -> None:
    """Spot within five minutes, prices and stock within the hour, and neither faster than our manners."""
    for adapter, longest in ((SPOT, timedelta(minutes=5)), (LIST, timedelta(hours=1))):
        assert adapter.slices_per_poll is not None
        assert adapter.cadence * -(-len(adapter.slices()) // adapter.slices_per_poll) <= longest
    assert SIZES.keys() == SPECS.keys()
    assert len(TYPES) == 10
