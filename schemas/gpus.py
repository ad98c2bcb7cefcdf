"""The canonical GPUs. One line per GPU; a slice of one is an id of its own, so that it never counts as a whole GPU.

An id is `MODEL-FORM-GIB`, such as `H100-SXM-80`. GIB is the memory its maker sells it under (a B300 says 288 and reports 268.6 GiB).
A slice adds its share (`A10-PCIE-24-1of6`) or its NVIDIA MIG profile (`RTXPRO6000SE-PCIE-96-1g.24gb`).
"""

from typing import Literal, NamedTuple

Vendor = Literal["NVIDIA", "AMD", "Intel"]
FormFactor = Literal["SXM", "PCIE", "NVL", "OAM", "SUPERCHIP"]


class Gpu(NamedTuple):
    """One kind of GPU, or of a slice of one (`slice_of` is then the whole one's id)."""

    id: str
    vendor: Vendor
    model: str
    form_factor: FormFactor
    memory_gib: int
    architecture: str
    title: str
    slice_of: str | None = None


# vendor, model, form factor, GiB, architecture, title
_WHOLE: tuple[tuple[Vendor, str, FormFactor, int, str, str], ...] = (
    ("NVIDIA", "GB300", "SUPERCHIP", 288, "Blackwell Ultra", "GB300"),
    ("NVIDIA", "GB200", "SUPERCHIP", 186, "Blackwell", "GB200"),
    ("NVIDIA", "B300", "SXM", 288, "Blackwell Ultra", "B300"),
    ("NVIDIA", "B200", "SXM", 180, "Blackwell", "B200"),
    ("NVIDIA", "GH200", "SUPERCHIP", 96, "Hopper", "GH200"),
    ("NVIDIA", "GH200", "SUPERCHIP", 144, "Hopper", "GH200 144 GB"),
    ("NVIDIA", "H200", "SXM", 141, "Hopper", "H200 SXM"),
    ("NVIDIA", "H200", "NVL", 141, "Hopper", "H200 NVL"),
    ("NVIDIA", "H100", "SXM", 80, "Hopper", "H100 SXM"),
    ("NVIDIA", "H100", "PCIE", 80, "Hopper", "H100 PCIe"),
    ("NVIDIA", "H100", "NVL", 94, "Hopper", "H100 NVL"),
    ("NVIDIA", "H800", "SXM", 80, "Hopper", "H800 SXM"),
    ("NVIDIA", "H800", "PCIE", 80, "Hopper", "H800 PCIe"),
    ("NVIDIA", "H20", "SXM", 96, "Hopper", "H20"),
    ("NVIDIA", "H20", "SXM", 141, "Hopper", "H20 141 GB"),
    ("NVIDIA", "A100", "SXM", 80, "Ampere", "A100 SXM 80 GB"),
    ("NVIDIA", "A100", "SXM", 40, "Ampere", "A100 SXM 40 GB"),
    ("NVIDIA", "A100", "PCIE", 80, "Ampere", "A100 PCIe 80 GB"),
    ("NVIDIA", "A100", "PCIE", 40, "Ampere", "A100 PCIe 40 GB"),
    ("NVIDIA", "A100X", "PCIE", 80, "Ampere", "A100X"),
    ("NVIDIA", "A800", "SXM", 80, "Ampere", "A800 SXM"),
    ("NVIDIA", "A800", "PCIE", 80, "Ampere", "A800 PCIe"),
    ("NVIDIA", "A40", "PCIE", 48, "Ampere", "A40"),
    ("NVIDIA", "A30", "PCIE", 24, "Ampere", "A30"),
    ("NVIDIA", "A16", "PCIE", 16, "Ampere", "A16"),
    ("NVIDIA", "A10", "PCIE", 24, "Ampere", "A10"),
    ("NVIDIA", "A10G", "PCIE", 24, "Ampere", "A10G"),
    ("NVIDIA", "A2", "PCIE", 16, "Ampere", "A2"),
    ("NVIDIA", "L40S", "PCIE", 48, "Ada", "L40S"),
    ("NVIDIA", "L40", "PCIE", 48, "Ada", "L40"),
    ("NVIDIA", "L20", "PCIE", 48, "Ada", "L20"),
    ("NVIDIA", "L4", "PCIE", 24, "Ada", "L4"),
    ("NVIDIA", "L2", "PCIE", 24, "Ada", "L2"),
    ("NVIDIA", "V100", "SXM", 32, "Volta", "V100 SXM 32 GB"),
    ("NVIDIA", "V100", "SXM", 16, "Volta", "V100 SXM 16 GB"),
    ("NVIDIA", "V100", "PCIE", 32, "Volta", "V100 PCIe 32 GB"),
    ("NVIDIA", "V100", "PCIE", 16, "Volta", "V100 PCIe 16 GB"),
    ("NVIDIA", "T4", "PCIE", 16, "Turing", "T4"),
    ("NVIDIA", "T4G", "PCIE", 16, "Turing", "T4G"),
    ("NVIDIA", "P100", "PCIE", 16, "Pascal", "P100"),
    ("NVIDIA", "P100", "PCIE", 12, "Pascal", "P100 12 GB"),
    ("NVIDIA", "P100", "SXM", 16, "Pascal", "P100 SXM"),
    ("NVIDIA", "P40", "PCIE", 24, "Pascal", "P40"),
    ("NVIDIA", "P4", "PCIE", 8, "Pascal", "P4"),
    ("NVIDIA", "M60", "PCIE", 8, "Maxwell", "M60"),
    ("NVIDIA", "M40", "PCIE", 24, "Maxwell", "M40"),
    ("NVIDIA", "K80", "PCIE", 12, "Kepler", "K80"),
    ("NVIDIA", "RTXPRO6000SE", "PCIE", 96, "Blackwell", "RTX PRO 6000 Server Edition"),
    ("NVIDIA", "RTXPRO6000WS", "PCIE", 96, "Blackwell", "RTX PRO 6000 Workstation Edition"),
    ("NVIDIA", "RTXPRO6000MAXQ", "PCIE", 96, "Blackwell", "RTX PRO 6000 Max-Q Workstation Edition"),
    ("NVIDIA", "RTXPRO5000", "PCIE", 48, "Blackwell", "RTX PRO 5000"),
    ("NVIDIA", "RTXPRO5000", "PCIE", 72, "Blackwell", "RTX PRO 5000 72 GB"),
    ("NVIDIA", "RTXPRO4500SE", "PCIE", 32, "Blackwell", "RTX PRO 4500 Server Edition"),
    ("NVIDIA", "RTXPRO4500", "PCIE", 32, "Blackwell", "RTX PRO 4500"),
    ("NVIDIA", "RTXPRO4000", "PCIE", 24, "Blackwell", "RTX PRO 4000"),
    ("NVIDIA", "RTXPRO2000", "PCIE", 16, "Blackwell", "RTX PRO 2000"),
    ("NVIDIA", "RTX6000ADA", "PCIE", 48, "Ada", "RTX 6000 Ada"),
    ("NVIDIA", "RTX5880ADA", "PCIE", 48, "Ada", "RTX 5880 Ada"),
    ("NVIDIA", "RTX5000ADA", "PCIE", 32, "Ada", "RTX 5000 Ada"),
    ("NVIDIA", "RTX4500ADA", "PCIE", 24, "Ada", "RTX 4500 Ada"),
    ("NVIDIA", "RTX4000ADA", "PCIE", 20, "Ada", "RTX 4000 Ada"),
    ("NVIDIA", "RTX4000SFFADA", "PCIE", 20, "Ada", "RTX 4000 SFF Ada"),
    ("NVIDIA", "RTX2000ADA", "PCIE", 16, "Ada", "RTX 2000 Ada"),
    ("NVIDIA", "RTXA6000", "PCIE", 48, "Ampere", "RTX A6000"),
    ("NVIDIA", "RTXA5500", "PCIE", 24, "Ampere", "RTX A5500"),
    ("NVIDIA", "RTXA5000", "PCIE", 24, "Ampere", "RTX A5000"),
    ("NVIDIA", "RTXA4500", "PCIE", 20, "Ampere", "RTX A4500"),
    ("NVIDIA", "RTXA4000", "PCIE", 16, "Ampere", "RTX A4000"),
    ("NVIDIA", "RTXA2000", "PCIE", 12, "Ampere", "RTX A2000 12 GB"),
    ("NVIDIA", "RTXA2000", "PCIE", 6, "Ampere", "RTX A2000"),
    ("NVIDIA", "QUADRORTX8000", "PCIE", 48, "Turing", "Quadro RTX 8000"),
    ("NVIDIA", "QUADRORTX6000", "PCIE", 24, "Turing", "Quadro RTX 6000"),
    ("NVIDIA", "QUADRORTX5000", "PCIE", 16, "Turing", "Quadro RTX 5000"),
    ("NVIDIA", "QUADRORTX4000", "PCIE", 8, "Turing", "Quadro RTX 4000"),
    ("NVIDIA", "QUADROP4000", "PCIE", 8, "Pascal", "Quadro P4000"),
    ("NVIDIA", "RTX5090", "PCIE", 32, "Blackwell", "RTX 5090"),
    ("NVIDIA", "RTX5090D", "PCIE", 32, "Blackwell", "RTX 5090 D"),
    ("NVIDIA", "RTX5080", "PCIE", 16, "Blackwell", "RTX 5080"),
    ("NVIDIA", "RTX5070TI", "PCIE", 16, "Blackwell", "RTX 5070 Ti"),
    ("NVIDIA", "RTX5070", "PCIE", 12, "Blackwell", "RTX 5070"),
    ("NVIDIA", "RTX5060TI", "PCIE", 16, "Blackwell", "RTX 5060 Ti 16 GB"),
    ("NVIDIA", "RTX5060TI", "PCIE", 8, "Blackwell", "RTX 5060 Ti 8 GB"),
    ("NVIDIA", "RTX5060", "PCIE", 8, "Blackwell", "RTX 5060"),
    ("NVIDIA", "RTX4090", "PCIE", 24, "Ada", "RTX 4090"),
    ("NVIDIA", "RTX4090", "PCIE", 48, "Ada", "RTX 4090 48 GB (modified)"),
    ("NVIDIA", "RTX4090D", "PCIE", 24, "Ada", "RTX 4090 D"),
    ("NVIDIA", "RTX4080SUPER", "PCIE", 16, "Ada", "RTX 4080 SUPER"),
    ("NVIDIA", "RTX4080", "PCIE", 16, "Ada", "RTX 4080"),
    ("NVIDIA", "RTX4070TISUPER", "PCIE", 16, "Ada", "RTX 4070 Ti SUPER"),
    ("NVIDIA", "RTX4070TI", "PCIE", 12, "Ada", "RTX 4070 Ti"),
    ("NVIDIA", "RTX4070SUPER", "PCIE", 12, "Ada", "RTX 4070 SUPER"),
    ("NVIDIA", "RTX4070", "PCIE", 12, "Ada", "RTX 4070"),
    ("NVIDIA", "RTX4060TI", "PCIE", 16, "Ada", "RTX 4060 Ti 16 GB"),
    ("NVIDIA", "RTX4060TI", "PCIE", 8, "Ada", "RTX 4060 Ti 8 GB"),
    ("NVIDIA", "RTX4060", "PCIE", 8, "Ada", "RTX 4060"),
    ("NVIDIA", "RTX3090TI", "PCIE", 24, "Ampere", "RTX 3090 Ti"),
    ("NVIDIA", "RTX3090", "PCIE", 24, "Ampere", "RTX 3090"),
    ("NVIDIA", "RTX3080TI", "PCIE", 12, "Ampere", "RTX 3080 Ti"),
    ("NVIDIA", "RTX3080", "PCIE", 12, "Ampere", "RTX 3080 12 GB"),
    ("NVIDIA", "RTX3080", "PCIE", 10, "Ampere", "RTX 3080"),
    ("NVIDIA", "RTX3070TI", "PCIE", 8, "Ampere", "RTX 3070 Ti"),
    ("NVIDIA", "RTX3070", "PCIE", 8, "Ampere", "RTX 3070"),
    ("NVIDIA", "RTX3060TI", "PCIE", 8, "Ampere", "RTX 3060 Ti"),
    ("NVIDIA", "RTX3060", "PCIE", 12, "Ampere", "RTX 3060"),
    ("NVIDIA", "RTX3060", "PCIE", 8, "Ampere", "RTX 3060 8 GB"),
    ("NVIDIA", "RTX2080TI", "PCIE", 11, "Turing", "RTX 2080 Ti"),
    ("NVIDIA", "RTX2080SUPER", "PCIE", 8, "Turing", "RTX 2080 SUPER"),
    ("NVIDIA", "RTX2080", "PCIE", 8, "Turing", "RTX 2080"),
    ("NVIDIA", "RTX2070", "PCIE", 8, "Turing", "RTX 2070"),
    ("NVIDIA", "RTX2060", "PCIE", 6, "Turing", "RTX 2060"),
    ("NVIDIA", "TITANRTX", "PCIE", 24, "Turing", "TITAN RTX"),
    ("NVIDIA", "TITANV", "PCIE", 12, "Volta", "TITAN V"),
    ("NVIDIA", "TITANXP", "PCIE", 12, "Pascal", "TITAN Xp"),
    ("NVIDIA", "GTX1080TI", "PCIE", 11, "Pascal", "GTX 1080 Ti"),
    ("NVIDIA", "GTX1080", "PCIE", 8, "Pascal", "GTX 1080"),
    ("NVIDIA", "GTX1070", "PCIE", 8, "Pascal", "GTX 1070"),
    ("NVIDIA", "GTX1660TI", "PCIE", 6, "Turing", "GTX 1660 Ti"),
    ("AMD", "MI355X", "OAM", 288, "CDNA 4", "Instinct MI355X"),
    ("AMD", "MI350X", "OAM", 288, "CDNA 4", "Instinct MI350X"),
    ("AMD", "MI325X", "OAM", 256, "CDNA 3", "Instinct MI325X"),
    ("AMD", "MI300X", "OAM", 192, "CDNA 3", "Instinct MI300X"),
    ("AMD", "MI300A", "OAM", 128, "CDNA 3", "Instinct MI300A"),
    ("AMD", "MI250X", "OAM", 128, "CDNA 2", "Instinct MI250X"),
    ("AMD", "MI250", "OAM", 128, "CDNA 2", "Instinct MI250"),
    ("AMD", "MI210", "PCIE", 64, "CDNA 2", "Instinct MI210"),
    ("AMD", "MI100", "PCIE", 32, "CDNA", "Instinct MI100"),
    ("AMD", "MI25", "PCIE", 16, "Vega", "Radeon Instinct MI25"),
    ("AMD", "V710", "PCIE", 28, "RDNA 3", "Radeon PRO V710"),
    ("AMD", "V620", "PCIE", 32, "RDNA 2", "Radeon PRO V620"),
    ("AMD", "RX7900XTX", "PCIE", 24, "RDNA 3", "Radeon RX 7900 XTX"),
    ("Intel", "GAUDI3", "OAM", 128, "Gaudi 3", "Gaudi 3"),
    ("Intel", "GAUDI2", "OAM", 96, "Gaudi 2", "Gaudi 2"),
    ("Intel", "MAX1550", "OAM", 128, "Xe HPC", "Data Center GPU Max 1550"),
    ("Intel", "MAX1100", "PCIE", 48, "Xe HPC", "Data Center GPU Max 1100"),
    ("Intel", "FLEX170", "PCIE", 16, "Xe HPG", "Data Center GPU Flex 170"),
)

