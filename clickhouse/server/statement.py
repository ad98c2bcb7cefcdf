"""What a statement is: read, insert or other; where an INSERT's data begins; and what no client may say."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from clickhouse.server.errors import ClickHouseError, front_error
from clickhouse.server.lexer import Token, tokens, unquote

MAX_STATEMENT_BYTES = 1 << 20
"""Of SQL text, VALUES included: longer data goes in a format of its own (TSV, JSONEachRow, Native)."""

# Formats whose chunks concatenate to what one piece would be; all others repeat a header and are sent whole (measured, 4.4.0).
STREAMABLE = frozenset(
    {
        "TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "Raw", "CSV", "CustomSeparated", "TSKV", "Native", "RowBinary", "MsgPack",
        "JSONEachRow", "JSONLines", "NDJSON", "JSONStringsEachRow", "JSONCompactEachRow", "LineAsString", "RawBLOB", "SQLInsert",
    }
)  # fmt: skip

CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
}

# Settings that name files of the host. disk and storage_policy make MergeTree write outside the data folder (seen on 26.9).
FORBIDDEN_SETTINGS = frozenset(
    {"format_schema", "format_schema_source", "format_template_resultset", "format_template_row", "disk", "storage_policy"}
)
# Grants do not cover these (seen: file('/etc/hostname') answers under SELECT grants alone): they read the host or this process.
_FORBIDDEN_FUNCTIONS = frozenset({"file", "python", "disk"})
_SELECTS = ("SELECT", "WITH", "FROM")
_READS = ("SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN")
_OTHER_WITH_RESULT = ("CHECK", "KILL")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, ready for the engine."""

    kind: Literal["select", "show", "insert", "other"]
    """select can be streamed; select and show change nothing."""
    sql: str
    """Of an insert that carries data: what stands before FORMAT, without its SETTINGS."""
    output_format: str | None
    """The format it asks for, if it does."""
    answers: bool
    """Whether it has a result to show."""
    without_format: str = ""
    """select: the statement up to its FORMAT clause."""
    insert_settings: str = ""
    insert_format: str = ""
    """Empty: no data follows (INSERT … SELECT, INSERT … VALUES)."""
    data: tuple[memoryview, ...] = ()


def parse(url_query: bytes, body: bytes | bytearray, parameters: Mapping[str, str] | None = None) -> Statement:
    """The statement in `?query=` and the body, as ClickHouse joins them: the body continues the query, or is its data.

    Raises ClickHouseError: SYNTAX_ERROR, ACCESS_DENIED for what reaches files of the host.
    """
    for head, rest in ((url_query, body), (_joined(url_query, body), b"")):
        insert = _insert_with_data(head, rest) if head else None
        if insert is not None:
            return insert
    return _plain(_joined(url_query, body), parameters or {})


def _joined(url_query: bytes, body: bytes | bytearray) -> bytes | bytearray:
    if not url_query:
        return body
    return b"\n".join((url_query, body)) if body else url_query


def _insert_with_data(sql: bytes | bytearray, rest: bytes | bytearray) -> Statement | None:
    """The INSERT whose data follows its FORMAT clause; None for any other statement."""
    window = bytes(memoryview(sql)[:MAX_STATEMENT_BYTES])
    stream = _checked(tokens(window))
    first = next(stream, None)
    if first is None or not first.is_word("INSERT"):
        return None
    depth, settings_start = 0, None
    for token in stream:
        depth += token.is_sign("(") - token.is_sign(")")
        if depth or token.kind != "word":
            continue
        if token.is_word("SELECT", "WITH", "VALUES", "WATCH"):
            return None
        if token.is_word("SETTINGS"):
            settings_start = token.start
        if token.is_word("FORMAT"):
            name = next(stream, None)
            if name is None:
                return None
            if name.is_word("VALUES"):
                return None
            head_end = token.start if settings_start is None else settings_start
            own = memoryview(sql)[_data_start(window, name.end) :]
            return Statement(
                kind="insert",
                sql=window[:head_end].decode(),
                output_format=None,
                answers=False,
                insert_settings="" if settings_start is None else window[settings_start : token.start].decode(),
                insert_format=name.text,
                data=tuple(piece for piece in (own, memoryview(rest)) if piece),
            )
    return None


def _data_start(sql: bytes, position: int) -> int:
    """After the format's name: blanks and one line end are skipped, as the engine's parser does."""
    while sql[position : position + 1] in (b" ", b"\t", b"\f"):
        position += 1
    if sql[position : position + 1] == b"\r":
        position += 1
    if sql[position : position + 1] == b"\n":
        position += 1
    return position


