"""Salad: GPUs of private machines, always interruptible. https://docs.salad.com/reference/saladcloud-api/

Prices are text, USD per hour for one GPU; vCPUs and memory are charged on top. A class has up to four prices, by priority: who pays less
is interrupted first. Each is a spot offer of its own, and only the highest priority counts in market statistics. The class's id is a UUID
that stays; its name is what one asks for. A class of several GPUs (`gpu_count`, in the SDK since 2026) is refused: nobody says whether its
price is for one of them. Stock is another endpoint, which answers with one number for all classes that it is asked for and for one size of
machine: a request for each class and poll. It is not asked.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from adapters.base import Adapter, Page, Request, Slice
from adapters.limits import Limit
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, children, count, each, known_gpu, listing, text

PRIORITIES = ("high", "medium", "low", "batch")
CLASSES = ("community", "secure")


class Salad(Adapter):
    source = "salad"
    provider = "salad"
    title = "Salad"
    base_url = "https://api.salad.com"
    cadence = timedelta(minutes=1)
    limits = (Limit(requests=240, per=timedelta(minutes=1)),)
    credential = ("SALAD_API_KEY", "SALAD_ORGANIZATION")
    auth = "header"
    auth_names = ("Salad-Api-Key",)
    unit = "hour"
    basis = "per_gpu"
    price_types = ("spot",)
    docs_url = "https://docs.salad.com/reference/saladcloud-api/"
    terms = "https://salad.com/terms (not read; an account's own key is used)"
    confidence = "documented"

    def slices(self) -> Sequence[Slice]:
        path = "/api/public/organizations/{SALAD_ORGANIZATION}/gpu-classes"
        return [Slice(name="", requests=(Request(name="gpu-classes", path=path),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "items"), "items", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        name, kind = text(row, "name").strip(), text(row, "gpu_class_type")
        if kind not in CLASSES:
            raise BadRow("gpu_class_type", f"unknown class {kind[:40]!r}")
        if row.get("gpu_count") is not None and count(row, "gpu_count") != 1:
            raise BadRow("gpu_count", f"{row['gpu_count']} GPUs, and perhaps a price for all of them")
        gpu = known_gpu(self.gpus, "name", name, None)
        prices = children(row, "prices")
        stated = {text(price, "priority"): amount(price, "price") for price in prices}
        if not stated or not set(stated) <= set(PRIORITIES) or len(stated) != len(prices):
            raise BadRow("priority", "not each of high, medium, low and batch at most once")
        return [
            Offer(
                offer_key=f"{kind}/{name}/{priority}/spot",
                gpu=gpu,
                gpu_count=1,
                price_type="spot",
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_gpu",
                region="",
                availability="unknown",
                instance_type=f"{name}, {priority}",
                in_market_stats=priority == "high",
            )
            for priority, price in stated.items()
        ]
