"""The rates' keeper: asks the bank, keeps what it says in Redis, and goes on without either."""

import json
from typing import Any

import httpx
import msgspec
import pytest
import redis.asyncio

from adapters.ecb import Ecb
from adapters.rates import fixed_rates
from bridge import rates
from bridge.rates import RateKeeper, make_keeper, past_rates
from bridge.reading import read_slice
from bridge.retry import RetryPolicy
from bridge.settings import BridgeSettings
from bridge.snapshot import connect
from tests.adapters.test_ecb import cube, envelope
from tests.bridge.conftest import RedisServer
from tests.bridge.fakes import START, Clock, Handler, Lumen, client, offer

FIXED = fixed_rates("1.10", "2026-10-30")


class Bank:
    """A bank that says `text`, or `status` where that is no 200."""

    def __init__(self, text: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.text, self.status, self.headers = text, status, headers or {}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return httpx.Response(self.status, text=self.text, headers=self.headers)


def keeper(bank: Handler, redis_client: "redis.asyncio.Redis", clock: Clock) -> RateKeeper:
    retry = RetryPolicy(clock=clock, sleep=clock.sleep, random=lambda: 1.0)
    return RateKeeper(client(bank, Ecb(), clock), redis_client, "simulated", FIXED, retry=retry, now=clock.now)


async def kept(redis_client: "redis.asyncio.Redis") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await redis_client.get("gputicker:rates") or b"{}")
    return found


async def test_the_banks_rates_are_in_use_and_in_redis(redis_client: "redis.asyncio.Redis") -> None:
    bank, clock = Bank(envelope(cube(USD="1.125", GBP="0.9"))), Clock()
    one = keeper(bank, redis_client, clock)
    await one.start()
    assert bank.asked == ["https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"]
    assert (str(one.rates["EUR"].usd), str(one.rates["GBP"].usd)) == ("1.125", "1.25")
    told = await kept(redis_client)
    assert (told["market"], told["error"], told["answered_at_ms"]) == ("simulated", None, clock.now_ms())
    assert told["rates"] == [
        {"currency": "EUR", "usd": "1.125", "date": "2026-11-20", "source": "ecb"},
        {"currency": "GBP", "usd": "1.25", "date": "2026-11-20", "source": "ecb"},
    ]


async def test_a_restart_begins_with_what_was_known(redis_client: "redis.asyncio.Redis") -> None:
    clock = Clock()
    await keeper(Bank(envelope(cube(USD="1.125"))), redis_client, clock).start()
    away = Bank("", status=503)
    again = keeper(away, redis_client, clock)
    await again.start()
    assert away.asked == [], "nothing waits for the bank where rates are known"
    assert again.rates["EUR"].date == "2026-11-20"
    await again.look()
    told = await kept(redis_client)
    assert "HTTP 503" in told["error"]
    assert told["rates"][0]["source"] == "ecb"


async def test_it_asks_once_an_hour(redis_client: "redis.asyncio.Redis") -> None:
    bank, clock = Bank(envelope(cube(USD="1.125"))), Clock()
    one = keeper(bank, redis_client, clock)
    await one.start()
    clock.passed_s = 3599
    await one.look()
    assert len(bank.asked) == 1
    clock.passed_s = 3600
    await one.look()
    assert len(bank.asked) == 2


async def test_an_unchanged_file_is_not_sent_again(redis_client: "redis.asyncio.Redis") -> None:
    asked: list[str | None] = []

    def bank(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("if-none-match"))
        if asked[-1] == '"friday"':
            return httpx.Response(304, headers={"etag": '"friday"'})
        return httpx.Response(200, text=envelope(cube(USD="1.125")), headers={"etag": '"friday"'})

    clock = Clock()
    one = keeper(bank, redis_client, clock)
    await one.start()
    clock.passed_s = 3600
    await one.look()
    assert asked == [None, '"friday"']
    told = await kept(redis_client)
    assert (told["error"], told["answered_at_ms"]) == (None, clock.now_ms())


async def test_a_refusal_is_said_and_the_fixed_rate_stands_until_it_answers(redis_client: "redis.asyncio.Redis") -> None:
    bank, clock = Bank("<html/>"), Clock()
    one = keeper(bank, redis_client, clock)
    await one.start()
    told = await kept(redis_client)
    assert told["error"].startswith("ecb: the root is 'html'")
    assert told["rates"] == [{"currency": "EUR", "usd": "1.10", "date": "2026-10-30", "source": "settings"}]
    bank.text = envelope(cube(USD="1.125"))
    clock.passed_s = 59
    await one.look()
    assert len(bank.asked) == 1
    clock.passed_s = 61
    await one.look()
    assert ((await kept(redis_client))["error"], one.rates["EUR"].date) == (None, "2026-11-20")


