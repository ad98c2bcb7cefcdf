"""Earlier answers of one source, so that it can be asked "only if that has changed" (RFC 9110, section 13)."""

from collections import OrderedDict
from collections.abc import Mapping

import msgspec

MOST_BYTES = 48 * 1024 * 1024
"""Bodies kept for one source: three as large as a body may be. The ones not asked for longest go first."""


class Earlier(msgspec.Struct, frozen=True):
    """An answer that carried a validator, and the headers that ask whether it still stands."""

    conditions: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes


class EarlierAnswers:
    """The last answer of every address, at most MOST_BYTES of them."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[str, Earlier] = OrderedDict()

    def of(self, address: str) -> Earlier | None:
        """What came from there the last time, where it can be asked for again conditionally."""
        return self._answers.get(address)

    def keep(self, address: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Keep this answer in place of the one before, if it carries a validator. `headers` in lower case."""
        self._drop(address)
        conditions = {}
        if "etag" in headers:
            conditions["if-none-match"] = headers["etag"]
        if "last-modified" in headers:
            conditions["if-modified-since"] = headers["last-modified"]
        if not conditions:
            return
        self._answers[address] = Earlier(conditions, headers, raw)
        self._bytes += len(raw)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._answers)))

    def forget(self) -> None:
        """Ask for everything in full again: what came was not believed, and a server would call that unchanged for ever."""
        self._answers.clear()
        self._bytes = 0

    def _drop(self, address: str) -> None:
        answer = self._answers.pop(address, None)
        if answer is not None:
            self._bytes -= len(answer.raw)
