"""What a source's answers look like: which keys its parse reads, and in how many rows each is there, and of which type. Pure.

Paths are written as `data[].specs.gpus`: `[]` is every item of a list, `*` every value of an object that is used as a table. Which keys are
read is learned from a parse over mappings that remember (`paths_read`); what an answer has of them is counted over a few rows (`shape_of`).
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from adapters.base import Adapter, Page

SAMPLE = 10
"""Rows of a list, spread over it, whose shape is looked at."""
MAX_PATHS = 400
MAX_KEYS = 2_000
NEARLY_ALL = 0.98
MOST = 0.8
ENOUGH_BEFORE = 5
"""Places a key must have been seen at before its absence says anything: rows, or answers for what an answer has once."""
REMEMBERED = 5_000
"""Places a count stands for at most, so that what an answer was like long ago weighs less and less."""
TABLE_ROWS, TABLE_VALUES = 6, 25
"""So many keys of one object that are read alike, objects or plain values, are no fields: they are names."""
EACH, ANY = "[]", "*"
NULL = "null"

Path = tuple[str, ...]


class Counts(msgspec.Struct):
    """Of one key: how many objects could have had it, and how many had it with which type; null is one of them."""

    objects: int = 0
    types: dict[str, int] = {}

    @property
    def present(self) -> int:
        """Objects that had the key."""
        return sum(self.types.values())

    @property
    def told(self) -> int:
        """Objects that had a value."""
        return self.present - self.types.get(NULL, 0)

    @property
    def usual(self) -> str:
        """The type that nearly all of its values have; empty where there is none."""
        kind = max(self.types.keys() - {NULL}, key=self.types.__getitem__, default="")
        return kind if kind and self.types[kind] >= NEARLY_ALL * self.told else ""

    def add(self, more: "Counts") -> None:
        if self.objects > REMEMBERED:
            self.objects //= 2
            self.types = {kind: count // 2 for kind, count in self.types.items() if count > 1}
        self.objects += more.objects
        for kind, count in more.types.items():
            self.types[kind] = self.types.get(kind, 0) + count


class Shape(msgspec.Struct):
    """Counts by written path, beginning with the request's name, and every key seen in the rows that were looked at."""

    counts: dict[str, Counts] = {}
    keys: set[str] = set()

    def add(self, more: "Shape") -> None:
        for path, counts in more.counts.items():
            self.counts.setdefault(path, Counts()).add(counts)
        if len(self.keys) < MAX_KEYS:
            self.keys |= more.keys


class Drift(msgspec.Struct, frozen=True):
    """A key that is no longer there, or no longer what it was."""

    path: str
    reason: str


def drift(before: Shape, now: Shape) -> Drift | None:
    """The first key that nearly all earlier answers' objects had, and that none has now or most have as another type."""
    for path, counts in now.counts.items():
        known = before.counts.get(path)
        if known is None or not counts.objects or known.objects < ENOUGH_BEFORE:
            continue
        if not counts.present and known.present >= NEARLY_ALL * known.objects:
            was = f"was there in {known.present} of {known.objects} earlier places"
            return Drift(path, f"{path} {was}, and now in none of {counts.objects}")
        usual = known.usual
        if not usual or known.told < ENOUGH_BEFORE:
            continue
        was = f"was {usual} in {known.types[usual]} of {known.present} earlier places"
        if counts.present and not counts.told and known.told >= NEARLY_ALL * known.objects:
            return Drift(path, f"{path} {was}, and is null in all {counts.present} now")
        others = {kind: count for kind, count in counts.types.items() if kind not in (usual, NULL)}
        if others and sum(others.values()) > MOST * counts.told:
            kind = max(others, key=others.__getitem__)
            return Drift(path, f"{path} {was}, and is {kind} in {others[kind]} of {counts.present} now")
    return None


def new_keys(before: Shape, now: Shape) -> list[str]:
    """Keys that no earlier answer had, in order. None where there is nothing to compare with."""
    return sorted(now.keys - before.keys) if before.keys and len(before.keys) < MAX_KEYS else []


def paths_read(adapter: Adapter, pages: Sequence[Page], observed_at: datetime) -> frozenset[Path]:
    """The keys that the adapter's parse asks for in these pages, each with the request's name before it; not in those that are aside.

    Raises what `parse` raises.
    """
    found: set[Path] = set()
    tracked = [
        page if page.request.aside else msgspec.structs.replace(page, body=_tracked(page.body, (page.request.name,), found))
        for page in pages
    ]
    for _ in adapter.parse(tracked, observed_at):
        pass
    return without_tables(found)


