"""What earlier answers looked like, across restarts: a key that goes while the bridge is down is noticed, and nothing stale is gone by."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.base import Outgoing
from adapters.fetch.client import ProviderClient
from adapters.fetch.transport import Received, Transport
from adapters.registry import discover
from bridge import looks_kept
from bridge.guard import Guard
from bridge.looks import KEEP_EVERY_MS, Looks
from bridge.looks_kept import KeptLooks, Known, adapter_digest
from bridge.poller import Poller
from bridge.quarantine import Quarantine
from bridge.results import PollResult
from bridge.shapes import Shape
from bridge.snapshot import decode_offers, encode_snapshot
from schemas.vocabulary import Market
from tests.bridge.fakes import START_MS, Clock, Lumen, poller, source
from tests.bridge.feed import Feed


class Altered:
    """A transport whose JSON answers have another value at every such key, or none."""

    def __init__(self, inner: Transport, key: str, alter: Callable[[Any], Any] | None) -> None:
        self._inner, self._key, self._alter = inner, key, alter

    async def send(self, outgoing: Outgoing) -> Received:
        received = await self._inner.send(outgoing)
        body = json.dumps(self._altered(json.loads(received.body))).encode()
        return Received(status=received.status, headers=received.headers, body=body)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _altered(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._altered(item) for item in value]
        if not isinstance(value, dict):
            return value
        kept = {key: self._altered(inner) for key, inner in value.items() if key != self._key}
        if self._key in value and self._alter is not None:
            kept[self._key] = self._alter(value[self._key])
        return kept


@pytest.mark.parametrize(
    ("name", "key", "alter"),
    [
        ("verda", "country_code", None),
        ("vast", "rentable", None),
        ("scaleway", "availability", None),
        ("azure", "isPrimaryMeterRegion", None),
        ("runpod", "stockStatus", None),
        ("tencent", "Status", None),
        ("lambda", "vcpus", str),
        ("vast", "geolocation", lambda text: {"text": text}),
    ],
)
async def test_a_key_that_goes_while_the_bridge_is_down_holds_its_source(
    name: str, key: str, alter: Callable[[Any], Any] | None, tmp_path: Path
) -> None:
    """None of these costs a row: whoever does not know the earlier answers takes the others' word."""
    feed = Feed(folder=tmp_path, names=[name])
    for _ in range(3):
        await feed.sweep(after_s=61)
    prices = feed.prices(name)
    _write(feed.guard, ending=True)
    forgetful = _restarted(feed, None, name)
    _alter(forgetful, name, key, alter)
    await forgetful.sweep(after_s=300)
    assert forgetful.held == {}
    for _ in range(2):
        feed = _restarted(feed, tmp_path, name)
        unaltered = _alter(feed, name, key, alter)
        result = (await feed.sweep(after_s=300))[0]
        assert feed.held == {name: "schema_drift"}, "neither the first restart nor the next one lets it through"
        assert key in str(result.health.error)
        assert feed.prices(name) == prices
    _client(feed, name)._transport = unaltered
    result = (await feed.sweep(after_s=61))[0]
    assert (feed.held, result.health.health) == ({}, "ok")


