"""Alibaba Cloud ECS: spot prices of GPU instances, by zone. https://www.alibabacloud.com/help/en/ecs/developer-reference/

One signed call for each type and region of a stated list (families/aliyun.py), some of them at each poll, all within five minutes. It
answers with the last hours' prices, USD (the international site's) per hour for the whole instance; the newest of a zone counts. A row
whose type, zone or time cannot be read could be the newest of any, so it costs the whole answer; one without a price costs its zone.
The GPUs are those of the list, which source `alibaba` compares with the API's own. `OriginPrice` is the list price beside it: no offer of
its own. Stock is not told.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from adapters.base import Adapter, Outgoing, Page, Request, Slice
from adapters.errors import AuthFailed, PayloadChanged, Transient
from adapters.families.aliyun import GPUS_OF_TYPES, REGIONS, TYPES, call, meaning, rows, signed
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.paging import continued
from adapters.rows import BadRow, Row, amount
from adapters.statements import newest


class AlibabaSpot(Adapter):
    source = "alibaba-spot"
    provider = "alibaba"
    title = "Alibaba Cloud spot"
    base_url = "https://ecs.ap-southeast-1.aliyuncs.com"
    cadence = timedelta(minutes=1)
    slices_per_poll = 24
    limits = (Limit(requests=5, per=timedelta(seconds=1), known="ours"),)
    credential = ("ALIBABA_ACCESS_KEY_ID", "ALIBABA_ACCESS_KEY_SECRET")
    auth = "signed"
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describespotpricehistory"
    terms = "https://www.alibabacloud.com/help/en/legal (not read; an account's own key is used)"
    confidence = "documented"
    price_types = ("spot",)
    gpus: ClassVar[Mapping[str, str]] = GPUS_OF_TYPES

    def slices(self) -> Sequence[Slice]:
        query = {"NetworkType": "vpc", "OSType": "linux"}
        return [
            Slice(
                name=f"{region}/{name}",
                requests=(call("history", "DescribeSpotPriceHistory", region, {**query, "InstanceType": name}),),
            )
            for region in REGIONS
            for name in TYPES
        ]

    def next_page(self, page: Page) -> Request | None:
        offset = page.body.get("NextOffset") if isinstance(page.body, dict) else None
        if offset is not None and type(offset) is not int:
            raise PayloadChanged("NextOffset is no number: nobody knows whether newer prices follow", "NextOffset")
        if offset is None or offset <= int(page.request.query.get("Offset", "0")) or not _history(page):
            return None
        return continued(page, "NextOffset", {**page.request.query, "Offset": str(offset)})

    def sign(self, request: Outgoing, credentials: Mapping[str, str], now: datetime) -> Outgoing:
        key_id, secret = (credentials[name] for name in self.credential)
        return signed(request, key_id, secret, now)

    def meaning(self, status: int, body: bytes) -> type[Transient | AuthFailed] | None:
        return meaning(body)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        return newest(_statements(pages), "SpotPrice")


def _statements(pages: Sequence[Page]) -> Iterator[tuple[str, Row, Callable[[], Offer]]]:
    told: list[Any] = []
    for page in pages:
        region, name = page.request.query["RegionId"], page.request.query["InstanceType"]
        history = _history(page)
        if history and all(row in told for row in history):
            raise PayloadChanged("'SpotPrices' has nothing but rows of earlier pages: newer prices may be missing", "SpotPrices")
        if not history and len(pages) > 1:
            raise PayloadChanged("'SpotPrices' has no rows on one of several pages: newer prices may be missing", "SpotPrices")
        told += history
        for row in history:
            zone, at_ms, counts = _identity(row, region, name)
            if counts:
                key = f"{zone}/{name}/spot"
                yield key, row, partial(_offer, row, key, zone, region, name, at_ms, page.body.get("Currency"))


def _history(page: Page) -> list[Any]:
    return rows(page.body, "SpotPrices", "SpotPriceType")


def _identity(row: Any, region: str, name: str) -> tuple[str, int, bool]:
    """Zone, since when (Unix milliseconds), and whether it is of the kind that was asked. Raises PayloadChanged."""
    fields = ("InstanceType", "ZoneId", "Timestamp", "NetworkType")
    values = [row.get(field) if isinstance(row, dict) else None for field in fields]
    found, zone, at, network = (value if isinstance(value, str) else "" for value in values)
    if found != name:
        raise PayloadChanged(f"'InstanceType' is {found[:60]!r} where {name} was asked", "InstanceType")
    if not zone.startswith(region):
        raise PayloadChanged(f"'ZoneId' is {zone[:40]!r}, no zone of {region}", "ZoneId")
    if network not in ("vpc", "classic"):
        raise PayloadChanged(f"'NetworkType' is {network[:40]!r}, no known network", "NetworkType")
    try:
        since = datetime.strptime(at, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError as error:
        raise PayloadChanged(f"'Timestamp' is {at[:40]!r}, no time", "Timestamp") from error
    return zone, round(since.astimezone(UTC).timestamp() * 1000), network == "vpc"


def _offer(row: Row, key: str, zone: str, region: str, name: str, at_ms: int, currency: Any) -> Offer:
    if not isinstance(currency, str) or not currency:
        raise BadRow("Currency", "text is missing")
    return Offer(
        offer_key=key,
        gpu=TYPES[name].gpu,
        gpu_count=TYPES[name].gpus,
        price_type="spot",
        amount=amount(row, "SpotPrice"),
        currency=currency,
        unit="hour",
        basis="per_instance",
        region=zone,
        country=REGIONS[region],
        availability="unknown",
        instance_type=name,
        provider_time_ms=at_ms,
    )