def _plain(sql: bytes | bytearray, parameters: Mapping[str, str]) -> Statement:
    if len(sql) > MAX_STATEMENT_BYTES:
        message = (
            f"the statement has {len(sql)} bytes, the limit is {MAX_STATEMENT_BYTES}; send data with FORMAT TSV, JSONEachRow or Native"
        )
        raise front_error(307, "TOO_MANY_BYTES", message)
    found = list(_checked(tokens(bytes(sql))))
    if not found:
        raise front_error(62, "SYNTAX_ERROR", "Syntax error: Empty query")
    while found and found[-1].is_sign(";"):
        found.pop()
    if any(token.is_sign(";") for token in found):
        raise front_error(62, "SYNTAX_ERROR", "Syntax error: Multi-statements are not allowed")
    if not found:
        raise front_error(62, "SYNTAX_ERROR", "Syntax error: Empty query")
    if any(token.is_word("IDENTIFIER") for token in found):
        _refuse_identifiers(parameters)
    text = bytes(sql)[: found[-1].end].decode(errors="replace")
    first = next((token for token in found if not token.is_sign("(")), found[0])
    if first.is_word("INSERT"):
        return Statement("insert", text, None, answers=False)
    if first.is_word("WITH") and any(token.is_word("INSERT") and after.is_word("INTO") for token, after in pairwise(found)):
        return Statement("insert", text, None, answers=False)
    clause, output_format = _format_clause(found)
    if first.is_word(*_SELECTS):
        end = found[-1].end if clause is None else clause.start
        return Statement("select", text, output_format, answers=True, without_format=bytes(sql[:end]).decode(errors="replace"))
    if first.is_word(*_READS):
        return Statement("show", text, output_format, answers=True)
    return Statement("other", text, output_format, answers=first.is_word(*_OTHER_WITH_RESULT))


def _format_clause(found: list[Token]) -> tuple[Token | None, str | None]:
    """The FORMAT clause outside parentheses, at the end or before SETTINGS: its keyword, and the format."""
    depth = 0
    for index, token in enumerate(found[:-1]):
        depth += token.is_sign("(") - token.is_sign(")")
        after = found[index + 2] if index + 2 < len(found) else None
        if depth == 0 and token.is_word("FORMAT") and found[index + 1].kind == "word" and (after is None or after.is_word("SETTINGS")):
            return token, found[index + 1].text
    return None, None


def _checked(stream: Iterable[Token]) -> Iterator[Token]:
    """The same tokens; raises at what reaches files of the host or this process."""
    before, before_that = None, None
    for token in stream:
        if before is not None:
            _check(before_that, before, token)
        before_that, before = before, token
        yield token
    if before is not None:
        _check(before_that, before, None)


def _check(previous: Token | None, token: Token, following: Token | None) -> None:
    if token.is_word("FROM", "INTO") and following is not None and following.is_word("INFILE", "OUTFILE"):
        raise denied(f"{token.text.upper()} {following.text.upper()}")
    if token.kind not in ("word", "name"):
        return
    name = token.text.lower()
    if name in FORBIDDEN_SETTINGS and following is not None and following.is_sign("="):
        raise denied(f"setting {name}")
    if name == "python" and previous is not None and (previous.is_sign("=") or previous.is_word("ENGINE")):
        raise denied("engine Python")
    if name in _FORBIDDEN_FUNCTIONS and following is not None and following.is_sign("("):
        raise denied(f"function {token.text}")
    # A function can be handed on by its name alone: arrayMap(file, …), * APPLY file. A column of that name is written t.file.
    qualified = (previous is not None and previous.is_sign(".")) or (following is not None and following.is_sign("."))
    if token.text == "file" and not qualified:
        raise denied("name file, unqualified,")


def _refuse_identifiers(parameters: Mapping[str, str]) -> None:
    """`arrayMap({f:Identifier}, …)` with f = file reads files of the host too (seen on 26.9)."""
    for name, value in parameters.items():
        if unquote(value.strip()).lower() in _FORBIDDEN_FUNCTIONS:
            raise denied(f"parameter {name} = {value}")


def denied(what: str) -> ClickHouseError:
    """The refusal of something that would reach outside the database."""
    return front_error(497, "ACCESS_DENIED", f"{what} is not allowed: it would reach files of the host")
