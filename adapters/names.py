"""Vendor text to canonical GPU id, by whole words only: B200 is not GB200, A10 not A100.

What is not understood to the last word is unknown, and never guessed.
"""

import re
from functools import lru_cache

from schemas.gpus import GPUS, Gpu

MEMORY_TOLERANCE = 0.1
"""A card reports 3 to 7 % less than it is sold under (ECC, GB and GiB); sizes of one model lie further apart."""

_WORDS = re.compile(r"[A-Z0-9.+]+")
_MEMORY = re.compile(r"(\d+)(?:GB|GIB|G)")
_COUNT = re.compile(r"\d+X")

_NOISE = frozenset(
    {
        "NVIDIA",
        "AMD",
        "INTEL",
        "TESLA",
        "GEFORCE",
        "INSTINCT",
        "RADEON",
        "BLACKWELL",
        "GENERATION",
        "TENSOR",
        "CORE",
        "GPU",
        "HGX",
        "HBM2",
        "HBM2E",
        "HBM3",
        "HBM3E",
        "GDDR6",
        "GDDR7",
    }
)
"""Words that never tell two GPUs apart."""

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
}

# what vendors write (words joined) -> model
_ALIASES = {
    "A6000": "RTXA6000",
    "A5000": "RTXA5000",
    "A4500": "RTXA4500",
    "A4000": "RTXA4000",
    "RTX4000ADASFF": "RTX4000SFFADA",
    "RTXPRO6000SERVEREDITION": "RTXPRO6000SE",
    "RTXPRO6000S": "RTXPRO6000SE",
    "RTXPRO6000WORKSTATIONEDITION": "RTXPRO6000WS",
    "RTXPRO6000WK": "RTXPRO6000WS",
    "RTXPRO6000MAXQWORKSTATIONEDITION": "RTXPRO6000MAXQ",
    "RTXPRO4500SERVEREDITION": "RTXPRO4500SE",
    "RTX4080S": "RTX4080SUPER",
    "RTX4070S": "RTX4070SUPER",
    "RTX4070STI": "RTX4070TISUPER",
    "RTX4070SUPERTI": "RTX4070TISUPER",
    "QRTX8000": "QUADRORTX8000",
    "QRTX6000": "QUADRORTX6000",
    "QRTX5000": "QUADRORTX5000",
    "QRTX4000": "QUADRORTX4000",
}


def _by_model() -> dict[str, tuple[Gpu, ...]]:
    models: dict[str, tuple[Gpu, ...]] = {}
    for gpu in GPUS.values():
        if gpu.slice_of is None:
            models[gpu.model] = (*models.get(gpu.model, ()), gpu)
    return models


_MODELS = _by_model()


@lru_cache(maxsize=4096)
def canonical_gpu(text: str, memory_gib: float | None = None) -> str | None:
    """The one canonical id that `text` and the memory of one GPU (where known) name; None where none does, or more than one.

    Each word must be the model, a form factor, a memory size, a leading count ("8x") or plain noise; any other word makes it unknown.
    """
    words = _WORDS.findall(text.upper().replace("MAX-Q", "MAXQ"))
    if words and _COUNT.fullmatch(words[0]):
        words = words[1:]
    name: list[str] = []
    form: str | None = None
    sizes: list[float] = [] if memory_gib is None else [memory_gib]
    for word in words:
        memory = _MEMORY.fullmatch(word)
        if memory:
            sizes.append(float(memory[1]))
        elif word in ("GB", "GIB") and name and name[-1].isdigit():
            sizes.append(float(name.pop()))
        elif word in _FORMS:
            if form not in (None, _FORMS[word]):
                return None
            form = _FORMS[word]
        elif word not in _NOISE:
            name.append(word)
    model = "".join(name)
    candidates = [
        gpu.id
        for gpu in _MODELS.get(_ALIASES.get(model, model), ())
        if form in (None, gpu.form_factor) and all(memory_fits(gpu.memory_gib, size) for size in sizes)
    ]
    return candidates[0] if len(candidates) == 1 else None


def with_form(name: str, link: object, memory_gib: float | None) -> str:
    """`name`, and after it the form factor that a provider tells elsewhere (`SXM5`, `pcie`), where the name alone leaves it open."""
    if not isinstance(link, str) or link.upper() not in _FORMS or canonical_gpu(name, memory_gib) is not None:
        return name
    return f"{name} {link}"


def memory_fits(nominal_gib: int, stated_gib: float) -> bool:
    """Whether a card sold under `nominal_gib` may state `stated_gib`."""
    return abs(stated_gib - nominal_gib) <= MEMORY_TOLERANCE * nominal_gib
