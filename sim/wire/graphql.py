"""As much of GraphQL as RunPod's clients use: one query, nested selections, arguments, aliases. Values are picked, never guessed."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

TOKEN = re.compile(r'\s*(?:#[^\n]*\s*)*([_A-Za-z]\w*|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|\$\w+|[{}()\[\]:,!=])|\s*(\S)')


class BadQuery(ValueError):
    """The query cannot be read, or asks for a field that there isn't."""


class Field(msgspec.Struct, frozen=True):
    alias: str
    name: str
    arguments: Mapping[str, Any]
    fields: tuple["Field", ...]


def parse(text: str, variables: Mapping[str, Any]) -> tuple[Field, ...]:
    """The top selection of a query."""
    return _Reader(text, variables).document()


def pick(value: Any, fields: tuple[Field, ...], of: str) -> Any:
    """`value` cut down to the selection. Callables among the values are given the field's arguments. Raises BadQuery for unknown fields."""
    if value is None:
        return None
    if isinstance(value, list):
        return [pick(item, fields, of) for item in value]
    if not fields:
        if isinstance(value, dict):
            raise BadQuery(f'Field "{of}" must have a selection of subfields.')
        return value
    if not isinstance(value, dict):
        raise BadQuery(f'Field "{of}" must not have a selection since it has no subfields.')
    picked = {}
    for field in fields:
        if field.name not in value:
            raise BadQuery(f'Cannot query field "{field.name}" on type "{of}".')
        found = value[field.name]
        picked[field.alias] = pick(found(field.arguments) if callable(found) else found, field.fields, field.name)
    return picked


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self.variables = variables
        self.tokens: list[str] = []
        for match in TOKEN.finditer(text):
            if match[2]:
                raise BadQuery(f"Syntax Error: Unexpected character: {match[2]}.")
            if match[1] != ",":
                self.tokens.append(match[1])
        self.at = 0

    def document(self) -> tuple[Field, ...]:
        if self.peek() == "query":
            while self.peek() != "{":
                self.take()
        return self.selection()

    def selection(self) -> tuple[Field, ...]:
        self.expect("{")
        fields = []
        while self.peek() != "}":
            fields.append(self.field())
        self.expect("}")
        return tuple(fields)

    def field(self) -> Field:
        alias = name = self.name()
        if self.peek() == ":":
            self.take()
            name = self.name()
        arguments = self.pairs("(", ")") if self.peek() == "(" else {}
        return Field(alias, name, arguments, self.selection() if self.peek() == "{" else ())

    def pairs(self, start: str, end: str) -> dict[str, Any]:
        self.expect(start)
        found = {}
        while self.peek() != end:
            name = self.name()
            self.expect(":")
            found[name] = self.value()
        self.expect(end)
        return found

    def value(self) -> Any:
        word = self.peek()
        if word == "{":
            return self.pairs("{", "}")
        self.take()
        if word == "[":
            items = []
            while self.peek() != "]":
                items.append(self.value())
            self.expect("]")
            return items
        if word.startswith("$"):
            return self.variables.get(word[1:])
        if word in ("true", "false", "null") or word[0] in '"-0123456789':
            return msgspec.json.decode(word)
        return word

    def name(self) -> str:
        word = self.take()
        if not (word[0].isalpha() or word[0] == "_"):
            raise BadQuery(f"Syntax Error: Expected Name, found {word}.")
        return word

    def expect(self, word: str) -> None:
        if (found := self.take()) != word:
            raise BadQuery(f"Syntax Error: Expected {word}, found {found}.")

    def take(self) -> str:
        word = self.peek()
        self.at += 1
        return word

    def peek(self) -> str:
        if self.at >= len(self.tokens):
            raise BadQuery("Syntax Error: Unexpected <EOF>.")
        return self.tokens[self.at]
