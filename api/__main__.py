"""`python -m api`: the read API and dashboard, one process, until SIGTERM or SIGINT."""

import asyncio
import logging
import os
import signal
import socket
import time

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server as Granian

from api.feed import Feed
from api.history import History
from api.metrics import Metrics
from api.server import Server
from api.service import Service
from api.settings import ApiSettings
from api.store import Store

log = logging.getLogger("api")


def main() -> None:
    """Read the settings and serve."""
    settings = ApiSettings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    refuse_a_taken_port(settings.host, settings.port)
    uvloop.run(serve(settings))


def refuse_a_taken_port(host: str, port: int) -> None:
    """Raise SystemExit where somebody listens there already: granian sets SO_REUSEPORT, so two servers would share the port in silence."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SystemExit(f"cannot listen on {host}:{port}: {error.strerror}") from error


async def serve(settings: ApiSettings) -> None:
    """Serve until told to stop."""
    store = Store(settings.market)
    feed = Feed(settings.redis_url, store, clock_ms)
    history = History(settings)
    app = Server(Service(store, feed, history, clock_ms, settings.window_s), Metrics())
    # docs/decisions/0001-api-server.md: embedded, because one process is killed and restarted as one.
    granian = Granian(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        http=HTTPModes.auto,
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, granian.stop)
    log.info("%s market, http://%s:%d", settings.market, settings.host, settings.port)
    background = [loop.create_task(feed.run(), name="feed"), loop.create_task(history.watch(), name="history")]
    for task in background:
        task.add_done_callback(_ended)
    try:
        await granian.serve()
    finally:
        for task in background:
            task.cancel()
        ended = await asyncio.gather(*background, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


def clock_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


def _ended(task: "asyncio.Task[None]") -> None:
    """A background task ends only by cancellation; one that fails ends the process, and the supervisor starts it again."""
    if not task.cancelled():
        log.error("%s ended: %r", task.get_name(), task.exception())
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
