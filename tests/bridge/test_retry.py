"""When a poll is tried again, and when a source rests."""

import pytest

from adapters.errors import AuthFailed, PayloadChanged, Transient
from bridge.retry import CircuitBreaker, RetryPolicy
from tests.bridge.fakes import Clock


def policy(clock: Clock, jitter: float = 1.0) -> RetryPolicy:
    return RetryPolicy(clock=clock, sleep=clock.sleep, random=lambda: jitter)


async def test_transient_is_tried_three_times_with_doubling_pauses() -> None:
    clock, at = Clock(), []

    async def fails() -> None:
        at.append(clock.passed_s)
        raise Transient("no")

    with pytest.raises(Transient):
        await policy(clock).run(fails, deadline=100)
    assert at == [0.0, 0.5, 1.5]


async def test_the_result_of_the_attempt_that_works() -> None:
    clock, attempts = Clock(), []

    async def works_second() -> int:
        attempts.append(1)
        if len(attempts) == 1:
            raise Transient("no")
        return 7

    assert await policy(clock).run(works_second, deadline=100) == 7


@pytest.mark.parametrize("error", [PayloadChanged("changed"), AuthFailed("refused")])
async def test_other_errors_are_not_tried_again(error: Exception) -> None:
    attempts = []

    async def fails() -> None:
        attempts.append(1)
        raise error

    with pytest.raises(type(error)):
        await policy(Clock()).run(fails, deadline=100)
    assert attempts == [1]


async def test_retry_after_is_waited_for_but_not_past_the_deadline() -> None:
    clock, at = Clock(), []

    async def throttled() -> None:
        at.append(clock.passed_s)
        raise Transient("429", retry_after_s=7.0)

    with pytest.raises(Transient):
        await policy(clock).run(throttled, deadline=10.0)
    assert at == [0.0, 7.0]


@pytest.mark.parametrize(("jitter", "pause_s"), [(0.0, 0.25), (0.5, 0.375), (1.0, 0.5)])
def test_jitter_takes_at_most_half(jitter: float, pause_s: float) -> None:
    assert policy(Clock(), jitter).pause_s(1, None) == pause_s


def test_pauses_are_capped() -> None:
    assert policy(Clock()).pause_s(20, None) == 8.0


def test_the_breaker_opens_after_three_failures_rests_longer_each_time_and_closes_on_success() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    breaker.failed()
    breaker.failed()
    assert (breaker.state, breaker.wait_s()) == ("closed", 0.0)
    breaker.failed()
    assert (breaker.state, breaker.wait_s()) == ("open", 15.0)
    clock.passed_s = 15.0
    assert breaker.state == "half_open"
    breaker.failed()
    assert (breaker.state, breaker.wait_s()) == ("open", 30.0)
    for _ in range(10):
        breaker.failed()
    assert breaker.wait_s() == 300.0
    breaker.succeeded()
    assert (breaker.state, breaker.wait_s(), breaker.failures) == ("closed", 0.0, 0)


def test_the_breaker_leaves_a_throttling_provider_alone_as_long_as_it_asks() -> None:
    breaker = CircuitBreaker(clock=Clock())
    breaker.failed(retry_after_s=60.0)
    assert (breaker.state, breaker.wait_s()) == ("closed", 60.0)


def test_a_refused_credential_opens_the_breaker_at_once() -> None:
    breaker = CircuitBreaker(clock=Clock())
    breaker.trip()
    assert (breaker.state, breaker.wait_s()) == ("open", 300.0)
