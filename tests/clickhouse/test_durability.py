"""What was acknowledged is there after kill -9, once, in the table and in what its view feeds."""
# ruff: noqa: S608 - table names of our own

import random
import threading
from itertools import count
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from tests.clickhouse.front import FrontProcess

ROUNDS = 3
BLOCK_ROWS = 500


def test_no_acknowledged_block_is_lost_or_doubled(tmp_path: Path) -> None:
    front = FrontProcess(tmp_path)
    random_s = random.Random(7)  # noqa: S311
    acknowledged: list[int] = []
    in_flight: list[int] = []
    try:
        front.start()
        front.tsv(
            "CREATE TABLE base (block Int64, n Int64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000"
        )
        front.tsv("CREATE TABLE copy AS base ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000")
        front.tsv("CREATE MATERIALIZED VIEW feed TO copy AS SELECT * FROM base")
        for _ in range(ROUNDS):
            killer = threading.Timer(0.3 + random_s.random() / 2, front.kill)
            killer.start()
            acknowledged += insert_until_killed(front, len(acknowledged) + len(in_flight), in_flight)
            killer.join()
            front.start()
            client = front.client()
            for block in in_flight:
                insert(client, block)  # the same block with the same token: completes what was cut off
                acknowledged.append(block)
            in_flight.clear()
            client.close()
        assert len(acknowledged) > ROUNDS
        for table in ("base", "copy"):
            blocks = front.tsv(f"SELECT block, count(), uniqExact(n) FROM {table} GROUP BY block ORDER BY block")
            assert blocks == [[str(block), str(BLOCK_ROWS), str(BLOCK_ROWS)] for block in sorted(acknowledged)]
    finally:
        front.kill()


def insert_until_killed(front: FrontProcess, first: int, in_flight: list[int]) -> list[int]:
    done: list[int] = []
    client = front.client(connect_timeout=5, send_receive_timeout=30)
    for block in count(first):
        try:
            insert(client, block)
        except (ClickHouseError, OSError):
            in_flight.append(block)
            break
        done.append(block)
    client.close()
    return done


def insert(client: Client, block: int) -> None:
    columns = [[block] * BLOCK_ROWS, list(range(block * BLOCK_ROWS, (block + 1) * BLOCK_ROWS))]
    settings = {"insert_deduplication_token": f"block-{block}"}
    client.insert("base", columns, column_names=["block", "n"], column_oriented=True, settings=settings)
