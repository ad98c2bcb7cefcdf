"""AWS: the signature against AWS's own test suite, the newest spot price of each zone, and what the list of a page's asset can hide."""

import copy
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from adapters.base import Outgoing, Page, Request
from adapters.errors import PayloadChanged
from adapters.families.ec2 import FAMILIES, REGIONS, TYPES
from adapters.families.sigv4 import signed
from adapters.fetch.client import ProviderClient
from adapters.models import Offer, Rejected
from schemas.gpus import GPUS
from tests.adapters.support import ADAPTERS, NOW, RECORDINGS, decode, fixture_slices, price
from tests.transport import InProcess

AWS, SPOT = ADAPTERS["aws"], ADAPTERS["aws-spot"]
SUITE_KEY, SUITE_SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretexample"}
VIRGINIA = "US East (N. Virginia)"


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ({}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ({"Param2": "value2", "Param1": "value1"}, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ],
    ids=["get-vanilla", "get-vanilla-query-order-key-case"],
)
def test_the_signature_is_that_of_the_vendors_test_suite(query: dict[str, str], signature: str) -> None:
    request = Outgoing(method="GET", url="https://example.amazonaws.com/", query=query, headers={}, body=b"")
    made = signed(request, SUITE_KEY, SUITE_SECRET, region="us-east-1", service="service", now=AT)
    assert made.headers["x-amz-date"] == "20150830T123600Z"
    scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
    assert made.headers["authorization"] == f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={signature}"


async def test_goes_out_as_it_was_signed_to_each_regions_own_host() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, text="<DescribeSpotPriceHistoryResponse/>")

    request, _ = next(part.requests for part in SPOT.slices() if part.name == "eu-west-1")
    request = msgspec.structs.replace(request, query={**request.query, "NextToken": "a+b/c=="})
    client = ProviderClient(SPOT, InProcess(httpx.MockTransport(handler)), credentials=CREDENTIALS, now=lambda: NOW.replace(minute=41))
    await client.fetch(request)
    (sent,) = seen
    assert sent.url.host == "ec2.eu-west-1.amazonaws.com"
    assert "/eu-west-1/ec2/aws4_request" in sent.headers["authorization"]
    raw = sent.url.raw_path.decode()
    assert "NextToken=a%2Bb%2Fc%3D%3D" in raw
    assert "Filter.2.Value.1=g2.%2A" in raw
    assert "StartTime=2026-11-21T12%3A00%3A00Z" in raw
    names = [pair.partition("=")[0] for pair in raw.partition("?")[2].split("&")]
    assert names == sorted(names)


async def test_asks_no_host_that_its_slices_do_not_name() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise AssertionError("asked")

    client = ProviderClient(SPOT, InProcess(httpx.MockTransport(handler)), credentials=CREDENTIALS)
    with pytest.raises(PayloadChanged, match=r"another host, ec2\.evil\.example, refused"):
        await client.fetch(Request(name="history", path="/", host="ec2.evil.example"))


def test_filters_stay_within_what_one_call_may_have() -> None:
    assert len(FAMILIES) <= 200
    assert {name.partition(".")[0] for name in TYPES} == set(FAMILIES)
    assert {size.gpu for size in TYPES.values()} <= GPUS.keys()
    assert (TYPES["p5.4xlarge"].gpus, TYPES["p5.48xlarge"].gpus) == (1, 8)
    assert (TYPES["g6f.2xlarge"].gpu, TYPES["gr6f.4xlarge"].gpu) == ("L4-PCIE-24-1of4", "L4-PCIE-24-1of2")


def item(at: str, amount: str, name: str = "p5.48xlarge", zone: str = "us-east-1a", system: str = "Linux/UNIX") -> str:
    return (
        f"<item><instanceType>{name}</instanceType><productDescription>{system}</productDescription><spotPrice>{amount}</spotPrice>"
        f"<timestamp>{at}</timestamp><availabilityZone>{zone}</availabilityZone></item>"
    )


def history(*items: str, before: str = "", advisor: Any = None, region: str = "us-east-1") -> list[Offer | Rejected]:
    request, beside = next(part.requests for part in SPOT.slices() if part.name == region)
    name = "DescribeSpotPriceHistoryResponse"
    body = f"{before}<{name}><spotPriceHistorySet>{''.join(items)}</spotPriceHistorySet><nextToken/></{name}>"
    pages = [Page(request=request, status=200, headers={}, body=body)]
    if advisor is not None:
        pages.append(Page(request=beside, status=200, headers={}, body=advisor))
    return list(SPOT.parse(pages, NOW))


