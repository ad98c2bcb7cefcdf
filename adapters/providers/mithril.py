"""Mithril (until 2025 ML Foundry): the spot auction. https://docs.mithril.ai/compute-api (GET /v2/spot/availability, /v2/instance-types)

One list has what the last instance of a type went for in a region, as text such as "$25.60", per hour for the whole instance, and how many
are free; another says what a type is, by its `fid`. The same name comes once a region, each with a `fid` of its own: an offer is named by
region and name. `lowest_allocated_price` is what the cheapest running bid pays, and no price that one would get. There is no on-demand.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.names import with_form
from adapters.rows import BadRow, Row, amount, cheapest, count, each, known_gpu, listing, number, optional_float, text, whole

PRICE = "last_instance_price"


class Mithril(Adapter):
    source = "mithril"
    provider = "mithril"
    title = "Mithril"
    base_url = "https://api.mithril.ai"
    cadence = timedelta(minutes=2)
    credential = ("MITHRIL_API_KEY",)
    auth = "bearer"
    unit = "hour"
    basis = "per_instance"
    price_types = ("spot",)
    stock = "count"
    docs_url = "https://docs.mithril.ai"
    terms = "https://mithril.ai/terms-of-service (not read; an account's own key is used)"
    confidence = "documented"

    def slices(self) -> Sequence[Slice]:
        requests = (Request(name="instance-types", path="/v2/instance-types"), Request(name="availability", path="/v2/spot/availability"))
        return [Slice(name="", requests=requests)]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        bodies = {page.request.name: page.body for page in pages}
        types = {
            row["fid"]: row for row in listing(bodies.get("instance-types")) if isinstance(row, dict) and isinstance(row.get("fid"), str)
        }
        yield from cheapest(each(listing(bodies.get("availability")), "availability", partial(self._offers, types)))

    def _offers(self, types: Mapping[str, Row], row: Row) -> list[Offer]:
        fid, region = text(row, "instance_type"), text(row, "region")
        machine = types.get(fid)
        if machine is None:
            raise BadRow("instance_type", f"{fid[:40]!r} is not among the instance types")
        memory = float(number(machine, "gpu_memory_gb"))
        gpu = known_gpu(self.gpus, "gpu_type", with_form(text(machine, "gpu_type"), machine.get("gpu_socket"), memory), memory)
        free = whole(row, "capacity")
        name = text(machine, "name")
        return [
            Offer(
                offer_key=f"{region}/{name}/spot",
                gpu=gpu,
                gpu_count=count(machine, "num_gpus"),
                price_type="spot",
                amount=_dollars(row),
                currency="USD",
                unit="hour",
                basis="per_instance",
                region=region,
                country="US" if region.startswith("us-") else None,
                availability="available" if free else "sold_out",
                available_count=free,
                vcpus=optional_float(machine, "num_cpus"),
                memory_gib=optional_float(machine, "ram_gb"),
                disk_gib=optional_float(machine, "local_storage_gb"),
                instance_type=name,
            )
        ]


def _dollars(row: Row) -> str:
    price = row.get(PRICE)
    if not isinstance(price, str):
        raise BadRow(PRICE, f"price {amount(row, PRICE)} is no text in dollars")
    if not price.startswith("$"):
        raise BadRow(PRICE, f"price {price[:20]!r} is not in dollars")
    return amount({PRICE: price[1:]}, PRICE)
