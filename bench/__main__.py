"""`make bench`: every figure that the documents quote, printed by one run. Parts can be named: `python -m bench sweep publish`."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import publish, rounds, serve, sources, sweep
from bench.measure import TABLE_HEAD, Comparison

GPUTICKER = str(Path(sys.executable).with_name("gputicker"))
PORT_BASE = 29_000
REST_S = 90
"""How long the whole stack runs before its memory is read: history is through, several windows are closed."""
PARTS = ("sources", "memory", "sweep", "rounds", "serve", "publish")


def main() -> None:
    """Run the named parts, all by default, and print what they measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; all when left out")
    parts = parser.parse_args().parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {time.strftime('%Y-%m-%d', time.gmtime())}\n")
    if "sources" in parts:
        print("\n".join(sources.measure()), end="\n\n")
    if "memory" in parts:
        with _stack() as (status, _):
            time.sleep(REST_S)
            _print_memory(status())
    if set(parts) - {"memory", "sources"}:
        print(TABLE_HEAD)
    if "rounds" in parts:
        _print(*rounds.compare())
    if "sweep" in parts:
        _print(sweep.compare())
    if {"serve", "publish"} & set(parts):
        with _stack("--without", "airflow,flink", "--history-hours", "0") as (status, command):
            urls = status()["urls"]
            for name in ("loader", "clickhouse"):
                command("stop", name)
            if "serve" in parts:
                _print(*serve.compare(urls["api"], urls["redis"]))
            for name in ("api", "bridge", "sim"):
                command("stop", name)
            if "publish" in parts:
                _print(publish.compare(urls["kafka"], urls["registry"]))


def _print(*comparisons: Comparison) -> None:
    for comparison in comparisons:
        print(comparison.line())


@contextmanager
def _stack(*arguments: str) -> Iterator[tuple[Callable[[], dict[str, Any]], Callable[..., None]]]:
    """A stack of the bench's own: its status, and a way to run commands on it."""
    with tempfile.TemporaryDirectory(prefix="gputicker-bench-") as folder:

        def run(*words: str) -> str:
            return subprocess.run([GPUTICKER, *words, "--data-dir", folder], check=True, capture_output=True, text=True).stdout

        def status() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(run("status", "--json"))
            return found

        def command(*words: str) -> None:
            run(*words)

        run("up", "--sim", "--detach", "--port-base", str(PORT_BASE), *arguments)
        try:
            yield status, command
        finally:
            run("down")


def _print_memory(status: dict[str, Any]) -> None:
    services = {**status["services"], "supervisord": status["supervisor"]}
    print(f"Memory at rest, {REST_S} s after the start:\n\n| process | PSS (MB) |\n| --- | --- |")
    for name, service in services.items():
        if service["pss_mb"]:
            print(f"| {name} | {service['pss_mb']:.0f} |")
    print(f"| **whole stack** | **{sum(service['pss_mb'] or 0 for service in services.values()):.0f}** |\n")


if __name__ == "__main__":
    main()
