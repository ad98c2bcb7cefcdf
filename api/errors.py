"""What a handler raises instead of answering. The server turns each into a JSON error."""


class ApiError(Exception):
    """An answer that is an error: its status, the parameter that was wrong if one was, and what to send along."""

    status = 500

    def __init__(self, message: str, parameter: str | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.parameter = parameter
        self.retry_after_s = retry_after_s


class BadParameter(ApiError):
    """The request names something that does not exist, or a value that does not fit."""

    status = 422

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message, parameter)


class TooLarge(ApiError):
    """The request's body is longer than any request of ours needs."""

    status = 413


class Unavailable(ApiError):
    """Nothing to answer from now: try again after `retry_after_s`."""

    status = 503

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message, None, retry_after_s)
