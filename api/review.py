"""The review list as the API tells it: GPU names of providers that nobody knows."""

import logging
from collections.abc import Mapping

import msgspec

from api import moments
from api.answers import UnknownGpuTold
from api.wire import decode_review
from schemas.vocabulary import Market

log = logging.getLogger(__name__)


def told(held: Mapping[str, bytes], market: Market) -> list[UnknownGpuTold]:
    """What Redis holds, by source: the names that cost most rows first. What cannot be read, or is another market's, is left out."""
    names: list[tuple[int, UnknownGpuTold]] = []
    for source, body in held.items():
        try:
            review = decode_review(body)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("%s: its review list cannot be read: %s", source, error)
            continue
        if review.market != market:
            continue
        for one in review.names:
            unknown = UnknownGpuTold(
                source=source,
                provider=review.provider,
                name=one.name,
                rows=one.rows,
                polls=one.polls,
                first_seen=moments.tell_ms(one.first_seen_ms),
                last_seen=moments.tell_ms(one.last_seen_ms),
            )
            names.append((one.last_seen_ms, unknown))
    names.sort(key=lambda pair: (-pair[1].rows, -pair[0], pair[1].source, pair[1].name))
    return [unknown for _, unknown in names]
