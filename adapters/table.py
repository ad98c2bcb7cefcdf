"""The source table as Markdown, as the README shows it: `python -m adapters.table`."""

from datetime import timedelta

from adapters.base import Adapter
from adapters.registry import discover

HEAD = "| source | asked | every | price | currency | credential | confidence |\n| --- | --- | --- | --- | --- | --- | --- |"


def source_table() -> str:
    """One line per source: where it is asked, live cadence, what its price is for, what it needs."""
    return "\n".join([HEAD, *(_line(adapter) for adapter in discover().values())])


def _line(adapter: Adapter) -> str:
    needs = ", ".join(f"`GPUTICKER_{name}`" for name in adapter.credential) or "none"
    price = f"{adapter.basis.replace('_', ' ')}, {adapter.unit}"
    return (
        f"| [{adapter.title}]({adapter.docs_url}) | {adapter.base_url.removeprefix('https://')} | {_duration(adapter.cadence)} | {price} "
        f"| {adapter.currency} | {needs} | {adapter.confidence} |"
    )


def _duration(cadence: timedelta) -> str:
    seconds = int(cadence.total_seconds())
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


if __name__ == "__main__":
    print(source_table())  # noqa: T201 - that is what it is for
