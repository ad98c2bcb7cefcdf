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
        return _anything
    reader = _Reader(tokens)
    test = reader.any_of()
    if reader.at < len(tokens):
        raise BadFilter(f"unexpected {reader.peek()}")
    return test


def _anything(_: Row) -> bool:
    return True


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
        word = self.take()
        if word == "not":
            test = self.term()
            return lambda row: not test(row)
        if word == "(":
            test = self.any_of()
            self.expect(")")
            return test
        if word in FUNCTIONS:
            self.expect("(")
            field = self.take()
            self.expect(",")
            function, part = FUNCTIONS[word], self.text()
            self.expect(")")
            return lambda row: function(str(row.get(field, "")), part)
        operator = self.take()
        if operator not in ("eq", "ne"):
            raise BadFilter(f"unknown operator {operator}")
        wanted = self.text()
        return (lambda row: row.get(word) == wanted) if operator == "eq" else (lambda row: row.get(word) != wanted)

    def text(self) -> str:
        word = self.take()
        if not word.startswith("'"):
            raise BadFilter(f"expected a text in quotes, found {word}")
        return word[1:-1].replace("''", "'")

    def expect(self, word: str) -> None:
        if (found := self.take()) != word:
            raise BadFilter(f"expected {word}, found {found}")

    def take(self) -> str:
        word = self.peek()
        if not word:
            raise BadFilter("ends too early")
        self.at += 1
        return word

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""
