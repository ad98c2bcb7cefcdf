# ruff: noqa: S608 - table names of our own
"""The HTTP interface as curl sees it."""

import asyncio
import gzip
import json
import socket
import time
import zlib

import httpx
import lz4.frame
import pytest
import zstandard

from tests.clickhouse.front import FrontProcess

PLAIN = {"Accept-Encoding": "identity"}


def get(front: FrontProcess, **parameters: str) -> httpx.Response:
    return httpx.get(f"{front.url}/", params=parameters, timeout=60)


def test_ping_and_root(front: FrontProcess) -> None:
    assert (
        httpx.get(f"{front.url}/ping").text == httpx.get(f"{front.url}/").text == httpx.get(f"{front.url}/replicas_status").text == "Ok.\n"
    )


def test_get_query_post_body_and_both(front: FrontProcess, table: str) -> None:
    assert get(front, query="SELECT 1 + 1").text == "2\n"
    assert front.post("SELECT 1 + 1").text == "2\n"
    assert front.post("SELECT 1 AS a FORMAT JSONEachRow").json() == {"a": 1}
    assert front.post("1\tx\n2\ty\n", query=f"INSERT INTO {table} FORMAT TSV").status_code == 200
    assert front.post("(3, 'it''s; -- z')", query=f"INSERT INTO {table} VALUES").status_code == 200
    assert front.post(f"INSERT INTO {table} FORMAT JSONEachRow\n" + '{"a": 4, "s": "\\u00e9"}\n').status_code == 200
    # curl -d sends this content type; it is SQL, not a form
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert httpx.post(f"{front.url}/", content=f"SELECT s FROM {table} ORDER BY a", headers=form).text == "x\ny\nit\\'s; -- z\né\n"
    multipart = {"query": (None, "SELECT {x:String}"), "param_x": (None, "a b")}
    assert httpx.post(f"{front.url}/", files=multipart).text == "a b\n"


def test_headers_of_an_answer(front: FrontProcess, table: str) -> None:
    answer = front.post("SELECT number FROM numbers(10)", query_id="mine", wait_end_of_query="1", default_format="JSONEachRow")
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["X-ClickHouse-Timezone"] == "UTC"
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["result_rows"] == "10"
    answer = front.post("1\tx\n", query=f"INSERT INTO {table} FORMAT TSV")
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "1"
    assert "X-ClickHouse-Format" not in answer.headers


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("SELECT nope", 404, 47),
        ("SELECT * FROM nope", 404, 60),
        ("SELECT 1 SETTINGS nope = 1", 404, 115),
        ("SELECT 1 FORMAT Nope", 404, 73),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT sleep(3) SETTINGS max_execution_time = 1, function_sleep_max_microseconds_per_block = 5000000", 408, 159),
        ("SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 10000000", 500, 241),
        ("SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", 403, 497),
        ("SELECT * FROM `default`.`/etc/hostname`", 403, 497),
        ("CREATE DATABASE other ENGINE = Atomic", 403, 497),
        ("SYSTEM SHUTDOWN", 403, 497),
    ],
)
def test_errors_have_status_code_and_text(front: FrontProcess, sql: str, status: int, code: int) -> None:
    answer = front.post(sql)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert answer.text.endswith("(version 26.9.2.1)\n")


def test_a_failed_insert_is_not_acknowledged(front: FrontProcess, table: str) -> None:
    assert front.post("1\tx\n2000\ty\n", query=f"INSERT INTO {table} FORMAT TSV").headers["X-ClickHouse-Exception-Code"] == "469"
    assert front.post("(2000, 'y')", query=f"INSERT INTO {table} VALUES").headers["X-ClickHouse-Exception-Code"] == "469"
    assert front.post("x\ty\n", query=f"INSERT INTO {table} FORMAT TSV").status_code == 400
    assert front.tsv(f"SELECT count() FROM {table}") == [["0"]]


def test_get_changes_nothing(front: FrontProcess, table: str) -> None:
    for sql in (f"INSERT INTO {table} VALUES (1, 'x')", f"DROP TABLE {table}", f"INSERT INTO {table} SELECT 1, 'x'"):
        answer = get(front, query=sql)
        assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert front.tsv(f"SELECT count() FROM {table}") == [["0"]]


