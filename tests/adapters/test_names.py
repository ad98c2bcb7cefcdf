import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.models import Rejected
from adapters.names import ALIASES, canonical_gpu
from adapters.rows import NAME_CHARACTERS, known_gpu
from schemas.gpus import GPUS, Gpu
from tests.adapters.support import ADAPTERS, NOW, fixture_slices


@pytest.mark.parametrize(
    ("text", "memory_gib", "gpu"),
    [
        ("H100 SXM5 80GB", None, "H100-SXM-80"),
        ("H100 (80 GB SXM5)", None, "H100-SXM-80"),
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
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb", 96),  # the slice states the whole one's memory
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 5g.24gb", 24),  # no such profile
        ("RTX 6000", 24),  # Quadro, Ada or PRO
        ("H100 or A100", 80),
        ("NVIDIA H100 80GB HBM3 MIG", None),  # a slice of unknown size
        ("A100 SXM4 80GB MIG", 80),
        ("NVIDIA H100 80GB HBM3 MIG 7g.80gb", 80),  # all of it, and yet not sold as that
        ("HGX A100 PCIe 80GB", 80),  # a board of SXM modules has no cards
        ("HGX GB200", 186),
        ("HGX H100 NVL", 94),
        ("Grace B200", None),  # a GB200's name taken apart; no B200
        ("Grace Hopper H100 96GB", None),
        ("Blackwell A6000", 48),  # a card that does not exist, and no RTX A6000
        ("RTX 6000 Blackwell", 96),
        ("Hopper L40S", 48),
        ("A10\N{FULLWIDTH DIGIT ZERO}", None),  # what is no ASCII is no gap between words
        ("A10\N{SUPERSCRIPT TWO}", 24),
        ("\N{GREEK CAPITAL LETTER GAMMA}B200", None),
        ("T4\N{LATIN CAPITAL LETTER O WITH DIAERESIS}", 16),
        ("\N{SUPERSCRIPT TWO} GB T4", None),
        ("1/2 A40", 24),  # shares in other words than ours
        ("0.5x A40", 24),
        ("A40 half", 24),
        ("A40-24Q", 24),
        ("GRID T4-8Q", 8),
        ("A100 SXM4", 20),
        ("8x H100 (80 GB SXM5)", None),  # a count is the adapter's to read: this is no name of one GPU
        ("2X RTX 4090", 24),
        ("1x RTX 4090", 24),
        ("1xH100 SXM", 80),
        ("L4 x4", 24),
        ("H100 SXM x8", 80),
        ("H100 SXM 640GB", 80),  # the memory of eight
        ("A100 SXM 80", None),  # a number without a unit
        ("unknown", 0),
        ("", None),
        ("80GB", None),
        ("SXM", None),
    ],
)
def test_what_is_not_understood_is_unknown(text: str, memory_gib: float | None) -> None:
    assert canonical_gpu(text, memory_gib) is None


