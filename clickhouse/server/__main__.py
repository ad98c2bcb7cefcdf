"""`python -m clickhouse.server`: serves until SIGTERM or SIGINT, then ends running queries and closes the engine."""

import asyncio
import logging
import os
import signal
import time

# The engine takes its time zone from the process.
os.environ["TZ"] = "UTC"
time.tzset()

import uvloop  # noqa: E402
from aiohttp import web  # noqa: E402

from clickhouse.server.app import Front  # noqa: E402
from clickhouse.server.engine import Engine  # noqa: E402
from clickhouse.server.settings import ServerSettings  # noqa: E402

log = logging.getLogger("clickhouse.server")

_SHUTDOWN_S = 5
_MAX_LINE_BYTES = 1 << 20
"""`?query=` may carry a long statement."""


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = ServerSettings()
    engine = Engine(settings.data_dir / "clickhouse", settings.clickhouse_database, settings.clickhouse_max_memory_mb << 20)
    try:
        uvloop.run(_serve(engine, settings))
    finally:
        engine.close()


async def _serve(engine: Engine, settings: ServerSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        Front(engine, settings).application(),
        handler_cancellation=True,
        auto_decompress=False,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_S,
        max_line_size=_MAX_LINE_BYTES,
        max_field_size=_MAX_LINE_BYTES,
    )
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port).start()
    log.info("ClickHouse %s on http://%s:%s, data in %s", engine.version, settings.host, settings.port, settings.data_dir)
    try:
        await stop.wait()
    finally:
        await runner.cleanup()
    log.info("stopped")


if __name__ == "__main__":
    main()
