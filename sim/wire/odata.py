"""OData filters as the retail prices API takes them: eq, ne, and, or, not, contains, startswith, endswith, parentheses."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Row = Mapping[str, Any]
Predicate = Callable[[Row], bool]
TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\w+|[(),])|\s*(\S)")
FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


class BadFilter(ValueError):
    """The filter cannot be read."""


@lru_cache(maxsize=256)
def compiled(text: str) -> Predicate:
    """A test for rows; an empty filter lets every row pass. Raises BadFilter; a field that a row has not is equal to nothing."""
    tokens = []
    for match in TOKEN.finditer(text):
        if match[2]:
            raise BadFilter(f"unexpected {match[2]}")
        tokens.append(match[1])
    if not tokens:
        return lambda row: True
    reader = _Reader(tokens)
    test = reader.any_of()
    if reader.at < len(tokens):
        raise BadFilter(f"unexpected {reader.peek()}")
    return test


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def any_of(self) -> Predicate:
        tests = [self.all_of()]
        while self.peek() == "or":
            self.at += 1
            tests.append(self.all_of())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def all_of(self) -> Predicate:
        tests = [self.term()]
        while self.peek() == "and":
            self.at += 1
            tests.append(self.term())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def term(self) -> Predicate:
        token = self.take()
        if token == "not":  # noqa: S105 - a word of the filter language
            test = self.term()
            return lambda row: not test(row)
        if token == "(":  # noqa: S105 - as above
            test = self.any_of()
            self.expect(")")
            return test
        if token in FUNCTIONS:
            self.expect("(")
            field = self.take()
            self.expect(",")
            function, part = FUNCTIONS[token], self.text()
            self.expect(")")
            return lambda row: function(str(row.get(field, "")), part)
        operator = self.take()
        if operator not in ("eq", "ne"):
            raise BadFilter(f"unknown operator {operator}")
        wanted = self.text()
        return (lambda row: row.get(token) == wanted) if operator == "eq" else (lambda row: row.get(token) != wanted)

    def text(self) -> str:
        token = self.take()
        if not token.startswith("'"):
            raise BadFilter(f"expected a text in quotes, found {token}")
        return token[1:-1].replace("''", "'")

    def expect(self, token: str) -> None:
        if (found := self.take()) != token:
            raise BadFilter(f"expected {token}, found {found}")

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise BadFilter("ends too early")
        self.at += 1
        return token

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""
