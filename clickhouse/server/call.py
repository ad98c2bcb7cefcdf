"""An HTTP request in ClickHouse's terms: who asks, the statement, parameters, settings, session, how to answer."""

import base64
import binascii
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from clickhouse.server.encoding import Decompressor, accepted
from clickhouse.server.errors import ClickHouseError, front_error
from clickhouse.server.statement import Statement, parse

# Of the transport, not of the query: never handed to the engine. log_comment carries the tag by which a query is cancelled.
_TRANSPORT = frozenset(
    {
        "query", "database", "user", "password", "quota_key", "session_id", "session_timeout", "session_check", "query_id",
        "default_format", "wait_end_of_query", "buffer_size", "client_protocol_version", "role", "stacktrace", "compress", "decompress",
        "enable_http_compression", "http_zlib_compression_level", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close", "add_http_cors_header", "http_write_exception_in_output_format",
        "http_wait_end_of_query", "log_comment", "async_insert", "wait_for_async_insert",
    }
)  # fmt: skip
_MAX_SESSION_S = 3600


@dataclass(frozen=True, slots=True)
class Call:
    """One request, understood."""

    query_id: str
    statement: Statement
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    database: str
    """Empty: the session's own, or the server's."""
    session_id: str
    """Empty: no session."""
    session_timeout_s: float
    session_must_exist: bool
    output_format: str
    wait_end: bool
    encoding: str | None


class Budget:
    """Bytes that all request bodies together may hold."""

    def __init__(self, body_bytes: int, total_bytes: int) -> None:
        self._body_bytes = body_bytes
        self._left = total_bytes

    def take(self, held: int, more: int) -> None:
        """Raises TOO_MANY_BYTES for one body over its limit, SERVER_OVERLOADED where all bodies together are."""
        if held + more > self._body_bytes:
            raise front_error(307, "TOO_MANY_BYTES", f"the body is over the limit of {self._body_bytes} bytes")
        if more > self._left:
            raise front_error(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "too many bytes of request bodies at once; try again")
        self._left -= more

    def give(self, held: int) -> None:
        self._left += held


class Body:
    """The decompressed body of one request, counted against the budget until it is released."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0
        self.content = bytearray()

    async def read(self, request: web.Request) -> None:
        """Raises ClickHouseError for a body that is too large or not in its encoding."""
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        decompressor = None if encoding in ("", "identity") else Decompressor(encoding)
        async for piece in request.content.iter_any():
            if decompressor is None:
                self._add(piece)
                continue
            for plain in decompressor.feed(piece):
                self._add(plain)
        if decompressor is not None:
            decompressor.finish()

    async def read_form(self, request: web.Request) -> dict[str, str]:
        """The fields of a multipart form: the query and its parameters."""
        fields = {}
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader) or part.filename is not None:
                    raise front_error(48, "NOT_IMPLEMENTED", "external tables (files in a form) are not supported")
                value = bytearray()
                while piece := await part.read_chunk():
                    self._count(len(piece))
                    value += piece
                fields[part.name or ""] = value.decode()
        except (ValueError, HttpProcessingError) as error:
            raise front_error(36, "BAD_ARGUMENTS", f"the form cannot be read: {error}") from error
        return fields

    def release(self) -> None:
        self._budget.give(self._held)
        self._held = 0
        self.content = bytearray()

    def _add(self, piece: bytes) -> None:
        self._count(len(piece))
        self.content += piece

    def _count(self, more: int) -> None:
        self._budget.take(self._held, more)
        self._held += more


async def read_call(request: web.Request, body: Body) -> Call:
    """Raises ClickHouseError for whatever is wrong with the request itself."""
    values = dict(request.query)
    for unsupported in ("compress", "decompress"):
        if values.get(unsupported, "0") not in ("0", ""):
            raise front_error(48, "NOT_IMPLEMENTED", f"{unsupported}=1 is not supported; use Content-Encoding and Accept-Encoding")
    if request.content_type == "multipart/form-data":
        values.update(await body.read_form(request))
    else:
        await body.read(request)
    headers = request.headers
    parameters = {name.removeprefix("param_"): value for name, value in values.items() if name.startswith("param_")}
    statement = parse(values.get("query", "").encode(), body.content, parameters)
    if request.method == "GET" and statement.kind not in ("select", "show"):
        message = "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly; use POST"
        raise front_error(164, "READONLY", message)
    output_format = statement.output_format or values.get("default_format") or headers.get("X-ClickHouse-Format") or "TabSeparated"
    if not output_format.isidentifier():
        raise front_error(73, "UNKNOWN_FORMAT", f"Unknown format {output_format!r}")
    return Call(
        query_id=values.get("query_id") or str(uuid.uuid4()),
        statement=statement,
        parameters=parameters,
        settings={name: value for name, value in values.items() if name not in _TRANSPORT and not name.startswith("param_")},
        database=values.get("database") or headers.get("X-ClickHouse-Database") or "",
        session_id=values.get("session_id", ""),
        session_timeout_s=_session_timeout(values.get("session_timeout", "60")),
        session_must_exist=values.get("session_check", "0") == "1",
        output_format=output_format,
        wait_end=values.get("wait_end_of_query", "0") == "1",
        encoding=_encoding(headers.get("Accept-Encoding", ""), values.get("enable_http_compression", "1")),
    )


def authenticate(request: web.Request, user: str, password: str) -> None:
    """Raises AUTHENTICATION_FAILED. The user by headers, basic auth or URL, as ClickHouse looks for them."""
    given_user, given_password = _credentials(request)
    same_user = hmac.compare_digest(given_user.encode(), user.encode())
    if not hmac.compare_digest(given_password.encode(), password.encode()) or not same_user:
        raise _auth_failed(given_user)


def _credentials(request: web.Request) -> tuple[str, str]:
    headers = request.headers
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User", "default"), headers.get("X-ClickHouse-Key", "")
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _auth_failed("") from None
        return user, password
    if scheme:
        raise _auth_failed("")
    return request.query.get("user", "default"), request.query.get("password", "")


def _auth_failed(user: str) -> ClickHouseError:
    message = f"{user}: Authentication failed: password is incorrect, or there is no user with such name."
    return front_error(516, "AUTHENTICATION_FAILED", message)


def _session_timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= _MAX_SESSION_S:
        raise front_error(374, "INVALID_SESSION_TIMEOUT", f"Invalid session timeout: '{text}', at most {_MAX_SESSION_S}")
    return seconds


def _encoding(accept: str, enabled: str) -> str | None:
    return accepted(accept) if enabled in ("1", "true") else None