@pytest.mark.parametrize(
    ("text", "memory_gib", "gpu"),
    [
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb", 24, "RTXPRO6000SE-PCIE-96-1g.24gb"),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 10, "H100-SXM-80-1g.10gb"),
        ("A100-PCIE-40GB MIG 3g.20gb", None, "A100-PCIE-40-3g.20gb"),
        ("NVIDIA H100 80GB HBM3", 79.6, "H100-SXM-80"),
        ("NVIDIA B300 SXM6 AC", 268.6, "B300-SXM-288"),
        ("NVIDIA GH200 480GB", 95, "GH200-SUPERCHIP-96"),  # 480 GB are its CPU's
        ("NVIDIA GH200 144G HBM3e", None, "GH200-SUPERCHIP-144"),
        ("NVIDIA Grace Hopper GH200 Superchip", 96, "GH200-SUPERCHIP-96"),
        ("Grace Blackwell GB200 NVL72", None, "GB200-SUPERCHIP-186"),
        ("NVIDIA® H100™ NVL", None, "H100-NVL-94"),
        ("NVIDIA HGX H100", None, "H100-SXM-80"),
        ("NVIDIA HGX A100 80GB", None, "A100-SXM-80"),
        ("NVIDIA H20-3e", None, "H20-SXM-141"),
        ("NVIDIA H20", None, "H20-SXM-96"),
        ("Tesla V100S-PCIE-32GB", 32, "V100S-PCIE-32"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None, "RTX4090LAPTOP-PCIE-16"),
        ("RTX 4090", None, "RTX4090-PCIE-24"),
        ("RTX 2080 Ti", 22, "RTX2080TI-PCIE-22"),
        ("GTX 1660 S", 6, "GTX1660SUPER-PCIE-6"),
        ("NVIDIA TITAN X (Pascal)", None, "TITANXPASCAL-PCIE-12"),
        ("InstinctMI50", 16, "MI50-PCIE-16"),
        ("AMD Radeon PRO V520", 8, "V520-PCIE-8"),
        ("Radeon RX 7900 XT", 20, "RX7900XT-PCIE-20"),
        ("Intel Data Center GPU Max 1550", 128, "MAX1550-OAM-128"),
        ("Habana Gaudi2", 96, "GAUDI2-OAM-96"),
    ],
)
def test_what_drivers_and_markets_write(text: str, memory_gib: float | None, gpu: str) -> None:
    assert canonical_gpu(text, memory_gib) == gpu


CONFUSED = [
    ("B200", "GB200"), ("B300", "GB300"), ("H20", "H200"), ("H200", "GH200"), ("H100", "GH100"), ("A10", "A100"), ("A10", "A10G"),
    ("A100", "A100X"), ("A2", "A2000"), ("A40", "A4000"), ("A16", "A1600"), ("L4", "L40"), ("L40", "L40S"), ("L2", "L20"), ("T4", "T4G"),
    ("P4", "P40"), ("P4", "P4000"), ("V100", "V100S"), ("K80", "K8000"), ("MI25", "MI250"), ("MI250", "MI250X"), ("MI50", "MI500"),
    ("MI300X", "MI300A"), ("MI300X", "MI308X"), ("MI350X", "MI350P"), ("MI355X", "MI350X"), ("Max 1550", "Max 1450"),
    ("MI325X", "MI355X"), ("RTX 4090", "RTX 4090D"), ("RTX 4090", "RTX 4090 Laptop"), ("RTX 4070", "RTX 4070 Ti"),
    ("RTX 4070 Ti", "RTX 4070 Ti SUPER"), ("RTX 4080", "RTX 4080 SUPER"), ("RTX 3060", "RTX 3060 Ti"), ("RTX 3080", "RTX 3080 Ti"),
    ("RTX 5090", "RTX 5090 D"), ("RTX 5070", "RTX 5070 Ti"), ("RTX 3050", "RTX 3050 Laptop"), ("RTX A4000", "RTX 4000 Ada"),
    ("RTX A6000", "RTX 6000 Ada"), ("Quadro RTX 6000", "RTX 6000 Ada"), ("RTX 6000 Ada", "RTX PRO 6000 Server Edition"),
    ("RTX 4000 Ada", "RTX 4000 SFF Ada"), ("RTX PRO 6000 Workstation Edition", "RTX PRO 6000 Max-Q Workstation Edition"),
    ("RTX PRO 4500", "RTX PRO 4500 Server Edition"), ("GTX 1660", "GTX 1660 Ti"), ("GTX 1080", "GTX 1080 Ti"),
    ("TITAN X (Pascal)", "TITAN Xp"), ("TITAN V", "TITAN RTX"), ("RX 7900 XT", "RX 7900 XTX"), ("RX 9070", "RX 9070 XT"),
    ("Gaudi", "Gaudi 2"), ("Gaudi 2", "Gaudi 3"), ("Max 1100", "Max 1550"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "other"), CONFUSED)
def test_a_name_like_another_is_not_it(name: str, other: str) -> None:
    for text in (other, f"NVIDIA {other}", other.lower(), other.replace(" ", "-")):
        for memory_gib in (None, *sorted({gpu.memory_gib for gpu in GPUS.values()})):
            named, theirs = canonical_gpu(name, memory_gib), canonical_gpu(text, memory_gib)
            assert named is None or named != theirs


