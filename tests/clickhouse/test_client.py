"""clickhouse-connect, the client that everything of ours uses, through the front."""
# ruff: noqa: S608 - table names of our own

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.clickhouse.front import FrontProcess

ROWS: list[list[Any]] = [
    [1, "x", datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), True, 1.5, Decimal("1.234567"), ["a", "b"]],
    [2, None, datetime(2026, 1, 2, 3, 4, 5, 679000, UTC), False, None, Decimal("2.000000"), []],
]


@pytest.fixture
def wide(client: Client) -> str:
    client.command("DROP TABLE IF EXISTS wide")
    client.command(
        "CREATE TABLE wide (a Int64, n LowCardinality(Nullable(String)), d DateTime64(3, 'UTC'), b Bool, x Nullable(Float64), "
        "p Decimal64(6), l Array(String)) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100"
    )
    return "wide"


def test_insert_and_query_round_trip(client: Client, wide: str) -> None:
    assert client.insert(wide, ROWS).written_rows == 2
    result = client.query(f"SELECT * FROM {wide} WHERE n = {{n:String}} OR a IN {{more:Array(Int64)}} ORDER BY a", {"n": "x", "more": [2]})
    assert [list(row) for row in result.result_rows] == ROWS
    assert result.column_names == ("a", "n", "d", "b", "x", "p", "l")


def test_an_empty_result_has_its_columns(client: Client, wide: str) -> None:
    result = client.query(f"SELECT a, n AS m FROM {wide} WHERE a > {{a:Int64}}", {"a": 5})
    assert (result.column_names, result.result_rows) == (("a", "m"), [])
    assert client.query(f"SELECT a FROM {wide} LIMIT 0").column_names == ("a",)


def test_a_repeated_token_is_one_insert(client: Client, wide: str) -> None:
    for _ in range(3):
        client.insert(wide, ROWS, settings={"insert_deduplication_token": "block-1"})
    assert client.command(f"SELECT count() FROM {wide}") == 2
    client.insert(wide, ROWS, settings={"insert_deduplication_token": "block-2"})
    client.insert(wide, ROWS)  # the token of the insert before is not kept by the session
    assert client.command(f"SELECT count() FROM {wide}") == 6


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", False])
def test_compressions(front: FrontProcess, wide: str, compression: str | bool) -> None:
    client = front.client(compress=compression)
    client.insert(wide, ROWS)
    assert client.query(f"SELECT count() FROM {wide}").result_rows == [(2,)]
    client.close()


def test_raw_inserts_and_queries(client: Client, wide: str) -> None:
    assert client.raw_insert(wide, ["a"], b"5\n6\n", fmt="TSV").written_rows == 2
    assert client.raw_query(f"SELECT a FROM {wide} ORDER BY a FORMAT CSV") == b"5\n6\n"


def test_streaming_many_blocks(client: Client) -> None:
    with client.query_column_block_stream("SELECT number FROM numbers(2000000)") as stream:
        sizes = [len(block[0]) for block in stream]
    assert sum(sizes) == 2_000_000
    assert len(sizes) > 10


def test_errors_reach_the_client(client: Client) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_IDENTIFIER") as caught:
        client.query("SELECT nope")
    assert caught.value.code == 47
    with (
        pytest.raises(StreamFailureError, match="395"),
        client.query_row_block_stream("SELECT throwIf(number = 3000000) FROM numbers(10000000)") as stream,
    ):
        for _ in stream:
            pass


def test_settings_hold_for_one_call(client: Client) -> None:
    assert client.query("SELECT getSetting('max_threads')", settings={"max_threads": 7}).result_rows == [(7,)]
    assert client.query("SELECT getSetting('max_threads')").result_rows != [(7,)]


def test_the_async_client_in_parallel(front: FrontProcess) -> None:
    async def ask() -> list[object]:
        client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=front.port)
        try:
            results = await asyncio.gather(*(client.query(f"SELECT {number}") for number in range(20)))
        finally:
            await client.close()
        return [result.result_rows[0][0] for result in results]

    assert asyncio.run(ask()) == list(range(20))