async def test_pauses_grow_and_a_retry_after_is_honoured(redis_client: "redis.asyncio.Redis") -> None:
    bank, clock = Bank("", status=429, headers={"retry-after": "900"}), Clock()
    one = keeper(bank, redis_client, clock)
    await one.look()
    asked = len(bank.asked)
    clock.passed_s = 899
    await one.look()
    assert len(bank.asked) == asked
    clock.passed_s = 901
    await one.look()
    assert len(bank.asked) > asked


async def test_a_jump_is_an_error_and_the_rate_before_stands(redis_client: "redis.asyncio.Redis", caplog: pytest.LogCaptureFixture) -> None:
    bank, clock = Bank(envelope(cube("2026-11-20", USD="1.125"))), Clock()
    one = keeper(bank, redis_client, clock)
    await one.start()
    bank.text = envelope(cube("2026-11-21", USD="0.8888"))
    clock.passed_s = 3600
    await one.look()
    assert str(one.rates["EUR"].usd) == "1.125"
    assert "not believed" in (await kept(redis_client))["error"]
    assert "exchange rates refused: EUR" in caplog.text


async def test_rates_of_another_market_are_not_taken_over(redis_client: "redis.asyncio.Redis") -> None:
    clock = Clock()
    await keeper(Bank(envelope(cube(USD="1.125"))), redis_client, clock).start()
    told = await kept(redis_client)
    await redis_client.set("gputicker:rates", json.dumps({**told, "market": "live"}))
    one = keeper(Bank("", status=503), redis_client, clock)
    await one.start()
    assert one.rates["EUR"].date == "2026-10-30"


async def test_what_redis_holds_may_be_rubbish(redis_client: "redis.asyncio.Redis") -> None:
    await redis_client.set("gputicker:rates", b'{"market": 7}')
    one = keeper(Bank(envelope(cube(USD="1.125"))), redis_client, Clock())
    await one.start()
    assert one.rates["EUR"].date == "2026-11-20"


async def test_without_redis_the_banks_rates_are_in_use(redis_server: RedisServer) -> None:
    redis_server.stop()
    away = connect(redis_server.url)
    one = keeper(Bank(envelope(cube(USD="1.125"))), away, Clock())
    await one.start()
    assert one.rates["EUR"].date == "2026-11-20"
    await away.aclose()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"market": "recorded"}, "recorded answers hold no exchange rates"),
        ({"sources_off": "ecb,vast"}, "switched off by GPUTICKER_SOURCES_OFF"),
    ],
)
async def test_where_nobody_is_asked_the_fixed_rate_stands(
    redis_client: "redis.asyncio.Redis", settings: dict[str, Any], reason: str
) -> None:
    made = BridgeSettings(upstream_url="https://u", eur_usd="1.2", eur_usd_date="2026-11-01", **settings)
    one = make_keeper(made, redis_client)
    await one.start()
    told = await kept(redis_client)
    assert (told["error"], told["asked_at_ms"]) == (reason, None)
    assert told["rates"] == [{"currency": "EUR", "usd": "1.2", "date": "2026-11-01", "source": "settings"}]
    past = await past_rates(made, START)
    assert str(past.at(START)["EUR"].usd) == "1.2"


async def test_history_has_the_rate_of_each_day(monkeypatch: pytest.MonkeyPatch) -> None:
    days = envelope(cube("2026-11-20", USD="1.125"), cube("2026-11-19", USD="1.124"))
    monkeypatch.setattr(rates, "bank", lambda *_: client(Bank(days), Ecb()))
    past = await past_rates(BridgeSettings(upstream_url="https://u"), START)
    assert str(past.at(START)["EUR"].usd) == "1.125"
    assert str(past.at(START.replace(day=20))["EUR"].usd) == "1.124"


async def test_a_rate_that_comes_while_a_slice_is_read_changes_nothing_in_it(redis_client: "redis.asyncio.Redis") -> None:
    one = keeper(Bank(envelope(cube(USD="1.125"))), redis_client, Clock())

    class Slow(Lumen):
        """The newest rate comes after its first offer."""

        def parse(self, *_: Any) -> Any:
            yield offer_in_euro("a")
            one.rates.take({"EUR": fixed_rates("1.15", "2026-11-20")["EUR"]})
            yield offer_in_euro("b")

    states = read_slice(Slow(), [], START, one.rates).states
    assert {state.fx_rate for state in states.values()} == {"1.10"}
    assert {state.usd_per_gpu_hour_micros for state in states.values()} == {2_200_000}


def offer_in_euro(key: str) -> Any:
    return msgspec.structs.replace(offer(key, "16"), currency="EUR")
