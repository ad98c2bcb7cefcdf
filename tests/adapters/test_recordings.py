"""The recorded answers beside the project, where there are any, with prices worked out by hand from the recorded digits."""

import msgspec
import pytest

from adapters.base import Page
from adapters.models import Rejected
from tests.adapters.recorded import recorded_pages
from tests.adapters.support import ADAPTERS, NOW, RECORDINGS, decode, parsed, price, recorded_slices

pytestmark = pytest.mark.skipif(not (RECORDINGS / "index.json").exists(), reason="no recordings beside the project")

# GPU, GPUs, the recorded number, micros of a USD per GPU-hour, in market statistics
HAND = {
    "runpod": {
        "NVIDIA H100 80GB HBM3/on_demand": ("H100-SXM-80", 1, "3.49", 3_490_000, True),
        "NVIDIA H100 80GB HBM3/community": ("H100-SXM-80", 1, "2.69", 2_690_000, True),
        "NVIDIA H200 NVL/on_demand": ("H200-NVL-141", 1, "3.79", 3_790_000, True),
        "NVIDIA H200 NVL/community": ("H200-NVL-141", 1, "0.5", 500_000, False),
        "AMD Instinct MI300X OAM/community": ("MI300X-OAM-192", 1, "0.5", 500_000, False),
        "NVIDIA RTX A2000/on_demand": ("RTXA2000-PCIE-6", 1, "0.5", 500_000, False),
        "NVIDIA A100-SXM4-40GB/community": ("A100-SXM-40", 1, "1", 1_000_000, True),
        "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 2g.48gb/community": ("RTXPRO6000SE-PCIE-96-2g.48gb", 1, "1", 1_000_000, True),
    },
    "vast": {
        "144888/2x/213416-213417/on_demand": ("B300-SXM-288", 2, "15.000000000000002", 7_500_000, False),
        "144888/4x/213412-213413-213416-213417/on_demand": ("B300-SXM-288", 4, "30.000000000000004", 7_500_000, True),
        "144888/4x/213412-213413-213416-213417/bid": ("B300-SXM-288", 4, "22.5", 5_625_000, True),
    },
    "verda": {
        "1H100.80S.30V/on_demand": ("H100-SXM-80", 1, "3.95", 3_950_000, True),
        "1H100.80S.30V/spot": ("H100-SXM-80", 1, "1.70", 1_700_000, True),
        "FIN-01/2A6000.20V/on_demand": ("RTXA6000-PCIE-48", 2, "1.98", 990_000, True),
        "FIN-01/2A6000.20V/spot": ("RTXA6000-PCIE-48", 2, "0.70", 350_000, True),
        "FIN-01/1V100.6V/on_demand": ("V100-SXM-16", 1, "0.89", 890_000, True),
    },
    # at 1.1 USD for one EUR
    "scaleway": {
        "fr-par-2/B300-SXM-2-288G/on_demand": ("B300-SXM-288", 2, "18.96", 10_428_000, True),
        "fr-par-2/B300-SXM-8-288G/on_demand": ("B300-SXM-288", 8, "60.0", 8_250_000, True),
        "pl-waw-2/H100-1-80G/on_demand": ("H100-PCIE-80", 1, "2.8665", 3_153_150, True),
        # 25.3308 x 1.1 / 8 = 3.482985
        "fr-par-2/H100-SXM-8-80G/on_demand": ("H100-SXM-80", 8, "25.3308", 3_482_985, True),
        # 1.469916 x 1.1 = 1.6169076
        "fr-par-2/L40S-1-48G/on_demand": ("L40S-PCIE-48", 1, "1.469916", 1_616_908, True),
        "fr-par-2/RENDER-S/on_demand": ("P100-PCIE-16", 1, "1.221", 1_343_100, True),
    },
    "azure": {
        "eastus/Standard_ND96isr_H100_v5/on_demand": ("H100-SXM-80", 8, "98.32", 12_290_000, True),
        "uksouth/Standard_ND96isr_H200_v5/spot": ("H200-SXM-141", 8, "106.0", 13_250_000, True),
        # 23.620397 / 8 = 2.952549625
        "spaincentral/Standard_ND96isr_H100_v5/spot": ("H100-SXM-80", 8, "23.620397", 2_952_550, True),
        "malaysiawest/Standard_NC80adis_H100_v5/spot": ("H100-NVL-94", 2, "3.650426", 1_825_213, True),
        "eastus2/Standard_NC48ads_A100_v4/on_demand": ("A100-PCIE-80", 2, "7.346", 3_673_000, True),
        "northeurope/Standard_ND96isr_MI300X_v5/on_demand": ("MI300X-OAM-192", 8, "57.6", 7_200_000, True),
    },
    "digitalocean": {
        "nyc1/gpu-h100x8-640gb/on_demand": ("H100-SXM-80", 8, "23.92", 2_990_000, True),
        "nyc1/gpu-mi300x8-1536gb/on_demand": ("MI300X-OAM-192", 8, "15.92", 1_990_000, True),
    },
    "gcp": {
        # 2.933908 + 12 x 0.031611 + 85 x 0.004237
        "us-central1/a2-highgpu-1g/on_demand": ("A100-SXM-40", 1, "3.673385", 3_673_385, True),
        # 16 x 2.933908 + 96 x 0.031611 + 1360 x 0.004237 = 55.739504; / 16 = 3.483719
        "us-west1/a2-megagpu-16g/on_demand": ("A100-SXM-40", 16, "55.739504", 3_483_719, True),
    },
    "cudo": {
        # One vCPU needs 1 / 1.036437 GiB, rounded up: 0.52 + 0.0021 + 0.0034 + 0.0035
        "no-luster-1/epyc-rome-rtx-a5000/nvidia-rtx-a5000/on_demand": ("RTXA5000-PCIE-24", 1, "0.529000", 529_000, True),
    },
    "jarvislabs": {
        "india-noida-01/L4/on_demand": ("L4-PCIE-24", 1, "0.44", 440_000, True),
        "india-noida-01/L4/spot": ("L4-PCIE-24", 1, "0.29", 290_000, True),
        "europe-01/H100/on_demand": ("H100-SXM-80", 1, "2.99", 2_990_000, True),
    },
    "prime-intellect": {
        "runpod/US-KS-2/NVIDIA A100 80GB PCIe/1x/on_demand": ("A100-PCIE-80", 1, "1.6567999999999998", 1_656_800, False),
        "runpod/CA-MTL-1/NVIDIA H100 80GB HBM3/1x/on_demand": ("H100-SXM-80", 1, "2.7068", 2_706_800, False),
    },
    # at 1.1 USD for one EUR
    "seeweb": {
        "it-mi2/ECS1GPU7/on_demand": ("L40S-PCIE-48", 1, "0.85", 935_000, True),
        "it-fr2/ECS2GPU3/on_demand": ("A100-PCIE-80", 2, "1.98", 1_089_000, True),
    },
    "oracle": {
        "BM.GPU.H100.8/on_demand": ("H100-SXM-80", 8, "10", 10_000_000, True),
        "VM.GPU.A10.2/on_demand": ("A10-PCIE-24", 2, "2", 2_000_000, True),
        "BM.GPU4.8/on_demand": ("A100-SXM-40", 8, "3.05", 3_050_000, True),
        "VM.GPU2.1/on_demand": ("P100-PCIE-16", 1, "1.275", 1_275_000, True),
    },
    "vultr": {
        "ewr/vcg-a100-1c-6g-4vram/on_demand": ("A100-PCIE-80-1of20", 1, "0.123", 123_000, True),
        "ewr/vcg-a100-12c-120g-80vram/on_demand": ("A100-PCIE-80", 1, "2.397", 2_397_000, True),
        "ord/vbm-256c-2048gb-8-mi300x-gpu/preemptible": ("MI300X-OAM-192", 8, "14.72", 1_840_000, True),
        "sea/vbm-112c-2048gb-8-h100-gpu/on_demand": ("H100-SXM-80", 8, "23.92", 2_990_000, True),
    },
}

