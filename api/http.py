"""An HTTP answer, and the two kinds that every part makes: JSON and errors."""

from typing import NamedTuple

import msgspec

from api.answers import ErrorDetail, ErrorTold

HEADERS = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"))
JSON_HEADERS = [("content-type", "application/json"), *HEADERS]


class Answer(NamedTuple):
    """What goes out: status, headers, body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def json_answer(status: int, body: bytes) -> Answer:
    """JSON that is already encoded."""
    return Answer(status, JSON_HEADERS, body)


def error_answer(status: int, message: str, parameter: str | None = None, *headers: tuple[str, str]) -> Answer:
    """An ErrorTold."""
    body = msgspec.json.encode(ErrorTold(error=ErrorDetail(parameter=parameter, message=message)))
    return Answer(status, [*JSON_HEADERS, *headers], body)
