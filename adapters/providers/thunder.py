"""Thunder Compute: virtual machines with GPUs. https://www.thundercompute.com/docs/api-reference

One public object holds every price, in USD per hour for the whole configuration, under keys such as `h100_x8_production`: GPU, count, mode.
`production` is a card of one's own. `prototyping` is another product: the card hangs on the network and is passed from user to user while
it idles, so it is no GPU-hour of the others' kind and is left out. Older keys without mode (`h100_x1`) or count (`a100xl`) are other names
of the prototyping prices and are folded into them; prices of disks and of more vCPUs are parts of a machine. How much memory and how many
vCPUs a key means stands in a second list, and stock by the same keys in a third, in words. Places are not told.

The lists have a second version (/v2, 2026), with keys of GPU and count only. It is not read: nobody says which of the two they are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, child, count, known_gpu, number, rejected, stock, table, text
from schemas.vocabulary import Availability

PARTS = frozenset({"additional_vcpus", "disk_gb", "ephemeral_disk_gb", "snapshot_gb"})
# https://github.com/Thunder-Compute/thunder-cli (utils/spec_store.go, 2026) lets only what is `available` be rented.
STOCK: dict[str, Availability] = {"available": "available", "unavailable": "sold_out"}

_KEY = re.compile(r"([a-z0-9]+)_x([1-9]\d?)_([a-z]+)")
_OLDER_KEY = re.compile(r"([a-z0-9]+)(?:_x[1-9]\d?)?")


class Thunder(Adapter):
    source = "thunder"
    provider = "thunder"
    title = "Thunder Compute"
    base_url = "https://api.thundercompute.com:8443"
    cadence = timedelta(minutes=1)
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://www.thundercompute.com/docs/api-reference"
    terms = "https://www.thundercompute.com/terms-of-service (not read; the prices answer without an account)"
    confidence = "documented"
    stock = "flag"
    # The price page says "H100 PCIe" (2026).
    gpus: ClassVar[Mapping[str, str]] = {"h100": "H100-PCIE-80"}
    ignored: ClassVar[Mapping[str, str]] = {
        "prototyping": "a GPU shared over the network: another product",
        "a100xl": "'A100 80GB NVLink' on the price page: an SXM card, or PCIe ones with a bridge",
    }

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=tuple(Request(name=name, path=f"/v1/{name}") for name in ("pricing", "specs", "status")))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        bodies = {page.request.name: page.body for page in pages}
        prices, specs, words = (
            table(bodies.get(name), field) for name, field in (("pricing", "pricing"), ("specs", "specs"), ("status", "specs"))
        )
        named = {match[1] for match in map(_KEY.fullmatch, (*prices, *specs)) if match}
        for key in prices:
            try:
                yield from self._offers(key, prices, specs, words, named)
            except BadRow as bad:
                yield rejected({key: prices[key]}, bad)

    def _offers(self, key: str, prices: Row, specs: Row, words: Row, named: set[str]) -> list[Offer]:
        match = _KEY.fullmatch(key)
        if match is None:
            older = _OLDER_KEY.fullmatch(key)
            if key in PARTS or (older and older[1] in named):
                return []
            raise BadRow("pricing", f"unknown key {key[:40]!r}")
        name, gpus, mode = match[1], int(match[2]), match[3]
        if mode in self.ignored or name in self.ignored:
            return []
        if mode != "production":
            raise BadRow("pricing", f"unknown mode {mode[:40]!r}")
        price = amount(prices, key)
        memory, vcpus, ram = _spec(specs, key, gpus) if key in specs else (None, None, None)
        return [
            Offer(
                offer_key=f"{key}/on_demand",
                gpu=known_gpu(self.gpus, "pricing", name, memory),
                gpu_count=gpus,
                price_type="on_demand",
                amount=price,
                currency="USD",
                unit="hour",
                basis="per_instance",
                region="",
                availability=stock(STOCK, words.get(key)),
                vcpus=vcpus,
                memory_gib=ram,
                instance_type=key,
            )
        ]


def _spec(specs: Row, key: str, gpus: int) -> tuple[float, float, float]:
    """GiB of one GPU, the vCPUs that the price includes (the least that can be had), and GiB of their memory."""
    spec = child(specs, key)
    if count(spec, "gpuCount") != gpus or text(spec, "mode") not in key:
        raise BadRow("gpuCount", f"the specification is not of {key[:40]!r}")
    options: Any = spec.get("vcpuOptions")
    if not isinstance(options, list) or not options:
        raise BadRow("vcpuOptions", "list of vCPUs is missing")
    vcpus = number({"vcpuOptions": options[0]}, "vcpuOptions")
    return float(number(spec, "vramGB")), float(vcpus), float(vcpus * number(spec, "ramPerVCPUGiB"))