OLD, NEW = "2026-11-20T08:00:00.000Z", "2026-11-21T11:59:59.000Z"


@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_price_of_a_zone_counts_wherever_it_stands(order: int) -> None:
    rows = history(*[item(OLD, "21.5"), item(NEW, "19.75"), item(OLD, "30.0", zone="us-east-1b")][::order])
    assert {row.offer_key: row.amount for row in rows if isinstance(row, Offer)} == {
        "us-east-1a/p5.48xlarge/spot": "19.75",
        "us-east-1b/p5.48xlarge/spot": "30.0",
    }
    (newest,) = [row for row in rows if isinstance(row, Offer) and row.amount == "19.75"]
    assert newest.provider_time_ms == 1_795_262_399_000
    assert (newest.availability, newest.country, price(newest)) == ("unknown", "US", 2_468_750)


@pytest.mark.parametrize(
    ("zone", "country"), [("us-east-1f", "US"), ("us-east-1-bos-1a", "US"), ("us-east-1-bue-1a", "AR"), ("us-east-1-xyz-2b", None)]
)
def test_a_local_zone_may_be_in_another_country_than_its_region(zone: str, country: str | None) -> None:
    (offer,) = history(item(NEW, "19.75", zone=zone))
    assert isinstance(offer, Offer)
    assert (offer.region, offer.country) == (zone, country)


def test_an_old_price_does_not_stand_in_for_a_new_one_that_cannot_be_read() -> None:
    rows = history(item(OLD, "21.5"), item(NEW, "0.000000"), item(OLD, "30.0", zone="us-east-1b"))
    assert [row.offer_key for row in rows if isinstance(row, Offer)] == ["us-east-1b/p5.48xlarge/spot"]
    assert [row.reason for row in rows if isinstance(row, Rejected)] == ["spotPrice: price is zero"]


def test_two_prices_of_one_moment_are_both_refused_and_one_said_twice_is_one() -> None:
    (refused,) = history(item(NEW, "21.5"), item(NEW, "19.75"))
    assert isinstance(refused, Rejected) and "stated twice for one moment" in refused.reason
    (offer,) = history(item(NEW, "21.5"), item(NEW, "21.5"))
    assert isinstance(offer, Offer)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (item(NEW, "1.0", name=""), "instanceType"),
        (item(NEW, "1.0", zone="eu-west-1a"), "availabilityZone"),
        (item(NEW, "1.0", zone=""), "availabilityZone"),
        (item("yesterday", "1.0"), "timestamp"),
        (item(NEW, "1.0", system="Ubuntu Pro Linux"), "productDescription"),
        (item(NEW, "1.0").replace("<spotPrice>", "<timestamp>x</timestamp><spotPrice>"), "item"),
        ("<entry/>", "spotPriceHistorySet"),
    ],
)
def test_a_row_that_may_be_the_newest_of_any_costs_the_answer(row: str, field: str) -> None:
    with pytest.raises(PayloadChanged) as raised:
        history(item(OLD, "21.5"), row)
    assert raised.value.field == field


RANGES = [{"index": 0, "label": "<5%", "dots": 0, "max": 5}, {"index": 4, "label": ">20%", "dots": 4, "max": 100}]


def advice(**types: Any) -> dict[str, Any]:
    told = {name.replace("_", "."): index for name, index in types.items()}
    return {
        "ranges": RANGES,
        "spot_advisor": {
            "us-east-1": {"Linux": told, "Windows": {"p5.48xlarge": {"s": 9, "r": 4}, "g5.xlarge": {"s": 9, "r": 4}}},
            "eu-west-1": {"Linux": {"p5.48xlarge": {"s": 9, "r": 4}}},
        },
    }


def test_bands_are_joined_by_region_linux_and_type_and_by_the_ranges_own_index() -> None:
    rows = (item(NEW, "19.75"), item(NEW, "1.0", "g6.xlarge", "us-east-1b"), item(NEW, "0.5", "g5.xlarge"))
    found = history(*rows, advisor=advice(p5_48xlarge={"s": 60, "r": 0}, g6_xlarge={"s": 70, "r": 4}))
    assert {row.instance_type: (row.amount, row.interruption) for row in found if isinstance(row, Offer)} == {
        "p5.48xlarge": ("19.75", "<5%"),
        "g6.xlarge": ("1.0", ">20%"),
        "g5.xlarge": ("0.5", None),
    }
    turned = {**advice(p5_48xlarge={"s": 60, "r": 0}), "ranges": RANGES[::-1]}
    (offer,) = history(item(NEW, "19.75"), advisor=turned)
    assert isinstance(offer, Offer) and offer.interruption == "<5%"


