"""Verda (until 2025 DataCrunch): on-demand and spot instances. https://api.verda.com/v1/docs

Prices are text, USD per hour for the whole instance; spot has its own field. GPU memory is the total of the instance.
What can be rented is listed by location in a second endpoint, asked once for on-demand and once for spot; a type that no location
lists is sold out, and then is one offer without a region.

`serverless_price` is what containers on these GPUs cost, for as many GPUs and per hour, as the pricing page says; none where it is missing,
null or 0. Nothing here tells their place or stock. Left out: `serverless_spot_price` (a product with two price types), `dynamic_price`
(another way to pay for the same on-demand instance), clusters of several machines, and what long terms take off.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import msgspec

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    amount,
    child,
    count,
    country,
    each,
    is_zero,
    known_gpu,
    listing,
    number,
    optional_child,
    optional_float,
    text,
)
from schemas.vocabulary import PriceType

_DESCRIPTION = re.compile(r"(\d+)x (.+)")

PRICES: dict[PriceType, str] = {"on_demand": "price_per_hour", "spot": "spot_price"}
SERVERLESS = "serverless_price"

Places = dict[str, list[str]]
"""Instance type -> codes of the locations that list it."""


class Verda(Adapter):
    source = "verda"
    provider = "verda"
    title = "Verda"
    base_url = "https://api.verda.com"
    cadence = timedelta(minutes=2)
    credential = ("VERDA_CLIENT_ID", "VERDA_CLIENT_SECRET")
    auth = "oauth2_client"
    token_path = "/v1/oauth2/token"  # noqa: S105 - an address
    unit = "hour"
    basis = "per_instance"
    price_types = ("on_demand", "spot", "serverless")
    stock = "flag"
    fallback = "the same types without a key and without stock; the pricing page's JSON-LD"
    docs_url = "https://api.verda.com/v1/docs"
    terms = "https://verda.com/legal (not read; an account's own key is used)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        # Neither name says the form. Inferred: V100 machines go up to eight linked cards, which is the SXM2;
        # the PRO 6000 of a data centre is the server card.
        "Tesla V100 16GB": "V100-SXM-16",
        "RTX PRO 6000 96GB": "RTXPRO6000SE-PCIE-96",
        # Machines of their own, for confidential computing: the same cards.
        "RTX PRO 6000 CC 96GB": "RTXPRO6000SE-PCIE-96",
        "B200 CC SXM6 180GB": "B200-SXM-180",
        "B300 CC SXM6 268GB": "B300-SXM-288",
        # What it calls SXM6 is the super-chip: GB300 is nothing else.
        "GB300 SXM6 288GB": "GB300-SUPERCHIP-288",
    }

    def slices(self) -> Sequence[Slice]:
        requests = (
            Request(name="locations", path="/v1/locations"),
            Request(name="instance-types", path="/v1/instance-types", query={"currency": "usd"}),
            Request(name="availability:on_demand", path="/v1/instance-availability", query={"is_spot": "false"}),
            Request(name="availability:spot", path="/v1/instance-availability", query={"is_spot": "true"}),
        )
        return [Slice(name="", requests=requests)]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        bodies = {page.request.name: page.body for page in pages}
        countries = _countries(listing(bodies.get("locations")))
        places: dict[PriceType, Places] = {kind: _places(listing(bodies.get(f"availability:{kind}"))) for kind in PRICES}
        for row in listing(bodies.get("instance-types")):
            for price_type in PRICES:
                yield from each([row], "instance-types", partial(self._instances, price_type, places[price_type], countries))
            yield from each([row], "instance-types", self._containers)

    def _instances(self, price_type: PriceType, places: Places, countries: Mapping[str, str | None], row: Row) -> list[Offer]:
        if number(child(row, "gpu"), "number_of_gpus") == 0:
            return []
        price_field = PRICES[price_type]
        if price_type == "spot" and row.get(price_field, "") is None:
            return []
        name = text(row, "instance_type")
        offer = self._offer(row, name, price_type, price_field)
        return [
            msgspec.structs.replace(
                offer,
                offer_key=f"{place}/{offer.offer_key}" if place else offer.offer_key,
                region=place,
                country=countries.get(place),
                availability="available" if place else "sold_out",
            )
            for place in places.get(name) or [""]
        ]

    def _containers(self, row: Row) -> list[Offer]:
        if number(child(row, "gpu"), "number_of_gpus") == 0 or row.get(SERVERLESS) is None or is_zero(row, SERVERLESS):
            return []
        return [self._offer(row, text(row, "instance_type"), "serverless", SERVERLESS)]

    def _offer(self, row: Row, name: str, price_type: PriceType, price_field: str) -> Offer:
        gpu_part = child(row, "gpu")
        gpus = count(gpu_part, "number_of_gpus")
        price = amount(row, price_field)
        total_gb = number(child(row, "gpu_memory"), "size_in_gigabytes")
        return Offer(
            offer_key=f"{name}/{price_type}",
            gpu=self._gpu(text(gpu_part, "description"), gpus, float(total_gb) / gpus),
            gpu_count=gpus,
            price_type=price_type,
            amount=price,
            currency=text(row, "currency").upper(),
            unit="hour",
            basis="per_instance",
            region="",
            vcpus=optional_float(optional_child(row, "cpu"), "number_of_cores"),
            memory_gib=optional_float(optional_child(row, "memory"), "size_in_gigabytes"),
            disk_gib=optional_float(optional_child(row, "storage"), "size_in_gigabytes"),
            instance_type=name,
        )

    def _gpu(self, description: str, gpus: int, memory_gib: float) -> str:
        match = _DESCRIPTION.fullmatch(description)
        if match is None or int(match[1]) != gpus:
            raise BadRow("gpu.description", f"{description[:80]!r} does not say {gpus} GPUs")
        return known_gpu(self.gpus, "gpu.description", match[2], memory_gib)


def _countries(locations: list[Any]) -> dict[str, str | None]:
    return {
        row["code"]: country(row.get("country_code")) for row in locations if isinstance(row, dict) and isinstance(row.get("code"), str)
    }


def _places(availability: list[Any]) -> Places:
    places: Places = {}
    for row in availability:
        code = row.get("location_code") if isinstance(row, dict) else None
        names = row.get("availabilities") if isinstance(row, dict) else None
        if not isinstance(code, str) or not code or not isinstance(names, list):
            raise PayloadChanged("instance-availability: a row lacks its location_code or availabilities", "availabilities")
        for name in names:
            if isinstance(name, str) and code not in places.setdefault(name, []):
                places[name].append(code)
    return places