# 48 types less "unknown", less 6 that secure prices at 0; 45 Items less 27 Windows or Low Priority, less 1 government
OFFERS = {
    "runpod": 41 + 47,
    "vast": 2 + 2,
    "verda": 3 * 2,
    "scaleway": 17 + 10,
    "azure": 17,
    "digitalocean": 2,
    "gcp": 5 * 3,
    "oracle": 12,
    "vultr": 3 + 2 * 2,
    # The other one is an RTX 3080, of 10 or of 12 GB.
    "cudo": 1,
    "jarvislabs": 6,
    "prime-intellect": 8,
    "seeweb": 4,
}
# A row that its recorder altered.
REFUSED = {"jarvislabs": ["region: unknown region 'unknown-region'"]}


@pytest.mark.parametrize("source", HAND)
def test_recorded_prices(source: str) -> None:
    offers, rejected = parsed(source, recorded_slices(source))
    read = {
        key: (offers[key].gpu, offers[key].gpu_count, offers[key].amount, price(offers[key]), offers[key].in_market_stats)
        for key in HAND[source]
    }
    assert read == HAND[source]
    assert [row.reason for row in rejected] == REFUSED.get(source, [])
    assert len(offers) == OFFERS[source]


def test_recorded_stock() -> None:
    scaleway, _ = parsed("scaleway", recorded_slices("scaleway"))
    assert scaleway["fr-par-2/H100-SXM-8-80G/on_demand"].availability == "available"
    assert scaleway["pl-waw-2/L4-8-24G/on_demand"].availability == "low"
    assert scaleway["fr-par-2/B300-SXM-8-288G/on_demand"].availability == "sold_out"
    verda, _ = parsed("verda", recorded_slices("verda"))
    assert verda["FIN-01/2A6000.20V/on_demand"].availability == "available"
    assert verda["1H100.80S.30V/on_demand"].availability == "sold_out"
    runpod, _ = parsed("runpod", recorded_slices("runpod"))
    assert {offer.availability for offer in runpod.values()} == {"unknown"}


