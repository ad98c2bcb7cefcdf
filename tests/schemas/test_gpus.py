"""The canonical table: ids, slices, and facts that are easily got wrong."""

import re

import pytest

from schemas.gpus import GPUS

WHOLE = [gpu for gpu in GPUS.values() if gpu.slice_of is None]
SLICES = [gpu for gpu in GPUS.values() if gpu.slice_of is not None]


def test_ids_say_model_form_and_memory() -> None:
    assert [gpu.id for gpu in WHOLE] == [f"{gpu.model}-{gpu.form_factor}-{gpu.memory_gib}" for gpu in WHOLE]
    assert all(re.fullmatch(r"[A-Z0-9]+", gpu.model) for gpu in WHOLE)
    assert len({gpu.title for gpu in GPUS.values()}) == len(GPUS)


def test_a_slice_is_smaller_than_what_it_is_cut_from() -> None:
    for part in SLICES:
        assert part.slice_of is not None
        whole = GPUS[part.slice_of]
        assert whole.slice_of is None
        assert part.id.startswith(f"{whole.id}-")
        assert part[1:4] == whole[1:4]
        assert 0 < part.memory_gib < whole.memory_gib


def test_shares_have_their_share_of_the_memory() -> None:
    """Sellers round down (a tenth of 80 GB is 8, a sixth of a V710's 28 is 4), never up."""
    for part in SLICES:
        share = re.fullmatch(r".*-1of(\d+)", part.id)
        if share is not None and part.slice_of is not None:
            assert part.memory_gib * int(share[1]) <= GPUS[part.slice_of].memory_gib


def test_only_memory_tells_those_that_need_it_from_a_sibling() -> None:
    for gpu in WHOLE:
        if gpu.said_by_memory:
            assert any(other.model == gpu.model and other.form_factor == gpu.form_factor and not other.said_by_memory for other in WHOLE)


@pytest.mark.parametrize(
    ("gpu", "facts"),
    [
        ("K80-PCIE-12", ("NVIDIA", 12, "Kepler")),  # one of the two on a board, as p2.xlarge has it
        ("M60-PCIE-8", ("NVIDIA", 8, "Maxwell")),
        ("A16-PCIE-16", ("NVIDIA", 16, "Ampere")),
        ("H100-NVL-94", ("NVIDIA", 94, "Hopper")),
        ("H20-SXM-96", ("NVIDIA", 96, "Hopper")),
        ("L20-PCIE-48", ("NVIDIA", 48, "Ada")),
        ("A10G-PCIE-24", ("NVIDIA", 24, "Ampere")),
        ("T4G-PCIE-16", ("NVIDIA", 16, "Turing")),
        ("V100-SXM-32", ("NVIDIA", 32, "Volta")),
        ("RTX4090LAPTOP-PCIE-16", ("NVIDIA", 16, "Ada")),
        ("MI300A-SUPERCHIP-128", ("AMD", 128, "CDNA 3")),
        ("MI325X-OAM-256", ("AMD", 256, "CDNA 3")),
        ("GAUDI2-OAM-96", ("Intel", 96, "Gaudi 2")),
        ("FLEX140-PCIE-6", ("Intel", 6, "Xe HPG")),
        ("GB300-SUPERCHIP-288", ("NVIDIA", 288, "Blackwell Ultra")),
        ("GB200-SUPERCHIP-186", ("NVIDIA", 186, "Blackwell")),
        ("B300-SXM-288", ("NVIDIA", 288, "Blackwell Ultra")),
        ("B200-SXM-180", ("NVIDIA", 180, "Blackwell")),
        ("GH200-SUPERCHIP-144", ("NVIDIA", 144, "Hopper")),
        ("H200-NVL-141", ("NVIDIA", 141, "Hopper")),
        ("A2-PCIE-16", ("NVIDIA", 16, "Ampere")),
        ("A30-PCIE-24", ("NVIDIA", 24, "Ampere")),
        ("L2-PCIE-24", ("NVIDIA", 24, "Ada")),
        ("P100-PCIE-12", ("NVIDIA", 12, "Pascal")),
        ("RTXPRO5000-PCIE-48", ("NVIDIA", 48, "Blackwell")),
        ("RTXPRO4500SE-PCIE-32", ("NVIDIA", 32, "Blackwell")),
        ("RTX5000ADA-PCIE-32", ("NVIDIA", 32, "Ada")),
        ("RTX4000ADA-PCIE-20", ("NVIDIA", 20, "Ada")),
        ("RTXA4500-PCIE-20", ("NVIDIA", 20, "Ampere")),
        ("RTX5090-PCIE-32", ("NVIDIA", 32, "Blackwell")),
        ("RTX3080-PCIE-10", ("NVIDIA", 10, "Ampere")),
        ("RTX2080TI-PCIE-11", ("NVIDIA", 11, "Turing")),
        ("MI355X-OAM-288", ("AMD", 288, "CDNA 4")),
        ("MI350P-PCIE-144", ("AMD", 144, "CDNA 4")),
        ("MI250X-OAM-128", ("AMD", 128, "CDNA 2")),
        ("MI210-PCIE-64", ("AMD", 64, "CDNA 2")),
        ("MI100-PCIE-32", ("AMD", 32, "CDNA")),
        ("V710-PCIE-28", ("AMD", 28, "RDNA 3")),
        ("GAUDI3-OAM-128", ("Intel", 128, "Gaudi 3")),
        ("MAX1550-OAM-128", ("Intel", 128, "Xe HPC")),
        ("MAX1100-PCIE-48", ("Intel", 48, "Xe HPC")),
    ],
)
def test_facts(gpu: str, facts: tuple[str, int, str]) -> None:
    assert (GPUS[gpu].vendor, GPUS[gpu].memory_gib, GPUS[gpu].architecture) == facts


