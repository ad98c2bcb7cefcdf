"""The canonical GPUs as the API tells them, each with what is offered of it now."""

from collections.abc import Iterable

from api import listing
from api.answers import GpuTold, usd
from api.errors import BadParameter
from api.params import CheapestParameters, GpusParameters
from api.store import Store
from schemas.gpus import GPUS, Gpu

ARCHITECTURES = tuple(dict.fromkeys(gpu.architecture for gpu in GPUS.values()))


def told(store: Store, parameters: GpusParameters, now_ms: int) -> list[GpuTold]:
    """The GPUs that match, in the table's order: by vendor, newest first; slices last. Raises BadParameter for an unknown architecture."""
    fresh = {gpu: sum(entry.fresh_until_ms >= now_ms for entry in entries) for gpu, entries in store.by_gpu().items()}
    cheapest = {entry.gpu: usd(entry.micros) for entry in listing.cheapest(store, CheapestParameters(price_type=("on_demand",)), now_ms)}
    found = [
        GpuTold(
            gpu=gpu.id,
            vendor=gpu.vendor,
            model=gpu.model,
            title=gpu.title,
            form_factor=gpu.form_factor,
            memory_gib=gpu.memory_gib,
            architecture=gpu.architecture,
            slice_of=gpu.slice_of,
            fresh_offers=fresh.get(gpu.id, 0),
            cheapest_on_demand_usd_per_gpu_hour=cheapest.get(gpu.id),
        )
        for gpu in _matching(parameters)
    ]
    return [gpu for gpu in found if gpu.fresh_offers] if parameters.offered else found


def _matching(parameters: GpusParameters) -> Iterable[Gpu]:
    found: Iterable[Gpu] = GPUS.values()
    if parameters.vendor:
        found = [gpu for gpu in found if gpu.vendor in parameters.vendor]
    if parameters.form_factor:
        found = [gpu for gpu in found if gpu.form_factor in parameters.form_factor]
    if parameters.architecture:
        wanted = {name.casefold() for name in parameters.architecture}
        if unknown := wanted - {name.casefold() for name in ARCHITECTURES}:
            raise BadParameter("architecture", f"there is no {sorted(unknown)[0]!r}; there are {', '.join(ARCHITECTURES)}")
        found = [gpu for gpu in found if gpu.architecture.casefold() in wanted]
    if parameters.model is not None:
        words = parameters.model.casefold().split()
        found = [gpu for gpu in found if all(word in f"{gpu.id} {gpu.title}".casefold() for word in words)]
    return found
