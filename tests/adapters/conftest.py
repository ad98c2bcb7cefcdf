"""What the tests that poll altered answers share."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.adapters.polled import Accepted


@pytest.fixture(scope="session")
def accepted() -> Iterator[Callable[[str], Accepted]]:
    """Each source after its first poll, which is made once."""
    with asyncio.Runner() as runner:
        yield cache(lambda source: Accepted(source, runner))


@pytest.fixture(scope="module")
def quiet() -> Iterator[None]:
    """Tens of thousands of quarantines are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