@pytest.mark.parametrize("form", ["SXM", "PCIe", "NVL"])
def test_a_form_factor_is_a_word_of_the_name(form: str) -> None:
    """An H100 NVL is no H100 PCIe, whatever its slot; without the form it is neither."""
    assert canonical_gpu(f"H100 {form}", 80 if form != "NVL" else 94) == f"H100-{form.upper()}-{80 if form != 'NVL' else 94}"
    assert canonical_gpu("H100", 94 if form == "NVL" else 80) == ("H100-NVL-94" if form == "NVL" else None)


WHOLE = [gpu for gpu in GPUS.values() if gpu.slice_of is None]


@pytest.mark.parametrize("gpu", WHOLE, ids=lambda gpu: gpu.id)
def test_every_title_and_every_full_name_is_understood(gpu: Gpu) -> None:
    assert canonical_gpu(gpu.title, gpu.memory_gib) == gpu.id
    assert canonical_gpu(f"{gpu.vendor} {gpu.model} {gpu.form_factor} {gpu.memory_gib} GB") == gpu.id
    assert canonical_gpu(gpu.title) in (gpu.id, None)


@pytest.mark.parametrize("gpu", [gpu for gpu in GPUS.values() if "g." in gpu.id], ids=lambda gpu: gpu.id)
def test_every_mig_profile_is_a_slice_of_the_gpu_that_the_text_names(gpu: Gpu) -> None:
    assert gpu.slice_of is not None
    profile = gpu.id.rpartition("-")[2]
    assert canonical_gpu(f"{GPUS[gpu.slice_of].title} MIG {profile}", gpu.memory_gib) == gpu.id
    assert canonical_gpu(gpu.title) == gpu.id


