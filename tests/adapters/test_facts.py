"""Every provider has complete facts, a fixture of its own and nothing left over."""

import re
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

import adapters.providers
from adapters import registry
from adapters.base import Adapter
from adapters.limits import pace_s
from schemas.gpus import GPUS, FormFactor, Vendor
from schemas.vocabulary import Basis, PriceType, Unit
from sim.wire.facts import FACTS, PAGES
from sim.wire.templates import BODIES
from tests.adapters.support import ADAPTERS, FIXTURES, NOW, ROOT, fixture_slices, folder, parsed, source_json

every_source = pytest.mark.parametrize("source", ADAPTERS)


def test_each_file_in_providers_is_registered() -> None:
    files = {path.stem for path in Path(next(iter(adapters.providers.__path__))).glob("*.py")} - {"__init__"}
    assert files == {type(adapter).__module__.rpartition(".")[2] for adapter in ADAPTERS.values()}
    assert {"runpod", "vast", "lambda", "verda", "scaleway", "azure"} <= set(ADAPTERS)


def test_a_provider_that_cannot_be_imported_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_provider.py").write_text("raise RuntimeError('half written')\n")
    monkeypatch.setattr(adapters.providers, "__path__", [*adapters.providers.__path__, str(tmp_path)])
    with pytest.raises(RuntimeError, match="half written"):
        registry.discover()


def test_a_file_without_an_adapter_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty_provider.py").write_text("ANSWER = 42\n")
    monkeypatch.setattr(adapters.providers, "__path__", [str(tmp_path)])
    with pytest.raises(ValueError, match="empty_provider holds no adapter"):
        registry.discover()


def test_two_adapters_for_one_source_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "second_lambda.py").write_text(
        "from adapters.base import Adapter\n"
        "class Second(Adapter):\n"
        "    source = 'lambda'\n"
        "    def slices(self): return []\n"
        "    def parse(self, pages, observed_at): return iter(())\n"
    )
    monkeypatch.setattr(adapters.providers, "__path__", [*adapters.providers.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match="source lambda is claimed by"):
        registry.discover()


@every_source
def test_facts_are_complete(source: str) -> None:
    adapter = ADAPTERS[source]
    assert adapter.source == source
    assert re.fullmatch(r"[a-z0-9-]+", adapter.provider)
    assert adapter.title
    assert re.fullmatch(r"https://[a-z0-9.-]+(:\d+)?", adapter.base_url)
    assert timedelta(seconds=10) <= adapter.cadence <= timedelta(hours=6)
    assert not hasattr(adapter, "min_gap"), "a least gap is said as limits = (Limit(requests=1, per=...),)"
    assert adapter.limits
    assert all(1 <= limit.burst <= limit.requests for limit in adapter.limits)
    fastest, slowest = adapter.bounds
    assert fastest <= adapter.cadence <= slowest, "a poll's requests must fit the limits within its cadence"
    assert all((adapter.push, adapter.fallback, adapter.latency_seen))
    assert adapter.unit in get_args(Unit)
    assert adapter.basis in get_args(Basis)
    assert adapter.docs_url.startswith("https://")
    assert adapter.terms.startswith("https://")
    assert set(adapter.gpus.values()) <= set(GPUS)
    assert all(reason for reason in adapter.ignored.values())
    assert (type(adapter).__doc__ or __import__("sys").modules[type(adapter).__module__].__doc__ or "").strip()


@pytest.mark.parametrize("source", [source for source, adapter in ADAPTERS.items() if not adapter.reads_clock])
def test_pages_are_read_the_same_at_any_time(source: str) -> None:
    adapter = ADAPTERS[source]
    for pages in fixture_slices(source).values():
        readings = [list(adapter.parse(pages, NOW + timedelta(days=days))) for days in (-400, 0, 400)]
        assert readings[0] == readings[1] == readings[2]


@pytest.mark.parametrize("source", [source for source, adapter in ADAPTERS.items() if adapter.conditional])
def test_what_is_asked_for_only_if_it_changed_is_asked_with_get(source: str) -> None:
    assert any(request.method == "GET" for part in ADAPTERS[source].slices() for request in part.requests)


@every_source
def test_credentials_fit_the_way_of_authentication(source: str) -> None:
    adapter = ADAPTERS[source]
    least = {"none": 0, "bearer": 1, "header": 1, "query": 1, "oauth2_client": 2, "signed": 2}[adapter.auth]
    in_paths = sum(f"{{{name}}}" in adapter.slices()[0].requests[0].path for name in adapter.credential)
    assert len(adapter.credential) == max(least, len(adapter.auth_names)) + in_paths
    assert bool(adapter.auth_names) == (adapter.auth in ("header", "query"))
    assert (type(adapter).sign is not Adapter.sign) == (adapter.auth == "signed")
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) for name in adapter.credential)
    assert (adapter.token_path is None) == (adapter.auth != "oauth2_client")


