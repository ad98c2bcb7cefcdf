"""The pipeline on real recorded answers: prices at the doors equal those worked out by hand from the recordings."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import GPUTICKER, Stack, eventually, free_port_base

pytestmark = pytest.mark.stack

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "real-data"

# (provider, GPU, GPUs, price type, region) -> USD per GPU-hour, worked out by hand from the recordings. Scaleway's are EUR per server,
# at 1.1172 USD: 25.3308 x 1.1172 / 8 = 3.53744622, and 2.8665 x 1.1172 = 3.2024538.
BY_HAND = {
    ("runpod", "H100-SXM-80", 1, "on_demand", ""): "3.490000",
    ("runpod", "H100-SXM-80", 1, "community", ""): "2.690000",
    ("runpod", "MI300X-OAM-192", 1, "on_demand", ""): "2.390000",
    ("vast", "B300-SXM-288", 2, "on_demand", "Utah, US"): "7.500000",
    ("vast", "B300-SXM-288", 2, "bid", "Utah, US"): "5.625000",
    ("verda", "RTXA6000-PCIE-48", 2, "on_demand", "FIN-01"): "0.990000",
    ("verda", "RTXA6000-PCIE-48", 2, "spot", "FIN-01"): "0.350000",
    ("scaleway", "H100-SXM-80", 8, "on_demand", "fr-par-2"): "3.537446",
    ("scaleway", "H100-PCIE-80", 1, "on_demand", "pl-waw-2"): "3.202454",
    ("azure", "H100-SXM-80", 8, "on_demand", "eastus"): "12.290000",
    ("azure", "A100-PCIE-80", 1, "on_demand", "westus3"): "3.673000",
    ("azure", "MI300X-OAM-192", 8, "spot", "centralus"): "1.363847",
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A second stack beside the first, over the folder of recordings, without Airflow and Flink."""
    if not (RECORDINGS / "index.json").exists():
        pytest.skip("no folder of recordings beside the project")
    data_dir = tmp_path_factory.mktemp("recorded")
    arguments = ["--bodies", str(RECORDINGS), "--detach", "--data-dir", str(data_dir), "--port-base", str(free_port_base())]
    arguments += ["--without", "airflow,flink", "--interval", "2"]
    up = subprocess.run([GPUTICKER, "up", *arguments], capture_output=True, text=True, timeout=420, check=False)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        running = Stack(data_dir)
        yield running
        running.close()
    finally:
        subprocess.run([GPUTICKER, "down", "--data-dir", str(data_dir)], capture_output=True, timeout=120, check=True)


def test_offers_of_the_recordings_have_the_prices_worked_out_by_hand(recorded: Stack) -> None:
    def served() -> dict[tuple[object, ...], str]:
        return {
            (o["provider"], o["gpu"], o["gpu_count"], o["price_type"], o["region"]): o["usd_per_gpu_hour"]
            for o in recorded.get("/v1/offers", limit=1000)["offers"]
        }

    eventually("an offer of each recorded provider", lambda: {key[0] for key in served()} >= {key[0] for key in BY_HAND})
    found = served()
    assert {key: found.get(key) for key in BY_HAND} == BY_HAND
    assert recorded.get("/v1/offers", limit=1)["market"] == "recorded"
    assert "recorded" in recorded.api.get("/").text.lower()


def test_the_same_prices_stand_in_clickhouse(recorded: Stack) -> None:
    sql = """
        SELECT provider, gpu, gpu_count, price_type, region, toString(toDecimal64(usd_per_gpu_hour_micros, 6) / 1000000)
        FROM offer_events WHERE market = 'recorded' AND kind = 'appeared'
    """

    def stored() -> dict[tuple[object, ...], str]:
        return {tuple(row[:5]): f"{float(row[5]):.6f}" for row in recorded.rows(sql)}

    eventually("the events in ClickHouse", lambda: set(stored()) >= set(BY_HAND))
    found = stored()
    assert {key: found[key] for key in BY_HAND} == BY_HAND


def test_a_provider_without_a_recording_is_named_missing(recorded: Stack) -> None:
    missing = recorded.get("/v1/offers", limit=1)["missing"]
    assert "lambda" in {source["source"] for source in missing}