# id -> "source: what it writes for it = the memory of one GPU, where it states it"
ONE_CARD = {
    "H100-SXM-80": (
        "runpod: NVIDIA H100 80GB HBM3 = 80; vast: H100 SXM = 79.6; lambda: H100 (80 GB SXM5); verda: H100 SXM5 80GB = 80; "
        "scaleway: H100-SXM = 80; hyperbolic: h100 sxm5; gpuai: h100_sxm; voltage-park: h100-sxm5-80gb; "
        "prime-intellect: H100_80GB SXM5 = 80; shadeform: H100_sxm5 = 80; digitalocean: nvidia_h100 = 80; "
        "coreweave: NVIDIA HGX H100 = 80; novita: H100 SXM 80GB; modal: Nvidia H100; jarvislabs: H100 = 80; "
        "hyperstack: H100-80G-SXM5"
    ),
    "H100-PCIE-80": (
        "runpod: NVIDIA H100 PCIe = 80; vast: H100 PCIE = 80; lambda: H100 (80 GB PCIe); scaleway: H100-PCIe = 80; "
        "hyperbolic: h100 pcie; prime-intellect: H100_80GB PCIe = 80; ovh: H100 = 80; hyperstack: H100-80G-PCIe-NVLink; "
        "seeweb: H100 80GB; nebula-block: H100-80G-PCIe"
    ),
    "H100-NVL-94": "runpod: NVIDIA H100 NVL = 94; vast: H100 NVL = 93.6; massed-compute: h100_nvl",
    "H200-SXM-141": (
        "runpod: NVIDIA H200 = 141; vast: H200 = 140.4; verda: H200 SXM5 141GB = 141; shadeform: H200 = 141; "
        "nebius: NVIDIA HGX H200; seeweb: H200 141GB; tensorpool: H200 SXM"
    ),
    "B200-SXM-180": (
        "runpod: NVIDIA B200 = 180; vast: B200 = 179.06; lambda: B200 (180 GB SXM6); hyperbolic: b200 sxm6; "
        "coreweave: NVIDIA HGX B200 = 180; ionet: B200 sxm6 = 192; voltage-park: b200-sxm6-180gb"
    ),
    "B300-SXM-288": (
        "runpod: NVIDIA B300 SXM6 AC = 288; vast: B300 = 268.6; verda: B300 SXM6 262GB = 262; scaleway: B300-SXM = 288; "
        "digitalocean: nvidia_b300 = 288; coreweave: NVIDIA HGX B300 = 270; latitude: NVIDIA B300 288GB = 288"
    ),
    "GB200-SUPERCHIP-186": "coreweave: NVIDIA GB200 NVL72 = 186; together: NVIDIA GB200 NVL72",
    "GH200-SUPERCHIP-96": "vast: GH200 SXM = 95.6; lambda: GH200 (96 GB); vultr: NVIDIA_GH200",
    "A100-SXM-80": (
        "runpod: NVIDIA A100-SXM4-80GB = 80; vast: A100 SXM4 = 80; verda: A100 SXM4 80GB = 80; jarvislabs: A100-80GB = 80; "
        "lambda: A100 (80 GB SXM4); shadeform: A100_80G sxm4 = 80; novita: A100 SXM 80GB"
    ),
    "A100-SXM-40": "runpod: NVIDIA A100-SXM4-40GB = 40; vast: A100 SXM4 = 39; verda: A100 SXM4 40GB = 40",
    "A100-PCIE-80": (
        "runpod: NVIDIA A100 80GB PCIe = 80; hyperstack: A100-80G-PCIe; ovh: A100 = 80; vultr: NVIDIA_A100; "
        "prime-intellect: A100_80GB PCIe = 80; tensordock: a100 pcie 80gb; seeweb: A100 80GB"
    ),
    "RTXPRO6000SE-PCIE-96": (
        "runpod: NVIDIA RTX PRO 6000 Blackwell Server Edition = 96; vast: RTX PRO 6000 S = 95.6; jarvislabs: RTX-PRO6000 = 96; "
        "hyperstack: RTX-PRO6000-SE; nebius: NVIDIA RTX PRO 6000"
    ),
    "RTX6000ADA-PCIE-48": (
        "runpod: NVIDIA RTX 6000 Ada Generation = 48; vast: RTX 6000Ada = 48; digitalocean: nvidia_rtx6000_ada = 48; "
        "gpuai: rtx_6000_ada; sesterce: RTX6000Ada = 48"
    ),
    "RTXA6000-PCIE-48": (
        "runpod: NVIDIA RTX A6000 = 48; vast: RTX A6000 = 48; verda: RTX A6000 48GB = 48; shadeform: A6000 pcie = 48; "
        "massed-compute: a6000; hyperstack: RTX-A6000; cudo: nvidia-rtx-a6000"
    ),
    "RTX4090-PCIE-24": (
        "runpod: NVIDIA GeForce RTX 4090 = 24; vast: RTX 4090 = 23.99; salad: RTX 4090 (24 GB); tensordock: rtx4090 pcie 24gb; "
        "akash: rtx4090 PCIe = 24; prime-intellect: RTX4090_24GB PCIe = 24"
    ),
    "L40S-PCIE-48": (
        "runpod: NVIDIA L40S = 48; vast: L40S = 45; seeweb: L40s 48GB; prime-intellect: L40S_48GB PCIe = 48; "
        "digitalocean: nvidia_l40s = 48; vultr: NVIDIA_L40S; tensorpool: L40S"
    ),
    "V100-SXM-16": "runpod: Tesla V100-SXM2-16GB = 16; verda: Tesla V100 16GB = 16; lambda: Tesla V100 (16 GB)",
    "MI300X-OAM-192": (
        "runpod: AMD Instinct MI300X OAM = 192; digitalocean: amd_mi300x = 192; hotaisle: MI300X; vultr: mi300x; "
        "prime-intellect: MI300X_192GB OAM = 192; seeweb: MI300X"
    ),
}


