"""The guide walked with a made-up provider: one adapter file, one folder of bodies and one entry of facts are all that it takes."""

import json
from pathlib import Path

import pytest

import adapters.providers
from adapters.models import Offer, Rejected
from adapters.registry import discover
from sim.app import App
from sim.simulated import Simulated
from sim.wire import facts, table
from sim.wire.cells import Members
from sim.wire.templates import written
from tests.sim.asking import http_client, polled
from tests.sim.conftest import NOW_MS

ADAPTER = '''
"""Lumen: made up. Prices are USD per hour per VM."""
from datetime import timedelta
from adapters.base import Adapter, Request, Slice
from adapters.models import Offer
from adapters.rows import amount, count, each, known_gpu, listing, text, texts

class Lumen(Adapter):
    source = provider = "lumen"
    title, base_url, cadence = "Lumen", "https://api.lumen.example", timedelta(minutes=2)
    credential, auth, auth_names = ("LUMEN_KEY",), "header", ("X-Lumen-Key",)
    unit, basis, confidence = "hour", "per_instance", "documented"
    docs_url = terms = "https://lumen.example/docs"

    def slices(self):
        return [Slice(name="", requests=(Request(name="types", path="/v2/types"),))]

    def parse(self, pages, observed_at):
        for page in pages:
            yield from each(listing(page.body, "types"), "types", self._offers)

    def _offers(self, row):
        return [
            Offer(offer_key=f"{place}/{text(row, 'name')}/on_demand", gpu=known_gpu({}, "gpu", text(row, "gpu"), None),
                  gpu_count=count(row, "n"), price_type="on_demand", amount=amount(row, "usd"), currency="USD", unit="hour",
                  basis="per_instance", region=place, availability="available")
            for place in texts(row, "places")
        ]
'''
TYPES = [
    {"name": "small", "gpu": "L40S", "n": 1, "usd": "0.90", "places": ["oslo", "rome"]},
    {"name": "big", "gpu": "H100 SXM", "n": 8, "usd": "20.00", "places": ["oslo"]},
    {"name": "trap", "gpu": "H100", "n": 8, "usd": "20.00", "places": ["oslo"]},
]
SOURCE = {
    "page": "https://lumen.example/docs",
    "written": "2026-11-21",
    "about": "",
    "known": ["all of it"],
    "guessed": ["nothing"],
    "answers": [{"slice": "", "request": "types", "page": 1, "file": "types.json"}],
}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    (tmp_path / "lumen").mkdir()
    (tmp_path / "lumen.py").write_text(ADAPTER)
    (tmp_path / "lumen" / "types.json").write_text(json.dumps({"types": TYPES}))
    (tmp_path / "lumen" / "source.json").write_text(json.dumps(SOURCE))
    monkeypatch.setattr(adapters.providers, "__path__", [*adapters.providers.__path__, str(tmp_path)])
    entry = table.Facts({"types": "types"}, "usd", (Members("places"),))
    monkeypatch.setattr(facts, "FACTS", {"lumen": entry})
    monkeypatch.setattr(facts, "PAGES", {})
    monkeypatch.setattr(table, "BODIES", tmp_path)
    assert written(tmp_path / "lumen").answers[0].file == "types.json"
    return App(Simulated(1, NOW_MS, incidents=False), [], clock_ms=lambda: NOW_MS)


async def test_it_is_simulated_polled_and_hit_by_incidents(app: App) -> None:
    lumen = discover()["lumen"]
    credentials = {"LUMEN_KEY": "sim-key"}
    rows = await polled(app, lumen, credentials)
    assert not [row for row in rows if isinstance(row, Rejected)]
    before = {row.offer_key: row for row in rows if isinstance(row, Offer)}
    assert before.keys() <= {"oslo/small/on_demand", "rome/small/on_demand", "oslo/big/on_demand"}
    assert {offer.amount for offer in before.values()} <= {"0.90", "20.00"}
    async with http_client(app) as client:
        assert (await client.get("/api.lumen.example/v2/types")).status_code == 401
        spec = {"kind": "cents", "provider": "lumen", "seconds": 60}
        assert (await client.post("/sim/incidents", json=spec)).status_code == 201
    after = {row.offer_key: row for row in await polled(app, lumen, credentials) if isinstance(row, Offer)}
    assert before
    assert {key: offer.amount for key, offer in after.items()} == {
        key: {"0.90": "90.00", "20.00": "2000.00"}[offer.amount] for key, offer in before.items()
    }
