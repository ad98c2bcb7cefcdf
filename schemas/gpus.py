"""The canonical GPUs. One line per GPU; a slice of one is an id of its own, so that it never counts as a whole GPU.

An id is `MODEL-FORM-GIB`, such as `H100-SXM-80`. GIB is the memory its maker sells it under (a B300 says 288 and reports 268.6 GiB).
A slice adds its share (`A10-PCIE-24-1of6`) or its NVIDIA MIG profile (`RTXPRO6000SE-PCIE-96-1g.24gb`).

One GPU is what an operating system sees as one: a board of several counts as several. A K80 is two of 12 GB, an M60 two and an M10 four of
8 GB, a K520 two of 4 GB, an A16 four of 16 GB, a Flex 140 two of 6 GB; an MI250 or MI250X is one module of 128 GB, although it shows two
dies. A laptop's GPU is a model of its own: it has the name of a larger card, and less memory. Soldered ones are PCIE, too.
"""

import re
from typing import Literal, NamedTuple

Vendor = Literal["NVIDIA", "AMD", "Intel"]
FormFactor = Literal["SXM", "PCIE", "NVL", "OAM", "SUPERCHIP"]
"""SUPERCHIP: GPU and CPU in one module or package. NVL: PCIe cards made for pairs joined by NVLink, which are models of their own."""


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

    @property
    def said_by_memory(self) -> bool:
        """Whether only the memory tells it from another: who gives no size doesn't mean this one."""
        return self.id in _SAID_BY_MEMORY


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
    ("NVIDIA", "H800", "NVL", 94, "Hopper", "H800 NVL"),
    ("NVIDIA", "H20", "SXM", 96, "Hopper", "H20"),
    ("NVIDIA", "H20", "SXM", 141, "Hopper", "H20 141 GB"),
    ("NVIDIA", "A100", "SXM", 80, "Ampere", "A100 SXM 80 GB"),
    ("NVIDIA", "A100", "SXM", 40, "Ampere", "A100 SXM 40 GB"),
    ("NVIDIA", "A100", "PCIE", 80, "Ampere", "A100 PCIe 80 GB"),
    ("NVIDIA", "A100", "PCIE", 40, "Ampere", "A100 PCIe 40 GB"),
    ("NVIDIA", "A100X", "PCIE", 80, "Ampere", "A100X"),
    ("NVIDIA", "A800", "SXM", 80, "Ampere", "A800 SXM 80 GB"),
    ("NVIDIA", "A800", "SXM", 40, "Ampere", "A800 SXM 40 GB"),
    ("NVIDIA", "A800", "PCIE", 80, "Ampere", "A800 PCIe 80 GB"),
    ("NVIDIA", "A800", "PCIE", 40, "Ampere", "A800 PCIe 40 GB"),
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
    ("NVIDIA", "V100S", "PCIE", 32, "Volta", "V100S PCIe 32 GB"),
    ("NVIDIA", "T4", "PCIE", 16, "Turing", "T4"),
    ("NVIDIA", "T4G", "PCIE", 16, "Turing", "T4G"),
    ("NVIDIA", "P100", "PCIE", 16, "Pascal", "P100 PCIe 16 GB"),
    ("NVIDIA", "P100", "PCIE", 12, "Pascal", "P100 PCIe 12 GB"),
    ("NVIDIA", "P100", "SXM", 16, "Pascal", "P100 SXM"),
    ("NVIDIA", "P40", "PCIE", 24, "Pascal", "P40"),
    ("NVIDIA", "P4", "PCIE", 8, "Pascal", "P4"),
    ("NVIDIA", "M60", "PCIE", 8, "Maxwell", "M60"),
    ("NVIDIA", "M40", "PCIE", 24, "Maxwell", "M40 24 GB"),
    ("NVIDIA", "M40", "PCIE", 12, "Maxwell", "M40 12 GB"),
    ("NVIDIA", "M10", "PCIE", 8, "Maxwell", "M10"),
    ("NVIDIA", "K80", "PCIE", 12, "Kepler", "K80"),
    ("NVIDIA", "K520", "PCIE", 4, "Kepler", "GRID K520"),
    ("NVIDIA", "RTXPRO6000SE", "PCIE", 96, "Blackwell", "RTX PRO 6000 Server Edition"),
    ("NVIDIA", "RTXPRO6000WS", "PCIE", 96, "Blackwell", "RTX PRO 6000 Workstation Edition"),
    ("NVIDIA", "RTXPRO6000MAXQ", "PCIE", 96, "Blackwell", "RTX PRO 6000 Max-Q Workstation Edition"),
    ("NVIDIA", "RTXPRO5000", "PCIE", 48, "Blackwell", "RTX PRO 5000"),
    ("NVIDIA", "RTXPRO5000", "PCIE", 72, "Blackwell", "RTX PRO 5000 72 GB"),
    ("NVIDIA", "RTXPRO4500SE", "PCIE", 32, "Blackwell", "RTX PRO 4500 Server Edition"),
    ("NVIDIA", "RTXPRO4500", "PCIE", 32, "Blackwell", "RTX PRO 4500"),
    ("NVIDIA", "RTXPRO4000", "PCIE", 24, "Blackwell", "RTX PRO 4000"),
    ("NVIDIA", "RTXPRO4000SFF", "PCIE", 24, "Blackwell", "RTX PRO 4000 SFF Edition"),
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
    ("NVIDIA", "RTXA1000", "PCIE", 8, "Ampere", "RTX A1000"),
    ("NVIDIA", "QUADRORTX8000", "PCIE", 48, "Turing", "Quadro RTX 8000"),
    ("NVIDIA", "QUADRORTX6000", "PCIE", 24, "Turing", "Quadro RTX 6000"),
    ("NVIDIA", "QUADRORTX5000", "PCIE", 16, "Turing", "Quadro RTX 5000"),
    ("NVIDIA", "QUADRORTX4000", "PCIE", 8, "Turing", "Quadro RTX 4000"),
    ("NVIDIA", "QUADROGV100", "PCIE", 32, "Volta", "Quadro GV100"),
    ("NVIDIA", "QUADROGP100", "PCIE", 16, "Pascal", "Quadro GP100"),
    ("NVIDIA", "QUADROP6000", "PCIE", 24, "Pascal", "Quadro P6000"),
    ("NVIDIA", "QUADROP5000", "PCIE", 16, "Pascal", "Quadro P5000"),
    ("NVIDIA", "QUADROP4000", "PCIE", 8, "Pascal", "Quadro P4000"),
    ("NVIDIA", "QUADROP2000", "PCIE", 5, "Pascal", "Quadro P2000"),
    ("NVIDIA", "QUADROM4000", "PCIE", 8, "Maxwell", "Quadro M4000"),
    ("NVIDIA", "QUADROK2200", "PCIE", 4, "Maxwell", "Quadro K2200"),
    ("NVIDIA", "RTX5090", "PCIE", 32, "Blackwell", "RTX 5090"),
    ("NVIDIA", "RTX5090D", "PCIE", 32, "Blackwell", "RTX 5090 D"),
    ("NVIDIA", "RTX5090DV2", "PCIE", 24, "Blackwell", "RTX 5090 D V2"),
    ("NVIDIA", "RTX5080", "PCIE", 16, "Blackwell", "RTX 5080"),
    ("NVIDIA", "RTX5070TI", "PCIE", 16, "Blackwell", "RTX 5070 Ti"),
    ("NVIDIA", "RTX5070", "PCIE", 12, "Blackwell", "RTX 5070"),
    ("NVIDIA", "RTX5060TI", "PCIE", 16, "Blackwell", "RTX 5060 Ti 16 GB"),
    ("NVIDIA", "RTX5060TI", "PCIE", 8, "Blackwell", "RTX 5060 Ti 8 GB"),
    ("NVIDIA", "RTX5060", "PCIE", 8, "Blackwell", "RTX 5060"),
    ("NVIDIA", "RTX5050", "PCIE", 8, "Blackwell", "RTX 5050"),
    ("NVIDIA", "RTX4090", "PCIE", 24, "Ada", "RTX 4090"),
    ("NVIDIA", "RTX4090", "PCIE", 48, "Ada", "RTX 4090 48 GB (modified)"),
    ("NVIDIA", "RTX4090D", "PCIE", 24, "Ada", "RTX 4090 D"),
    ("NVIDIA", "RTX4090D", "PCIE", 48, "Ada", "RTX 4090 D 48 GB (modified)"),
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
    ("NVIDIA", "RTX3080", "PCIE", 20, "Ampere", "RTX 3080 20 GB (modified)"),
    ("NVIDIA", "RTX3070TI", "PCIE", 8, "Ampere", "RTX 3070 Ti"),
    ("NVIDIA", "RTX3070", "PCIE", 8, "Ampere", "RTX 3070"),
    ("NVIDIA", "RTX3060TI", "PCIE", 8, "Ampere", "RTX 3060 Ti"),
    ("NVIDIA", "RTX3060", "PCIE", 12, "Ampere", "RTX 3060"),
    ("NVIDIA", "RTX3060", "PCIE", 8, "Ampere", "RTX 3060 8 GB"),
    ("NVIDIA", "RTX3050", "PCIE", 8, "Ampere", "RTX 3050 8 GB"),
    ("NVIDIA", "RTX3050", "PCIE", 6, "Ampere", "RTX 3050 6 GB"),
    ("NVIDIA", "RTX2080TI", "PCIE", 11, "Turing", "RTX 2080 Ti"),
    ("NVIDIA", "RTX2080TI", "PCIE", 22, "Turing", "RTX 2080 Ti 22 GB (modified)"),
    ("NVIDIA", "RTX2080SUPER", "PCIE", 8, "Turing", "RTX 2080 SUPER"),
    ("NVIDIA", "RTX2080", "PCIE", 8, "Turing", "RTX 2080"),
    ("NVIDIA", "RTX2070SUPER", "PCIE", 8, "Turing", "RTX 2070 SUPER"),
    ("NVIDIA", "RTX2070", "PCIE", 8, "Turing", "RTX 2070"),
    ("NVIDIA", "RTX2060SUPER", "PCIE", 8, "Turing", "RTX 2060 SUPER"),
    ("NVIDIA", "RTX2060", "PCIE", 12, "Turing", "RTX 2060 12 GB"),
    ("NVIDIA", "RTX2060", "PCIE", 6, "Turing", "RTX 2060"),
    ("NVIDIA", "TITANRTX", "PCIE", 24, "Turing", "TITAN RTX"),
    ("NVIDIA", "TITANV", "PCIE", 12, "Volta", "TITAN V"),
    ("NVIDIA", "TITANXP", "PCIE", 12, "Pascal", "TITAN Xp"),
    ("NVIDIA", "TITANXPASCAL", "PCIE", 12, "Pascal", "TITAN X (Pascal)"),
    ("NVIDIA", "GTXTITANX", "PCIE", 12, "Maxwell", "GTX TITAN X"),
    ("NVIDIA", "GTX1080TI", "PCIE", 11, "Pascal", "GTX 1080 Ti"),
    ("NVIDIA", "GTX1080", "PCIE", 8, "Pascal", "GTX 1080"),
    ("NVIDIA", "GTX1070TI", "PCIE", 8, "Pascal", "GTX 1070 Ti"),
    ("NVIDIA", "GTX1070", "PCIE", 8, "Pascal", "GTX 1070"),
    ("NVIDIA", "GTX1060", "PCIE", 6, "Pascal", "GTX 1060 6 GB"),
    ("NVIDIA", "GTX1060", "PCIE", 3, "Pascal", "GTX 1060 3 GB"),
    ("NVIDIA", "GTX1050TI", "PCIE", 4, "Pascal", "GTX 1050 Ti"),
    ("NVIDIA", "GTX1660TI", "PCIE", 6, "Turing", "GTX 1660 Ti"),
    ("NVIDIA", "GTX1660SUPER", "PCIE", 6, "Turing", "GTX 1660 SUPER"),
    ("NVIDIA", "GTX1660", "PCIE", 6, "Turing", "GTX 1660"),
    ("NVIDIA", "GTX1650SUPER", "PCIE", 4, "Turing", "GTX 1650 SUPER"),
    ("NVIDIA", "GTX1650", "PCIE", 4, "Turing", "GTX 1650"),
    ("NVIDIA", "RTX5090LAPTOP", "PCIE", 24, "Blackwell", "RTX 5090 Laptop"),
    ("NVIDIA", "RTX5080LAPTOP", "PCIE", 16, "Blackwell", "RTX 5080 Laptop"),
    ("NVIDIA", "RTX5070TILAPTOP", "PCIE", 12, "Blackwell", "RTX 5070 Ti Laptop"),
    ("NVIDIA", "RTX5070LAPTOP", "PCIE", 8, "Blackwell", "RTX 5070 Laptop"),
    ("NVIDIA", "RTX5060LAPTOP", "PCIE", 8, "Blackwell", "RTX 5060 Laptop"),
    ("NVIDIA", "RTX5050LAPTOP", "PCIE", 8, "Blackwell", "RTX 5050 Laptop"),
    ("NVIDIA", "RTX4090LAPTOP", "PCIE", 16, "Ada", "RTX 4090 Laptop"),
    ("NVIDIA", "RTX4080LAPTOP", "PCIE", 12, "Ada", "RTX 4080 Laptop"),
    ("NVIDIA", "RTX4070LAPTOP", "PCIE", 8, "Ada", "RTX 4070 Laptop"),
    ("NVIDIA", "RTX4060LAPTOP", "PCIE", 8, "Ada", "RTX 4060 Laptop"),
    ("NVIDIA", "RTX4050LAPTOP", "PCIE", 6, "Ada", "RTX 4050 Laptop"),
    ("NVIDIA", "RTX3080TILAPTOP", "PCIE", 16, "Ampere", "RTX 3080 Ti Laptop"),
    ("NVIDIA", "RTX3080LAPTOP", "PCIE", 16, "Ampere", "RTX 3080 Laptop 16 GB"),
    ("NVIDIA", "RTX3080LAPTOP", "PCIE", 8, "Ampere", "RTX 3080 Laptop 8 GB"),
    ("NVIDIA", "RTX3070TILAPTOP", "PCIE", 8, "Ampere", "RTX 3070 Ti Laptop"),
    ("NVIDIA", "RTX3070LAPTOP", "PCIE", 8, "Ampere", "RTX 3070 Laptop"),
    ("NVIDIA", "RTX3060LAPTOP", "PCIE", 6, "Ampere", "RTX 3060 Laptop"),
    ("NVIDIA", "RTX3050LAPTOP", "PCIE", 6, "Ampere", "RTX 3050 Laptop 6 GB"),
    ("NVIDIA", "RTX3050LAPTOP", "PCIE", 4, "Ampere", "RTX 3050 Laptop 4 GB"),
    ("AMD", "MI355X", "OAM", 288, "CDNA 4", "Instinct MI355X"),
    ("AMD", "MI350X", "OAM", 288, "CDNA 4", "Instinct MI350X"),
    ("AMD", "MI350P", "PCIE", 144, "CDNA 4", "Instinct MI350P"),
    ("AMD", "MI325X", "OAM", 256, "CDNA 3", "Instinct MI325X"),
    ("AMD", "MI300X", "OAM", 192, "CDNA 3", "Instinct MI300X"),
    ("AMD", "MI308X", "OAM", 192, "CDNA 3", "Instinct MI308X"),
    ("AMD", "MI300A", "SUPERCHIP", 128, "CDNA 3", "Instinct MI300A"),
    ("AMD", "MI250X", "OAM", 128, "CDNA 2", "Instinct MI250X"),
    ("AMD", "MI250", "OAM", 128, "CDNA 2", "Instinct MI250"),
    ("AMD", "MI210", "PCIE", 64, "CDNA 2", "Instinct MI210"),
    ("AMD", "MI100", "PCIE", 32, "CDNA", "Instinct MI100"),
    ("AMD", "MI60", "PCIE", 32, "Vega", "Radeon Instinct MI60"),
    ("AMD", "MI50", "PCIE", 32, "Vega", "Radeon Instinct MI50 32 GB"),
    ("AMD", "MI50", "PCIE", 16, "Vega", "Radeon Instinct MI50 16 GB"),
    ("AMD", "MI25", "PCIE", 16, "Vega", "Radeon Instinct MI25"),
    ("AMD", "V710", "PCIE", 28, "RDNA 3", "Radeon PRO V710"),
    ("AMD", "V620", "PCIE", 32, "RDNA 2", "Radeon PRO V620"),
    ("AMD", "V520", "PCIE", 8, "RDNA 1", "Radeon PRO V520"),
    ("AMD", "R9700", "PCIE", 32, "RDNA 4", "Radeon AI PRO R9700"),
    ("AMD", "W7900", "PCIE", 48, "RDNA 3", "Radeon PRO W7900"),
    ("AMD", "W7800", "PCIE", 48, "RDNA 3", "Radeon PRO W7800 48 GB"),
    ("AMD", "W7800", "PCIE", 32, "RDNA 3", "Radeon PRO W7800 32 GB"),
    ("AMD", "W6800", "PCIE", 32, "RDNA 2", "Radeon PRO W6800"),
    ("AMD", "RX9070XT", "PCIE", 16, "RDNA 4", "Radeon RX 9070 XT"),
    ("AMD", "RX9070", "PCIE", 16, "RDNA 4", "Radeon RX 9070"),
    ("AMD", "RX9060XT", "PCIE", 16, "RDNA 4", "Radeon RX 9060 XT 16 GB"),
    ("AMD", "RX9060XT", "PCIE", 8, "RDNA 4", "Radeon RX 9060 XT 8 GB"),
    ("AMD", "RX7900XTX", "PCIE", 24, "RDNA 3", "Radeon RX 7900 XTX"),
    ("AMD", "RX7900XT", "PCIE", 20, "RDNA 3", "Radeon RX 7900 XT"),
    ("AMD", "RX7900GRE", "PCIE", 16, "RDNA 3", "Radeon RX 7900 GRE"),
    ("AMD", "RX7800XT", "PCIE", 16, "RDNA 3", "Radeon RX 7800 XT"),
    ("AMD", "RX7700XT", "PCIE", 12, "RDNA 3", "Radeon RX 7700 XT"),
    ("AMD", "RX7600XT", "PCIE", 16, "RDNA 3", "Radeon RX 7600 XT"),
    ("AMD", "RX7600", "PCIE", 8, "RDNA 3", "Radeon RX 7600"),
    ("AMD", "RX6950XT", "PCIE", 16, "RDNA 2", "Radeon RX 6950 XT"),
    ("AMD", "RX6900XT", "PCIE", 16, "RDNA 2", "Radeon RX 6900 XT"),
    ("AMD", "RX6800XT", "PCIE", 16, "RDNA 2", "Radeon RX 6800 XT"),
    ("AMD", "RX6800", "PCIE", 16, "RDNA 2", "Radeon RX 6800"),
    ("AMD", "RADEONVII", "PCIE", 16, "Vega", "Radeon VII"),
    ("AMD", "RADEONPROVII", "PCIE", 16, "Vega", "Radeon Pro VII"),
    ("Intel", "GAUDI3", "OAM", 128, "Gaudi 3", "Gaudi 3"),
    ("Intel", "GAUDI2", "OAM", 96, "Gaudi 2", "Gaudi 2"),
    ("Intel", "GAUDI", "OAM", 32, "Gaudi", "Gaudi"),
    ("Intel", "MAX1550", "OAM", 128, "Xe HPC", "Data Center GPU Max 1550"),
    ("Intel", "MAX1450", "OAM", 128, "Xe HPC", "Data Center GPU Max 1450"),
    ("Intel", "MAX1100", "PCIE", 48, "Xe HPC", "Data Center GPU Max 1100"),
    ("Intel", "FLEX170", "PCIE", 16, "Xe HPG", "Data Center GPU Flex 170"),
    ("Intel", "FLEX140", "PCIE", 6, "Xe HPG", "Data Center GPU Flex 140"),
    ("Intel", "ARCPROB60", "PCIE", 24, "Xe2", "Arc Pro B60"),
    ("Intel", "ARCPROB50", "PCIE", 16, "Xe2", "Arc Pro B50"),
    ("Intel", "ARCB580", "PCIE", 12, "Xe2", "Arc B580"),
    ("Intel", "ARCB570", "PCIE", 10, "Xe2", "Arc B570"),
    ("Intel", "ARCA770", "PCIE", 16, "Xe HPG", "Arc A770 16 GB"),
    ("Intel", "ARCA770", "PCIE", 8, "Xe HPG", "Arc A770 8 GB"),
    ("Intel", "ARCA750", "PCIE", 8, "Xe HPG", "Arc A750"),
    ("Intel", "ARCA380", "PCIE", 6, "Xe HPG", "Arc A380"),
)