@pytest.mark.parametrize(
    ("advisor", "field"),
    [
        ({}, "ranges"),
        ([], "advisor"),
        ("Just a moment...", "advisor"),
        ({"ranges": RANGES}, "spot_advisor"),
        ({**advice(p5_48xlarge={"s": 1, "r": 0}), "ranges": [{"index": 0, "label": "often"}]}, "label"),
        ({**advice(p5_48xlarge={"s": 1, "r": 0}), "ranges": [{"index": 0, "label": "<5%"}, {"index": 0, "label": ">20%"}]}, "index"),
        ({"ranges": RANGES, "spot_advisor": {"us-east-1": {"Windows": {}}}}, "Linux"),
        (advice(p5_48xlarge={"s": 1, "r": 3}), "r"),
        (advice(p5_48xlarge={"s": 1, "r": "0"}), "r"),
        (advice(p5_48xlarge={"s": 1, "r": False}), "r"),
        (advice(p5_48xlarge=0), "p5.48xlarge"),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_read_costs_the_band_and_no_price(advisor: Any, field: str) -> None:
    refused, offer = history(item(NEW, "19.75"), advisor=advisor)
    assert isinstance(refused, Rejected) and refused.field == field
    assert isinstance(offer, Offer) and (offer.amount, offer.interruption) == ("19.75", None)


def test_however_much_of_the_file_is_odd_one_row_says_so() -> None:
    odd = advice(**{name.replace(".", "_"): {"s": 1, "r": 9} for name in TYPES})
    found = history(item(NEW, "19.75"), item(NEW, "1.0", "g6.xlarge"), advisor=odd)
    assert [type(row) for row in found] == [Rejected, Offer, Offer]
    assert isinstance(found[0], Rejected) and f'"odd":{len(TYPES)}' in found[0].raw


def test_a_region_that_the_file_does_not_name_has_no_bands_and_that_is_no_fault() -> None:
    (offer,) = history(item(NEW, "19.75"), advisor={"ranges": RANGES, "spot_advisor": {}})
    assert isinstance(offer, Offer) and offer.interruption is None


def test_entities_are_not_let_in() -> None:
    with pytest.raises(PayloadChanged, match="with a DTD"):
        history(item(NEW, "&price;"), before='<!DOCTYPE a [<!ENTITY price "0.01">]>')
    with pytest.raises(PayloadChanged, match="no whole XML"):
        history(item(NEW, "&price;"))


def listed(body: Any) -> tuple[dict[str, Offer], list[Rejected]]:
    (request,) = next(part.requests for part in AWS.slices() if part.name == VIRGINIA)
    rows = list(AWS.parse([Page(request=request, status=200, headers={}, body=body)], NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row for row in rows if isinstance(row, Rejected)]


def written() -> Any:
    return copy.deepcopy(fixture_slices("aws")[VIRGINIA][0].body)


def test_a_type_with_two_prices_is_no_offer_and_one_said_twice_is_one() -> None:
    body = written()
    rows = body["regions"][VIRGINIA]
    again = next(row for row in rows.values() if row["Instance Type"] == "p5.48xlarge")
    rows["again"] = dict(again)
    assert "us-east-1/p5.48xlarge/on_demand" in listed(body)[0]
    rows["again"]["price"] = "12.3000000000"
    offers, refused = listed(body)
    assert "us-east-1/p5.48xlarge/on_demand" not in offers
    assert "stated twice" in refused[-1].reason


def test_new_rate_codes_and_names_of_rows_change_no_offer() -> None:
    body = written()
    before = listed(body)
    rows = body["regions"][VIRGINIA]
    body["regions"][VIRGINIA] = {f"row {n}": {**row, "rateCode": f"X{n}.Y.Z"} for n, row in enumerate(rows.values())}
    assert listed(body)[0] == before[0]


def test_a_list_of_another_place_is_a_changed_payload() -> None:
    body = written()
    body["regions"] = {"US East (Ohio)": body["regions"][VIRGINIA]}
    with pytest.raises(PayloadChanged, match=r"N\. Virginia"):
        listed(body)


@pytest.mark.parametrize(("field", "value"), [("Operating System", "Windows"), ("Pre Installed S/W", "SQL Std")])
def test_a_price_with_a_licence_in_it_is_another_product(field: str, value: str) -> None:
    body = written()
    (row,) = [row for row in body["regions"][VIRGINIA].values() if row["Instance Type"] == "g6e.xlarge"]
    row[field] = value
    assert "us-east-1/g6e.xlarge/on_demand" not in listed(body)[0]


def test_a_list_in_another_currency_is_a_changed_payload() -> None:
    body = written()
    body["manifest"]["currencyCode"] = "CNY"
    with pytest.raises(PayloadChanged, match="'CNY'"):
        listed(body)


recorded = pytest.mark.skipif(not (RECORDINGS / "aws").is_dir(), reason="no recordings beside the project")


def recording() -> Any:
    return decode((RECORDINGS / "aws" / "ec2-ondemand_us-east-1_2026-10.ewyluda.json").read_bytes())


@recorded
def test_recorded_prices() -> None:
    offers, refused = listed(recording())
    assert refused == []
    stated = {key: (offer.gpu, offer.gpu_count, offer.amount, price(offer)) for key, offer in offers.items()}
    assert len(stated) == 10
    assert stated["us-east-1/p5.48xlarge/on_demand"] == ("H100-SXM-80", 8, "55.0400000000", 6_880_000)
    assert stated["us-east-1/p5.4xlarge/on_demand"] == ("H100-SXM-80", 1, "6.8800000000", 6_880_000)
    assert stated["us-east-1/p6-b300.48xlarge/on_demand"] == ("B300-SXM-288", 8, "142.4160000000", 17_802_000)
    assert stated["us-east-1/p4d.24xlarge/on_demand"] == ("A100-SXM-40", 8, "21.9576420000", 2_744_705)
    assert stated["us-east-1/g6e.12xlarge/on_demand"] == ("L40S-PCIE-48", 4, "10.4926400000", 2_623_160)
    assert (offers["us-east-1/p5.48xlarge/on_demand"].vcpus, offers["us-east-1/p5.48xlarge/on_demand"].memory_gib) == (192, 2048)


@recorded
def test_the_cut_of_june_2025_is_a_change_of_one_offer() -> None:
    """98.32 to 55.04 for p5.48xlarge (2025-06-23): -44 %, and a factor that is no unit's."""
    before = recording()
    next(row for row in before["regions"][VIRGINIA].values() if row["Instance Type"] == "p5.48xlarge")["price"] = "98.3200000000"
    old, new = listed(before)[0], listed(recording())[0]
    changed = {key: (price(old[key]), price(new[key])) for key in old if old[key] != new[key]}
    assert changed == {"us-east-1/p5.48xlarge/on_demand": (12_290_000, 6_880_000)}
    assert old.keys() == new.keys()


@recorded
def test_recorded_bands() -> None:
    """Of the recording's own words: g4dn.xlarge in Virginia has r 3, which its ranges call 15-20%."""
    file = decode((RECORDINGS / "aws" / "spot-advisor.gpu-families.json").read_bytes())
    labels = {entry["index"]: entry["label"] for entry in file["ranges"]}
    for region in REGIONS:
        linux = {name: told["r"] for name, told in file["spot_advisor"][region]["Linux"].items() if name in TYPES}
        assert linux
        rows = history(*(item(NEW, "1.0", name, f"{region}a") for name in linux), advisor=file, region=region)
        assert {row.instance_type: row.interruption for row in rows if isinstance(row, Offer)} == {
            name: labels[index] for name, index in linux.items()
        }
    (offer,) = history(item(NEW, "0.2", "g4dn.xlarge"), advisor=file)
    assert isinstance(offer, Offer) and offer.interruption == "15-20%"


@recorded
def test_each_gpu_instance_of_the_spot_advisor_is_known() -> None:
    """Its recording names the types of 2025 in 33 regions; inf, trn and dl have no GPU."""
    types = decode((RECORDINGS / "aws" / "spot-advisor.gpu-families.json").read_bytes())["instance_types"]
    assert {name for name in types if not name.startswith(("inf", "trn", "dl"))} <= TYPES.keys()
