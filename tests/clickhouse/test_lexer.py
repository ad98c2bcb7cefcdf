"""Where strings and comments end decides what is refused: our lexer and the engine's must agree."""

import pytest

from clickhouse.server.errors import ClickHouseError
from clickhouse.server.lexer import tokens, unquote
from tests.clickhouse.front import FrontProcess

# (statement, whether the engine sees `, 2` as a second column). Ours sees it if and only if there is a comma and a 2 among the tokens.
CASES = [
    ("SELECT 1 /* a /* b */ , 2 */", False),
    ("SELECT 1 /* a */ , 2", True),
    ("SELECT 1 -- , 2", False),
    ("SELECT 1 -- c\n, 2", True),
    ("SELECT 1 --c\n, 2", True),
    ("SELECT 1 # c\n, 2", True),
    ("SELECT 1 #! c , 2", False),
    ("SELECT 1 // c\n, 2", True),
    ("SELECT '/*' , 2 /* */", True),
    ("SELECT 'it''s , 2'", False),
    ("SELECT 'it\\'s , 2'", False),
    ("SELECT 'a\\\\' , 2", True),
    ("SELECT $$ it's $$ , 2", True),
    ("SELECT $x$ $$ ' $x$ , 2", True),
    ("SELECT 1 AS `a\\`, 2`", False),
    ("SELECT 1 AS `a``b` , 2", True),
    ('SELECT 1 AS "a\\"" , 2', True),
    ("SELECT 1 AS a$$b , 2", True),
    ("SELECT\u00a01\u3000, 2", True),
]


@pytest.mark.parametrize(("sql", "two_columns"), CASES)
def test_agrees_with_the_engine(front: FrontProcess, sql: str, two_columns: bool) -> None:
    seen = [token.text for token in tokens(sql.encode())]
    assert ("," in seen and "2" in seen) == two_columns
    answer = front.post(f"{sql}\nFORMAT JSONCompact")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["meta"]) == (2 if two_columns else 1)


@pytest.mark.parametrize(
    "sql", ["SELECT 'abc", "SELECT /* abc", "SELECT `abc", "SELECT 1\x00", "SELECT \u2018a\u2019", "SELECT $ a", "SELECT $x$ a"]
)
def test_refuses_what_is_open_or_ambiguous(sql: str) -> None:
    with pytest.raises(ClickHouseError) as caught:
        list(tokens(sql.encode()))
    assert caught.value.code == 62


def test_names_are_unquoted_with_their_escapes() -> None:
    assert [unquote(name) for name in ("`a\\`b`", '"a""b"', "`fil\\x65`", "plain")] == ["a`b", 'a"b', "file", "plain"]


def test_stops_where_it_is_left() -> None:
    """The data behind FORMAT is never looked at."""
    stream = tokens(b"INSERT INTO t FORMAT Native\n\x00\xff'")
    assert [next(stream).text for _ in range(5)] == ["INSERT", "INTO", "t", "FORMAT", "Native"]
