"""Every kind of incident: what it does to prices or to answers, for how long, and to whom."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.base import Adapter
from adapters.errors import PayloadChanged, ProviderError, Transient
from adapters.models import Offer, Rejected
from adapters.registry import discover
from sim.app import App
from sim.incidents import HISTORY_SLOTS, KINDS, SLOT_MS, UNIT_KINDS, Incidents, Wanted
from sim.simulated import HANG_S, SLOW_S, Simulated
from sim.wire.facts import FACTS, PAGES
from tests.sim.asking import BEARER, get, http_client, offers, per_gpu, polled
from tests.sim.conftest import NOW_MS

LAMBDA = get("cloud.lambdalabs.com", "/api/v1/instance-types")
DAY_MS = 86_400_000
SOURCES = sorted(discover())
JSON_SOURCES = [source for source in SOURCES if source not in PAGES]
STRANGERS = ["clore", "lium"]
NEVER_EMPTY = ("flyio",)
"""Sources whose answer without a row is a changed payload by itself."""
# RunPod's pods, Oracle's shapes, Hyperstack's flavours and Google's machines are of several sizes at one price,
# so that one factor does not fit all offers of a price.
ONE_SIZE = [source for source in SOURCES if source not in ("runpod", "oracle", "gcp", "hyperstack", "crusoe")]


class Clock:
    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock(app: App) -> Clock:
    app.clock_ms = Clock()
    return app.clock_ms


async def begin(app: App, **wanted: Any) -> dict[str, Any]:
    async with http_client(app) as client:
        response = await client.post("/sim/incidents", json={"seconds": 60, **wanted})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def changes(app: App, adapter: Adapter, **wanted: Any) -> dict[str, Decimal]:
    """What an incident multiplies each offer's price by, of those that it touches."""
    before = await offers(app, adapter)
    await begin(app, provider=adapter.source, **wanted)
    after = await offers(app, adapter)
    assert before.keys() == after.keys()
    return {key: per_gpu(after[key]) / per_gpu(before[key]) for key in before if before[key].amount != after[key].amount}


async def test_a_spike_is_on_one_offer_that_can_be_rented(app: App, adapters: dict[str, Adapter]) -> None:
    before = await offers(app, adapters["runpod"])
    found = await begin(app, kind="spike", provider="runpod", gpu="H100-SXM-80", factor=2.5)
    after = await offers(app, adapters["runpod"])
    touched = {key for key in before if before[key].amount != after[key].amount}
    assert touched == {found["offer"]}
    assert before[found["offer"]].gpu == "H100-SXM-80" and before[found["offer"]].availability != "sold_out"
    assert per_gpu(after[found["offer"]]) / per_gpu(before[found["offer"]]) == pytest.approx(Decimal("2.5"), rel=Decimal("0.01"))


async def test_a_vast_spike_is_on_an_offer_that_counts(app: App, adapters: dict[str, Adapter]) -> None:
    before = await offers(app, adapters["vast"])
    found = await begin(app, kind="spike", provider="vast", gpu="RTX4090-PCIE-24")
    assert before[f"{found['offer']}/on_demand"].in_market_stats


async def test_a_repricing_moves_one_gpu_and_no_two_offers_by_the_same_factor(app: App, adapters: dict[str, Adapter]) -> None:
    factors = await changes(app, adapters["azure"], kind="repricing", gpu="H100-SXM-80", factor=1.3)
    assert len(factors) > 5 and all("H100_v5" in key for key in factors)
    assert all(abs(factor - Decimal("1.3")) < Decimal("0.03") for factor in factors.values())
    assert max(factors.values()) - min(factors.values()) > Decimal("0.005")


async def test_a_market_move_needs_no_provider(app: App, adapters: dict[str, Adapter]) -> None:
    before = {name: await offers(app, adapter) for name, adapter in adapters.items()}
    await begin(app, kind="market_move", gpu="H100-SXM-80", factor=1.25)
    for name, adapter in adapters.items():
        after = await offers(app, adapter)
        moved = {offer.gpu for key, offer in after.items() if offer.amount != before[name][key].amount}
        assert moved == {"H100-SXM-80"} & {offer.gpu for offer in after.values()}


