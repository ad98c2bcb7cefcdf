import pytest

from adapters.names import canonical_gpu
from schemas.gpus import GPUS


@pytest.mark.parametrize(
    ("text", "memory_gib", "gpu"),
    [
        ("H100 SXM5 80GB", None, "H100-SXM-80"),
        ("8x H100 (80 GB SXM5)", None, "H100-SXM-80"),
        ("NVIDIA H100 NVL", 94, "H100-NVL-94"),
        ("H100-PCIe", 80, "H100-PCIE-80"),
        ("A100 SXM4", 40, "A100-SXM-40"),
        ("A100 SXM4", 39, "A100-SXM-40"),
        ("A100 SXM4", 80, "A100-SXM-80"),
        ("NVIDIA A100-SXM4-80GB", None, "A100-SXM-80"),
        ("NVIDIA A10", 24, "A10-PCIE-24"),
        ("A10 (24 GB PCIe)", None, "A10-PCIE-24"),
        ("B200", 179.06, "B200-SXM-180"),
        ("B200", 192, "B200-SXM-180"),
        ("B300", 268.6, "B300-SXM-288"),
        ("B300 SXM6 262GB", 262, "B300-SXM-288"),
        ("GB200", None, "GB200-SUPERCHIP-186"),
        ("GH200 (96 GB)", None, "GH200-SUPERCHIP-96"),
        ("H200 NVL", 143, "H200-NVL-141"),
        ("H200 SXM5 141GB", 141, "H200-SXM-141"),
        ("L4", 22.5, "L4-PCIE-24"),
        ("L40S", 45, "L40S-PCIE-48"),
        ("AMD Instinct MI300X OAM", 192, "MI300X-OAM-192"),
        ("RTX 4090", 24, "RTX4090-PCIE-24"),
        ("RTX 4090", 48, "RTX4090-PCIE-48"),
        ("RTX 4090D", 24, "RTX4090D-PCIE-24"),
        ("NVIDIA GeForce RTX 4080 SUPER", 16, "RTX4080SUPER-PCIE-16"),
        ("RTX 4080S", 16, "RTX4080SUPER-PCIE-16"),
        ("RTX 4070S Ti", 16, "RTX4070TISUPER-PCIE-16"),
        ("NVIDIA RTX 6000 Ada Generation", 48, "RTX6000ADA-PCIE-48"),
        ("RTX 6000Ada", 48, "RTX6000ADA-PCIE-48"),
        ("NVIDIA RTX 4000 SFF Ada Generation", 20, "RTX4000SFFADA-PCIE-20"),
        ("RTX A6000 48GB", 48, "RTXA6000-PCIE-48"),
        ("A6000 (48 GB)", None, "RTXA6000-PCIE-48"),
        ("RTX PRO 6000 S", 95.6, "RTXPRO6000SE-PCIE-96"),
        ("RTX PRO 6000 WS", 95.6, "RTXPRO6000WS-PCIE-96"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 96, "RTXPRO6000MAXQ-PCIE-96"),
        ("Tesla V100-SXM2-16GB", 16, "V100-SXM-16"),
        ("Q RTX 8000", 48, "QUADRORTX8000-PCIE-48"),
    ],
)
def test_whole_words_name_one_gpu(text: str, memory_gib: float | None, gpu: str) -> None:
    assert canonical_gpu(text, memory_gib) == gpu


@pytest.mark.parametrize(
    ("text", "memory_gib"),
    [
        ("H100", None),  # SXM or PCIe
        ("H100", 80),
        ("H200", 141),  # SXM or NVL
        ("A100 SXM4", None),  # 40 or 80 GB
        ("A100 SXM4", 60),
        ("H100 SXM PCIe", 80),
        ("H100 SXM", 40),  # memory contradicts
        ("A10 SXM", 24),  # no such form
        ("Tesla V100", 16),
        ("B2000", 180),
        ("XB200", 180),
        ("GB200 NVL72 rack", None),  # "rack" is not understood
        ("RTX PRO 6000", 96),  # Server, Workstation or Max-Q
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb", 24),
        ("RTX 6000", 24),  # Quadro, Ada or PRO
        ("H100 or A100", 80),
        ("unknown", 0),
        ("", None),
        ("80GB", None),
        ("SXM", None),
    ],
)
def test_what_is_not_understood_is_unknown(text: str, memory_gib: float | None) -> None:
    assert canonical_gpu(text, memory_gib) is None


@pytest.mark.parametrize(
    ("name", "inside"),
    [("B200", "GB200"), ("H20", "H200"), ("A10", "A100"), ("H100", "GH100"), ("L4", "L40"), ("L40", "L40S"), ("A2", "A2000")],
)
def test_a_name_inside_another_is_not_it(name: str, inside: str) -> None:
    for text in (inside, f"NVIDIA {inside}"):
        gpu = canonical_gpu(text)
        assert gpu is None or GPUS[gpu].model != name


def test_every_title_names_its_gpu_or_none() -> None:
    wrong = {
        gpu.id: named
        for gpu in GPUS.values()
        if gpu.slice_of is None and (named := canonical_gpu(gpu.title, gpu.memory_gib)) not in (gpu.id, None)
    }
    assert wrong == {}
