"""Splitting SQL from data, and what no client may say."""

import pytest

from clickhouse.server.errors import ClickHouseError
from clickhouse.server.statement import MAX_STATEMENT_BYTES, Statement, parse
from tests.clickhouse.front import FrontProcess


def data_of(statement: Statement) -> bytes:
    return b"".join(statement.data)


@pytest.mark.parametrize(
    ("query", "body", "sql", "settings", "data_format", "data"),
    [
        ("", "INSERT INTO t (a) FORMAT TSV\n1\n2\n", "INSERT INTO t (a) ", "", "TSV", "1\n2\n"),
        ("INSERT INTO t FORMAT TSV", "1\n", "INSERT INTO t ", "", "TSV", "1\n"),
        ("INSERT INTO t", "FORMAT TSV\n1\n", "INSERT INTO t\n", "", "TSV", "1\n"),
        ("", "insert into t settings a=1, b='FORMAT X' format CSV 1,2", "insert into t ", "settings a=1, b='FORMAT X' ", "CSV", "1,2"),
        ("", "INSERT INTO t /* FORMAT CSV */ (`FORMAT`) FORMAT TSV\n\n1", "INSERT INTO t /* FORMAT CSV */ (`FORMAT`) ", "", "TSV", "\n1"),
        ("INSERT INTO t FORMAT Native", "", "INSERT INTO t ", "", "Native", ""),
    ],
)
def test_insert_is_split_from_its_data(query: str, body: str, sql: str, settings: str, data_format: str, data: str) -> None:
    found = parse(query.encode(), body.encode())
    assert (found.kind, found.sql, found.insert_settings, found.insert_format) == ("insert", sql, settings, data_format)
    assert data_of(found) == data.encode()


@pytest.mark.parametrize(
    ("sql", "kind", "output_format"),
    [
        ("SELECT 1", "select", None),
        ("SELECT 'FORMAT JSON' FORMAT CSV", "select", "CSV"),
        ("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "select", "JSON"),
        ("SELECT format FROM (SELECT 1 AS format)", "select", None),
        ("(SELECT 1) UNION ALL (SELECT 2) FORMAT Native;", "select", "Native"),
        ("WITH 1 AS x SELECT x", "select", None),
        ("-- a comment\nSHOW TABLES", "show", None),
        ("INSERT INTO t VALUES (1), (2)", "insert", None),
        ("INSERT INTO t SELECT 1", "insert", None),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "insert", None),
        ("CREATE TABLE t (a Int8) ENGINE = Memory", "other", None),
    ],
)
def test_kinds_and_formats(sql: str, kind: str, output_format: str | None) -> None:
    found = parse(b"", sql.encode())
    assert (found.kind, found.output_format) == (kind, output_format)
    assert not found.data


REFUSED = [
    "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT TSV",
    "INSERT INTO t FROM/**/INFILE '/etc/passwd' FORMAT TSV",
    "insert into t (a) from infile '/etc/passwd'",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT '$$' INTO\nOUTFILE '/tmp/x'",
    "SELECT $$'$$ INTO OUTFILE '/tmp/x'",
    "SELECT file('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT \"fil\\x65\"('/etc/passwd')",
    "SELECT * FROM file('/etc/passwd')",
    "SELECT arrayMap(file, ['/etc/passwd'])",
    "SELECT * APPLY file FROM (SELECT '/etc/passwd')",
    "WITH file AS f SELECT arrayMap(f, ['/etc/passwd'])",
    "INSERT INTO t VALUES (1, file('/etc/passwd'))",
    "SELECT * FROM Python(settings)",
    "CREATE TABLE x (a Int8) ENGINE = Python",
    "CREATE TABLE x (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = 'local_blob_storage', path = '/tmp/x')",
    "SELECT 1 FORMAT Template SETTINGS format_template_resultset = '/etc/passwd'",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_what_reaches_files_of_the_host_is_refused(front: FrontProcess, sql: str) -> None:
    with pytest.raises(ClickHouseError) as caught:
        parse(b"", sql.encode())
    assert caught.value.code == 497
    assert front.post(sql).status_code == 403


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'INTO OUTFILE', 'FROM INFILE', 'file(1)' /* INTO OUTFILE */",
        "SELECT infile, outfile FROM (SELECT 1 AS infile, 2 AS outfile)",
        "SELECT t.file FROM (SELECT 1 AS a) AS t",
        "SELECT disk_name FROM system.parts",
    ],
)
def test_what_only_looks_like_it_is_not_refused(sql: str) -> None:
    assert parse(b"", sql.encode()).kind == "select"


def test_a_function_named_by_a_parameter_is_refused(front: FrontProcess) -> None:
    answer = front.post("SELECT arrayMap({f:Identifier}, ['/etc/hostname'])", param_f="file")
    assert answer.status_code == 403
    assert front.tsv("SELECT {f:String}", param_f="file") == [["file"]]


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SELECT 1;;DROP TABLE t", "", ";", "-- nothing"])
def test_one_statement_at_a_time(sql: str) -> None:
    with pytest.raises(ClickHouseError) as caught:
        parse(b"", sql.encode())
    assert caught.value.code == 62


def test_a_statement_has_a_limit_but_data_has_not() -> None:
    long = b"INSERT INTO t VALUES " + b"(1)," * (MAX_STATEMENT_BYTES // 4)
    with pytest.raises(ClickHouseError) as caught:
        parse(b"", long)
    assert caught.value.code == 307
    data = b"1\n" * MAX_STATEMENT_BYTES
    assert data_of(parse(b"", b"INSERT INTO t FORMAT TSV\n" + data)) == data