def test_settings_parameters_database_and_sessions(front: FrontProcess) -> None:
    assert front.tsv("SELECT getSetting('max_threads'), {x:UInt8} + 1, currentDatabase()", max_threads="3", param_x="1") == [
        ["3", "2", "gputicker"]
    ]
    assert front.tsv("SELECT currentDatabase()", database="system") == [["system"]]
    assert front.post("SELECT 1", **{"max_threads; DROP": "1"}).status_code == 404
    assert front.post("SELECT 1", max_threads="1', readonly = '0").status_code != 200
    session = {"session_id": "test-settings"}
    front.tsv("CREATE TEMPORARY TABLE mine (a Int8)", **session)
    front.tsv("INSERT INTO mine VALUES (7)", **session)
    assert front.tsv("SELECT a, getSetting('max_threads') = 3 FROM mine", **session, max_threads="3") == [["7", "1"]]
    assert front.tsv("SELECT getSetting('max_threads') = 3 FROM mine", **session) == [["0"]]
    assert front.post("SELECT * FROM mine").status_code == 404
    assert front.post("SELECT 1", session_id="never-seen", session_check="1").headers["X-ClickHouse-Exception-Code"] == "372"
    assert front.post("SELECT 1", session_id="x", session_timeout="99999").headers["X-ClickHouse-Exception-Code"] == "374"


def test_readonly_holds_and_a_session_recovers_from_it(front: FrontProcess, table: str) -> None:
    for session in ({}, {"session_id": "test-readonly"}):
        answer = front.post("(1, 'x')", query=f"INSERT INTO {table} VALUES", readonly="1", **session)
        assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
        assert front.tsv("SELECT 1", **session) == [["1"]]
    assert front.post("(1, 'x')", query=f"INSERT INTO {table} VALUES", session_id="test-readonly").status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
def test_compression_both_ways(front: FrontProcess, table: str, encoding: str) -> None:
    compress = {"gzip": gzip.compress, "deflate": zlib.compress, "lz4": lz4.frame.compress, "zstd": zstandard.compress}[encoding]
    decompress = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        "lz4": lz4.frame.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    }[encoding]
    # two frames, one after the other, as clickhouse-connect sends them; two zlib streams make no deflate body
    pieces = [b"1\tx\n", b"2\ty\n"] if encoding != "deflate" else [b"1\tx\n2\ty\n"]
    body = b"".join(compress(piece) for piece in pieces)
    parameters = {"query": f"INSERT INTO {table} FORMAT TSV"}
    assert httpx.post(f"{front.url}/", content=body, params=parameters, headers={"Content-Encoding": encoding}).status_code == 200
    truncated = httpx.post(f"{front.url}/", content=body[:-3], params=parameters, headers={"Content-Encoding": encoding})
    assert truncated.headers["X-ClickHouse-Exception-Code"] == "271"
    with httpx.stream(
        "POST", f"{front.url}/", content=f"SELECT * FROM {table} ORDER BY a", headers={"Accept-Encoding": encoding}
    ) as answer:
        assert answer.headers["Content-Encoding"] == encoding
        assert decompress(b"".join(answer.iter_raw())) == b"1\tx\n2\ty\n"


def test_unknown_encodings_and_native_compression_are_refused(front: FrontProcess) -> None:
    answer = httpx.post(f"{front.url}/", content=b"SELECT 1", headers={"Content-Encoding": "br"})
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (501, "48")
    assert front.post("SELECT 1", compress="1").status_code == 501
    assert httpx.post(f"{front.url}/", content=b"SELECT 1", headers={"Accept-Encoding": "br"}).text == "1\n"


def test_a_failure_after_the_first_rows_is_seen(front: FrontProcess) -> None:
    sql = "SELECT throwIf(number = 3000000) FROM numbers(10000000)"
    received = b""
    with httpx.stream("POST", f"{front.url}/", content=sql, headers=PLAIN) as answer, pytest.raises(httpx.RemoteProtocolError):
        assert answer.status_code == 200
        tag = answer.headers["X-ClickHouse-Exception-Tag"]
        for piece in answer.iter_raw():
            received = received[-2000:] + piece
    assert f"__exception__\r\n{tag}\r\nCode: 395. DB::Exception".encode() in received
    # buffered, the same failure has a status
    assert front.post(sql, wait_end_of_query="1").headers["X-ClickHouse-Exception-Code"] == "395"


