"""What an absence left out of Kafka: filled from history before the bridge speaks again.

Nobody ticks while the bridge is down, so event time stands still, and what is published of the time between, in time order and before
anything live, is late for no window. How far Kafka got is asked of Kafka itself (its newest event time): a second truth about it could
disagree. It is done by a process of its own (`python -m bridge.backfill --gap`), which takes nothing from the fresh path's.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

log = logging.getLogger(__name__)

LEAST_GAP_S = 60.0
"""A restart after a crash speaks at once: shorter absences are not worth a pause of their own, however short the windows are."""


def is_gap(newest_ms: int, now_ms: int, step_ms: int) -> bool:
    """Whether a whole window is missing between Kafka's newest event and now, and the absence was no mere restart."""
    if now_ms - newest_ms < LEAST_GAP_S * 1000:
        return False
    return -(-newest_ms // step_ms) * step_ms + step_ms <= now_ms


async def fill(sources: Sequence[str], newest_ms: int) -> None:
    """Have history since then published for these sources. Where that fails the gap stays, and the bridge goes live all the same."""
    since = datetime.fromtimestamp(newest_ms / 1000, UTC).isoformat(timespec="seconds")
    log.info("nothing stands in kafka since %s: it is filled from history before live", since)
    try:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bridge.backfill", "--gap", "--sources", ",".join(sources))
    except OSError as error:
        log.error("the gap since %s stays: %s", since, error)
        return
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if code:
        log.error("the gap since %s stays, wholly or in part: exit code %d", since, code)
