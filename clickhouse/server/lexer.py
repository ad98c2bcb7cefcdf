"""ClickHouse's tokens, as far as the front must see them: words, names, strings and comments, told apart as the engine's lexer does.

What decides over a statement's safety stands outside strings and comments, so both lexers must agree on where those end. Seen on
26.9 (tests/clickhouse/test_lexer.py asks the engine): comments nest; `#` opens a comment only before a space or `!`; `//` opens
one; `$tag$…$tag$` is a string; curly quotes are quotes. What is rare and ambiguous outside of quotes (curly quotes, a lone `$`,
NUL) is refused.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from clickhouse.server.errors import front_error

Kind = Literal["word", "name", "string", "number", "sign"]

_SKIP = re.compile(
    rb"(?:[ \t\n\r\f\v]+|\xc2\xa0|\xc2\x85|\xe1\x9a\x80|\xe2\x80[\x80-\x8d\xa8\xa9\xaf]|\xe2\x81\x9f|\xe2\x81\xa0|\xe3\x80\x80|\xef\xbb\xbf"
    rb"|--[^\n]*|//[^\n]*|#[ !][^\n]*)+"
)
_TOKEN = re.compile(
    rb"(?P<word>[A-Za-z_][A-Za-z0-9_$]*)"
    rb"|(?P<number>[0-9][A-Za-z0-9_]*)"
    rb"|(?P<string>'(?:[^'\\]|\\.|'')*'|\$(?P<tag>[A-Za-z0-9_]*)\$.*?\$(?P=tag)\$)"
    rb"|(?P<name>`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\")"
    rb"|(?P<sign>[^\x00'\"`$\x80-\xff])",
    re.DOTALL,
)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_ESCAPE = re.compile(r"\\x([0-9A-Fa-f]{2})|\\(.)|(``|\"\")", re.DOTALL)
_CONTROL = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}


class Token(NamedTuple):
    """`text` of a `name` is what it names, without quotes; of anything else, what is written."""

    kind: Kind
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether this is one of these keywords (given in upper case)."""
        return self.kind == "word" and self.text.upper() in words

    def is_sign(self, sign: str) -> bool:
        return self.kind == "sign" and self.text == sign


def tokens(sql: bytes) -> Iterator[Token]:
    """Tokens in order, lazily, so that the data after an INSERT's FORMAT is never looked at. Raises SYNTAX_ERROR."""
    position = 0
    while True:
        position = _skip(sql, position)
        if position >= len(sql):
            return
        found = _TOKEN.match(sql, position)
        if found is None:
            excerpt = sql[position : position + 30].decode(errors="replace")
            raise front_error(62, "SYNTAX_ERROR", f"Syntax error: unclosed quote or unsupported character at byte {position}: {excerpt!r}")
        group = found.lastgroup
        kind: Kind = "string" if group == "tag" else group  # type: ignore[assignment]
        text = found[0].decode(errors="replace")
        yield Token(kind, unquote(text) if kind == "name" else text, found.start(), found.end())
        position = found.end()


def unquote(name: str) -> str:
    """The identifier behind `name`, "name" or name."""
    if len(name) < 2 or name[0] not in '`"' or name[-1] != name[0]:
        return name
    return _ESCAPE.sub(_unescape, name[1:-1])


def _skip(sql: bytes, position: int) -> int:
    while True:
        if found := _SKIP.match(sql, position):
            position = found.end()
        if not sql.startswith(b"/*", position):
            return position
        position = _comment_end(sql, position)


def _comment_end(sql: bytes, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge[0] == b"/*" else -1
        if depth == 0:
            return edge.end()
    raise front_error(62, "SYNTAX_ERROR", f"Syntax error: the comment at byte {start} is not closed")


def _unescape(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    if found[2]:
        return _CONTROL.get(found[2], found[2])
    return found[3][0]
