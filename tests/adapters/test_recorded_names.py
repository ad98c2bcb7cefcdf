"""Every GPU name in every recording beside the project is known, or ignored with a reason.

Recordings that an adapter reads go through its parse. The others, and those whose rows are refused before anybody asks for their GPU, have
their names picked out here and resolved as their adapter would.
"""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from adapters.base import Page
from adapters.models import Rejected
from adapters.names import canonical_gpu, with_form
from adapters.providers.linode import PLANS
from tests.adapters.support import ADAPTERS, NOW, RECORDINGS, decode, recorded_slices

pytestmark = pytest.mark.skipif(not (RECORDINGS / "index.json").exists(), reason="no recordings beside the project")


class Name(NamedTuple):
    """A provider's text, and the memory that it states for one GPU."""

    text: str
    gib: float | None = None


# Read as the answer to its adapter's first request; their index names no host.
DIRECT = {
    "hyperbolic/rental_options_2026-08.computable.json": "hyperbolic",
    "lium/executors_trimmed_2026-08.computable.json": "lium",
    "voltage-park/locations_2026-08.computable.json": "voltage-park",
}


def _vast(body: Any) -> Iterator[Name]:
    for row in body["offers"] if isinstance(body, dict) else body:
        yield Name(row["gpu_name"], row["gpu_ram"] / 1024)


def _summary(body: Any) -> Iterator[Name]:
    yield from (Name(f"{kind} {socket}") for kind in body for socket in ("PCIe", "SXM"))


def _ionet(body: Any) -> Iterator[Name]:
    # Its id, 8H100.80S.176V, is how the supplier writes eight SXM cards; the API tells that in `interconnect`, which was not recorded.
    yield from (Name(with_form(row["gpu"], "SXM5" if row["gpu"] == "H100" else None, None)) for row in body["rows"])


# file -> source whose tables know the names, how to pick them out
PICKED: dict[str, tuple[str, Callable[[Any], Iterator[Name]]]] = {
    "vast/bundles_condensed_2026-10.ewyluda.json": ("vast", _vast),
    "vast/bundles_b300_raw_2026-08.computable.json": ("vast", _vast),
    "clore/marketplace_2023_one_server.json": (
        "clore",
        lambda body: (Name(row["specs"]["gpu"].partition("x ")[2], row["specs"]["gpuram"]) for row in body["servers"]),
    ),
    "linode/libcloud_list_types.json": ("linode", lambda body: (Name(row["id"]) for row in body["data"] if "-gpu-" in row["id"])),
    "shadeform/rows_2026-09-12.computex.json": ("shadeform", lambda body: (Name(f"{row['gpu']} {row['interconnect']}") for row in body)),
    "io-net/vmaas_caas_rows_2026-06-13.json": ("ionet", _ionet),
    "replicate/hardware.json": ("replicate", lambda body: (Name(re.sub(r"^Nvidia | GPU$", "", row["name"])) for row in body)),
    "tensordock/v0_hostnode_specs.json": ("tensordock", lambda body: (Name(name, card["vram"]) for name, card in body["gpu"].items())),
    "aws/ec2-ondemand_us-east-1_2026-10.ewyluda.json": (
        "aws",
        lambda body: (Name(row["Instance Type"]) for rows in body["regions"].values() for row in rows.values()),
    ),
    "aws/spot-advisor.gpu-families.json": ("aws", lambda body: (Name(name) for name in body["instance_types"])),
    "prime-intellect/availability_summary.json": ("prime-intellect", _summary),
    "gcp-history/acceleratortyperegion.csv": ("gcp", lambda rows: (Name(row["NAME"]) for row in rows)),
    "gcp-history/acceleratortypezone.csv": ("gcp", lambda rows: (Name(row["NAME"]) for row in rows)),
    "gcp-history/gpu_machine_price_changes.csv": ("gcp", lambda rows: (Name(row["machine_type"]) for row in rows)),
}