@pytest.mark.parametrize("source", SOURCES)
async def test_cents_are_one_exact_factor_on_every_offer(app: App, adapters: dict[str, Adapter], source: str) -> None:
    before = await offers(app, adapters[source])
    factors = await changes(app, adapters[source], kind="cents")
    assert factors.keys() == before.keys()
    # Digits that the provider rounds away appear: a cent in 13 is the most.
    assert all(abs(factor / 100 - 1) < Decimal("0.05") for factor in factors.values())


@pytest.mark.parametrize("source", ONE_SIZE)
async def test_per_instance_prices_become_those_of_one_gpu(app: App, adapters: dict[str, Adapter], source: str) -> None:
    before = await offers(app, adapters[source])
    factors = await changes(app, adapters[source], kind="per_instance")
    assert factors.keys() == {key for key, offer in before.items() if offer.gpu_count > 1}
    for key, factor in factors.items():
        whole = 1 / factor if before[key].basis == "per_gpu" else factor
        assert whole * before[key].gpu_count == pytest.approx(Decimal(1), rel=Decimal("0.02"))


async def test_per_gpu_prices_become_those_of_a_pod(app: App, adapters: dict[str, Adapter]) -> None:
    factors = await changes(app, adapters["runpod"], kind="per_instance")
    assert {round(factor) for factor in factors.values()} == {4, 6, 8, 9}


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("down", Transient, "HTTP 500"),
        ("throttle", Transient, "HTTP 429"),
        ("html", PayloadChanged, "HTML"),
        ("truncated", PayloadChanged, "not JSON"),
    ],
)
@pytest.mark.parametrize("source", JSON_SOURCES)
async def test_broken_answers(
    app: App, adapters: dict[str, Adapter], clock: Clock, source: str, kind: str, error: type[ProviderError], message: str
) -> None:
    await begin(app, kind=kind, provider=source)
    with pytest.raises(error, match=message) as raised:
        await polled(app, adapters[source])
    if isinstance(raised.value, Transient) and kind == "throttle":
        assert raised.value.retry_after_s == 20
    others = [name for name in adapters if name != source]
    assert await polled(app, adapters[others[0]])
    clock.now_ms += 60_000
    assert await polled(app, adapters[source])


@pytest.mark.parametrize("source", SOURCES)
async def test_empty_answers_hold_no_row(app: App, adapters: dict[str, Adapter], source: str) -> None:
    await begin(app, kind="empty", provider=source)
    if source in NEVER_EMPTY:
        with pytest.raises(PayloadChanged):
            await polled(app, adapters[source])
        return
    assert await polled(app, adapters[source]) == []


@pytest.mark.parametrize("source", PAGES)
@pytest.mark.parametrize("kind", ["html", "truncated", "renamed_field"])
async def test_broken_pages(app: App, adapters: dict[str, Adapter], clock: Clock, source: str, kind: str) -> None:
    await begin(app, kind=kind, provider=source)
    with pytest.raises(PayloadChanged):
        await polled(app, adapters[source])
    clock.now_ms += 60_000
    assert await polled(app, adapters[source])


NO_ROW_WITHOUT_A_PRICE = {"runpod-serverless"}
"""Its documentation says that a row without a price is no offer: with none at all the answer is empty, which the guard confirms."""


@pytest.mark.parametrize("source", JSON_SOURCES)
async def test_a_renamed_price_field_leaves_no_offer(app: App, adapters: dict[str, Adapter], source: str) -> None:
    await begin(app, kind="renamed_field", provider=source)
    if source in FACTS and FACTS[source].prices == ".":
        with pytest.raises(PayloadChanged):
            await polled(app, adapters[source])
        return
    rows = await polled(app, adapters[source])
    assert bool(rows) is (source not in NO_ROW_WITHOUT_A_PRICE)
    assert all(isinstance(row, Rejected) for row in rows)


@pytest.mark.parametrize(("kind", "delay_s", "status"), [("slow", SLOW_S, 200), ("hang", HANG_S, 504)])
def test_slow_and_hanging_answers(market: Simulated, kind: str, delay_s: float, status: int) -> None:
    market.incidents.add(msgspec.convert({"kind": kind, "provider": "lambda", "seconds": 60}, Wanted), NOW_MS)
    reply = market.reply(LAMBDA, NOW_MS)
    assert (reply.delay_s, reply.answer.status) == (delay_s, status)
    assert market.reply(LAMBDA, NOW_MS + 60_000).delay_s == 0


