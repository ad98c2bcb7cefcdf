"""Verda (until 2025 DataCrunch): on-demand and spot instances. https://api.verda.com/v1/docs

Prices are text, USD per hour for the whole instance; spot has its own field. GPU memory is the total of the instance.
What can be rented is listed by location in a second endpoint, asked once for on-demand and once for spot; a type that no location
lists is sold out, and then is one offer without a region.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, child, count, country, each, known_gpu, listing, number, optional_child, optional_float, text
from schemas.vocabulary import PriceType

_DESCRIPTION = re.compile(r"(\d+)x (.+)")

PRICES: dict[PriceType, str] = {"on_demand": "price_per_hour", "spot": "spot_price"}

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
    price_types = ("on_demand", "spot")
    stock = "flag"
    fallback = "the pricing page's JSON-LD, without a key"
    docs_url = "https://api.verda.com/v1/docs"
    terms = "https://verda.com/legal (not read; an account's own key is used)"
    confidence = "grounded"
    gpus: ClassVar[Mapping[str, str]] = {
        # Neither name says the form. Inferred: V100 machines go up to eight linked cards, which is the SXM2;
        # the PRO 6000 of a data centre is the server card.
        "Tesla V100 16GB": "V100-SXM-16",
        "RTX PRO 6000 96GB": "RTXPRO6000SE-PCIE-96",
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
                yield from each([row], "instance-types", partial(self._offers, price_type, places[price_type], countries))

    def _offers(self, price_type: PriceType, places: Places, countries: Mapping[str, str | None], row: Row) -> list[Offer]:
        gpu_part = child(row, "gpu")
        if number(gpu_part, "number_of_gpus") == 0:
            return []
        price_field = PRICES[price_type]
        if price_type == "spot" and row.get(price_field, "") is None:
            return []
        name = text(row, "instance_type")
        gpus = count(gpu_part, "number_of_gpus")
        price = amount(row, price_field)
        currency = text(row, "currency").upper()
        total_gb = number(child(row, "gpu_memory"), "size_in_gigabytes")
        gpu = self._gpu(text(gpu_part, "description"), gpus, float(total_gb) / gpus)
        return [
            Offer(
                offer_key=f"{place}/{name}/{price_type}" if place else f"{name}/{price_type}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=price_type,
                amount=price,
                currency=currency,
                unit="hour",
                basis="per_instance",
                region=place,
                country=countries.get(place),
                availability="available" if place else "sold_out",
                vcpus=optional_float(optional_child(row, "cpu"), "number_of_cores"),
                memory_gib=optional_float(optional_child(row, "memory"), "size_in_gigabytes"),
                disk_gib=optional_float(optional_child(row, "storage"), "size_in_gigabytes"),
                instance_type=name,
            )
            for place in places.get(name) or [""]
        ]

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
