"""`python -m flink_jobs`: keeps the job running. SIGTERM ends this process and leaves the job."""

import logging
import signal
import sys
import threading

from flink_jobs.settings import Settings, SettingsInvalid
from flink_jobs.watch import Watch


def main() -> int:
    """Exit code 0 after SIGTERM or Ctrl-C, 2 when a setting is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = Settings.from_environment()
    except SettingsInvalid as error:
        logging.getLogger("flink_jobs").error("%s", error)
        return 2
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    Watch(settings, stop).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