@every_source
def test_requests_are_well_formed(source: str) -> None:
    for part in ADAPTERS[source].slices():
        assert part.requests
        for request in part.requests:
            assert request.path.startswith("/")
            assert "?" not in request.path
            assert request.page == 1
            assert (request.json is None) == (request.method == "GET")


def test_a_live_sweep_of_vast_keeps_to_ten_requests_a_minute() -> None:
    vast = ADAPTERS["vast"]
    assert vast.slices_per_poll is not None
    assert pace_s(vast.limits, 10) >= 60
    assert pace_s(vast.limits, vast.slices_per_poll) < vast.cadence.total_seconds()
    sweep = vast.cadence * len(vast.slices()) / vast.slices_per_poll
    assert sweep <= timedelta(minutes=5)


@every_source
def test_price_types_and_stock_are_what_its_answers_hold(source: str) -> None:
    offers, _ = parsed(source, fixture_slices(source))
    found = {offer.price_type for offer in offers.values()}
    types = tuple(kind for kind in get_args(PriceType) if kind in found)
    assert ADAPTERS[source].price_types == types, f"price_types = {types}"
    said = {offer.availability for offer in offers.values()}
    if any(offer.available_count is not None for offer in offers.values()):
        stock = "count"
    elif said & {"high", "medium", "low"}:
        stock = "levels"
    elif "sold_out" in said:
        stock = "flag"
    else:
        stock = "listed" if "available" in said else "untold"
    assert ADAPTERS[source].stock == stock, f'stock = "{stock}"'


@every_source
def test_has_a_fixture_that_says_where_it_comes_from(source: str) -> None:
    facts = source_json(source)
    assert facts.page.startswith("https://")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts.written)
    assert facts.known
    assert facts.guessed
    named = {entry.file for entry in facts.answers}
    assert named == {path.name for path in folder(source).iterdir()} - {"source.json"}
    answered = {(name, page.request.name, page.request.page) for name, pages in fixture_slices(source).items() for page in pages}
    assert answered == {(entry.slice, entry.request, entry.page) for entry in facts.answers}


def test_no_fixture_is_left_over() -> None:
    beside_the_market = {path.name for path in BODIES.iterdir()}
    beside_the_tests = {path.name for path in FIXTURES.iterdir() if (path / "source.json").exists()}
    assert beside_the_market | beside_the_tests == set(ADAPTERS)
    assert not beside_the_market & beside_the_tests
    assert set(FACTS) | set(PAGES) == beside_the_market


def test_an_adapter_without_a_parse_cannot_be_made() -> None:
    class Half(Adapter):
        source = "half"

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_gpu_table_is_consistent() -> None:
    for gpu_id, gpu in GPUS.items():
        assert gpu.id == gpu_id
        assert re.fullmatch(r"[A-Z0-9]+-[A-Z]+-\d+(-\w+(\.\w+)?)?", gpu_id)
        assert gpu.vendor in get_args(Vendor)
        assert gpu.form_factor in get_args(FormFactor)
        if gpu.slice_of is None:
            assert gpu_id == f"{gpu.model}-{gpu.form_factor}-{gpu.memory_gib}"
        else:
            assert gpu_id.startswith(f"{gpu.slice_of}-")
            assert gpu.memory_gib < GPUS[gpu.slice_of].memory_gib
    assert len({gpu.title for gpu in GPUS.values()}) == len(GPUS)


def test_the_guide_names_only_what_exists() -> None:
    guide = (ROOT / "docs" / "adding-a-provider.md").read_text()
    named = re.findall(r"`((?:adapters|schemas|sim|tests|docs)/[\w./-]+)`", guide)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert len(re.findall(r"^## \d\.", guide, re.MULTILINE)) == 6