def test_linodes_recording_is_older_than_regional_prices() -> None:
    """From 2020: without the list nobody knows in which regions the plan's price holds, so none of its four GPU plans is an offer."""
    offers, rejected = parsed("linode", recorded_slices("linode"))
    assert offers == {}
    assert [row.reason for row in rejected] == ["region_prices: list of objects is missing"] * 4


def test_recorded_rows_without_a_natural_key_are_refused() -> None:
    """The condensed recording of Vast.ai keeps four fields of each row: no machine, so no row of it can be an offer."""
    rows = decode((RECORDINGS / "vast" / "bundles_condensed_2026-10.ewyluda.json").read_bytes())
    (request,) = next(part.requests for part in ADAPTERS["vast"].slices() if part.name == "B200")
    page = Page(request=request, status=200, headers={}, body={"offers": rows})
    read = list(ADAPTERS["vast"].parse([page], NOW))
    assert len(read) == len(rows) == 138
    assert {row.field for row in read if isinstance(row, Rejected)} == {"machine_id"}


# As HAND, of recordings whose address the index doesn't name; availability and how many are free in place of statistics
DIRECT_HAND: dict[str, dict[str, tuple[str, int, str, int, str, int | None]]] = {
    "hyperbolic": {
        "us-east-1/virtual-machine-ethernet-normal-1x-h100-sxm5/on_demand": ("H100-SXM-80", 1, "319", 3_190_000, "unknown", None),
        "ca-east-1/virtual-machine-ethernet-normal-1x-h100-pcie/on_demand": ("H100-PCIE-80", 1, "275", 2_750_000, "available", 2),
        "uk-southeast-3/bare-metal-infiniband-8x-h100-sxm5/on_demand": ("H100-SXM-80", 8, "2552", 3_190_000, "unknown", None),
        "eu-north-5/virtual-machine-ethernet-normal-8x-h200-sxm5/on_demand": ("H200-SXM-141", 8, "3192", 3_990_000, "unknown", None),
    },
    "voltage-park": {
        "a3111bd4-550a-47d0-838a-0a52bff2ae3f/ethernet/on_demand": ("H100-SXM-80", 8, "1.99", 1_990_000, "sold_out", 0),
        "a3111bd4-550a-47d0-838a-0a52bff2ae3f/infiniband/on_demand": ("H100-SXM-80", 8, "2.49", 2_490_000, "sold_out", 0),
    },
    "lium": {
        "0/on_demand": ("B300-SXM-288", 8, "7.97", 7_970_000, "available", 8),
        "1/on_demand": ("B300-SXM-288", 8, "8.000300000000001", 8_000_300, "available", 8),
        "4/spot": ("H200-SXM-141", 8, "3.1", 3_100_000, "available", 8),
        "9/on_demand": ("RTXPRO6000SE-PCIE-96", 8, "1.01", 1_010_000, "available", 4),
        "10/on_demand": ("RTXPRO6000WS-PCIE-96", 8, "1.3", 1_300_000, "available", 8),
    },
}
DIRECT_OFFERS = {"hyperbolic": (13, []), "voltage-park": (2, []), "lium": (11, ["tier: text is null"])}


@pytest.mark.parametrize("source", DIRECT_HAND)
def test_recorded_prices_of_answers_without_an_address(source: str) -> None:
    (pages,) = recorded_pages(source)
    if source == "lium":  # The recorder left the hosts' ids out.
        pages = [msgspec.structs.replace(page, body=[{**row, "id": str(number)} for number, row in enumerate(page.body)]) for page in pages]
    offers, rejected = parsed(source, {"": pages})
    read = {
        key: (offer.gpu, offer.gpu_count, offer.amount, price(offer), offer.availability, offer.available_count)
        for key, offer in offers.items()
        if key in DIRECT_HAND[source]
    }
    assert read == DIRECT_HAND[source]
    assert (len(offers), [row.reason for row in rejected]) == DIRECT_OFFERS[source]
