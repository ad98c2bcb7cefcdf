"""The read API's requests a second and latency, beside FastAPI with a Redis GET per request. Load from wrk (Debian package `wrk`)."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import msgspec
import redis

from bench.measure import Comparison

GPU = "H100-SXM-80"
LIMIT = 20
PAIRS = 3
SECONDS = 6
CONNECTIONS = 16
WRK_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def compare(api_url: str, redis_url: str) -> list[Comparison]:
    """Requests per second, and p50 and p99 in milliseconds, of one filtered list of offers. Both serve the same offers."""
    if shutil.which("wrk") is None:
        raise RuntimeError("bench: the load generator wrk is missing: apt-get install wrk")
    client = redis.Redis.from_url(redis_url)
    offers = [offer for key in client.scan_iter("gputicker:snapshot:*") for offer in _offers(client, key) if offer["gpu"] == GPU]
    client.set(f"bench:offers:{GPU}", msgspec.json.encode(offers))
    port = _free_port()
    environment = os.environ | {"GPUTICKER_REDIS_URL": redis_url, "GPUTICKER_PORT": str(port)}
    usual = subprocess.Popen([sys.executable, "-m", "bench.usual_api"], env=environment)
    try:
        ours_url = f"{api_url}/v1/offers?gpu={GPU}&limit={LIMIT}"
        usual_url = f"http://127.0.0.1:{port}/v1/offers?gpu={GPU}&limit={LIMIT}"
        _ready(usual_url)
        _same_offers(ours_url, usual_url)
        pairs = [(_load(ours_url), _load(usual_url)) for _ in range(PAIRS)]
    finally:
        usual.terminate()
        usual.wait(10)
    what = f"GET /v1/offers?gpu={GPU}&limit={LIMIT}"
    return [
        Comparison(f"{what}: {figure}", unit, [ours[figure] for ours, _ in pairs], [other[figure] for _, other in pairs], higher)
        for figure, unit, higher in (("requests", "requests/s", True), ("p50", "ms", False), ("p99", "ms", False))
    ]


def _offers(client: Any, key: bytes) -> list[dict[str, Any]]:
    snapshot = msgspec.json.decode(client.get(key) or b"{}")
    offers: list[dict[str, Any]] = snapshot.get("offers", [])
    return offers


def _ready(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"bench: no answer from {url}")


def _same_offers(ours_url: str, usual_url: str) -> None:
    keys = [[offer["offer_key"] for offer in httpx.get(url).json()["offers"]] for url in (ours_url, usual_url)]
    if len(keys[0]) != len(keys[1]) or len(set(keys[0]) ^ set(keys[1])) > len(keys[0]) // 4:
        raise RuntimeError(f"bench: the two ways serve different offers: {len(keys[0])} and {len(keys[1])}")


def _load(url: str) -> dict[str, float]:
    """Requests per second, p50 and p99 (ms) under CONNECTIONS connections for SECONDS seconds, after a second of warming up."""
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--latency"]
    subprocess.run([*command, "--duration", "1s", url], capture_output=True, check=True)
    text = subprocess.run([*command, "--duration", f"{SECONDS}s", url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:
        raise RuntimeError(f"bench: errors under load from {url}:\n{text}")
    found = {"requests": float(_after("Requests/sec:", text))}
    for name, percent in (("p50", "50%"), ("p99", "99%")):
        number, unit = re.match(r"([\d.]+)(us|ms|s)", _after(percent, text)).groups()  # type: ignore[union-attr]
        found[name] = float(number) * WRK_UNITS[unit]
    return found


def _after(word: str, text: str) -> str:
    return text.partition(word)[2].split()[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
