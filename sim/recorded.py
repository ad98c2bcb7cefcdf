"""A folder of recorded answers, served unchanged by its index.json. What isn't in the index is not answered."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from sim.exchange import JSON, Answer, Exchange, dumps, json_answer

BODY = "$BODY"
# The index holds one GPU's slice of Vast's market and says: answer every other slice with no offers.
VAST_HOST = "console.vast.ai"
NO_OFFERS: dict[str, Any] = {"offers": []}


class Entry(msgspec.Struct):
    """One line of the index: the file that answers a request. Only the query values given here must match."""

    provider: str
    method: str
    host: str
    path: str
    file: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    wrap: Any = None
    whole: bool = True
    note: str = ""


class Index(msgspec.Struct):
    answers: list[Entry]


class Recorded:
    """Answers from the folder. Raises OSError or msgspec.DecodeError where index.json or a file of it cannot be read."""

    def __init__(self, folder: Path) -> None:
        index = msgspec.json.decode((folder / "index.json").read_bytes(), type=Index)
        self.entries: dict[tuple[str, str, str], list[tuple[Entry, bytes]]] = defaultdict(list)
        for entry in index.answers:
            if entry.path:
                self.entries[entry.method, entry.host, entry.path].append((entry, _body(folder, entry)))
        self.providers = sorted({entry.provider for found in self.entries.values() for entry, _ in found})

    def answer(self, exchange: Exchange) -> Answer:
        query = {"page": "1", **exchange.query}
        for entry, body in self.entries.get((exchange.method, exchange.host, exchange.path), []):
            if all(query.get(name) == value for name, value in entry.query.items()):
                if entry.host == VAST_HOST and not _asks_recorded_gpu(exchange, body):
                    return json_answer(NO_OFFERS)
                return Answer(200, {**JSON, **{name.lower(): value for name, value in entry.headers.items()}}, body)
        return json_answer({"message": "not recorded"}, 404)


def _body(folder: Path, entry: Entry) -> bytes:
    body = (folder / entry.file).read_bytes()
    return body if entry.wrap is None else dumps(_wrapped(entry.wrap, msgspec.Raw(body)))


def _wrapped(wrap: Any, body: msgspec.Raw) -> Any:
    if wrap == BODY:
        return body
    if isinstance(wrap, dict):
        return {name: _wrapped(value, body) for name, value in wrap.items()}
    if isinstance(wrap, list):
        return [_wrapped(value, body) for value in wrap]
    return wrap


def _asks_recorded_gpu(exchange: Exchange, body: bytes) -> bool:
    """Whether a search names the recorded GPU, in the on-demand market that was recorded."""
    try:
        asked = msgspec.json.decode(exchange.body)
        recorded = {offer["gpu_name"] for offer in msgspec.json.decode(body)["offers"]}
        return asked["gpu_name"]["eq"] in recorded and asked.get("type") not in ("bid", "reserved")
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return False
