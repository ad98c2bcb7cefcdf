"""Amazon EC2: spot prices of GPU instances, by zone. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSpotPriceHistory.html

One signed call a region (Query API, XML), of the regions that every account may use, narrowed to GPU families and plain Linux. Prices are
text, USD per hour for the whole instance. The history begins at the last full hour: the price in force then and every change since, of
which the newest of a type and zone counts. A row whose type, zone, system or time cannot be read could be the newest of any, so it costs
the region's whole answer; one whose price cannot be read costs its type and zone. AWS tells no stock.

How often a type was taken back stands in the file that the spot advisor's page reads, public and one for all regions
(https://aws.amazon.com/ec2/spot/instance-advisor/): by region, system and type an index `r` into its `ranges`, whose label ("5-10%") is
`interruption`. Its `s`, the saving of a month in percent, is no price, and none is made of it. Where the file, or what it says of a type,
cannot be read, prices stand without it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec

from adapters.base import Adapter, Outgoing, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.families.ec2 import FAMILIES, GPUS_OF_TYPES, REGIONS, TYPES, country_of
from adapters.families.sigv4 import signed
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.paging import continued
from adapters.rows import BadRow, Row, UnknownGpu, amount, child, rejected, text, whole
from adapters.rows import children as objects
from adapters.statements import newest
from adapters.xml import child_text, children, document, fields

LINUX = "Linux/UNIX"
SYSTEMS = frozenset({"Red Hat Enterprise Linux", "SUSE Linux", "Windows"})
"""Systems with a licence."""
VPC = " (Amazon VPC)"
"""What a system's name ended with while instances outside a VPC existed."""
QUERY = {
    "Action": "DescribeSpotPriceHistory",
    "Version": "2016-11-15",
    "Filter.1.Name": "product-description",
    "Filter.1.Value.1": LINUX,
    "Filter.2.Name": "instance-type",
    **{f"Filter.2.Value.{number}": f"{family}.*" for number, family in enumerate(FAMILIES, 1)},
}

ADVISOR = Request(name="advisor", path="/spot-advisor-data.json", host="spot-bid-advisor.s3.amazonaws.com", public=True, aside=True)
BAND = re.compile(r"[<>]\d{1,2}%|\d{1,2}-\d{1,2}%")

TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")


class AwsSpot(Adapter):
    source = "aws-spot"
    provider = "aws"
    title = "AWS spot"
    base_url = "https://ec2.us-east-1.amazonaws.com"
    cadence = timedelta(minutes=5)
    limits = (Limit(requests=5, per=timedelta(seconds=1), known="ours"),)
    protocol = "EC2 query API, XML, signed"
    price_types = ("spot",)
    credential = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    auth = "signed"
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSpotPriceHistory.html"
    terms = "https://aws.amazon.com/service-terms/ (not read; an account's own key is used)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = GPUS_OF_TYPES

    def slices(self) -> Sequence[Slice]:
        return [
            Slice(name=region, requests=(Request(name="history", path="/", host=_host(region), query=QUERY, answer="text"), ADVISOR))
            for region in REGIONS
        ]

    def next_page(self, page: Page) -> Request | None:
        if page.request.aside:
            return None
        token = child_text(document(page.body, "DescribeSpotPriceHistoryResponse"), "nextToken")
        return continued(page, "nextToken", {**page.request.query, "NextToken": token}) if token else None

    def sign(self, request: Outgoing, credentials: Mapping[str, str], now: datetime) -> Outgoing:
        """Also states since when: full hours, so that all pages of one history (and usually the next poll's) ask the same."""
        since = now.astimezone(UTC).strftime("%Y-%m-%dT%H:00:00Z")
        region = (urlsplit(request.url).hostname or "").split(".")[1]
        key_id, secret = (credentials[name] for name in self.credential)
        dated = msgspec.structs.replace(request, query={**request.query, "StartTime": since})
        return signed(dated, key_id, secret, region=region, service="ec2", now=now)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        history = [page for page in pages if not page.request.aside]
        bands: dict[str, str] = {}
        for page in pages:
            if page.request.aside:
                yield from _noted(bands, page.body, _region(history[0]))
        yield from newest(_statements(history, bands), "spotPrice")


