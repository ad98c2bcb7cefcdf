"""The recordings beside the project: which source reads each file, as the answer to which request, and why the others are not read."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from adapters.base import Page, Request
from tests.adapters.support import ADAPTERS, RECORDINGS, decode, recorded_slices

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)

RECORDED = (
    *("aws", "azure", "clore", "cudo", "digitalocean", "gcp", "hyperbolic", "jarvislabs", "linode", "lium", "oracle"),
    *("prime-intellect", "runpod", "scaleway", "seeweb", "vast", "verda", "voltage-park", "vultr"),
)
"""Sources that have a recording of what they ask."""

DIRECT = {
    "aws/ec2-ondemand_us-east-1_2026-10.ewyluda.json": ("aws", "prices"),
    "hyperbolic/rental_options_2026-08.computable.json": ("hyperbolic", "options"),
    "lium/executors_trimmed_2026-08.computable.json": ("lium", "executors"),
    "voltage-park/locations_2026-08.computable.json": ("voltage-park", "locations"),
    "clore/marketplace_2023_one_server.json": ("clore", "marketplace"),
}
"""File -> source and request, where the recordings' index names no address."""
BESIDE = {"clore": {"code": 0}}
"""What the answer had besides, which was not kept."""

WITHOUT_OFFERS = {
    "linode": "recorded 2020: its plans have no list of prices by region, which today's have",
    "lium": "trimmed: its rows have no id, and so no key",
    "clore": "recorded 2023: its prices are in bitcoin and CLORE, without today's rates",
}
"""Read, and every row refused: why."""

NOT_READ = {
    r".*README\.md|index\.json|scaleway/_requests\.json": "about the recordings",
    r"gcp-history/.*\.csv": "tables that others kept of machine types and prices; no answer of an API",
    r"aws/spot-advisor\.gpu-families\.json": "bands of interruption, trimmed: no prices (test_recorded_names)",
    r"io-net/.*": "values seen in a text view; the shape around them was not recorded (test_recorded_names)",
    r"oracle/shape_part_numbers\.json": "part numbers by shape, which the adapter's table has",
    r"prime-intellect/availability_(disks|summary)\.json": "other endpoints: disks, and names without prices of their own",
    r"replicate/hardware\.json": "names without prices; prices are read off the page (test_recorded_names)",
    r"shadeform/.*": "rows that a collector condensed, with names of its own (test_recorded_names)",
    r"tensordock/v0_hostnode_specs\.json": "one machine as the API before today's told it (test_recorded_names)",
    r"vast/bundles_condensed_.*": "four fields of each row: none has its key (test_recordings)",
    r"vultr/libcloud_.*": "of 2021: no plan with a GPU",
}
"""Pattern of the path -> why no adapter reads it."""


def files() -> list[str]:
    """Every recording's path."""
    return sorted(str(path.relative_to(RECORDINGS)) for path in RECORDINGS.rglob("*") if path.is_file())


def indexed() -> dict[str, list[tuple[str, str]]]:
    """File -> the sources and requests that ask for it at its address."""
    entries = msgspec.json.decode((RECORDINGS / "index.json").read_bytes())["answers"]
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in entries:
        for source, request in _requests():
            if (_host(source, request), request.path, request.method) == (entry["host"], entry["path"], entry["method"]):
                found.setdefault(entry["file"], []).append((source, request.name))
    return found


def recorded_pages(source: str) -> list[list[Page]]:
    """What the recordings have for this source, slice by slice; empty where they have nothing."""
    for file, (reader, name) in DIRECT.items():
        if reader == source and (RECORDINGS / file).exists():
            request = next(request for other, request in _requests() if other == source and request.name == name)
            body = decode((RECORDINGS / file).read_bytes())
            return [[Page(request=request, status=200, headers={}, body={**BESIDE[source], **body} if source in BESIDE else body)]]
    return [pages for pages in recorded_slices(source).values() if pages]


def _requests() -> Iterator[tuple[str, Request]]:
    for source, adapter in ADAPTERS.items():
        for part in adapter.slices():
            for request in part.requests:
                yield source, request


def _host(source: str, request: Request) -> str:
    return request.host or ADAPTERS[source].base_url.removeprefix("https://")
