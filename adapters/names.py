"""Vendor text to canonical GPU id, by whole words only: B200 is not GB200, A10 not A100.

What is not understood to the last word is unknown, and never guessed.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from schemas.gpus import GPUS, Gpu

MEMORY_TOLERANCE = 0.1
"""A card reports 3 to 8 % less than it is sold under (ECC, GB and GiB); sizes of one model lie further apart."""

_WORDS = re.compile(r"(?:[^\W_]|[.+])+")
"""Letters and digits of any script: a letter that is passed over would leave another GPU's name."""
_MEMORY = re.compile(r"(\d+)(?:GB|GIB|G)")
_MIG = re.compile(r"[1-7]G\.\d+GB")

# fmt: off
_NOISE = frozenset({
    "NVIDIA", "AMD", "INTEL", "HABANA", "TESLA", "GEFORCE", "INSTINCT", "RADEON", "GENERATION", "TENSOR", "CORE", "GPU", "AC",
    "HBM2", "HBM2E", "HBM3", "HBM3E", "GDDR6", "GDDR6X", "GDDR7",
})
# fmt: on
"""Words that never tell two GPUs apart. (AC is how drivers say that a B300 is cooled by air.)"""

_FORMS = {
    "SXM": "SXM",
    "SXM2": "SXM",
    "SXM3": "SXM",
    "SXM4": "SXM",
    "SXM5": "SXM",
    "SXM6": "SXM",
    "PCIE": "PCIE",
    "PCI": "PCIE",
    "NVL": "NVL",
    "OAM": "OAM",
    "SUPERCHIP": "SUPERCHIP",
    "GRACE": "SUPERCHIP",
    "HGX": "SXM",
}
"""Words that tell a form. (An HGX board carries SXM modules; Grace is the CPU of a super-chip.)"""
_ARCHITECTURES = frozenset({"HOPPER", "BLACKWELL"})
"""Words that name no GPU but must be true of it: a "Blackwell A6000" is no RTX A6000."""

# what vendors write (words joined) -> model; a GPU's own title needs no line here
ALIASES = {
    "A6000": "RTXA6000",
    "A5000": "RTXA5000",
    "A4500": "RTXA4500",
    "A4000": "RTXA4000",
    "GB200NVL72": "GB200",
    "GB300NVL72": "GB300",
    "RTX4000ADASFF": "RTX4000SFFADA",
    "RTXPRO6000S": "RTXPRO6000SE",
    "RTXPRO6000WK": "RTXPRO6000WS",
    "RTX4080S": "RTX4080SUPER",
    "RTX4070S": "RTX4070SUPER",
    "RTX4070STI": "RTX4070TISUPER",
    "RTX4070SUPERTI": "RTX4070TISUPER",
    "RTX2080S": "RTX2080SUPER",
    "RTX2070S": "RTX2070SUPER",
    "RTX2060S": "RTX2060SUPER",
    "GTX1660S": "GTX1660SUPER",
    "GTX1650S": "GTX1650SUPER",
    "QRTX8000": "QUADRORTX8000",
    "QRTX6000": "QUADRORTX6000",
    "QRTX5000": "QUADRORTX5000",
    "QRTX4000": "QUADRORTX4000",
    "INSTINCTMI50": "MI50",
    "GAUDI1": "GAUDI",
}

# Phrases of which a word says something else than it seems to -> what they say. GH200 480GB has that much beside its CPU; of the H100s with
# 80 GB only the SXM one has HBM3, and says nothing more (the PCIe card has HBM2e and says PCIe); the H20-3e is the H20 with HBM3e.
_PHRASES = {
    "MAX Q": "MAXQ",
    "GH200 480GB": "GH200 96GB",
    "GH200 120GB": "GH200 96GB",
    "H100 80GB HBM3": "H100 SXM 80GB",
    "H20 3E": "H20 141GB",
}


class _Name(NamedTuple):
    """What a text says, word by word."""

    model: str
    form: str | None
    sizes: tuple[float, ...]
    mig: str | None
    architectures: frozenset[str]