# Other than in an adapter's `ignored`: what only these recordings call so. Pattern -> why.
IGNORED = {
    r"CPU": "no GPU",
    r"ct\w+|tpu\w+": "Google's TPUs: no GPUs",
    r"(inf|trn)\w+\.\w+": "Amazon's Inferentia and Trainium: no GPUs",
    r"dl2q\.\w+": "Qualcomm's AI 100: no GPU",
    r"dl1\.\w+": "Gaudi, retired by Amazon: not in the lists that are read",
    r"nvidia-\S+-vws": "a licence for workstations, sold with a GPU",
    r"nvidia-(tesla-)?(a100|h100|h200|gb200|b200|l4|rtx-pro-6000)\S*": "of machine types, which the adapter knows by their own names",
    r"nvidia-tesla-(t4|p4|p100|v100)": "attached to a machine of the customer's choice: no one price",
}

# Without names of GPUs. Pattern of the path -> why.
NAMELESS = {
    r"linode/regions-availability\.\d\.json": "plans by region, which the list of types has",
    r"oracle/shape_part_numbers\.json": "parts, which the price list has",
    r"prime-intellect/availability_disks\.json": "disks",
    r"scaleway/_requests\.json|index\.json": "about the recordings",
    r"vultr/libcloud_.*\.json": "of 2021: no plan with a GPU",
    r"(aws|azure)/karpenter_.*\.csv|gcp-history/snapshots\.csv": "history of prices by machine type",
}


def _read(path: Path) -> Any:
    if path.suffix == ".csv":
        with path.open(newline="") as lines:
            return list(csv.DictReader(lines, delimiter=";" if "acceleratortype" in path.name else ","))
    return msgspec.json.decode(path.read_bytes())


def _known(source: str, name: Name) -> bool:
    adapter = ADAPTERS[source]
    if name.text in adapter.gpus or name.text in adapter.ignored or name.text in getattr(adapter, "machines", ()):
        return True
    if source == "linode":
        return any(re.fullmatch(pattern, name.text) for pattern in PLANS)
    return canonical_gpu(name.text, name.gib) is not None or any(re.fullmatch(pattern, name.text) for pattern in IGNORED)


def _recorded() -> dict[str, str]:
    """File -> source, of those that an adapter asks for."""
    sources = {adapter.base_url.removeprefix("https://"): source for source, adapter in ADAPTERS.items()}
    index = msgspec.json.decode((RECORDINGS / "index.json").read_bytes())["answers"]
    return {entry["file"]: sources[entry["host"]] for entry in index if entry["host"] in sources}


def test_every_recording_is_looked_at() -> None:
    files = {str(path.relative_to(RECORDINGS)) for path in RECORDINGS.rglob("*") if path.suffix in (".json", ".csv")}
    looked_at = {*_recorded(), *DIRECT, *PICKED}
    assert {file for file in files - looked_at if not any(re.fullmatch(pattern, file) for pattern in NAMELESS)} == set()


def test_no_adapter_meets_an_unknown_name() -> None:
    unknown = set()
    for source in sorted(set(_recorded().values())):
        for pages in recorded_slices(source).values():
            unknown |= {(source, row.unknown_gpu) for row in ADAPTERS[source].parse(pages, NOW) if isinstance(row, Rejected)}
    for file, source in DIRECT.items():
        (request,) = ADAPTERS[source].slices()[0].requests
        page = Page(request=request, status=200, headers={}, body=decode((RECORDINGS / file).read_bytes()))
        rows = list(ADAPTERS[source].parse([page], NOW))
        unknown |= {(source, row.unknown_gpu) for row in rows if isinstance(row, Rejected)}
    assert {(source, name) for source, name in unknown if name is not None} == set()


@pytest.mark.parametrize("file", PICKED)
def test_every_picked_name_is_known_or_ignored_with_a_reason(file: str) -> None:
    if not (RECORDINGS / file).exists():
        pytest.skip("not among these recordings")
    source, pick = PICKED[file]
    names = set(pick(_read(RECORDINGS / file)))
    assert names
    assert {name for name in names if not _known(source, name)} == set()
