"""Golem: machines of private providers, as the network's statistics see them. https://api.stats.golem.network

A provider states coefficients in GLM per second and unit of use, in the order of its usage vector: of the time (`duration_sec`), of each
thread (`cpu_sec`), and last a fee for the start, which is no price of time and left out. A whole machine is the time plus all its threads.
The statistics state an hour of it in GLM and in USD, from the same rate (golemfactory/golem-stats-backend, 2026): their quotient is that
rate, free of the floats' noise at six decimals, and the offer's own. Where they say 9999999, they cut the number off: no rate.

Only offers that a scan has just seen are stated; of others everything is null. Of several live variants of one machine the newest counts;
`last_seen_at` is the provider's time. A node that computes now is rented out. The test network pays in a token without worth: left out.
GPUs stand under gap-35, with their number under `d0`, or in an older form that knew one only. Another collector saw no provider with a GPU
at all in August 2026.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.base import Adapter, Page, Request, Slice
from adapters.models import ExchangeRate, Offer, Rejected
from adapters.rows import (
    BadRow,
    Row,
    amount,
    amount_number,
    child,
    count,
    each,
    flag,
    known_gpu,
    listing,
    number,
    optional_float,
    text,
    texts,
)

GPU = "golem.!exp.gap-35.v1.inf.gpu."
VECTOR, COEFFICIENTS = "golem.com.usage.vector", "golem.com.pricing.model.linear.coeffs"
THREADS = "golem.inf.cpu.threads"
CUT_OFF = 9_999_999
RATE_STEP = Decimal("0.000001")
NETWORKS = {"mainnet": True, "testnet": False}
"""Whether it pays in GLM."""

_DEVICE = re.compile(re.escape(GPU) + r"(d\d+)\.")


class Golem(Adapter):
    source = "golem"
    provider = "golem"
    title = "Golem"
    base_url = "https://api.stats.golem.network"
    cadence = timedelta(minutes=2)
    currency = "GLM"
    unit = "second"
    basis = "components"
    docs_url = "https://github.com/golemfactory/golem-stats-backend"
    terms = "https://www.golem.network/terms (not read; the list answers without an account)"
    confidence = "documented"
    stock = "flag"
    fallback = "the same path at api2.stats.golem.network, where other collectors of 2026 find it"

    def slices(self) -> Sequence[Slice]:
        return [Slice(name="", requests=(Request(name="online", path="/v2/network/online"),))]

    def parse(self, pages: Sequence[Page], observed_at: datetime) -> Iterator[Offer | Rejected]:
        newest: dict[str, Offer] = {}
        for page in pages:
            for row in each(listing(page.body), "nodes", self._offers):
                if isinstance(row, Rejected):
                    yield row
                elif row.offer_key not in newest or _seen_ms(row) > _seen_ms(newest[row.offer_key]):
                    newest[row.offer_key] = row
        yield from newest.values()

    def _offers(self, node: Row) -> list[Offer]:
        variants = [variant for variant in child(node, "runtimes").values() if isinstance(variant, dict) and _has_gpu(variant)]
        if not variants:
            return []
        network = text(node, "network")
        if network not in NETWORKS:
            raise BadRow("network", f"unknown network {network[:40]!r}")
        if not NETWORKS[network] or not flag(node, "online"):
            return []
        return [self._offer(node, variant) for variant in variants]

    def _offer(self, node: Row, variant: Row) -> Offer:
        name, offered, seen = text(node, "node_id"), child(variant, "properties"), _time(variant)
        gpu, gpus = self._gpu(offered)
        return Offer(
            offer_key=f"{name}/on_demand",
            gpu=gpu,
            gpu_count=gpus,
            price_type="on_demand",
            amount=_glm_per_second(offered),
            currency="GLM",
            unit="second",
            basis="components",
            region="",
            availability="sold_out" if flag(node, "computing_now") else "available",
            vcpus=optional_float(offered, THREADS),
            memory_gib=optional_float(offered, "golem.inf.mem.gib"),
            disk_gib=optional_float(offered, "golem.inf.storage.gib"),
            instance_type=f"{gpus}x {gpu}",
            provider_time_ms=int(seen.timestamp() * 1000),
            rate=ExchangeRate(currency="GLM", usd=_usd_per_glm(variant), date=seen.date().isoformat()),
        )

    def _gpu(self, offered: Row) -> tuple[str, int]:
        devices = {match[1] for match in map(_DEVICE.match, offered) if match}
        if devices - {"d0"}:
            raise BadRow(f"{GPU}d1", "GPUs of several kinds")
        prefix = f"{GPU}d0." if devices else GPU
        gpus = count(offered, f"{prefix}quantity") if devices else 1
        memory = float(number(offered, f"{prefix}memory.total.gib"))
        return known_gpu(self.gpus, f"{prefix}model", text(offered, f"{prefix}model"), memory), gpus


def _has_gpu(variant: Mapping[str, Any]) -> bool:
    offered = variant.get("properties")
    return isinstance(offered, dict) and any(key.startswith(GPU) for key in offered)


def _glm_per_second(offered: Row) -> str:
    """What a second of the whole machine costs, in GLM. BadRow where a usage is not understood."""
    if text(offered, "golem.com.pricing.model") != "linear":
        raise BadRow("golem.com.pricing.model", f"{offered['golem.com.pricing.model'][:40]!r} is not linear")
    usages, coefficients = texts(offered, VECTOR), offered.get(COEFFICIENTS)
    if not isinstance(coefficients, list) or len(coefficients) != len(usages) + 1:
        raise BadRow(COEFFICIENTS, "price is not one coefficient a usage, and a fee")
    units = {"golem.usage.duration_sec": 1, "golem.usage.cpu_sec": count(offered, THREADS)}
    if "golem.usage.duration_sec" not in usages:
        raise BadRow(VECTOR, "the time has no price")
    total = Decimal(0)
    for usage, coefficient in zip(usages, coefficients, strict=False):
        glm = Decimal(number({COEFFICIENTS: coefficient}, COEFFICIENTS))
        if glm < 0:
            raise BadRow(COEFFICIENTS, "price is negative")
        if glm and usage not in units:
            raise BadRow(VECTOR, f"unknown usage {usage[:40]!r} has a price")
        total += glm * units.get(usage, 0) if glm else 0
    return amount({COEFFICIENTS: f"{total:f}"}, COEFFICIENTS)


def _usd_per_glm(variant: Row) -> Decimal:
    glm, usd = amount_number(variant, "hourly_price_glm"), amount_number(variant, "hourly_price_usd")
    if max(glm, usd) >= CUT_OFF:
        raise BadRow("hourly_price_glm", "price is cut off")
    rate = (usd / glm).quantize(RATE_STEP)
    if rate <= 0:
        raise BadRow("hourly_price_usd", "price is nothing beside that in GLM")
    return rate


def _time(variant: Row) -> datetime:
    stated = text(variant, "last_seen_at")
    try:
        seen = datetime.fromisoformat(stated)
    except ValueError:
        raise BadRow("last_seen_at", f"{stated[:40]!r} is no time") from None
    if seen.tzinfo is None:
        raise BadRow("last_seen_at", f"{stated[:40]!r} has no zone")
    return seen.astimezone(UTC)


def _seen_ms(offer: Offer) -> int:
    return offer.provider_time_ms or 0