FAMILIES = {
    "Kepler": "K80 K520",
    "Maxwell": "M60 M40 M10",
    "Pascal": "P100 P40 P4 GTX1080TI",
    "Volta": "V100 V100S TITANV",
    "Turing": "T4 T4G RTX2060 RTX2060SUPER RTX2070 RTX2070SUPER RTX2080 RTX2080SUPER RTX2080TI QUADRORTX6000 QUADRORTX8000",
    "Ampere": "A2 A10 A10G A16 A30 A40 A100 A800 RTXA2000 RTXA4000 RTXA4500 RTXA5000 RTXA6000 RTX3050 RTX3060 RTX3060TI RTX3070 "
    "RTX3070TI RTX3080 RTX3080TI RTX3090 RTX3090TI",
    "Ada": "L2 L4 L20 L40 L40S RTX2000ADA RTX4000ADA RTX5000ADA RTX6000ADA RTX4060 RTX4060TI RTX4070 RTX4070SUPER RTX4070TI "
    "RTX4070TISUPER RTX4080 RTX4080SUPER RTX4090 RTX4090D",
    "Hopper": "H100 H200 H20 H800 GH200",
    "Blackwell": "B200 GB200 RTX5050 RTX5060 RTX5060TI RTX5070 RTX5070TI RTX5080 RTX5090 RTXPRO2000 RTXPRO4000 RTXPRO4500 RTXPRO5000 "
    "RTXPRO6000SE RTXPRO6000WS RTXPRO6000MAXQ",
    "Blackwell Ultra": "B300 GB300",
    "CDNA 2": "MI210 MI250 MI250X",
    "CDNA 3": "MI300A MI300X MI308X MI325X",
    "CDNA 4": "MI350P MI350X MI355X",
    "Gaudi": "GAUDI",
    "Gaudi 2": "GAUDI2",
    "Gaudi 3": "GAUDI3",
    "Xe HPC": "MAX1100 MAX1450 MAX1550",
}


@pytest.mark.parametrize("architecture", FAMILIES)
def test_every_family_that_is_rented_is_there_with_its_architecture(architecture: str) -> None:
    architectures = {gpu.model: gpu.architecture for gpu in WHOLE}
    assert {model for model in FAMILIES[architecture].split() if architectures.get(model) != architecture} == set()


def test_form_factors_that_names_hide() -> None:
    """By model, over all its sizes: what a rack, a board and a card of one chip have in common is not their form."""
    forms: dict[str, set[str]] = {}
    for gpu in WHOLE:
        forms.setdefault(gpu.model, set()).add(gpu.form_factor)
    superchips = {model for model, ways in forms.items() if "SUPERCHIP" in ways}
    assert superchips == {"GB300", "GB200", "GH200", "MI300A"}
    assert {model for model, ways in forms.items() if "SXM" in ways} == {
        *("B300", "B200", "H200", "H100", "H800", "H20", "A100", "A800", "V100", "P100"),
    }
    assert {model for model, ways in forms.items() if "NVL" in ways} == {"H200", "H100", "H800"}
    assert {model for model, ways in forms.items() if "OAM" in ways} == {
        *("MI355X", "MI350X", "MI325X", "MI308X", "MI300X", "MI250X", "MI250"),
        *("GAUDI3", "GAUDI2", "GAUDI", "MAX1550", "MAX1450"),
    }
    assert all(len(ways) == 1 for ways in forms.values() if ways & {"SUPERCHIP", "OAM"})
