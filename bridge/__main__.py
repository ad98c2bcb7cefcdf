"""`python -m bridge`: poll the sources and publish what they answer."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Mapping

import uvloop
from pydantic import SecretStr

from adapters.base import Adapter
from adapters.registry import discover
from bridge import snapshot
from bridge.archive import Archive
from bridge.build import BadSettings, build_sources, check, chosen
from bridge.guard import Guard
from bridge.kafka import make_producer
from bridge.logs import configure_logging
from bridge.looks import Looks
from bridge.looks_kept import KeptLooks
from bridge.poller import Poller
from bridge.publisher import Publisher
from bridge.quarantine import Quarantine
from bridge.rates import make_keeper
from bridge.service import Bridge
from bridge.settings import BridgeSettings, read_credentials

log = logging.getLogger("bridge")


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT (exit code 0 then), or once."""
    arguments = _arguments(argv)
    settings = BridgeSettings()
    if arguments.interval is not None:
        settings = settings.model_copy(update={"interval_s": arguments.interval})
    configure_logging(settings.log_level)
    try:
        check(settings)
        every = discover()
        adapters = chosen(every, arguments.sources)
    except BadSettings as error:
        log.error("%s", error)
        return 2
    known = read_credentials(adapters.values())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        looks = Looks(KeptLooks(settings.data_dir / "looks", settings.market, every))
        return runner.run(_run(settings, adapters, known, looks, once=arguments.once))


async def _run(settings: BridgeSettings, adapters: Mapping[str, Adapter], known: dict[str, SecretStr], looks: Looks, *, once: bool) -> int:
    sources = build_sources(settings, adapters, known)
    guard = Guard(Quarantine(settings.data_dir / "quarantine"), sources, looks)
    publisher = Publisher(make_producer(settings.kafka), settings.market, observe_every_ms=settings.observe_every_ms)
    redis_client = snapshot.connect(settings.redis_url)
    keeper = make_keeper(settings, redis_client)
    bridge = Bridge(
        settings,
        sources,
        Poller(keeper.rates, guard=guard),
        publisher,
        redis_client,
        Archive(settings.data_dir / "archive", settings.archive_mb * 1024 * 1024),
        keeper,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, bridge.stop)
    enabled = sum(source.enabled for source in sources.values())
    log.info("%s market, %d of %d sources polled", settings.market, enabled, len(sources))
    return await (bridge.run_once() if once else bridge.run())


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bridge", description="Poll GPU providers; publish to Redis and Kafka.")
    parser.add_argument("--once", action="store_true", help="poll each source once, hand everything on, and end")
    parser.add_argument("--interval", type=float, metavar="S", help="the longest time between polls, in place of GPUTICKER_INTERVAL_S")
    parser.add_argument("--sources", type=lambda text: text.split(","), default=[], metavar="A,B", help="only these sources")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