@pytest.mark.parametrize("gpu", ONE_CARD)
def test_what_sources_call_one_card_is_one_id(gpu: str) -> None:
    for line in ONE_CARD[gpu].split("; "):
        source, _, stated = line.partition(": ")
        name, _, gib = stated.partition(" = ")
        assert known_gpu(ADAPTERS[source].gpus, "gpu", name, float(gib) if gib else None) == gpu, line


@pytest.mark.parametrize("source", ADAPTERS)
def test_no_table_of_an_adapter_contradicts_the_words(source: str) -> None:
    wrong = {text: (gpu, named) for text, gpu in ADAPTERS[source].gpus.items() if (named := canonical_gpu(text)) not in (gpu, None)}
    assert wrong == {}


@pytest.mark.parametrize("source", ADAPTERS)
def test_a_row_refused_for_its_gpu_carries_the_name_for_review(source: str) -> None:
    refused = [row for pages in fixture_slices(source).values() for row in ADAPTERS[source].parse(pages, NOW) if isinstance(row, Rejected)]
    assert [row.reason for row in refused if "unknown GPU" in row.reason and not row.unknown_gpu] == []
    assert all(row.unknown_gpu is None or len(row.unknown_gpu) <= NAME_CHARACTERS for row in refused)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
wholes = st.sampled_from(WHOLE)


@given(gpu=wholes, letter=st.sampled_from(LETTERS), front=st.booleans())
def test_one_letter_more_is_another_name(gpu: Gpu, letter: str, front: bool) -> None:
    text = f"{letter}{gpu.model}" if front else f"{gpu.model}{letter}"
    assume(text not in ALIASES)
    named = canonical_gpu(text, gpu.memory_gib)
    assert named is None or GPUS[named].model != gpu.model


@given(gpu=wholes, at=st.integers(0, 20))
def test_one_letter_less_is_another_name(gpu: Gpu, at: int) -> None:
    at %= len(gpu.model)
    text = gpu.model[:at] + gpu.model[at + 1 :]
    assume(text not in ALIASES)
    named = canonical_gpu(text, gpu.memory_gib)
    assert named is None or GPUS[named].model != gpu.model


@given(gpu=wholes, at=st.integers(1, 20), separator=st.sampled_from([" ", "-", "_", "/"]))
def test_a_number_is_never_put_together_from_two(gpu: Gpu, at: int, separator: str) -> None:
    digits = [i for i in range(1, len(gpu.model)) if gpu.model[i - 1].isdigit() and gpu.model[i].isdigit()]
    for cut in digits[at % max(len(digits), 1) :][:1]:
        named = canonical_gpu(gpu.model[:cut] + separator + gpu.model[cut:], gpu.memory_gib)
        assert named is None or GPUS[named].model != gpu.model


@given(
    gpu=wholes,
    separator=st.sampled_from([" ", "-", "_", " / ", ", "]),
    lower=st.booleans(),
    noise=st.sampled_from(["", "NVIDIA", "GPU", "Tesla"]),
)
def test_spelling_does_not_matter(gpu: Gpu, separator: str, lower: bool, noise: str) -> None:
    text = separator.join([noise, *gpu.title.split(), f"{gpu.memory_gib}GB"])
    assert canonical_gpu(text.lower() if lower else text, gpu.memory_gib) == gpu.id


@pytest.mark.parametrize("separator", [" ", "/", " or ", " + "])
def test_a_text_that_names_two_names_none(separator: str) -> None:
    texts = {gpu.title: gpu.model for gpu in WHOLE}
    both = ((one, other) for one in texts for other in texts if texts[one] != texts[other])
    assert [pair for pair in both if canonical_gpu(separator.join(pair)) is not None] == []


@given(gpu=wholes, word=st.from_regex(r"[B-Z]{3,9}Q", fullmatch=True))
def test_any_other_word_makes_it_unknown(gpu: Gpu, word: str) -> None:
    assert canonical_gpu(f"{gpu.title} {word}", gpu.memory_gib) is None


@given(text=st.text(), memory_gib=st.none() | st.floats())
def test_no_text_is_too_odd(text: str, memory_gib: float | None) -> None:
    assert canonical_gpu(text, memory_gib) in (None, *GPUS)
