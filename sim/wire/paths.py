"""Paths into decoded JSON: dotted keys, `[]` for every item of a list, `*` for every value of an object."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

Path = tuple[str | int, ...]


def steps(path: str) -> Path:
    """A path without wildcards as steps; empty for the value itself."""
    return tuple(path.split(".")) if path else ()


def places(value: Any, pattern: str) -> list[Path]:
    """Every place in `value` that a pattern names; none where its keys are missing."""
    wanted = [part for step in pattern.split(".") for part in ((step.removesuffix("[]"), "[]") if step.endswith("[]") else (step,)) if part]
    return list(_matching(value, wanted))


def at(value: Any, path: Path) -> Any:
    """What stands there. Raises LookupError."""
    for step in path:
        value = value[step]
    return value


def replaced(value: Any, path: Path, new: Any) -> Any:
    """`value` with something else in one place, copied along the way."""
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def items(rows: Any) -> Iterator[tuple[Any, Any]]:
    """Key and row, of an object or a list."""
    return iter(rows.items()) if isinstance(rows, dict) else iter(enumerate(rows))


def _matching(value: Any, wanted: list[str]) -> Iterator[Path]:
    if not wanted:
        yield ()
        return
    step, rest = wanted[0], wanted[1:]
    inner: Iterable[tuple[str | int, Any]] = ()
    if step == "[]" and isinstance(value, list):
        inner = enumerate(value)
    elif step == "*" and isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, dict) and step in value:
        inner = [(step, value[step])]
    for key, item in inner:
        for path in _matching(item, rest):
            yield (key, *path)
