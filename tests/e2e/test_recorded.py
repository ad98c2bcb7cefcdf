"""The pipeline on real recorded answers: prices at the doors equal those worked out by hand from the recordings."""

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.conftest import GPUTICKER, Stack, eventually, free_port_base

pytestmark = pytest.mark.stack

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "real-data"

BY_HAND = {
    # provider, offer's words -> raw amount in the recording, GPUs, and USD per GPU-hour worked out by hand
    ("runpod", "H100-SXM-80", 1, "on_demand"): Decimal("3.49"),
    ("runpod", "H100-SXM-80", 1, "community"): Decimal("2.69"),
    ("verda", "H100-SXM-80", 1, "on_demand"): Decimal("3.95"),
    ("verda", "RTXA6000-PCIE-48", 2, "on_demand"): Decimal("0.99"),
    ("verda", "V100-PCIE-16", 1, "spot"): Decimal("0.25"),
    ("vast", "B300-SXM-288", 2, "on_demand"): Decimal("7.5"),
    ("azure", "H100-SXM-80", 8, "on_demand"): Decimal("12.29"),
    ("azure", "A100-PCIE-80", 1, "on_demand"): Decimal("3.673"),
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A second stack beside the first, over the folder of recordings, without Airflow and Flink."""
    if not (RECORDINGS / "index.json").exists():
        pytest.skip("no folder of recordings beside the project")
    data_dir = tmp_path_factory.mktemp("recorded")
    arguments = ["--bodies", str(RECORDINGS), "--detach", "--data-dir", str(data_dir), "--port-base", str(free_port_base())]
    arguments += ["--without", "airflow,flink", "--interval", "2"]
    up = subprocess.run([GPUTICKER, "up", *arguments], capture_output=True, text=True, timeout=300, check=False)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        yield Stack(data_dir)
    finally:
        subprocess.run([GPUTICKER, "down", "--data-dir", str(data_dir)], capture_output=True, timeout=120, check=True)