# Rebuilt by hosts, or later and rarer than the card of that name: nobody means these by the bare name.
_SAID_BY_MEMORY = frozenset(
    {
        "H20-SXM-141",
        "RTX4090-PCIE-48",
        "RTX4090D-PCIE-48",
        "RTX3080-PCIE-20",
        "RTX2080TI-PCIE-22",
        "RTX2060-PCIE-12",
    }
)

# id of the whole GPU -> MIG profiles (https://docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-mig-profiles.html; the B300's as
# AWS has them) and shares with their GiB, as sold by Azure, Vultr, AWS, Google, Alibaba, Tencent
_SLICES = {
    "B300-SXM-288": "1g.34gb 1g.67gb 2g.67gb 3g.135gb 4g.135gb",
    "GB200-SUPERCHIP-186": "1g.23gb 1g.47gb 2g.47gb 3g.93gb 4g.93gb",
    "B200-SXM-180": "1g.23gb 1g.45gb 2g.45gb 3g.90gb 4g.90gb",
    "GH200-SUPERCHIP-96": "1g.12gb 1g.24gb 2g.24gb 3g.48gb 4g.48gb",
    "H200-SXM-141": "1g.18gb 1g.35gb 2g.35gb 3g.71gb 4g.71gb",
    "H200-NVL-141": "1g.18gb 1g.35gb 2g.35gb 3g.71gb 4g.71gb",
    "H100-SXM-80": "1g.10gb 1g.20gb 2g.20gb 3g.40gb 4g.40gb",
    "H100-PCIE-80": "1g.10gb 1g.20gb 2g.20gb 3g.40gb 4g.40gb",
    "H20-SXM-96": "1g.12gb 1g.24gb 2g.24gb 3g.48gb 4g.48gb",
    "H100-NVL-94": "1g.12gb 1g.24gb 2g.24gb 3g.47gb 4g.47gb",
    "A100-SXM-80": "1g.10gb 1g.20gb 2g.20gb 3g.40gb 4g.40gb",
    "A100-SXM-40": "1g.5gb 1g.10gb 2g.10gb 3g.20gb 4g.20gb",
    "A100-PCIE-80": "1g.10gb 1g.20gb 2g.20gb 3g.40gb 4g.40gb 1of20:4 1of10:8 1of8:10 1of4:20 1of2:40",
    "A100-PCIE-40": "1g.5gb 1g.10gb 2g.10gb 3g.20gb 4g.20gb",
    "A30-PCIE-24": "1g.6gb 2g.12gb",
    "RTXPRO6000SE-PCIE-96": "1g.24gb 2g.48gb 1of8:12 1of4:24 1of2:48",
    "RTXPRO6000WS-PCIE-96": "1g.24gb 2g.48gb",
    "RTXPRO6000MAXQ-PCIE-96": "1g.24gb 2g.48gb",
    "A10-PCIE-24": "1of12:2 1of6:4 1of3:8 1of2:12",
    "A40-PCIE-48": "1of24:2 1of12:4 1of6:8 1of4:12 1of3:16 1of2:24",
    "A16-PCIE-16": "1of8:2 1of4:4 1of2:8",
    "L40S-PCIE-48": "1of2:24",
    "L4-PCIE-24": "1of8:3 1of4:6 1of2:12",
    "T4-PCIE-16": "1of8:2 1of4:4 1of2:8",
    "P4-PCIE-8": "1of8:1 1of4:2 1of2:4",
    "MI25-PCIE-16": "1of8:2 1of4:4 1of2:8",
    "V710-PCIE-28": "1of6:4 1of3:8 1of2:12",
    "V620-PCIE-32": "1of4:8 1of2:16",
}
_SLICE = re.compile(r"(?P<share>[1-7]g\.(?P<mig_gib>\d+)gb|1of\d+:(?P<gib>\d+))")


def _table() -> dict[str, Gpu]:
    gpus: dict[str, Gpu] = {}
    for vendor, model, form, gib, architecture, title in _WHOLE:
        _add(gpus, Gpu(f"{model}-{form}-{gib}", vendor, model, form, gib, architecture, title))
    for whole_id, slices in _SLICES.items():
        for text in slices.split():
            _add(gpus, _slice(gpus[whole_id], text))
    return gpus


def _slice(whole: Gpu, text: str) -> Gpu:
    match = _SLICE.fullmatch(text)
    if match is None:
        raise ValueError(f"no slice of {whole.id}: {text}")
    share = match["share"].split(":")[0]
    title = f"{whole.title}, {'' if match['gib'] else 'MIG '}{share.replace('of', ' of ')}"
    return whole._replace(id=f"{whole.id}-{share}", memory_gib=int(match["gib"] or match["mig_gib"]), title=title, slice_of=whole.id)


def _add(gpus: dict[str, Gpu], gpu: Gpu) -> None:
    if gpu.id in gpus:
        raise ValueError(f"GPU id given twice: {gpu.id}")
    gpus[gpu.id] = gpu


GPUS: dict[str, Gpu] = _table()
"""Every canonical GPU by its id."""
