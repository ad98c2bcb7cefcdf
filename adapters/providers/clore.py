"""Clore.ai: machines of private hosts. https://gitlab.com/cloreai-public/clore-api-docs

Prices are per DAY for the whole server: three independent programs read them so, one tracker takes a newer field for hourly (confidence:
unsure; off in live mode until the first contact settles it). A server is priced in the currencies that it allows; only the price in USD
is read, since CLORE and bitcoin need a rate that this answer does not carry. `rented` servers are sold out: the market tells its own
utilisation. Spot is the lowest bid that wins. Ids of servers stay. A server of mixed GPUs has no one name and is refused.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    amount,
    child,
    country,
    each,
    flag,
    known_gpu,
    listing,
    number,
    optional_child,
    optional_float,
    table,
    text,
    texts,
)
from schemas.vocabulary import PriceType

USD = "USD-Blockchain"
PRICES: dict[str, PriceType] = {"on_demand": "on_demand", "spot": "bid"}

_GPU = re.compile(r"([1-9]\d?)x (.+)")


class Clore(Adapter):
    source = "clore"
    provider = "clore"
    title = "Clore.ai"
    base_url = "https://api.clore.ai"
    cadence = timedelta(minutes=1)
    credential = ("CLORE_API_KEY",)
    auth = "header"
    auth_names = ("auth",)
    unit = "day"
    basis = "per_instance"
    price_types = ("on_demand", "bid")
    stock = "flag"
    docs_url = "https://gitlab.com/cloreai-public/clore-api-docs"
    terms = "https://clore.ai/legal (not read; an account's own key is used)"
    confidence = "unsure"

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="marketplace", path="/v1/marketplace"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            code = table(page.body).get("code")
            if code != 0:
                raise PayloadChanged(f"code {str(code)[:20]} where 0 is documented", "code")
            yield from each(listing(page.body, "servers"), "servers", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        server = number(row, "id")
        if server != int(server):
            raise BadRow("id", f"{server} is no whole number")
        if USD not in texts(row, "allowed_coins"):
            return []
        specs, price = child(row, "specs"), child(row, "price")
        match = _GPU.fullmatch(text(specs, "gpu"))
        if match is None:
            raise BadRow("gpu", f"{specs['gpu'][:80]!r} does not say which GPUs")
        gpu = known_gpu(self.gpus, "gpu", match[2], float(number(specs, "gpuram")))
        rented = flag(row, "rented")
        code = country(optional_child(specs, "net").get("cc"))
        return [
            Offer(
                offer_key=f"{int(server)}/{price_type}",
                gpu=gpu,
                gpu_count=int(match[1]),
                price_type=price_type,
                amount=amount(child(price, kind), USD),
                currency="USD",
                unit="day",
                basis="per_instance",
                region=code or "",
                country=code,
                availability="sold_out" if rented else "available",
                memory_gib=optional_float(specs, "ram"),
                instance_type=match[0],
            )
            for kind, price_type in PRICES.items()
        ]