# id of the whole GPU, share, GiB
_SLICES: tuple[tuple[str, str, int], ...] = (
    ("A10-PCIE-24", "1of6", 4),
    ("A10-PCIE-24", "1of3", 8),
    ("A10-PCIE-24", "1of2", 12),
    ("A100-PCIE-80", "1of20", 4),
    ("A100-PCIE-80", "1of10", 8),
    ("A100-PCIE-80", "1of8", 10),
    ("A100-PCIE-80", "1of4", 20),
    ("A100-PCIE-80", "1of2", 40),
    ("A40-PCIE-48", "1of24", 2),
    ("A40-PCIE-48", "1of12", 4),
    ("A40-PCIE-48", "1of6", 8),
    ("A40-PCIE-48", "1of4", 12),
    ("A40-PCIE-48", "1of3", 16),
    ("A40-PCIE-48", "1of2", 24),
    ("A16-PCIE-16", "1of8", 2),
    ("A16-PCIE-16", "1of4", 4),
    ("A16-PCIE-16", "1of2", 8),
    ("L40S-PCIE-48", "1of2", 24),
    ("T4-PCIE-16", "1of4", 4),
    ("T4-PCIE-16", "1of2", 8),
    ("RTXPRO6000SE-PCIE-96", "1of4", 24),
    ("RTXPRO6000SE-PCIE-96", "1of2", 48),
    ("RTXPRO6000SE-PCIE-96", "1g.24gb", 24),
    ("RTXPRO6000SE-PCIE-96", "2g.48gb", 48),
    ("H100-PCIE-80", "1g.10gb", 10),
    ("H100-PCIE-80", "2g.20gb", 20),
    ("H100-PCIE-80", "3g.40gb", 40),
    ("H100-SXM-80", "1g.10gb", 10),
    ("H100-SXM-80", "2g.20gb", 20),
    ("H100-SXM-80", "3g.40gb", 40),
    ("A100-SXM-80", "1g.10gb", 10),
    ("A100-SXM-80", "2g.20gb", 20),
    ("A100-SXM-80", "3g.40gb", 40),
    ("A100-SXM-40", "1g.5gb", 5),
    ("A100-SXM-40", "2g.10gb", 10),
    ("A100-SXM-40", "3g.20gb", 20),
    ("MI25-PCIE-16", "1of8", 2),
    ("MI25-PCIE-16", "1of4", 4),
    ("MI25-PCIE-16", "1of2", 8),
    ("V710-PCIE-28", "1of6", 4),
    ("V710-PCIE-28", "1of3", 8),
    ("V710-PCIE-28", "1of2", 12),
    ("V620-PCIE-32", "1of4", 8),
    ("V620-PCIE-32", "1of2", 16),
)


def _table() -> dict[str, Gpu]:
    gpus: dict[str, Gpu] = {}
    for vendor, model, form, gib, architecture, title in _WHOLE:
        _add(gpus, Gpu(f"{model}-{form}-{gib}", vendor, model, form, gib, architecture, title))
    for whole_id, share, gib in _SLICES:
        whole = gpus[whole_id]
        title = f"{whole.title}, {share.replace('of', ' of ')}"
        _add(gpus, whole._replace(id=f"{whole_id}-{share}", memory_gib=gib, title=title, slice_of=whole_id))
    return gpus


def _add(gpus: dict[str, Gpu], gpu: Gpu) -> None:
    if gpu.id in gpus:
        raise ValueError(f"GPU id given twice: {gpu.id}")
    gpus[gpu.id] = gpu


GPUS: dict[str, Gpu] = _table()
"""Every canonical GPU by its id."""
