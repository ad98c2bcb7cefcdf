"""`python -m sim`: serves the simulated (or a recorded) market over HTTP/2 and TLS until SIGTERM or SIGINT."""

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from pydantic import ValidationError

from adapters.registry import discover
from sim.app import App, wall_clock_ms
from sim.certificates import certificates
from sim.recorded import Recorded
from sim.settings import Settings
from sim.simulated import Simulated

GRACE_S = 2.0

log = logging.getLogger("sim")


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = Settings()
        market = _market(settings)
    except ValidationError as error:
        log.error("settings: %s", "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)))
        return 2
    except (OSError, msgspec.DecodeError) as error:
        log.error("recorded bodies: %s", error)
        return 2
    if not _port_is_free(settings.host, settings.port):
        log.error("port %d on %s is taken", settings.port, settings.host)
        return 1
    asyncio.run(serve(settings, App(market, list(discover().values()))))
    # granian 2.8.7, embedded: a thread of its runtime sometimes still calls into the interpreter while that is being torn down, and
    # aborts the process with status 134 (1 stop in 5, 2026-11-21). There is nothing left to tear down.
    logging.shutdown()
    os._exit(0)


async def serve(settings: Settings, app: App) -> None:
    """Serves until a signal to stop. Raises what keeps the server from serving."""
    files = certificates(settings.data_dir / "sim")
    server = Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        websockets=False,
        # As many connections are served at once. By default 128, and every provider's clients come here: with 61 sources polled over new
        # connections while the old ones were closing, the next one waited for 15 s (2026-11-21).
        backlog=1024,
        ssl_cert=files.server,
        ssl_key=files.server_key,
        log_access=False,
    )
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    log.info("%s market on https://%s:%d, certificate authority in %s", app.label.decode(), settings.host, settings.port, files.ca)
    serving, stopping = asyncio.create_task(server.serve()), asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
        raise RuntimeError("the server ended by itself")
    server.stop()  # type: ignore[no-untyped-call]
    # It would wait for every open answer, and a hanging one takes its time on purpose.
    await asyncio.wait({serving}, timeout=GRACE_S)
    log.info("stopped")


def _port_is_free(host: str, port: int) -> bool:
    """granian binds with SO_REUSEPORT: a second market would start, and share the first one's requests without a word."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _market(settings: Settings) -> Simulated | Recorded:
    if settings.bodies is not None and settings.market == "recorded":
        return Recorded(settings.bodies)
    live_from_ms = _live_since_ms(settings.data_dir / "sim" / "live-since-ms")
    return Simulated(
        settings.seed, live_from_ms, incidents=settings.sim_incidents, crowd=settings.sim_crowd, running_from_ms=wall_clock_ms()
    )


def _live_since_ms(file: Path) -> int:
    """When this market was first started: kept, so that a restart changes nothing about its past."""
    if file.is_file() and file.read_text().strip().isdecimal():
        return int(file.read_text())
    file.parent.mkdir(parents=True, exist_ok=True)
    now_ms = wall_clock_ms()
    file.write_text(f"{now_ms}\n")
    return now_ms


if __name__ == "__main__":
    sys.exit(main())
