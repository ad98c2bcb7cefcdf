"""Clore.ai: machines of private hosts. https://gitlab.com/cloreai-public/clore-api-docs

Prices are per DAY for the whole server: programs that rent pay `on_demand` of a currency by the day, and its fee beside it (2026), and a
public client has the fields' types. A server is priced in each currency that it allows: read is the price in USD, or where it allows none
the one in CLORE, with the rate that `spot_marketplace` states for all servers. A rate is believed only where it makes of the price what the
server's own `price.usd` says, within MARGIN. Servers for bitcoin alone are left out.

`rented` servers are sold out: the market tells its own utilisation. Of one rented GPU by GPU, `partial_gpu_rental` counts those that are
free. The text's number of GPUs must be that of all other fields that tell it. Spot is the lowest bid that wins. Ids of servers stay. A
server of mixed GPUs has no one name and is refused. A renter's fee (5 % on demand, 1.25 % spot, 0.10 USD an order, by public programs of
2026) is in no price here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.limits import Limit
from adapters.models import ExchangeRate, Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    amount,
    amount_number,
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
    whole,
)
from schemas.vocabulary import PriceType

USD, CLORE = "USD-Blockchain", "CLORE-Blockchain"
CURRENCIES = {USD: "USD", CLORE: "CLORE"}
"""Read in this order: what Clore calls a currency -> its sign."""
PRICES: dict[str, PriceType] = {"on_demand": "on_demand", "spot": "bid"}
MARGIN = Decimal("0.05")

_GPU = re.compile(r"([1-9]\d?)x (.+)")


class Clore(Adapter):
    source = "clore"
    provider = "clore"
    title = "Clore.ai"
    base_url = "https://api.clore.ai"
    cadence = timedelta(minutes=1)
    # https://gitlab.com/cloreai-public/clore-api-docs by way of public clients: one a second, all addresses together.
    limits = (Limit(requests=1, per=timedelta(seconds=1), known="unsure"),)
    # The rates have no day of their own.
    reads_clock = True
    credential = ("CLORE_API_KEY",)
    auth = "header"
    auth_names = ("auth",)
    unit = "day"
    basis = "per_instance"
    price_types = ("on_demand", "bid")
    stock = "count"
    docs_url = "https://gitlab.com/cloreai-public/clore-api-docs"
    terms = "https://clore.ai/legal (not read; an account's own key is used)"
    confidence = "documented"
    gpus: ClassVar[Mapping[str, str]] = {
        # NVIDIA's own names with what is between the words left out; an H200 that is not called NVL is the SXM one.
        "Tesla V100SXM216GB": "V100-SXM-16",
        "Tesla V100SXM232GB": "V100-SXM-32",
        "NVIDIA H200": "H200-SXM-141",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="marketplace", path="/v1/marketplace"),))]

    def next_page(self, page: Page) -> Request | None:
        """The rates, where a server needs one. They are stated beside the bids for a server, and are the same for any."""
        if page.request.name != "marketplace":
            return None
        ids = [
            row["id"]
            for row in listing(page.body, "servers")
            if isinstance(row, dict) and type(row.get("id")) is int and _coin(row) == CLORE
        ]
        return Request(name="rates", path="/v1/spot_marketplace", query={"market": str(min(ids))}, page=2) if ids else None

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        bodies = {page.request.name: table(page.body) for page in pages}
        for name, body in bodies.items():
            if body.get("code") != 0:
                raise PayloadChanged(f"code {str(body.get('code'))[:20]} of the {name} where 0 is documented", "code")
        rates = optional_child(optional_child(bodies.get("rates", {}), "market"), "currency_rates_in_usd")
        read = partial(self._offers, rates, observed_at.date().isoformat())
        yield from each(listing(bodies["marketplace"], "servers"), "servers", read)

    def _offers(self, rates: Row, date: str, row: Row) -> list[Offer]:
        server = number(row, "id")
        if server != int(server):
            raise BadRow("id", f"{server} is no whole number")
        texts(row, "allowed_coins")
        coin = _coin(row)
        if coin is None:
            return []
        specs, prices = child(row, "specs"), child(row, "price")
        match = _GPU.fullmatch(text(specs, "gpu"))
        if match is None:
            raise BadRow("gpu", f"{specs['gpu'][:80]!r} does not say which GPUs")
        gpus = int(match[1])
        free = _free(row, gpus)
        gpu = known_gpu(self.gpus, "gpu", match[2], float(number(specs, "gpuram")))
        if flag(row, "rented"):
            free = 0
        code = country(optional_child(specs, "net").get("cc"))
        return [
            Offer(
                offer_key=f"{int(server)}/{price_type}",
                gpu=gpu,
                gpu_count=gpus,
                price_type=price_type,
                amount=amount(child(prices, kind), coin),
                currency=CURRENCIES[coin],
                unit="day",
                basis="per_instance",
                region=code or "",
                country=code,
                availability="available" if free else "sold_out",
                available_count=free,
                memory_gib=optional_float(specs, "ram"),
                instance_type=match[0],
                rate=_rate(prices, rates, date) if coin == CLORE else None,
            )
            for kind, price_type in PRICES.items()
        ]


def _coin(row: Mapping[str, Any]) -> str | None:
    """What Clore calls the currency that this server's price is read in."""
    allowed = row.get("allowed_coins")
    return next((coin for coin in CURRENCIES if coin in allowed), None) if isinstance(allowed, list) else None


def _free(row: Row, gpus: int) -> int:
    """How many GPUs of a server are free that is not rented as a whole."""
    parts, cards = optional_child(row, "partial_gpu_rental"), row.get("gpu_array")
    if "total_gpus" in parts and number(parts, "total_gpus") != gpus:
        raise BadRow("total_gpus", f"{parts['total_gpus']} GPUs where the server has {gpus}")
    if isinstance(cards, list) and len(cards) != gpus:
        raise BadRow("gpu_array", f"{len(cards)} GPUs where the server has {gpus}")
    free = whole(parts, "available_gpus") if "available_gpus" in parts else gpus
    if free > gpus:
        raise BadRow("available_gpus", f"{free} of {gpus} GPUs")
    return free


def _rate(prices: Row, rates: Row, date: str) -> ExchangeRate:
    rate = amount_number(rates, CLORE)
    stated = amount_number(child(prices, "usd"), "on_demand_clore")
    made = amount_number(child(prices, "on_demand"), CLORE) * rate
    if abs(made - stated) > stated * MARGIN:
        raise BadRow("on_demand_clore", f"{stated} USD is not the price in CLORE at {rate}")
    return ExchangeRate(currency="CLORE", usd=rate, date=date)
