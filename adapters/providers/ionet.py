"""io.net: machines and containers of its own hosts and of partner clouds. https://io.net/docs/reference/vmaas/get-hardware-list

Two lists: machines (vmaas) and containers (caas). `price` is USD per hour for the whole configuration. A container of an id that the
machines have too runs on the same hardware: it has an offer with its own price, out of market statistics. `available_replicas` counts
free containers, also for the machine of that id; `sold_out` stands above it.

`supplier` tells whose hardware it is: `internal` is io.net's own market, `external` a partner's cloud, resold: out of market statistics.
Partners are not named, but ids such as 8H100.80S.176V are Verda's instance types (recorded 2026-06, in Finland). Containers do not
state it. Rows of CPUs have no cards and are another product; a price of 0 is none. An RTX PRO 6000 without its edition is no one card.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import Offer, Rejected
from adapters.rows import BadRow, Row, amount, count, country, each, flag, known_gpu, listing, number, optional_float, table, text

KINDS = {"vmaas": "machine", "caas": "container"}
SUPPLIERS = ("internal", "external")

_VERDA_TYPE = re.compile(r"\d+[A-Z][A-Z0-9]*(\.\d+S)?\.\d+V")


class IoNet(Adapter):
    source = "ionet"
    provider = "ionet"
    title = "io.net"
    base_url = "https://api.io.solutions"
    cadence = timedelta(minutes=1)
    unit = "hour"
    basis = "per_instance"
    docs_url = "https://io.net/docs/reference/vmaas/get-hardware-list"
    terms = "https://io.net/terms-of-service (not read; both lists answer without an account)"
    confidence = "documented"
    stock = "count"

    def slices(self) -> Sequence[Slice]:
        requests = (Request(name=name, path=f"/v1/io-cloud/{name}/hardware") for name in KINDS)
        return [Slice(name="", requests=tuple(requests))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        rows = {page.request.name: listing(table(page.body, "data"), "hardware") for page in pages}
        by_id = {
            name: {row["id"]: row for row in rows.get(name, []) if isinstance(row, dict) and isinstance(row.get("id"), str)}
            for name in KINDS
        }
        for name, found in rows.items():
            yield from each(
                found, "hardware", partial(self._machine, by_id["caas"]) if name == "vmaas" else partial(self._container, by_id["vmaas"])
            )

    def _machine(self, containers: Mapping[str, Row], row: Row) -> list[Offer]:
        if _is_cpu(row):
            return []
        supplier = text(row, "supplier")
        if supplier not in SUPPLIERS:
            raise BadRow("supplier", f"unknown supplier {supplier[:40]!r}")
        own = supplier == "internal"
        container = containers.get(text(row, "id"), {})
        return [self._offer("machine", row, row, container.get("available_replicas"), None if own else _upstream(row), own)]

    def _container(self, machines: Mapping[str, Row], row: Row) -> list[Offer]:
        if _is_cpu(row):
            return []
        machine = machines.get(text(row, "id"), {})
        number(row, "available_replicas")
        upstream = _upstream(machine) if machine.get("supplier") == "external" else None
        return [self._offer("container", row, {**machine, **row}, row["available_replicas"], upstream, False)]

    def _offer(self, kind: str, row: Row, described: Row, replicas: object, upstream: str | None, counts: bool) -> Offer:
        name, place = text(row, "id"), row.get("location")
        free = replicas if type(replicas) is int and replicas >= 0 else None
        gone = flag(row, "sold_out") or free == 0
        return Offer(
            offer_key=f"{kind}/{name}/on_demand",
            gpu=self._gpu(described),
            gpu_count=count(row, "num_cards"),
            price_type="on_demand",
            amount=amount(row, "price"),
            currency="USD",
            unit="hour",
            basis="per_instance",
            region=place if isinstance(place, str) else "",
            country=country(place),
            availability="sold_out" if gone else "available",
            available_count=0 if gone else free,
            vcpus=optional_float(described, "vcpu"),
            memory_gib=optional_float(described, "memory"),
            disk_gib=optional_float(described, "storage"),
            instance_type=name.partition("__")[0],
            upstream=upstream,
            in_market_stats=counts,
        )

    def _gpu(self, row: Row) -> str:
        name, form = text(row, "name"), row.get("interconnect")
        memory = None if row.get("vram_per_card", ...) is None else float(number(row, "vram_per_card"))
        words = name if not isinstance(form, str) or form.upper() in name.upper() else f"{name} {form}"
        return known_gpu(self.gpus, "name", words, memory)


def _is_cpu(row: Row) -> bool:
    return type(row.get("num_cards")) is int and row["num_cards"] == 0 and not row.get("name")


def _upstream(row: Row) -> str:
    return "verda" if _VERDA_TYPE.fullmatch(str(row.get("deploy_id"))) else "partner"
