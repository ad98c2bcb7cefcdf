"""The source table as documents show it: `python -m adapters.table` prints docs/providers.md, `--write` writes it and the README's line."""

import re
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from adapters.base import Adapter
from adapters.limits import Limit
from adapters.registry import discover

ROOT = Path(__file__).parents[1]
PAGE, README = ROOT / "docs" / "providers.md", ROOT / "README.md"
LINE = re.compile(r"(?<=<!-- sources -->\n).*(?=\n<!-- /sources -->)", re.DOTALL)

INTRODUCTION = """# Providers: how each is asked, and what it tells

Written by `python -m adapters.table --write` from the facts in `adapters/providers/`; a test compares. What each fact means stands in
`adapters/base.py`. Nothing here was called live yet unless its latency says so.
"""

ASKED = """## How each is asked

The cadence is live's. It starts as said and moves between the bounds: shorter while many offers change, longer while nothing does. Limits
are kept as token buckets, one for all sources at a host: "ours" are manners where nothing is documented, "unsure" is what others report.
"Only if changed" goes by the ETag or date of the earlier answer, where it brought one: 304 means that it stands, observed now. `gputicker
providers --wide` shows where a cadence stands and how many answers stood.
`Retry-After` and an allowance that is used up (`RateLimit-*`) are honoured everywhere. Every source can be switched off:
`GPUTICKER_SOURCES_OFF=NAME`. One of confidence `unsure` is off in live mode until `GPUTICKER_SOURCES_UNSURE` names it.
"""
TOLD = """## What each tells

Currencies are codes, or smaller units of one: `USc` a US cent, `EUR-8` a hundred-millionth of a EUR, `USD-8` one of a USD.
"""
BESIDES = """## What stands beside it

Terms of use are told as far as they were read: whoever polls live reads them first.
"""

KNOWN: Mapping[str, str] = {"documented": "", "unsure": " (unsure)", "ours": " (ours)"}
STOCK: Mapping[str, str] = {
    "count": "exact count",
    "levels": "much or little",
    "flag": "to be had or not",
    "listed": "only what can be had is listed",
    "untold": "not told",
}

Column = tuple[str, Callable[[Adapter], str]]


def page() -> str:
    """docs/providers.md, whole."""
    adapters = discover()
    parts = [INTRODUCTION]
    for words, columns in ((ASKED, ASKED_COLUMNS), (TOLD, TOLD_COLUMNS), (BESIDES, BESIDES_COLUMNS)):
        parts += [words, _table(adapters, columns)]
    return "\n".join(parts)


def readme_line() -> str:
    """The README's line: how many sources, their names, how many need nothing."""
    adapters = discover().values()
    names = ", ".join(sorted((adapter.title for adapter in adapters), key=str.casefold))
    public = sum(not adapter.credential for adapter in adapters)
    link = "[how each is asked, and what it tells](docs/providers.md)"
    return f"{len(adapters)} sources, {public} of them without a credential ({link}): {names}."


def _table(adapters: Mapping[str, Adapter], columns: tuple[Column, ...]) -> str:
    rows = [[head for head, _ in columns], ["---"] * len(columns)]
    rows += [[cell(adapter).replace("|", "\\|") for _, cell in columns] for adapter in adapters.values()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _name(adapter: Adapter) -> str:
    return f"`{adapter.source}`"


def _protocol(adapter: Adapter) -> str:
    if adapter.protocol is not None:
        return adapter.protocol
    requests = [request for part in adapter.slices() for request in part.requests]
    kinds = ["page" if request.answer == "text" else "GraphQL" if "graphql" in request.path else "REST JSON" for request in requests]
    ways = list(dict.fromkeys(kinds)) + (["signed"] if adapter.auth == "signed" else [])
    return ", ".join(ways)


def _auth(adapter: Adapter) -> str:
    if adapter.auth == "none" and not adapter.credential:
        return "none"
    how = adapter.auth.replace("_client", "") + "".join(f" `{name}`" for name in adapter.auth_names)
    return f"{how}: {', '.join(f'`GPUTICKER_{name}`' for name in adapter.credential)}"


def _cadence(adapter: Adapter) -> str:
    fastest, slowest = adapter.bounds
    own = _duration(adapter.cadence)
    return own if fastest == slowest else f"{own} ({_duration(fastest)} to {_duration(slowest)})"


def _limit(limit: Limit) -> str:
    burst = f", {limit.burst} at once" if limit.burst > 1 else ""
    return f"{limit.requests} in {_duration(limit.per)}{burst}{KNOWN[limit.known]}"


def _duration(time: timedelta) -> str:
    seconds = time.total_seconds()
    for unit_s, unit in ((3600, "h"), (60, "min")):
        if seconds >= unit_s and seconds % unit_s == 0:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.3g} s"


ASKED_COLUMNS: tuple[Column, ...] = (
    ("source", _name),
    ("documents", lambda adapter: f"[{adapter.title}]({adapter.docs_url})"),
    ("protocol", _protocol),
    ("host", lambda adapter: adapter.base_url.removeprefix("https://")),
    ("credential", _auth),
    ("cadence", _cadence),
    ("limits", lambda adapter: "; ".join(map(_limit, adapter.limits)) or "none"),
    ("asked again", lambda adapter: "only if changed" if adapter.conditional else "in full"),
)
TOLD_COLUMNS: tuple[Column, ...] = (
    ("source", _name),
    ("price is for", lambda adapter: f"{adapter.basis.replace('_', ' ')} and {adapter.unit}"),
    ("currency", lambda adapter: adapter.currency),
    ("price types", lambda adapter: ", ".join(adapter.price_types)),
    ("stock", lambda adapter: STOCK[adapter.stock]),
    ("confidence", lambda adapter: adapter.confidence),
)
BESIDES_COLUMNS: tuple[Column, ...] = (
    ("source", _name),
    ("push", lambda adapter: adapter.push),
    ("fallback", lambda adapter: adapter.fallback),
    ("latency seen", lambda adapter: adapter.latency_seen),
    ("terms", lambda adapter: adapter.terms),
)


def main() -> None:
    """Print the page, or write it and the README's line."""
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page())
        README.write_text(LINE.sub(lambda _: readme_line(), README.read_text()))
    else:
        print(page(), end="")  # noqa: T201 - that is what it is for


if __name__ == "__main__":
    main()