def test_a_large_result_streams_in_bounded_memory(front: FrontProcess) -> None:
    front.tsv("SELECT number FROM numbers(1000000) FORMAT Null")
    before, peak, size = front.pss_mb(), 0.0, 0
    sql = "SELECT number, toString(number) FROM numbers(10000000) FORMAT Native"
    with httpx.stream("POST", f"{front.url}/", content=sql, headers=PLAIN) as answer:
        for number, piece in enumerate(answer.iter_raw(1 << 20)):
            size += len(piece)
            if number % 20 == 0:
                peak = max(peak, front.pss_mb())
    assert size > 150_000_000
    assert peak - before < 100


def test_concurrent_statements_do_not_wait_for_each_other(front: FrontProcess) -> None:
    async def ask(count: int) -> float:
        async with httpx.AsyncClient(timeout=60) as asking:
            started = time.monotonic()
            answers = await asyncio.gather(*(asking.post(f"{front.url}/", content="SELECT sleep(0.5)") for _ in range(count)))
        assert {answer.status_code for answer in answers} == {200}
        return time.monotonic() - started

    assert asyncio.run(ask(8)) < 2.5


def test_a_session_is_for_one_statement_at_a_time(front: FrontProcess) -> None:
    async def ask() -> list[httpx.Response]:
        slow = "SELECT sleep(3) SETTINGS function_sleep_max_microseconds_per_block = 5000000"
        async with httpx.AsyncClient(timeout=60) as asking:
            return await asyncio.gather(*(asking.post(f"{front.url}/?session_id=test-busy", content=slow) for _ in range(2)))

    codes = sorted(answer.headers.get("X-ClickHouse-Exception-Code", "") for answer in asyncio.run(ask()))
    assert codes == ["", "373"]


def test_a_query_ends_when_its_client_goes(front: FrontProcess) -> None:
    sql = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore('gone away')"
    request = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode()
    running = "SELECT count() FROM system.processes WHERE query LIKE '%gone away%' AND query NOT LIKE '%system.processes%'"
    with socket.create_connection(("127.0.0.1", front.port)) as connection:
        connection.sendall(request)
        until(lambda: front.tsv(running) == [["1"]])
    until(lambda: front.tsv(running) == [["0"]])


def until(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def test_bodies_are_bounded_and_users_are_asked(tmp_path_factory: pytest.TempPathFactory) -> None:
    environment = {"GPUTICKER_CLICKHOUSE_MAX_BODY_MB": "1", "GPUTICKER_CLICKHOUSE_PASSWORD": "secret"}
    with FrontProcess(tmp_path_factory.mktemp("bounded"), **environment) as bounded:
        for refused in (bounded.post("SELECT 1"), bounded.post("SELECT 1", user="default", password="wrong")):
            assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
        basic = httpx.BasicAuth("default", "secret")
        assert httpx.post(f"{bounded.url}/", content="SELECT 1", auth=basic).text == "1\n"
        key = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "secret"}
        assert httpx.post(f"{bounded.url}/", content="SELECT 1", headers=key).text == "1\n"
        assert bounded.post("SELECT 1", user="default", password="secret").text == "1\n"
        assert bounded.client(username="default", password="secret").command("SELECT 1") == 1
        for body, headers in ((b" " * (2 << 20), {}), (gzip.compress(b" " * (200 << 20)), {"Content-Encoding": "gzip"})):
            answer = httpx.post(f"{bounded.url}/", content=body, auth=basic, headers=headers)
            assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (413, "307")
        assert bounded.pss_mb() < 400
        # a running query does not hold up the end
        with socket.create_connection(("127.0.0.1", bounded.port)) as connection:
            sql = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(1)"
            head = f"POST /?user=default&password=secret HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}"
            connection.sendall(head.encode())
            until(lambda: bounded.tsv("SELECT count() FROM system.processes", user="default", password="secret") == [["2"]])
            assert bounded.terminate() < 5
