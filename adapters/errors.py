"""Errors, named by what the caller does next."""

from collections.abc import Sequence

from adapters.models import Rejected


class ProviderError(Exception):
    """Anything that went wrong with one provider. Messages never carry secrets or query strings."""


class Transient(ProviderError):
    """Try again later; not before `retry_after_s`, where the provider said so."""

    def __init__(self, message: str, retry_after_s: float | None = None, http_status: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.http_status = http_status


class AuthFailed(ProviderError):
    """The credential was refused: pause this source and tell its operator."""


class PayloadChanged(ProviderError):
    """The answer is not what the provider documents: keep the sample, tell the operator, do not retry.

    `rejected` are its unreadable rows, where they are the reason.
    """

    def __init__(self, message: str, field: str = "", body: bytes = b"", rejected: Sequence[Rejected] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.body = body
        self.rejected = rejected


class NoCapacity(ProviderError):
    """Nothing to rent here now: try the next offer."""


class JobRejected(ProviderError):
    """The job cannot run as described: tell its owner."""


class NotYetDone(ProviderError):
    """Call again later."""
