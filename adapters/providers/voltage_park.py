"""Voltage Park: bare-metal nodes. https://cloud-api.voltagepark.com/api/v1/redoc

Prices are text, USD per hour for one GPU, one for nodes on Ethernet and one for nodes on InfiniBand: two offers a location. Counts are free
GPUs; 0 is no stock. What one rents is a node (`specs_per_node.gpu_count`). The documentation asks for a token, and the list answers without
(two public collectors, 2026). A further price of a GPU in a row, beside the two, would be a tier that nobody has seen: such a row is
refused. Locations have an id and no name. There is no spot; virtual machines are a source of their own.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from adapters.base import Adapter, Page, Request, Slice
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, child, count, each, known_gpu, listing, optional_float, text, whole

NETWORKS = ("ethernet", "infiniband")
PRICES = frozenset(f"gpu_price_{network}" for network in NETWORKS)


class VoltagePark(Adapter):
    source = "voltage-park"
    provider = "voltage-park"
    title = "Voltage Park"
    base_url = "https://cloud-api.voltagepark.com"
    cadence = timedelta(minutes=1)
    unit = "hour"
    basis = "per_gpu"
    stock = "count"
    docs_url = "https://cloud-api.voltagepark.com/api/v1/redoc"
    terms = "https://www.voltagepark.com/legal/terms-of-service (not read; the list answers without an account)"
    confidence = "grounded"

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="locations", path="/api/v1/bare-metal/locations"),))]

    def next_page(self, page: Page) -> Request | None:
        if isinstance(page.body, dict) and page.body.get("has_next") not in (False, None):
            raise PayloadChanged("locations have a second page, and how it is asked for is not known", "has_next")
        return None

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        for page in pages:
            yield from each(listing(page.body, "results"), "results", self._offers)

    def _offers(self, row: Row) -> list[Offer]:
        place, node = text(row, "id"), child(row, "specs_per_node")
        for field in row:
            if "gpu_price" in field and field not in PRICES and row[field] is not None:
                raise BadRow(field, "a price that is not known")
        gpus = count(node, "gpu_count")
        gpu = known_gpu(self.gpus, "gpu_model", text(node, "gpu_model"), None)
        offers = []
        for network in NETWORKS:
            free = whole(row, f"gpu_count_{network}")
            offers.append(
                Offer(
                    offer_key=f"{place}/{network}/on_demand",
                    gpu=gpu,
                    gpu_count=gpus,
                    price_type="on_demand",
                    amount=amount(row, f"gpu_price_{network}"),
                    currency="USD",
                    unit="hour",
                    basis="per_gpu",
                    region=place,
                    availability="available" if free >= gpus else "sold_out",
                    available_count=free,
                    vcpus=optional_float(node, "cpu_count"),
                    memory_gib=optional_float(node, "ram_gb"),
                    disk_gib=optional_float(node, "storage_gb"),
                    instance_type=network,
                )
            )
        return offers
