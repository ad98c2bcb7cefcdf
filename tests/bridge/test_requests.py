"""How a request goes out: each way of authentication, signatures, an adapter's own headers, and pages as text."""

from collections.abc import Callable

import httpx
import pytest

from adapters.base import Request
from adapters.errors import AuthFailed, PayloadChanged
from adapters.fetch.client import ProviderClient
from adapters.registry import discover
from tests.transport import InProcess

ADAPTERS = discover()
SECRET = "s3cret-value"


def client(source: str, answer: Callable[[httpx.Request], httpx.Response]) -> ProviderClient:
    adapter = ADAPTERS[source]
    credentials = dict.fromkeys(adapter.credential, SECRET)
    return ProviderClient(adapter, InProcess(httpx.MockTransport(answer)), credentials=credentials)


async def sent(source: str, body: str = "{}") -> httpx.Request:
    """The first request of a source, as it goes out."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, text=body)

    async with client(source, answer) as provider:
        await provider.fetch(ADAPTERS[source].slices()[0].requests[0])
    return seen[0]


async def test_a_key_in_a_header() -> None:
    assert (await sent("shadeform")).headers["x-api-key"] == SECRET


async def test_a_token_with_its_prefix_and_a_team_in_the_path() -> None:
    request = await sent("hotaisle")
    assert request.headers["authorization"] == f"Token {SECRET}"
    assert request.url.path == f"/api/teams/{SECRET}/virtual_machines/available/"


async def test_keys_in_the_query_stand_beside_the_requests_own() -> None:
    request = await sent("gcp")
    assert dict(request.url.params) == {"pageSize": "5000", "currencyCode": "USD", "key": SECRET}


async def test_a_signed_request_is_signed_over_the_body_that_is_sent() -> None:
    request = await sent("tencent")
    assert request.headers["authorization"].startswith(f"TC3-HMAC-SHA256 Credential={SECRET}/")
    assert request.headers["x-tc-region"] == "ap-singapore"
    assert request.headers["content-type"] == "application/json"
    assert b"instance-family" in request.content


async def test_a_page_is_asked_for_and_read_as_text() -> None:
    request = await sent("coreweave", "<html>x</html>")
    assert request.headers["accept"].startswith("text/html")
    assert request.headers["user-agent"].startswith("Mozilla/5.0 (compatible; gputicker")
    async with client("coreweave", lambda _: httpx.Response(200, text="<html>é</html>")) as provider:
        assert (await provider.fetch(Request(name="pricing", path="/pricing", answer="text"))).page.body == "<html>é</html>"


@pytest.mark.parametrize("body", [b"", b" \n", b"\xff\xfe"])
async def test_a_page_that_is_no_text_is_a_changed_payload(body: bytes) -> None:
    async with client("coreweave", lambda _: httpx.Response(200, content=body)) as provider:
        with pytest.raises(PayloadChanged):
            (await provider.fetch(ADAPTERS["coreweave"].slices()[0].requests[0])).page  # noqa: B018 - it is decoded now


@pytest.mark.parametrize("source", ["gcp", "shadeform", "hotaisle", "tencent", "tensordock"])
async def test_a_refused_credential_is_named_without_its_value(source: str) -> None:
    async with client(source, lambda _: httpx.Response(403, text="no")) as provider:
        with pytest.raises(AuthFailed) as raised:
            await provider.fetch(ADAPTERS[source].slices()[0].requests[0])
    assert SECRET not in str(raised.value)
