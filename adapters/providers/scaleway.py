"""Scaleway: GPU instances, zone by zone. https://www.scaleway.com/en/developers/api/instances/

Prices are EUR per hour for the whole server, without VAT. Stock comes from a second endpoint under the same names. Both are paged by the
Link header, whose path leaves out the zone, so that only its query is followed. GPU memory is in bytes, per GPU.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    UnknownGpu,
    amount,
    child,
    count,
    each_keyed,
    known_gpu,
    number,
    optional_child,
    optional_float,
    stock,
    table,
    text,
)
from schemas.gpus import GPUS
from schemas.vocabulary import Availability

ZONES = ("fr-par-1", "fr-par-2", "fr-par-3", "nl-ams-1", "nl-ams-2", "nl-ams-3", "pl-waw-1", "pl-waw-2", "pl-waw-3")
GIB = 1024**3
PAGE_SIZE = "100"
STOCK: dict[Any, Availability] = {"available": "available", "scarce": "low", "shortage": "sold_out"}


class Scaleway(Adapter):
    source = "scaleway"
    provider = "scaleway"
    title = "Scaleway"
    base_url = "https://api.scaleway.com"
    cadence = timedelta(minutes=2)
    currency = "EUR"
    unit = "hour"
    basis = "per_instance"
    stock = "levels"
    docs_url = "https://www.scaleway.com/en/developers/api/instances/"
    terms = "https://www.scaleway.com/en/contracts/ (not read; the product list answers without an account)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {"P100": "P100-PCIE-16"}

    def slices(self) -> Sequence[Slice]:
        return [
            Slice(name=zone, requests=(_request(zone, "servers", ""), _request(zone, "availability", "/availability"))) for zone in ZONES
        ]

    def next_page(self, page: Page) -> Request | None:
        query = _next_query(_header(page.headers, "link"))
        if query is None or query == dict(page.request.query):
            return None
        request = page.request
        return Request(name=request.name, path=request.path, query=query, page=request.page + 1)

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        found: dict[str, dict[str, Any]] = {"servers": {}, "availability": {}}
        for page in pages:
            found[page.request.name].update(table(page.body, "servers").items())
            zone = page.request.path.split("/")[4]  # of a slice, one and the same
        if pages:
            yield from each_keyed(found["servers"], "servers", partial(self._offers, zone, found["availability"]))

    def _offers(self, zone: str, levels: Row, name: str, row: Row) -> list[Offer]:
        if row.get("gpu", 0) in (0, None) and not row.get("gpu_info"):
            return []  # a server without GPU: most rows
        if row.get("end_of_service") is not False:
            if row.get("end_of_service") is True:
                return []  # no longer sold to anyone
            raise BadRow("end_of_service", "no boolean: a type that is no longer sold would pass for one that is")
        gpus = count(row, "gpu")
        return [
            Offer(
                offer_key=f"{zone}/{name}/on_demand",
                gpu=self._gpu(row),
                gpu_count=gpus,
                price_type="on_demand",
                amount=amount(row, "hourly_price"),
                currency="EUR",
                unit="hour",
                basis="per_instance",
                region=zone,
                country=zone[:2].upper(),
                availability=stock(STOCK, optional_child(levels, name).get("availability")),
                vcpus=optional_float(row, "ncpus"),
                memory_gib=optional_float(row, "ram", GIB),
                instance_type=name,
            )
        ]

    def _gpu(self, row: Row) -> str:
        info = child(row, "gpu_info")
        name = text(info, "gpu_name")
        if "mig_profile" not in row:
            raise BadRow("mig_profile", "missing: a slice would pass for a whole GPU")
        mig = row["mig_profile"]
        if mig is None:
            return known_gpu(self.gpus, "gpu_name", name, float(number(info, "gpu_memory")) / GIB)
        part = f"{known_gpu(self.gpus, 'gpu_name', name, None)}-{mig}"
        if part not in GPUS:
            raise UnknownGpu("mig_profile", part, f"unknown slice {part[:80]!r}")
        return part


def _request(zone: str, name: str, suffix: str) -> Request:
    return Request(name=name, path=f"/instance/v1/zones/{zone}/products/servers{suffix}", query={"per_page": PAGE_SIZE, "page": "1"})


def _header(headers: Mapping[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


def _next_query(link: str) -> dict[str, str] | None:
    for part in link.split(","):
        target, _, relation = part.partition(">;")
        if 'rel="next"' in relation:
            return dict(parse_qsl(urlsplit(target.strip().lstrip("<")).query))
    return None
