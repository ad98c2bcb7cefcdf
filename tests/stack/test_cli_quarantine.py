"""`gputicker quarantine` against a real Redis: what it tells, and what it leaves for the bridge."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from click.testing import CliRunner

from bridge.quarantine_keys import ANSWERS, HOLDS, ORDERS
from stack import cli_quarantine
from stack.cli import cli
from stack.settings import Stack
from tests.bridge.conftest import RedisServer, redis_server  # noqa: F401 - a fixture

HOLD = {
    "source": "verda",
    "incident": "0a1b",
    "since_ms": 1_795_266_600_000,
    "kind": "unit_break",
    "field": "amount",
    "reason": "100% of 8 matched offers moved by x100 (cents and whole units)",
    "digest": "d1",
    "evidence": {"factor": 100.0, "share": 1.0, "examples": ["FIN-01/1H100: 2.29 USD -> 229 USD"]},
    "outstanding": [""],
    "now": "unit_break",
    "reason_now": "100% of 8 matched offers moved by x100 (cents and whole units)",
    "folder": "data/quarantine/verda/0a1b",
}


@pytest.fixture
def client(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> "Iterator[redis.Redis]":  # noqa: F811 - the fixture
    class Here(Stack):
        @property
        def urls(self) -> dict[str, str]:
            return {"redis": redis_server.url}

    monkeypatch.setattr(cli_quarantine, "find_stack", lambda _: Here())
    monkeypatch.setattr(cli_quarantine, "ANSWERED_WITHIN_S", 1.0)
    with redis.Redis.from_url(redis_server.url) as made:
        yield made


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["quarantine", *arguments])
    return result.exit_code, result.output


def test_list_and_show(client: "redis.Redis") -> None:
    assert run() == (0, "nothing is in quarantine\n")
    client.hset(HOLDS, "verda", json.dumps(HOLD))
    listed = run("list")[1].splitlines()
    assert listed[2].split()[:3] == ["verda", "2026-11-21T13:10:00Z", "unit_break"]
    shown = run("show", "verda")[1]
    for words in ("unit break since", "factor: 100.0", "such as FIN-01/1H100: 2.29 USD -> 229 USD", "kept in data/quarantine/verda/0a1b"):
        assert words in shown
    assert json.loads(run("list", "--json")[1]) == [HOLD]
    assert run("show", "salad") == (0, "salad is not in quarantine\n")


def test_an_order_waits_for_the_bridges_answer(client: "redis.Redis") -> None:
    def bridge() -> None:
        deadline = time.monotonic() + 5
        while not client.hdel(ORDERS, "verda") and time.monotonic() < deadline:
            time.sleep(0.01)
        client.hset(ANSWERS, "verda", "verda: accepted")

    thread = threading.Thread(target=bridge)
    thread.start()
    assert run("accept", "verda") == (0, "verda: accepted\n")
    thread.join()


def test_an_order_stays_for_a_bridge_that_does_not_run(client: "redis.Redis") -> None:
    code, said = run("refuse", "verda")
    assert code == 0 and "the bridge does not run" in said
    orders: Any = client.hget(ORDERS, "verda")
    assert json.loads(orders) == {"verb": "refuse"}


def test_a_source_is_needed_and_redis_too(client: "redis.Redis", redis_server: RedisServer) -> None:  # noqa: F811 - the fixture
    assert "accept needs a SOURCE" in run("accept")[1]
    redis_server.stop()
    code, said = run("list")
    assert code == 1 and "does not answer" in said
