"""ClickHouse's exceptions as HTTP answers: code, name, text, status."""

import re

_CODE = re.compile(r"Code: (\d+)\. ")
_VERSION = re.compile(r" \(version [\d.]+\)")

# As ClickHouse's exceptionCodeToHTTPStatus maps them; what is not named here is 500.
_STATUS = {
    **dict.fromkeys((194,), 401),
    **dict.fromkeys((192, 193, 497, 516), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 81, 115, 336, 372), 404),
    **dict.fromkeys((159,), 408),
    **dict.fromkeys((6, 25, 26, 27, 33, 36, 38, 41, 43, 44, 53, 62, 69, 70, 72, 117, 131, 167, 168, 321, 349, 427, 456, 457), 400),
    **dict.fromkeys((373,), 409),
    **dict.fromkeys((307,), 413),
    **dict.fromkeys((48,), 501),
    **dict.fromkeys((202, 209, 210, 236), 503),
}


class ClickHouseError(Exception):
    """One exception in ClickHouse's terms. `text` is the whole message, such as `Code: 62. DB::Exception: … (SYNTAX_ERROR)`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> int:
        """The HTTP status ClickHouse answers with."""
        return _STATUS.get(self.code, 500)


def front_error(code: int, name: str, message: str) -> ClickHouseError:
    """An exception raised by the HTTP front itself."""
    return ClickHouseError(code, f"Code: {code}. DB::Exception: {message} ({name})")


def engine_error(error: BaseException) -> ClickHouseError:
    """What the engine's exception says, from its first `Code:` on. The version is added once, by the answer."""
    text = str(error)
    found = _CODE.search(text)
    if found is None:
        return ClickHouseError(1002, f"Code: 1002. DB::Exception: {text} (UNKNOWN_EXCEPTION)")
    return ClickHouseError(int(found[1]), _VERSION.sub("", text[found.start() :]))
