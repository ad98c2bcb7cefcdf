"""A read API for the DAGs to ask, over a real socket: providers and offers, as the test sets them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def rfc3339(seconds_ago: float) -> str:
    """A moment before now, as the API writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat().replace("+00:00", "Z")


def source(name: str, **fields: Any) -> dict[str, Any]:
    """A healthy, warm source of /v1/providers, with `fields` changed."""
    healthy = {
        "source": name,
        "provider": name,
        "title": name.title(),
        "health": "ok",
        "age_s": 2.0,
        "fresh_s": 15.0,
        "polled_at": rfc3339(2.0),
        "last_success": rfc3339(2.0),
        "cadence_s": 5.0,
        "consecutive_failures": 0,
        "breaker": "closed",
        "offers": 4,
        "fresh": 4,
        "stale": 0,
        "expired": 0,
        "enabled": True,
        "error": None,
    }
    return {**healthy, **fields}


def offer(**fields: Any) -> dict[str, Any]:
    """A fresh, rentable offer as /v1/offers tells it, with `fields` changed."""
    rentable = {
        "source": "lumen",
        "provider": "lumen",
        "offer_key": "h100-1x-north",
        "gpu": "H100-SXM-80",
        "gpu_count": 1,
        "price_type": "on_demand",
        "usd_per_gpu_hour": "2.490000",
        "usd_per_gpu_hour_micros": 2_490_000,
        "region": "north-1",
        "country": "FI",
        "availability": "high",
        "age_s": 3.2,
        "freshness": "fresh",
    }
    return {**rentable, **fields}


class FakeApi:
    """What the server answers, and what it was asked. A refresh makes its source warm where `refresh_helps`."""

    def __init__(self) -> None:
        self.url = ""
        self.sources = [source("lumen"), source("borealis"), source("cumulus")]
        self.offers = [offer()]
        self.refresh_helps = True
        self.status = 200
        self.requests: list[str] = []

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body for one request."""
        route = path.partition("?")[0]
        self.requests.append(f"{method} {route}")
        if self.status != 200:
            return self.status, {"error": {"message": "out of order"}}
        if (method, route) == ("GET", "/v1/providers"):
            return 200, {"market": "simulated", "providers": self.sources}
        if (method, route) == ("GET", "/v1/offers"):
            return 200, {
                "market": "simulated",
                "as_of": "2026-01-01T00:00:00Z",
                "count": len(self.offers),
                "offers": self.offers,
                "missing": [],
            }
        if (method, route) == ("POST", "/v1/refresh"):
            name = json.loads(body)["source"]
            if self.refresh_helps:
                self.sources = [source(name) if each["source"] == name else each for each in self.sources]
            return 202, {"source": name}
        return 404, {"error": {"message": f"no route {route}"}}


@contextmanager
def serve(port: int = 0) -> Iterator[FakeApi]:
    """Serve a FakeApi on 127.0.0.1 from a thread; its `url` is set."""
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = api.answer(self.command, self.path, self.rfile.read(int(self.headers.get("content-length", 0))))
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