async def test_a_delay_is_waited_for(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    await begin(app, kind="slow", provider="lambda")
    monkeypatch.setattr("sim.app.asyncio.sleep", sleep)
    async with http_client(app) as client:
        assert (await client.get("/cloud.lambdalabs.com/api/v1/instance-types", headers=BEARER)).status_code == 200
    assert waited == [SLOW_S]


async def test_delete_ends_them_all(app: App, adapters: dict[str, Adapter]) -> None:
    before = await offers(app, adapters["lambda"])
    await begin(app, kind="down", provider="lambda")
    await begin(app, kind="cents", provider="lambda")
    async with http_client(app) as client:
        assert (await client.delete("/sim/incidents")).json() == {"ended": 2}
    assert await offers(app, adapters["lambda"]) == before


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"kind": "spike", "seconds": 5}, "provider"),
        ({"kind": "spike", "seconds": 5, "provider": "nobody"}, "provider"),
        ({"kind": "spike", "seconds": 5, "provider": "lambda", "gpu": "H100"}, "gpu"),
        ({"kind": "spike", "seconds": 0, "provider": "lambda"}, "seconds"),
        ({"kind": "spike", "seconds": 5, "provider": "lambda", "factor": -1}, "factor"),
        ({"kind": "unknown_gpu", "seconds": 5, "provider": "lambda"}, "provider"),
        ({"kind": "flood", "seconds": 5, "provider": "lambda"}, "kind"),
        ({"kind": "down", "provider": "lambda"}, "seconds"),
        ({"kind": "down", "seconds": 5, "provider": "lambda", "colour": 1}, "colour"),
    ],
)
async def test_a_wrong_incident_is_refused_by_its_field(app: App, wanted: dict[str, Any], field: str) -> None:
    async with http_client(app) as client:
        response = await client.post("/sim/incidents", json=wanted)
        assert (await client.put("/sim/incidents", json={})).status_code == 405
    assert response.status_code == 422
    assert field in response.json()["error"]["message"]


def test_the_contract_names_these_kinds() -> None:
    assert set(KINDS) == set(
        [
            "spike",
            "repricing",
            "market_move",
            "down",
            "slow",
            "throttle",
            "html",
            "empty",
            "truncated",
            "renamed_field",
            "missing_field",
            "retyped_field",
            "shrunk",
            "unknown_gpu",
            "cents",
            "months",
            "per_instance",
            "hang",
        ]
    )


def test_by_themselves_one_each_ten_minutes_live_and_a_few_before() -> None:
    market = Simulated(1, NOW_MS)
    before = market.incidents.between(NOW_MS - DAY_MS, NOW_MS - SLOT_MS)
    live = market.incidents.between(NOW_MS + SLOT_MS, NOW_MS + SLOT_MS + DAY_MS)
    assert 8 <= len(before) <= DAY_MS / SLOT_MS / HISTORY_SLOTS + 1
    strange = [incident for incident in live if incident.kind == "unknown_gpu"]
    live = [incident for incident in live if incident not in strange]
    assert 130 <= len(live) <= DAY_MS / SLOT_MS + 3
    assert {incident.kind for incident in before} == {"spike", "repricing"}
    assert {incident.kind for incident in live} == {"spike", "repricing", "cents", "months"}
    week = market.incidents.between(NOW_MS + SLOT_MS, NOW_MS + SLOT_MS + 7 * DAY_MS)
    assert {incident.provider for incident in week} == set(SOURCES)
    assert all(incident.automatic for incident in before + live + strange)


@pytest.mark.parametrize("seed", range(6))
def test_no_unit_is_wrong_before_ten_minutes_after_a_start_and_then_within_the_hour(seed: int) -> None:
    started_ms = NOW_MS + 5 * DAY_MS
    incidents = Simulated(seed, NOW_MS, running_from_ms=started_ms).incidents
    wrong = [i for i in incidents.between(NOW_MS, started_ms + DAY_MS) if i.kind in UNIT_KINDS]
    assert 600_000 <= wrong[0].from_ms - started_ms < 3_600_000
    assert 40 <= len(wrong) <= 48


