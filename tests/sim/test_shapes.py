"""Answers against recordings of the real ones: the same keys, and values of the same JSON types."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.base import Adapter
from sim.history import exchange_of
from sim.simulated import Simulated
from sim.wire.facts import FACTS
from tests.adapters.recorded import DIRECT, RECORDED, indexed
from tests.sim.asking import get, post
from tests.sim.conftest import NOW_MS

VERDA = "api.verda.com"
ZONE = "/instance/v1/zones/fr-par-2/products/servers"
# Null in every row of the recording, so that it tells no type.
LOOSE = frozenset({"p2p", "deploy_warning", "display_name", "mig_profile", "gpu_info"})


def kinds(value: Any) -> Any:
    """The JSON type of a value; of a list, of its items; of an object, by key."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    if isinstance(value, list):
        return [kinds(value[0])] if value else []
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def assert_like(ours: Any, theirs: Any, where: str) -> None:
    """Every key of theirs is in ours, with a value of the same type. Ours may have more."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), where
        assert theirs.keys() <= ours.keys(), f"{where}: missing {sorted(theirs.keys() - ours.keys())}"
        for key, kind in theirs.items():
            if key not in LOOSE:
                assert_like(ours[key], kind, f"{where}.{key}")
    elif isinstance(theirs, list):
        assert isinstance(ours, list), where
        if ours and theirs:
            assert_like(ours[0], theirs[0], f"{where}[]")
    else:
        assert ours == theirs, where


def recorded(folder: Path, name: str) -> Any:
    return msgspec.json.decode((folder / name).read_bytes())


def answered(market: Simulated, exchange: Any) -> Any:
    answer = market.answer(exchange, NOW_MS)
    assert answer.status == 200
    return msgspec.json.decode(answer.body)


def test_runpod(market: Simulated, recordings: Path) -> None:
    theirs = recorded(recordings, "runpod/gputypes_2026-10.ewyluda.json")
    fields = " ".join(theirs["data"]["gpuTypes"][0])
    ours = answered(market, post("api.runpod.io", "/graphql", {"query": f"{{ gpuTypes {{ {fields} }} }}"}))
    assert kinds(ours) == kinds(theirs)


def test_vast(market: Simulated, recordings: Path) -> None:
    theirs = recorded(recordings, "vast/bundles_b300_raw_2026-08.computable.json")
    ours = answered(market, post("console.vast.ai", "/api/v0/bundles/", {"gpu_name": {"eq": "B300"}}))
    assert kinds(ours) == kinds(theirs)
    for row in theirs["offers"]:
        number_types = {key: type(value) for key, value in row.items() if isinstance(value, int | float)}
        assert {key: type(ours["offers"][0][key]) for key in number_types} == number_types


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/v1/instance-types", "verda/instance_types.json"),
        ("/v1/instance-availability", "verda/instance_availability.json"),
        ("/v1/locations", "verda/locations.json"),
    ],
)
def test_verda(market: Simulated, recordings: Path, path: str, file: str) -> None:
    assert_like(kinds(answered(market, get(VERDA, path))), kinds(recorded(recordings, file)), path)


@pytest.mark.parametrize(("suffix", "kind"), [("", "servers"), ("/availability", "availability")])
def test_scaleway(market: Simulated, recordings: Path, suffix: str, kind: str) -> None:
    theirs = recorded(recordings, f"scaleway/fr-par-2.{kind}.page1.json")["servers"]
    ours = answered(market, get("api.scaleway.com", ZONE + suffix))["servers"]
    with_gpu = next(name for name in ours if name in theirs and name.startswith("H100"))
    assert kinds(ours[with_gpu]) == kinds(theirs[with_gpu])
    without = next(name for name in ours if name.startswith("GP1"))
    assert_like(kinds(ours[without]), kinds(theirs[without]), without)


def test_azure(market: Simulated, recordings: Path) -> None:
    theirs = recorded(recordings, "azure/retail_items_2026-10.ewyluda.json")
    ours = answered(market, get("prices.azure.com", "/api/retail/prices"))["Items"]
    assert_like(kinds(ours), kinds(theirs), "Items")


KEYED_BY_NAME = {"aws": "its rows are keyed by region and instance type: tests/sim/test_recorded_units.py compares what is read of them"}

# Keys of a recording that its provider does not send: rows of these were altered by who kept them.
GONE = {"gcp": frozenset({"EffectiveTime", "node", "pv"}), "jarvislabs": frozenset({"unknown-region"})}


def shape(value: Any) -> Any:
    """By key, over all items of a list: the JSON types that occur."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return _merged([shape(item) for item in value])
    if isinstance(value, bool):
        return {"boolean"}
    return {"number"} if isinstance(value, int | float) else {type(value).__name__}


def _merged(shapes: list[Any]) -> Any:
    found = [one for one in shapes if isinstance(one, dict)]
    if found:
        return {key: _merged([one[key] for one in found if key in one]) for key in {key: None for one in found for key in one}}
    return set().union(*(one for one in shapes if isinstance(one, set)))


def assert_holds(ours: Any, theirs: Any, where: str, gone: frozenset[str]) -> None:
    """Ours has every key of theirs, and no value of a type that theirs never has."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), where
        for key, kind in theirs.items():
            if key not in gone:
                assert key in ours, f"{where}.{key} is missing"
                assert_holds(ours[key], kind, f"{where}.{key}", gone)
    elif theirs - {"NoneType"}:
        assert isinstance(ours, set), where
        assert ours - {"NoneType"} <= theirs, where


@pytest.mark.parametrize("source", [source for source in FACTS if source in RECORDED and source not in KEYED_BY_NAME])
def test_written_bodies(market: Simulated, adapters: dict[str, Adapter], recordings: Path, source: str) -> None:
    """Every source of the table that was recorded, against each of its recordings."""
    index = {entry["file"]: entry for entry in msgspec.json.decode((recordings / "index.json").read_bytes())["answers"]}
    adapter = adapters[source]
    requests = {request.name: request for part in adapter.slices() for request in part.requests}
    files = [(file, name) for file, asked in indexed().items() for reader, name in asked if reader == source]
    files += [(file, name) for file, (reader, name) in DIRECT.items() if reader == source]
    assert files
    for file, name in files:
        theirs = recorded(recordings, file)
        if "wrap" in index.get(file, {}):
            theirs = {key: theirs if value == "$BODY" else value for key, value in index[file]["wrap"].items()}
        ours = answered(market, exchange_of(adapter, requests[name]))
        assert_holds(shape(ours), shape(theirs), f"{source}: {name}", GONE.get(source, frozenset()))
