"""Token buckets against the promise a limit makes, and what answers say of the allowance."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.limits import Bucket, Limit, asked_rest_s, pace_s

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def starts(limits: tuple[Limit, ...], pauses_s: list[float]) -> list[float]:
    """When requests go out that are wanted after these pauses, one after the other."""
    bucket, now_s, found = Bucket(limits), 0.0, []
    for pause_s in pauses_s:
        now_s += pause_s
        found.append(bucket.take(now_s))
    return found


def test_requests_without_a_burst_are_evenly_spread() -> None:
    assert starts((Limit(requests=10, per=MINUTE),), [0.0] * 4) == [0.0, 6.0, 12.0, 18.0]


def test_a_burst_goes_out_at_once_and_is_earned_back() -> None:
    limit = Limit(requests=12, per=MINUTE, burst=3)
    assert limit.gap_s == 6.0
    assert starts((limit,), [0.0] * 5 + [60.0] * 1 + [0.0] * 3) == [0.0, 0.0, 0.0, 6.0, 12.0, 60.0, 60.0, 60.0, 66.0]


def test_every_limit_holds() -> None:
    both = (Limit(requests=2, per=timedelta(seconds=1), burst=2), Limit(requests=3, per=MINUTE, burst=3))
    assert starts(both, [0.0] * 4) == [0.0, 0.0, 1.0, 60.0]


def test_without_limits_nothing_waits() -> None:
    assert starts((), [0.0, 1.0]) == [0.0, 1.0]
    assert pace_s((), 100) == 0.0


@given(
    st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))),
    st.lists(st.integers(0, 30), min_size=1, max_size=60),
)
def test_no_window_holds_more_than_the_limit(limit: tuple[int, int], pauses: list[int]) -> None:
    requests, burst = limit
    found = starts((Limit(requests=requests, per=MINUTE, burst=burst),), [float(pause) for pause in pauses])
    assert found == sorted(found)
    for first in found:
        assert sum(first <= at < first + 60 - 1e-6 for at in found) <= requests


def test_a_rest_is_the_longest_asked_for() -> None:
    bucket = Bucket(())
    assert bucket.rests_s(5.0) == 0.0
    bucket.rest(20.0)
    bucket.rest(10.0)
    assert (bucket.rests_s(5.0), bucket.rests_s(20.0)) == (15.0, 0.0)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "7"}, 7.0),
        (503, {"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        (503, {"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        (429, {"retry-after": "99999999"}, 3600.0),
        (429, {"retry-after": "soon"}, None),
        (429, {}, None),
        (200, {"retry-after": "7"}, None),
        # DigitalOcean: the moment, in Unix time. Others: how many seconds.
        (200, {"ratelimit-remaining": "0", "ratelimit-reset": str(int(NOW.timestamp()) + 90)}, 90.0),
        (200, {"ratelimit-remaining": "1", "ratelimit-reset": "90"}, None),
        (429, {"retry-after": "5", "ratelimit-remaining": "0", "ratelimit-reset": "90"}, 5.0),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "12"}, 12.0),
        (200, {"ratelimit-remaining": "0"}, None),
        (200, {"ratelimit": '"default";r=0;t=45'}, 45.0),
        (200, {"ratelimit": '"default";r=10;t=45'}, None),
        (200, {"ratelimit": "limit=100, remaining=0, reset=45"}, 45.0),
    ],
)
def test_what_an_answer_asks_for(status: int, headers: dict[str, str], seconds: float | None) -> None:
    assert asked_rest_s(status, headers, NOW) == seconds
