"""Finds the adapters: every concrete Adapter written in a module of adapters/providers/. There is no list to keep."""

import inspect
import pkgutil
from importlib import import_module

import adapters.providers
from adapters.base import Adapter


def discover() -> dict[str, Adapter]:
    """One instance of every adapter, by source, in order of their names.

    Raises whatever importing a provider raises, and ValueError where two adapters claim one source or a module holds none.
    """
    found: dict[str, Adapter] = {}
    for module_info in pkgutil.iter_modules(adapters.providers.__path__, "adapters.providers."):
        classes = _adapters_in(module_info.name)
        if not classes:
            raise ValueError(f"{module_info.name} holds no adapter")
        for cls in classes:
            if cls.source in found:
                raise ValueError(f"source {cls.source} is claimed by {type(found[cls.source]).__name__} and {cls.__name__}")
            found[cls.source] = cls()
    return dict(sorted(found.items()))


def _adapters_in(module_name: str) -> list[type[Adapter]]:
    module = import_module(module_name)
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Adapter) and value.__module__ == module_name and not inspect.isabstract(value)
    ]
