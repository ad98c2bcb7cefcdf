"""Content-Encoding, both ways, piece by piece: gzip, deflate, lz4 (frames), zstd."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import lz4.frame
import zstandard

from clickhouse.server.errors import front_error

_SLICE = 4096
"""Compressed bytes taken at a time, so that a bomb is noticed before it has unfolded."""


class Compressor(Protocol):
    """Pieces in, pieces out; `flush` ends the stream."""

    def compress(self, data: bytes) -> bytes: ...

    def flush(self) -> bytes: ...


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        header = b"" if self._begun else self._frame.begin()
        self._begun = True
        return bytes(header + self._frame.compress(data))

    def flush(self) -> bytes:
        header = b"" if self._begun else self._frame.begin()
        return bytes(header + self._frame.flush())


_COMPRESSORS: dict[str, Callable[[], Any]] = {
    "lz4": _Lz4,
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "gzip": lambda: zlib.compressobj(level=3, wbits=31),
    "deflate": lambda: zlib.compressobj(level=3, wbits=15),
}
_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj(),
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "deflate": lambda: zlib.decompressobj(wbits=15),
}


def accepted(header: str) -> str | None:
    """The first encoding of an Accept-Encoding header that we can write, or None for identity."""
    for choice in header.split(","):
        name, _, weight = choice.strip().partition(";")
        if name.strip().lower() in _COMPRESSORS and weight.replace(" ", "") not in ("q=0", "q=0.0"):
            return name.strip().lower()
    return None


def compressor(name: str) -> Compressor:
    """One of the encodings that `accepted` gives."""
    made: Compressor = _COMPRESSORS[name]()
    return made


class Decompressor:
    """Takes a request body's pieces; frames and members may follow each other (clickhouse-connect sends one lz4 frame a block)."""

    def __init__(self, encoding: str) -> None:
        """Raises NOT_IMPLEMENTED for an encoding that is not known here."""
        if encoding not in _DECOMPRESSORS:
            raise front_error(48, "NOT_IMPLEMENTED", f"Content-Encoding {encoding} is not supported; use {', '.join(_DECOMPRESSORS)}")
        self._encoding = encoding
        self._make = _DECOMPRESSORS[encoding]
        self._stream: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decompressed pieces. Raises CANNOT_DECOMPRESS."""
        view = memoryview(data)
        for start in range(0, len(view), _SLICE):
            rest = bytes(view[start : start + _SLICE])
            while rest:
                if self._stream is None:
                    self._stream = self._make()
                try:
                    piece = self._stream.decompress(rest)
                except (RuntimeError, zlib.error, zstandard.ZstdError, EOFError) as error:
                    raise front_error(271, "CANNOT_DECOMPRESS", f"the body is not {self._encoding}: {error}") from error
                rest = b""
                if self._stream.eof:
                    rest = self._stream.unused_data or b""
                    self._stream = None
                if piece:
                    yield piece

    def finish(self) -> None:
        """Raises CANNOT_DECOMPRESS where the body ended within a frame."""
        if self._stream is not None:
            raise front_error(271, "CANNOT_DECOMPRESS", f"the {self._encoding} body is truncated")
