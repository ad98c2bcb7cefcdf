"""`python -m sim`: serves the simulated (or a recorded) market over HTTP/2 and TLS until SIGTERM or SIGINT."""

import asyncio
import logging
import os
import signal
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
    asyncio.run(serve(settings, App(market, list(discover().values()))))
    # granian 2.8.7, embedded: a thread of its runtime sometimes still calls into the interpreter while that is being torn down, and
    # aborts the process with status 134 (1 stop in 5, 2026-11-21). There is nothing left to tear down.
    logging.shutdown()
    os._exit(0)


async def serve(settings: Settings, app: App) -> None:
    """Serves until a signal to stop."""
    files = certificates(settings.data_dir / "sim")
    server = Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        websockets=False,
        ssl_cert=files.server,
        ssl_key=files.server_key,
        log_access=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    log.info("%s market on https://%s:%d, certificate authority in %s", app.label.decode(), settings.host, settings.port, files.ca)
    await server.serve()
    log.info("stopped")


def _market(settings: Settings) -> Simulated | Recorded:
    if settings.bodies is not None and settings.market == "recorded":
        return Recorded(settings.bodies)
    live_from_ms = _live_since_ms(settings.data_dir / "sim" / "live-since-ms")
    return Simulated(settings.seed, live_from_ms, incidents=settings.sim_incidents)


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
