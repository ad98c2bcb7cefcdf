"""`python -m bench.hosts FOLDER PORT`: 200 HTTPS hosts, 127.0.1.1 to 127.0.1.200, with 100 offers each, as cheap to ask as can be.

`/offers/same` is the same answer every time, `/offers/new` one with other prices. FOLDER holds server.pem and server-key.pem.
"""

import asyncio
import itertools
import json
import ssl
import sys
from pathlib import Path

import uvloop

HOSTS = 200
OFFERS = 100
ADDRESSES = [f"127.0.1.{number}" for number in range(1, HOSTS + 1)]
VARIANTS = 16
GPUS = ("NVIDIA H100 SXM 80GB", "NVIDIA A100 PCIe 80GB", "RTX 4090", "L40S")


def answer(variant: int) -> bytes:
    """A whole HTTP answer; each variant has its own prices."""
    rows = [
        {
            "id": f"zone-{number % 5}/{1 << number % 4}x/{number}",
            "gpu": GPUS[number % len(GPUS)],
            "gpus": 1 << number % 4,
            "price": 1.5 + number / 50 + variant / 1000,
            "region": f"zone-{number % 5}",
            "vcpus": 26,
            "memory_gib": 200,
            "disk_gb": 1000,
            "description": "a machine like many",
            "available": True,
        }
        for number in range(OFFERS)
    ]
    body = json.dumps({"offers": rows}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


ANSWERS = [answer(variant) for variant in range(VARIANTS)]


class Host(asyncio.Protocol):
    """One connection: every request's head is answered at once."""

    turns = itertools.count()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        *heads, self._heard = (self._heard + data).split(b"\r\n\r\n")
        for head in heads:
            turn = next(self.turns) // HOSTS % VARIANTS if b" /offers/new " in head else 0
            self._transport.write(ANSWERS[turn])  # type: ignore[attr-defined]


async def serve(folder: Path, port: int) -> None:
    """Listen on every address, say so, and go on until killed."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
    loop = asyncio.get_running_loop()
    for address in ADDRESSES:
        await loop.create_server(Host, address, port, ssl=tls, backlog=256)
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