@lru_cache(maxsize=4096)
def canonical_gpu(text: str, memory_gib: float | None = None) -> str | None:
    """The one canonical id that `text` and the memory of one GPU (where known) name; None where none does, or more than one.

    Each word must be the model, a form factor, a memory size, a MIG profile or plain noise; any other word makes it unknown. A count is
    such a word: who passed over "8x" would take a machine's price for one GPU's. "MIG" without a profile is a slice of unknown size, and no
    GPU. `memory_gib` is what is rented: a slice's own where a MIG profile is named, though the text may say the whole one's.
    """
    name = _read(_words(text))
    if name is None:
        return None
    candidates = [gpu for gpu in _MODELS.get(name.model, ()) if _means(gpu, name, memory_gib)]
    if name.mig is not None:
        candidates = [GPUS[part] for gpu in candidates if (part := f"{gpu.id}-{name.mig.lower()}") in GPUS]
    if memory_gib is not None:
        candidates = [gpu for gpu in candidates if memory_fits(gpu.memory_gib, memory_gib)]
    return candidates[0].id if len(candidates) == 1 else None


def with_form(name: str, link: object, memory_gib: float | None) -> str:
    """`name`, and after it the form factor that a provider tells elsewhere (`SXM5`, `pcie`), where the name alone leaves it open."""
    if not isinstance(link, str) or link.upper() not in _FORMS or canonical_gpu(name, memory_gib) is not None:
        return name
    return f"{name} {link}"


def memory_fits(nominal_gib: int, stated_gib: float) -> bool:
    """Whether a card sold under `nominal_gib` may state `stated_gib`."""
    return abs(stated_gib - nominal_gib) <= MEMORY_TOLERANCE * nominal_gib


def _words(text: str) -> list[str]:
    line = f" {' '.join(_WORDS.findall(text.upper()))} "
    for phrase, meaning in _PHRASES.items():
        line = line.replace(f" {phrase} ", f" {meaning} ")
    return line.split()


def _read(words: Iterable[str]) -> _Name | None:
    """The words by what they are. None where they contradict each other, or where a number is written in two pieces ("A10 0")."""
    name: list[str] = []
    forms: set[str] = set()
    sizes: list[float] = []
    migs: list[str] = []
    sliced = False
    architectures: set[str] = set()
    for word in words:
        memory = _MEMORY.fullmatch(word)
        if memory:
            sizes.append(float(memory[1]))
        elif word in ("GB", "GIB") and name and name[-1].isdecimal():
            sizes.append(float(name.pop()))
        elif word in _FORMS:
            forms.add(_FORMS[word])
        elif _MIG.fullmatch(word):
            migs.append(word)
        elif word == "MIG":
            sliced = True
        elif word in _ARCHITECTURES:
            architectures.add(word)
        elif word not in _NOISE:
            name.append(word)
    split = any(first[-1].isdigit() and second[0].isdigit() for first, second in pairwise(name))
    if split or len(forms) > 1 or len(migs) > 1 or (sliced and not migs):
        return None
    return _Name("".join(name), next(iter(forms), None), tuple(sizes), next(iter(migs), None), frozenset(architectures))


def _means(gpu: Gpu, name: _Name, memory_gib: float | None) -> bool:
    if name.form not in (None, gpu.form_factor):
        return False
    if not all(word in gpu.architecture.upper() for word in name.architectures):
        return False
    if gpu.said_by_memory and not name.sizes and (memory_gib is None or name.mig is not None):
        return False
    return all(memory_fits(gpu.memory_gib, size) for size in name.sizes)


def _models() -> dict[str, Sequence[Gpu]]:
    """Whole GPUs by model, by the words of their titles, and by the aliases. Raises ValueError where one text would name two models."""
    models: dict[str, list[Gpu]] = {}
    for gpu in GPUS.values():
        if gpu.slice_of is None:
            models.setdefault(gpu.model, []).append(gpu)
    texts = dict(ALIASES)
    for gpu in GPUS.values():
        title = _read(_words(gpu.title)) if gpu.slice_of is None else None
        if title is not None and texts.setdefault(title.model, gpu.model) != gpu.model:
            raise ValueError(f"{title.model} names {texts[title.model]} and {gpu.model}")
    for text, model in texts.items():
        if models.setdefault(text, models[model]) is not models[model]:
            raise ValueError(f"{text} names {model} and is a model of its own")
    return dict(models)


_MODELS = _models()
