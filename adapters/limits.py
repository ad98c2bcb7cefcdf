"""How often a provider may be asked: its limits as token buckets, and what its answers say of the allowance that is left."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

LONGEST_REST_S = 3600.0
"""However long a provider asks to be left alone, it is tried again after this."""
# A number of seconds this large is a moment (Unix time), not a while.
EPOCH_FROM_S = 1e9
# `"default";r=0;t=30` and, before 2024, `limit=100, remaining=0, reset=30` (draft-ietf-httpapi-ratelimit-headers).
USED_UP = re.compile(r"\br(?:emaining)?=0\b.*?\b(?:t|reset)=(\d+)")


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """At most `requests` within any `per`, `burst` of them at once; the others evenly spread."""

    requests: int
    per: timedelta
    burst: int = 1
    known: Literal["documented", "unsure", "ours"] = "documented"
    """Whose number it is: the provider's, one that others report, or our own manners."""

    @property
    def gap_s(self) -> float:
        """Seconds in which one more request is allowed. With a burst before them no `per` may hold more than `requests` all the same."""
        return self.per.total_seconds() / (self.requests - self.burst + 1)


MANNERS = Limit(requests=10, per=timedelta(seconds=1), burst=4, known="ours")
"""For a provider that documents no limit."""


def pace_s(limits: Sequence[Limit], requests: int) -> float:
    """Seconds that so many requests take within the limits, asked again and again."""
    return requests * max((limit.gap_s for limit in limits), default=0.0)


class Bucket:
    """The token buckets of one provider's limits, and its rests. Times are seconds by one monotonic clock, passed in.

    Without limits it only keeps the rests that a provider asks for.
    """

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = tuple(limits)
        self._full_at = [0.0] * len(self._limits)
        self._rest_until = 0.0

    def take(self, now_s: float) -> float:
        """Take a token; the moment from which it may be used, `now_s` or later."""
        start_s = now_s
        for limit, full_at in zip(self._limits, self._full_at, strict=True):
            start_s = max(start_s, full_at - (limit.burst - 1) * limit.gap_s)
        self._full_at = [max(full_at, start_s) + limit.gap_s for limit, full_at in zip(self._limits, self._full_at, strict=True)]
        return start_s

    def rest(self, until_s: float) -> None:
        """Nothing may be asked before then."""
        self._rest_until = max(self._rest_until, until_s)

    def rests_s(self, now_s: float) -> float:
        """Seconds that the provider is still to be left alone; 0 when it is not."""
        return max(self._rest_until - now_s, 0.0)


def asked_rest_s(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that an answer asks to be left alone: Retry-After, or an allowance (RateLimit-*) that is used up. None where it says nothing.

    `headers` in lower case. Retry-After counts with an error only; the allowance with every answer.
    """
    if status >= 400:
        seconds = _seconds(headers.get("retry-after", ""), now)
        if seconds is not None:
            return seconds
    for prefix in ("ratelimit-", "x-ratelimit-"):
        if headers.get(f"{prefix}remaining", "").strip() == "0":
            return _seconds(headers.get(f"{prefix}reset", ""), now)
    used_up = USED_UP.search(headers.get("ratelimit", ""))
    return None if used_up is None else _seconds(used_up[1], now)


def _seconds(text: str, now: datetime) -> float | None:
    """A while, from a number of seconds, a moment in Unix time or an HTTP date."""
    text = text.strip()
    if not text:
        return None
    try:
        seconds = float(text) if text.replace(".", "", 1).isdigit() else (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):
        return None
    if seconds >= EPOCH_FROM_S:
        seconds -= now.timestamp()
    return min(max(seconds, 0.0), LONGEST_REST_S)
