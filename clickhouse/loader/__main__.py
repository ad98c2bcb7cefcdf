"""`python -m clickhouse.loader`: migrates, then loads until SIGTERM or SIGINT."""

import logging
import signal
import sys
import threading

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import Consumer

from clickhouse.loader.loop import Loader
from clickhouse.loader.settings import LoaderSettings
from clickhouse.loader.sink import ClickHouseSink
from clickhouse.migrate import migrate
from schemas.codec import Decoder

log = logging.getLogger("clickhouse.loader")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 3.0


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # What they would say is said here once, without query strings.
    for name in ("httpx", "httpx2", "urllib3", "clickhouse_connect"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings = LoaderSettings()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if not _migrated(settings, stop):
        return 0
    sink = ClickHouseSink(settings)
    consumer = Consumer(_consumer_config(settings))
    loader = Loader(
        consumer,
        Decoder.from_registry(settings.registry_url),
        sink,
        flush_s=settings.loader_flush_s,
        block_rows=settings.loader_block_rows,
        buffer_bytes=settings.loader_buffer_mb << 20,
    )
    try:
        loader.run(stop)
    finally:
        consumer.close()
        sink.close()
    log.info("stopped: %s", ", ".join(f"{name} {count}" for name, count in sorted(loader.counts.items())) or "nothing loaded")
    return 0


def _migrated(settings: LoaderSettings, stop: threading.Event) -> bool:
    """Wait for ClickHouse, then migrate; False when stopped before."""
    wait_s = _FIRST_WAIT_S
    while not stop.is_set():
        try:
            migrate(settings)
        except (ClickHouseError, OSError) as error:
            log.warning("ClickHouse is not there yet, waiting %.1f s: %s", wait_s, str(error).partition("?")[0][:300])
            stop.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        else:
            return True
    return False


def _consumer_config(settings: LoaderSettings) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": settings.kafka,
        "group.id": settings.loader_group,
        # A member that was killed and comes back under the same name gets its partitions at once, not after the session's timeout.
        "group.instance.id": f"{settings.loader_group}-1",
        "session.timeout.ms": round(settings.loader_session_s * 1000),
        "heartbeat.interval.ms": round(settings.loader_session_s * 1000 / 4),
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 10_000,
        "queued.max.messages.kbytes": 4096,
        "fetch.max.bytes": 4 << 20,
        "fetch.message.max.bytes": 1 << 20,
        "fetch.wait.max.ms": 200,
        "allow.auto.create.topics": False,
        # Its own log tells of every attempt to connect, many a second; the loop says once what it waits for.
        "log_level": 2,
    }


if __name__ == "__main__":
    sys.exit(main())