def _noted(bands: dict[str, str], file: Any, region: str) -> Iterator[Rejected]:
    """Notes how often each type of a region is taken back. At most one Rejected, of what is odd first: so many as to cost prices never."""
    odd: list[BadRow] = []
    try:
        if not isinstance(file, dict):
            raise BadRow("advisor", "the file is no object")
        ranges = objects(file, "ranges")
        labels = {whole(row, "index"): _band(row) for row in ranges}
        if len(labels) < len(ranges):
            raise BadRow("index", "two ranges have one index")
        regions = child(file, "spot_advisor")
        told = child(child(regions, region), "Linux") if region in regions else {}
        for name in TYPES:
            if name in told:
                try:
                    index = whole(child(told, name), "r")
                    if index not in labels:
                        raise BadRow("r", f"{index} of {name} is none of its ranges")
                    bands[name] = labels[index]
                except BadRow as bad:
                    odd.append(bad)
    except BadRow as bad:
        odd.append(bad)
    if odd:
        yield rejected({"file": ADVISOR.path, "region": region, "odd": len(odd)}, odd[0])


def _band(row: Row) -> str:
    label = text(row, "label")
    if not BAND.fullmatch(label):
        raise BadRow("label", f"{label[:20]!r} is no band of percents")
    return label


def _statements(pages: Sequence[Page], bands: Mapping[str, str]) -> Iterator[tuple[str, Row, Callable[[], Offer]]]:
    for page in pages:
        region = _region(page)
        root = document(page.body, "DescribeSpotPriceHistoryResponse")
        for item in children(root, "spotPriceHistorySet", "item"):
            row = fields(item)
            name, zone, at_ms, plain = _identity(row, region)
            if plain:
                key = f"{zone}/{name}/spot"
                yield key, row, partial(_offer, row, key, name, zone, region, at_ms, bands.get(name))


def _host(region: str) -> str:
    return f"ec2.{region}.amazonaws.com"


def _region(page: Page) -> str:
    return page.request.host.split(".")[1]


def _identity(row: Row, region: str) -> tuple[str, str, int, bool]:
    """Type, zone, since when (Unix milliseconds), and whether it is plain Linux. Raises PayloadChanged."""
    name, zone, at = (row.get(field, "") for field in ("instanceType", "availabilityZone", "timestamp"))
    system = row.get("productDescription", "").removesuffix(VPC)
    if not TYPE.fullmatch(name):
        raise PayloadChanged(f"'instanceType' is {name[:40]!r}, no instance type", "instanceType")
    if not re.fullmatch(rf"{region}(-[a-z0-9]+-\d)?[a-z]", zone):
        raise PayloadChanged(f"'availabilityZone' is {zone[:40]!r}, no zone of {region}", "availabilityZone")
    try:
        since = datetime.fromisoformat(at if at.endswith("Z") else "")
    except ValueError as error:
        raise PayloadChanged(f"'timestamp' is {at[:40]!r}, no time", "timestamp") from error
    if system != LINUX and system not in SYSTEMS:
        raise PayloadChanged(f"'productDescription' is {system[:40]!r}, no known system", "productDescription")
    return name, zone, round(since.timestamp() * 1000), system == LINUX


def _offer(row: Row, key: str, name: str, zone: str, region: str, at_ms: int, band: str | None) -> Offer:
    size = TYPES.get(name)
    if size is None:
        raise UnknownGpu("instanceType", name, f"unknown GPU instance {name[:80]!r}")
    return Offer(
        offer_key=key,
        gpu=size.gpu,
        gpu_count=size.gpus,
        price_type="spot",
        amount=amount(row, "spotPrice"),
        currency="USD",
        unit="hour",
        basis="per_instance",
        region=zone,
        country=country_of(zone, region),
        availability="unknown",
        instance_type=name,
        provider_time_ms=at_ms,
        interruption=band,
    )