async def test_new_keys_are_new_across_a_restart(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for number in range(25):
        kept.extra = {"build": number}
        await kept.poll()
    kept.restart()
    kept.extra["colour"] = "red"
    assert (await kept.poll()).health.error == "new keys: types.rows[].colour"
    kept.restart()
    assert (await kept.poll()).health.error == "new keys: types.rows[].colour"


async def test_a_source_is_written_at_first_then_seldom_and_only_if_it_changed(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    await kept.poll()
    assert len(kept.guard.pending()) == 1
    kept.extra = {"build": 1}
    await kept.poll()
    assert kept.guard.pending() == []
    assert len(kept.guard.pending(ending=True)) == 1
    assert kept.guard.pending(ending=True) == []
    kept.clock.passed_s += KEEP_EVERY_MS / 1000
    for _ in range(20):
        await kept.poll()
    kept.guard.pending(ending=True)
    kept.clock.passed_s += KEEP_EVERY_MS / 1000
    await kept.poll()
    assert kept.guard.pending(ending=True) == [], "the same answer again and again says nothing new"


async def test_what_an_operator_accepted_is_gone_by_after_a_restart(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    await kept.poll()
    _write(kept.guard)
    kept.row = {"key": "a", "price": 16.0}
    await kept.poll()
    assert str(kept.guard.quarantine.holds["lumen"].reason).startswith("types.rows[].availability was there in 6 of 6")
    kept.guard.quarantine.order("lumen", "accept", [""], START_MS)
    await kept.poll()
    _write(kept.guard)
    kept.restart()
    assert (await kept.poll()).health.health == "ok"


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (lambda _: b"", "the file cannot be read"),
        (lambda body: body[: len(body) // 2], "the file cannot be read"),
        (lambda _: b"[]", "the file cannot be read"),
        (lambda body: body.replace(b'"shape":{', b'"shape":[{'), "the file cannot be read"),
        (lambda body: body.replace(b'"seen":', b'"seen":"many","was":'), "the file cannot be read"),
        (lambda body: body.replace(b'"format":1', b'"format":0'), "written by another version"),
        (lambda body: body.replace(b"simulated", b"live"), "of the live market"),
        (lambda body: body.replace(b'"adapter":"', b'"adapter":"0'), "the adapter was changed"),
        (lambda body: body + b" " * looks_kept.MAX_BYTES, "the file is too large"),
    ],
)
async def test_a_file_that_cannot_be_used_means_starting_anew(
    damaged: Callable[[bytes], bytes], reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feed = Feed(folder=tmp_path, names=["verda", "lambda"])
    await feed.sweep()
    _write(feed.guard)
    file = tmp_path / "looks" / "verda.json"
    was = file.read_bytes()
    assert damaged(was) != was
    file.write_bytes(damaged(was))
    (tmp_path / "looks" / "lambda.part").write_bytes(b"a writing that was cut short")
    again = Feed(folder=tmp_path, names=["verda", "lambda"])
    assert caplog.messages == [f"looks: what earlier answers looked like is learned anew ({reason}): verda"]
    assert {one.health.health for one in await again.sweep(after_s=60)} == {"ok"}
    _write(again.guard)
    assert file.read_bytes() != damaged(was)
    caplog.clear()
    assert KeptLooks(tmp_path / "looks", "simulated", discover()).read().keys() == {"verda", "lambda"}
    assert caplog.messages == []


def test_what_is_kept_of_a_source_that_is_no_more_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    kept = _kept_for(tmp_path)
    for name in ("lumen", "left"):
        (tmp_path / f"{name}.json").write_bytes(kept.encode("lumen", Known(seen=3)) or b"")
    assert kept.read() == {"lumen": Known(seen=3)}
    assert [file.name for file in tmp_path.iterdir()] == ["lumen.json"]
    assert caplog.messages == ["looks: left is no longer a source: its file is removed"]
    assert kept.encode("left", Known()) is None


def test_too_much_is_not_kept_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = _kept_for(tmp_path)
    huge = Known(shape=Shape(keys={"k" * looks_kept.MAX_BYTES}))
    assert [kept.encode("lumen", huge), kept.encode("lumen", huge)] == [None, None]
    assert len(caplog.messages) == 1 and caplog.messages[0].startswith("looks: lumen: 10")


def test_files_are_for_one_writing_of_an_adapter() -> None:
    """Of its own file and its bases' own, not of what all share: that changes with every release."""
    digests = {name: adapter_digest(adapter) for name, adapter in discover().items()}
    assert len(set(digests.values())) > len(digests) - 5, "sources that share a file share the digest, others do not"
    assert adapter_digest(Lumen()) != digests["lambda"]


class Kept:
    """One source with a row that the test sets; its guard keeps what answers looked like."""

    def __init__(self, folder: Path) -> None:
        self.row: dict[str, Any] = {"key": "a", "price": 16.0, "availability": "low"}
        self.extra: dict[str, Any] = {}
        self.clock = Clock()
        self.folder = folder
        self.source = source(lambda _: httpx.Response(200, json={"rows": self._rows()}), self.clock)
        self._restart()

    def restart(self) -> None:
        """The orderly kind."""
        _write(self.guard, ending=True)
        self._restart()

    def _restart(self) -> None:
        looks = Looks(_kept_for(self.folder / "looks"))
        self.guard = Guard(Quarantine(self.folder), {"lumen": self.source}, looks)
        self.poller: Poller = poller(self.clock, guard=self.guard)

    def _rows(self) -> list[dict[str, Any]]:
        return [{**self.row, "key": f"{self.row['key']}{number}", **self.extra} for number in range(6)]

    async def poll(self) -> PollResult:
        self.clock.passed_s += 1
        return await self.poller.poll(self.source)


def _kept_for(folder: Path, market: Market = "simulated") -> KeptLooks:
    return KeptLooks(folder, market, {"lumen": Lumen()})


def _write(guard: Guard, *, ending: bool = False) -> None:
    for work in guard.pending(ending=ending):
        work()


def _restarted(feed: Feed, folder: Path | None, name: str) -> Feed:
    """Another process: it has what is on disk, and the offers from Redis."""
    again = Feed(folder=folder, names=[name])
    again.now_ms = feed.now_ms
    again.sources[name].book.restore(decode_offers(encode_snapshot(feed.sources[name])))
    return again


def _client(feed: Feed, name: str) -> ProviderClient:
    client = feed.sources[name].client
    assert client is not None
    return client


def _alter(feed: Feed, name: str, key: str, alter: Callable[[Any], Any] | None) -> Transport:
    """From now on; what answers as it is."""
    client = _client(feed, name)
    unaltered = client._transport
    client._transport = Altered(unaltered, key, alter)
    return unaltered
