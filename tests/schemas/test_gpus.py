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
    ],
)
def test_facts(gpu: str, facts: tuple[str, int, str]) -> None:
    assert (GPUS[gpu].vendor, GPUS[gpu].memory_gib, GPUS[gpu].architecture) == facts
