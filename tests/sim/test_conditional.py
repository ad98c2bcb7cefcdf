"""The simulated market answers "only if that has changed" for every source, as RFC 9110 says."""

from decimal import Decimal

import pytest

from adapters.base import Adapter
from adapters.fetch.client import ProviderClient
from sim.app import App
from sim.exchange import Answer, Exchange, conditional
from sim.incidents import Wanted
from sim.simulated import Simulated
from tests.sim.asking import CREDENTIALS, UPSTREAM
from tests.sim.conftest import NOW_MS
from tests.transport import Served

PAGE = Answer(200, {"content-type": "text/html"}, b"<p>2.49</p>")


def asked(condition: str = "", method: str = "GET") -> Exchange:
    return Exchange(method, "lumen.example", "/", headers={"if-none-match": condition} if condition else {})


def test_a_known_body_is_not_sent_again() -> None:
    first = conditional(PAGE, asked())
    assert (first.status, first.body) == (200, PAGE.body)
    etag = first.headers["etag"]
    for condition in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        assert conditional(PAGE, asked(condition)) == Answer(304, {"etag": etag}, b"")
    assert conditional(Answer(200, PAGE.headers, b"<p>2.50</p>"), asked(etag)).status == 200


def test_errors_and_questions_with_a_body_have_no_etag() -> None:
    assert conditional(Answer(500, {}, b"no"), asked("*")) == Answer(500, {}, b"no")
    assert conditional(PAGE, asked("*", "POST")) == PAGE


async def test_every_source_can_be_asked_conditionally(app: App, adapters: dict[str, Adapter]) -> None:
    for adapter in adapters.values():
        if not any(request.method == "GET" for part in adapter.slices() for request in part.requests):
            continue
        own = {name: CREDENTIALS[name] for name in adapter.credential if name in CREDENTIALS}
        changed = type(adapter.source, (type(adapter),), {"conditional": True})()
        async with ProviderClient(changed, Served(app), credentials=own, upstream_url=UPSTREAM) as client:
            first = await client.fetch_slice(adapter.slices()[0])
            sent = client.counters.bytes
            again = await client.fetch_slice(adapter.slices()[0])
            assert again.digest == first.digest, adapter.source
            assert client.counters.unchanged >= 1, adapter.source
            asked = sum(len(answer.raw) for answer in again.answers if not answer.request.aside)
            assert client.counters.bytes - sent + client.counters.bytes_saved >= asked


@pytest.mark.parametrize("source", ["oracle", "ovh", "coreweave"])
async def test_a_price_that_moves_is_sent(source: str, market: Simulated, adapters: dict[str, Adapter]) -> None:
    app = App(market, [], clock_ms=lambda: NOW_MS)
    async with ProviderClient(adapters[source], Served(app), upstream_url=UPSTREAM) as client:
        part = adapters[source].slices()[0]
        before = await client.fetch_slice(part)
        assert (await client.fetch_slice(part)).digest == before.digest
        assert (client.counters.requests, client.counters.unchanged) == (2, 1)
        market.incidents.add(
            Wanted(kind="repricing", provider=adapters[source].provider, seconds=Decimal(600), factor=Decimal("1.2")), NOW_MS
        )
        market.forget()
        assert (await client.fetch_slice(part)).digest != before.digest
        assert (client.counters.requests, client.counters.unchanged) == (3, 1)
