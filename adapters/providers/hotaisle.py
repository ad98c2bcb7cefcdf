"""Hot Aisle: AMD machines at one site in Michigan, virtual and bare metal. https://admin.hotaisle.app/api/docs/

Prices are whole US cents per hour for the whole machine; the shortest stay (`MinimumReservationMinutes`: 480 for bare metal in 2026) is in
none of them. `Quantity` is how many machines of a kind are free; a kind that is gone is missing altogether, and an answer without any is
`null` (gpuhunt's tests, 2026). Memory and disk are in bytes. Of machines that differ only in what the key leaves out the cheapest counts.
There is no spot.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, cheapest, child, children, count, each, known_gpu, listing, optional_float, text, whole, whole_amount

GIB = 1024**3
KINDS = {"virtual-machines": "virtual_machines", "bare-metal": "bare_metal"}


class HotAisle(Adapter):
    source = "hotaisle"
    provider = "hotaisle"
    title = "Hot Aisle"
    base_url = "https://admin.hotaisle.app"
    cadence = timedelta(minutes=1)
    credential = ("HOTAISLE_TOKEN", "HOTAISLE_TEAM")
    auth = "header"
    auth_names = ("Authorization",)
    auth_prefix = "Token "
    currency = "USc"
    unit = "hour"
    basis = "per_instance"
    stock = "count"
    docs_url = "https://admin.hotaisle.app/api/docs/"
    terms = "https://hotaisle.xyz/terms/ (not read; an account's own token is used)"
    confidence = "documented"

    def slices(self) -> Sequence[Slice]:
        requests = (Request(name=name, path=f"/api/teams/{{HOTAISLE_TEAM}}/{part}/available/") for name, part in KINDS.items())
        return [Slice(name=request.name, requests=(request,)) for request in requests]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            rows = [] if page.body is None else listing(page.body)
            yield from cheapest(each(rows, page.request.name, partial(self._offers, page.request.name)))

    def _offers(self, kind: str, row: Row) -> list[Offer]:
        specs = child(row, "Specs")
        cards = children(specs, "gpus")
        if len(cards) != 1:
            raise BadRow("gpus", "not one kind of GPU")
        gpus, model = count(cards[0], "count"), text(cards[0], "model")
        cents = whole_amount(row, "OnDemandPrice")
        free = whole(row, "Quantity")
        cores = optional_float(specs, "cpu_cores")
        name = f"{gpus}x{model}-{cores or 0:g}c"
        return [
            Offer(
                offer_key=f"{kind}/{name}/on_demand",
                gpu=known_gpu(self.gpus, "model", model, None),
                gpu_count=gpus,
                price_type="on_demand",
                amount=cents,
                currency="USc",
                unit="hour",
                basis="per_instance",
                region="us-michigan",
                country="US",
                availability="available" if free else "sold_out",
                available_count=free,
                vcpus=cores,
                memory_gib=optional_float(specs, "ram_capacity", GIB),
                disk_gib=optional_float(specs, "disk_capacity", GIB),
                instance_type=name,
            )
        ]
