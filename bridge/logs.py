"""How the bridge's processes log."""

import logging
import sys


def configure_logging(level: str) -> None:
    """One line per record. The HTTP libraries log addresses with their queries, so they are kept quiet."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "hpack", "h2", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