def without_tables(found: Set[Path]) -> frozenset[Path]:
    """The paths, where an object that is looked up by what another answer names (an instance type) is a table, not one of many keys."""
    below: dict[Path, dict[str, set[Path]]] = {}
    for path in found:
        for depth in range(1, len(path)):
            below.setdefault(path[:depth], {}).setdefault(path[depth], set()).add(path[depth + 1 :])
    tables = set()
    for parent, children in below.items():
        alike: dict[frozenset[Path], int] = {}
        for inner in children.values():
            alike[frozenset(inner)] = alike.get(frozenset(inner), 0) + 1
        if ANY in children or any(number >= (TABLE_ROWS if any(inner) else TABLE_VALUES) for inner, number in alike.items()):
            tables.add(parent)
    fields = {tuple(ANY if path[:depth] in tables and step != EACH else step for depth, step in enumerate(path)) for path in found}
    return frozenset(sorted(fields)[:MAX_PATHS])


def shape_of(pages: Sequence[Page], paths: frozenset[Path]) -> Shape:
    """What these pages have of the keys at `paths`."""
    shape = Shape()
    tree: dict[str, Any] = {}
    for path in paths:
        branch = tree
        for step in path:
            branch = branch.setdefault(step, {})
    for page in pages:
        if tree.get(page.request.name):
            _count(page.body, tree[page.request.name], page.request.name, shape)
    return shape


def _count(value: Any, branch: Mapping[str, Any], name: str, shape: Shape) -> None:
    if isinstance(value, list):
        if EACH in branch:
            for item in _sample(value):
                _count(item, branch[EACH], name + EACH, shape)
        return
    if not isinstance(value, dict):
        return
    if ANY in branch:
        for item in _sample(list(value.values())):
            _count(item, branch[ANY], f"{name}.{ANY}", shape)
    named = [step for step in branch if step not in (EACH, ANY)]
    if not named:
        return
    if ANY not in branch and EACH in name:
        shape.keys.update(f"{name}.{key}" for key in value)
    for step in named:
        path = f"{name}.{step}"
        counts = shape.counts.get(path)
        if counts is None:
            counts = shape.counts[path] = Counts()
        counts.objects += 1
        if step not in value:
            continue
        inner = value[step]
        kind = KINDS.get(type(inner), "another")
        counts.types[kind] = counts.types.get(kind, 0) + 1
        if branch[step]:
            _count(inner, branch[step], path, shape)


KINDS = {type(None): NULL, dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", Decimal: "a number"}


def _sample(items: Sequence[Any]) -> Sequence[Any]:
    step = -(-len(items) // SAMPLE) or 1
    return items[::step]


def _tracked(value: Any, path: Path, found: set[Path]) -> Any:
    if isinstance(value, dict):
        return _Object(value, path, found)
    if isinstance(value, list):
        return _List(value, path, found)
    return value


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its keys are asked for, and hands out what it holds in the same way."""

    def __init__(self, value: dict[str, Any], path: Path, found: set[Path]) -> None:
        super().__init__(value)
        self._path, self._found = path, found

    def __getitem__(self, key: str) -> Any:
        return self._asked(key, super().__getitem__(key))

    def get(self, key: str, default: Any = None) -> Any:
        return self._asked(key, super().get(key, default))

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str):
            self._found.add((*self._path, key))
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def values(self) -> Any:
        return [_tracked(value, (*self._path, ANY), self._found) for value in super().values()]

    def items(self) -> Any:
        return [(key, _tracked(value, (*self._path, ANY), self._found)) for key, value in super().items()]

    def _asked(self, key: str, value: Any) -> Any:
        path = (*self._path, key)
        self._found.add(path)
        return _tracked(value, path, self._found)


class _List(list[Any]):
    """A JSON list whose objects remember, too."""

    def __init__(self, value: list[Any], path: Path, found: set[Path]) -> None:
        super().__init__(value)
        self._path, self._found = path, found

    def __iter__(self) -> Iterator[Any]:
        return (_tracked(value, (*self._path, EACH), self._found) for value in super().__iter__())

    def __getitem__(self, index: Any) -> Any:
        value = super().__getitem__(index)
        return _tracked(value, self._path if isinstance(index, slice) else (*self._path, EACH), self._found)