@pytest.mark.parametrize("source", STRANGERS)
async def test_a_card_that_nobody_knows_is_a_few_rows_more_and_nothing_else(app: App, adapters: dict[str, Adapter], source: str) -> None:
    before = await polled(app, adapters[source])
    await begin(app, kind="unknown_gpu", provider=source)
    after = await polled(app, adapters[source])
    strange = [row for row in after if isinstance(row, Rejected)]
    assert [row for row in after if isinstance(row, Offer)] == before
    assert 0 < len(strange) <= 3 and len(strange) < 0.05 * len(before)
    assert all("Simulated X" in (row.unknown_gpu or "") for row in strange)


@pytest.mark.parametrize("source", STRANGERS)
async def test_a_small_market_lists_that_card_once(adapters: dict[str, Adapter], source: str) -> None:
    small = App(Simulated(1, NOW_MS, incidents=False, crowd=False), list(adapters.values()), clock_ms=lambda: NOW_MS)
    await begin(small, kind="unknown_gpu", provider=source)
    assert len([row for row in await polled(small, adapters[source]) if isinstance(row, Rejected)]) == 1


@pytest.mark.parametrize("seed", range(3))
def test_such_a_card_comes_by_itself_a_minute_after_a_start_and_then_every_half_hour(seed: int) -> None:
    started_ms = NOW_MS + 5 * DAY_MS
    market = Simulated(seed, NOW_MS, running_from_ms=started_ms)
    strange = [i for i in market.incidents.between(NOW_MS, started_ms + DAY_MS) if i.kind == "unknown_gpu"]
    assert [i.from_ms - started_ms for i in strange[:3]] == [60_000, 1_860_000, 3_660_000]
    assert len(strange) == 48 and {i.provider for i in strange} == set(STRANGERS)
    first = strange[0]
    assert first.provider is not None
    for at_ms, found in ((first.from_ms - 1, None), (first.from_ms, first), (first.to_ms - 1, first), (first.to_ms, None)):
        assert market.incidents.transport_at(at_ms, first.provider) == found
        assert (first in market.incidents.at(at_ms)) == (found is not None)
        assert (first in market.incidents.between(at_ms, at_ms + 1)) == (found is not None)
    assert market.incidents.transport_at(first.from_ms, "lambda") is None


async def test_history_never_has_a_wrong_unit(app: App, adapters: dict[str, Adapter]) -> None:
    assert isinstance(app.market, Simulated)
    before = app.market.answer(LAMBDA, NOW_MS)
    await begin(app, kind="cents", provider="lambda")
    assert app.market.answer(LAMBDA, NOW_MS) == before != app.market.reply(LAMBDA, NOW_MS).answer


def test_by_themselves_they_follow_from_the_seed(market: Simulated) -> None:
    ranges = (NOW_MS - DAY_MS, NOW_MS + DAY_MS)
    assert Simulated(1, NOW_MS).incidents.between(*ranges) == Simulated(1, NOW_MS).incidents.between(*ranges)
    assert Simulated(1, NOW_MS).incidents.between(*ranges) != Simulated(2, NOW_MS).incidents.between(*ranges)
    assert market.incidents.between(*ranges) == []


def test_by_themselves_they_move_prices_while_they_last() -> None:
    market, quiet = Simulated(1, NOW_MS), Simulated(1, NOW_MS, incidents=False)
    spike = next(i for i in market.incidents.between(NOW_MS, NOW_MS + DAY_MS) if i.kind == "spike" and i.from_ms >= NOW_MS)
    listing = next(x for x in market.market.listings if x.provider == spike.provider and x.key == spike.offer)
    for at_ms, factor in ((spike.from_ms - 1, 1.0), (spike.from_ms, spike.factor_ppm / 1e6), (spike.to_ms, 1.0)):
        assert market.market.micros(listing, at_ms) / quiet.market.micros(listing, at_ms) == pytest.approx(factor, rel=1e-4)


def test_no_targets_no_incidents() -> None:
    assert Incidents([], 1, NOW_MS, lambda _target, _at_ms: True).between(NOW_MS, NOW_MS + DAY_MS) == []
