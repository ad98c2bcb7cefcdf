"""adapters.fetch.client: what goes over the wire, and what each trouble becomes."""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from adapters.base import Outgoing, Request, Slice
from adapters.errors import AuthFailed, PayloadChanged, ProviderError, Transient
from adapters.limits import Bucket, Limit
from tests.bridge.fakes import Clock, Lumen, client, rows

TYPES = Request(name="types", path="/types", query={"key": "secret-in-query", "page": "1"})
UPSTREAM = "https://127.0.0.1:20443"


class WithKey(Lumen):
    auth = "bearer"
    credential = ("LUMEN_API_KEY",)


class WithOAuth(Lumen):
    auth = "oauth2_client"
    credential = ("LUMEN_CLIENT_ID", "LUMEN_CLIENT_SECRET")
    token_path = "/oauth2/token"


class Signed(Lumen):
    auth = "signed"
    credential = ("LUMEN_API_KEY",)

    def sign(self, request: Outgoing, credentials: Mapping[str, str], now: datetime) -> Outgoing:
        return msgspec.structs.replace(request, headers={**request.headers, "x-signed": credentials["LUMEN_API_KEY"]})


async def test_decodes_floats_as_decimals_from_their_own_digits() -> None:
    answer = await client(lambda _: httpx.Response(200, content=b'{"price": 2.4900000000000001, "gpus": 8}')).fetch(TYPES)
    assert answer.page.body == {"price": Decimal("2.4900000000000001"), "gpus": 8}
    assert answer.raw == b'{"price": 2.4900000000000001, "gpus": 8}'


async def test_upstream_takes_the_place_of_every_host() -> None:
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        link = "https://api.lumen.example/types?cursor=a%20b" if len(seen) == 1 else None
        return httpx.Response(200, json={"rows": [len(seen)], "next": link})

    await client(handler, upstream_url=UPSTREAM + "/").fetch_slice(Slice(name="", requests=(TYPES,)))
    assert seen == [
        f"{UPSTREAM}/api.lumen.example/types?key=secret-in-query&page=1",
        f"{UPSTREAM}/api.lumen.example/types?cursor=a%20b",
    ]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/types",
        "https://api.lumen.example@evil.example/types",
        "http://api.lumen.example/types",
        "https://api.lumen.example.evil.example/",
        "https://api.lumen.example:444/types",
        "@evil.example/types",
        ".evil.example/types",
    ],
)
@pytest.mark.parametrize("how", ["next link", "redirect"])
async def test_leaving_the_providers_host_is_refused(link: str, how: str) -> None:
    if how == "redirect" and "//" not in link:
        return  # Relative to the page it stands on, which is on the host.
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if how == "redirect":
            return httpx.Response(302, headers={"location": link})
        return httpx.Response(200, json={"rows": [], "next": link})

    with pytest.raises(PayloadChanged, match="another host"):
        await client(handler, upstream_url=UPSTREAM).fetch_slice(Slice(name="", requests=(TYPES,)))
    assert asked == ["127.0.0.1"]


async def test_a_redirect_within_the_host_is_followed_and_rewritten() -> None:
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        if len(seen) == 1:
            return httpx.Response(301, headers={"location": "/v2/types?page=1"})
        return httpx.Response(200, json={})

    await client(handler, upstream_url=UPSTREAM).fetch(TYPES)
    assert seen[1] == f"{UPSTREAM}/api.lumen.example/v2/types?page=1"


async def test_a_redirect_loop_ends() -> None:
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(302, headers={"location": "/types"})

    with pytest.raises(PayloadChanged, match="redirects"):
        await client(handler).fetch(TYPES)
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, Transient),
        (502, Transient),
        (503, Transient),
        (429, Transient),
        (408, Transient),
        (401, Transient),
        (403, Transient),
        (404, PayloadChanged),
        (400, PayloadChanged),
        (204, PayloadChanged),
        (304, PayloadChanged),
    ],
)
async def test_status_codes_without_a_credential(status: int, error: type[ProviderError]) -> None:
    with pytest.raises(error, match=f"lumen: types: HTTP {status}") as caught:
        await client(lambda _: httpx.Response(status)).fetch(TYPES)
    if isinstance(caught.value, Transient):
        assert caught.value.http_status == status


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_auth_failed_and_never_told(status: int) -> None:
    with pytest.raises(AuthFailed) as caught:
        await client(lambda _: httpx.Response(status), WithKey(), credentials={"LUMEN_API_KEY": "hunter2"}).fetch(TYPES)
    assert "hunter2" not in str(caught.value)


async def test_bearer_is_sent_only_with_a_credential() -> None:
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json={})

    await client(handler, WithKey(), credentials={"LUMEN_API_KEY": "k"}).fetch(TYPES)
    await client(handler, WithKey()).fetch(TYPES)
    assert seen == ["Bearer k", None]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("99999999", 3600.0),
        ("-1", None),
    ],
)
async def test_retry_after(header: str, seconds: float | None) -> None:
    with pytest.raises(Transient) as caught:
        await client(lambda _: httpx.Response(429, headers={"retry-after": header})).fetch(TYPES)
    assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!doctype html><p>maintenance", "HTML"),
        (b"", "empty"),
        (b"  \n", "empty"),
        (b'{"rows": [{"price": 1', "not JSON"),
        (b'{"rows": NaN}', "not JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
    ],
)
async def test_a_body_that_is_not_json_is_payload_changed_with_the_body(body: bytes, words: str) -> None:
    with pytest.raises(PayloadChanged, match=words) as caught:
        (await client(lambda _: httpx.Response(200, content=body)).fetch(TYPES)).page  # noqa: B018 - it is decoded now
    assert caught.value.body == body
    assert caught.value.field == "body"
    assert str(caught.value).startswith("lumen: types")


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("https://api.lumen.example/types?key=secret-in-query"),
        httpx.ReadTimeout("secret-in-query"),
        OSError("secret-in-query"),
    ],
)
async def test_transport_errors_are_transient_and_quote_nothing(trouble: Exception) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise trouble

    with pytest.raises(Transient) as caught:
        await client(handler).fetch(TYPES)
    assert "secret-in-query" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__cause__ is trouble


async def test_the_token_is_fetched_once_for_all_requests_and_used_until_it_runs_out() -> None:
    clock = Clock()
    grants = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            grants.append(json.loads(request.content))
            return httpx.Response(200, json={"access_token": f"t{len(grants)}", "expires_in": 600})
        assert request.headers["authorization"] == f"Bearer t{len(grants)}"
        return httpx.Response(200, json={})

    polled = client(handler, WithOAuth(), clock, credentials={"LUMEN_CLIENT_ID": "id", "LUMEN_CLIENT_SECRET": "secret"})
    await asyncio.gather(*(polled.fetch(TYPES) for _ in range(5)))
    assert grants == [{"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}]
    clock.passed_s = 580
    await polled.fetch(TYPES)
    assert len(grants) == 2


async def test_a_withdrawn_token_is_replaced_once() -> None:
    grants = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            grants.append(1)
            return httpx.Response(200, json={"access_token": f"t{len(grants)}", "expires_in": 600})
        return httpx.Response(200 if request.headers["authorization"] == "Bearer t2" else 401, json={})

    credentials = {"LUMEN_CLIENT_ID": "id", "LUMEN_CLIENT_SECRET": "secret"}
    await client(handler, WithOAuth(), credentials=credentials).fetch(TYPES)
    assert len(grants) == 2

    grants.clear()
    with pytest.raises(AuthFailed):
        await client(lambda r: handler(r) if "oauth2" in r.url.path else httpx.Response(401), WithOAuth(), credentials=credentials).fetch(
            TYPES
        )
    assert len(grants) == 2


@pytest.mark.parametrize(
    ("status", "body", "error"), [(401, {}, AuthFailed), (400, {}, AuthFailed), (500, {}, Transient), (200, {"x": "s3"}, PayloadChanged)]
)
async def test_a_token_that_is_not_given(status: int, body: Any, error: type[ProviderError]) -> None:
    credentials = {"LUMEN_CLIENT_ID": "id", "LUMEN_CLIENT_SECRET": "secret"}
    with pytest.raises(error) as caught:
        await client(lambda _: httpx.Response(status, json=body), WithOAuth(), credentials=credentials).fetch(TYPES)
    assert "s3" not in str(caught.value)
    if isinstance(caught.value, PayloadChanged):
        assert caught.value.body == b""


async def test_pages_are_followed_in_the_order_of_the_requests() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", "1"))
        following = f"{request.url.path}?page={page + 1}" if page < 3 else None
        return httpx.Response(200, json={"at": request.url.path, "page": page, "next": following})

    two = (Request(name="a", path="/a"), Request(name="b", path="/b"))
    answer = await client(handler).fetch_slice(Slice(name="z", requests=two))
    assert [(page.body["at"], page.request.page) for page in answer.pages] == [
        ("/a", 1),
        ("/a", 2),
        ("/a", 3),
        ("/b", 1),
        ("/b", 2),
        ("/b", 3),
    ]
    assert len(answer.digest) == 64


async def test_the_same_page_twice_is_payload_changed() -> None:
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(
            200, json={"rows": [], "next": f"/types?page={len(asked)}"} if len(asked) < 2 else {"rows": [], "next": "/types?page=1"}
        )

    with pytest.raises(PayloadChanged, match="same page came twice"):
        await client(handler).fetch_slice(Slice(name="", requests=(TYPES,)))
    assert len(asked) == 2


async def test_endless_pages_end() -> None:
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(200, json={"rows": [len(asked)], "next": f"/types?page={len(asked)}"})

    with pytest.raises(PayloadChanged, match="more than 200 pages"):
        await client(handler).fetch_slice(Slice(name="", requests=(TYPES,)))
    assert len(asked) == 200


async def test_a_next_page_that_cannot_be_read_keeps_the_body() -> None:
    with pytest.raises(PayloadChanged, match="lumen: types: next page") as caught:
        await client(lambda _: httpx.Response(200, json={"next": 7})).fetch_slice(Slice(name="", requests=(TYPES,)))
    assert caught.value.body == b'{"next":7}'


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Request:
    """A public page beside the API, named by the adapter."""
    request = Request(name="page", path="/prices/{LUMEN_API_KEY}", host="www.lumen.example", public=True)
    monkeypatch.setattr(Lumen, "slices", lambda _: [Slice(name="", requests=(request,))])
    return request


@pytest.mark.parametrize("kind", [WithKey, WithOAuth, Signed])
async def test_a_public_page_gets_no_credential(site: Request, kind: type[Lumen]) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    credentials = {"LUMEN_API_KEY": "key", "LUMEN_CLIENT_ID": "id", "LUMEN_CLIENT_SECRET": "secret"}
    await client(handler, kind(), credentials=credentials, upstream_url=UPSTREAM).fetch(site)
    assert [str(request.url) for request in seen] == [f"{UPSTREAM}/www.lumen.example/prices/%7BLUMEN_API_KEY%7D"]
    assert not {"authorization", "x-signed"} & seen[0].headers.keys()


async def test_a_public_page_may_not_redirect_to_the_api(site: Request) -> None:
    with pytest.raises(PayloadChanged, match="redirect to another host, api"):
        await client(lambda _: httpx.Response(302, headers={"location": "https://api.lumen.example/types"})).fetch(site)


async def test_a_refusal_by_a_public_page_is_not_about_the_key(site: Request) -> None:
    with pytest.raises(Transient):
        await client(lambda _: httpx.Response(403), WithKey(), credentials={"LUMEN_API_KEY": "key"}).fetch(site)


async def test_requests_wait_for_their_turn() -> None:
    clock = Clock()
    at = []

    def handler(request: httpx.Request) -> httpx.Response:
        at.append(clock.passed_s)
        return httpx.Response(200, json=rows("a"))

    polled = client(handler, None, clock, bucket=Bucket((Limit(requests=10, per=timedelta(minutes=1)),)))
    for _ in range(3):
        await polled.fetch(TYPES)
    assert at == [0.0, 6.0, 12.0]


async def test_clients_of_one_host_share_its_bucket() -> None:
    clock = Clock()
    bucket = Bucket((Limit(requests=10, per=timedelta(minutes=1)),))
    for _ in range(2):
        await client(lambda _: httpx.Response(200, json={}), None, clock, bucket=bucket).fetch(TYPES)
    assert clock.passed_s == 6.0


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"retry-after": "30"}),
        (503, {"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}),
        (200, {"ratelimit-limit": "250", "ratelimit-remaining": "0", "ratelimit-reset": "1795262430"}),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}),
    ],
)
async def test_nothing_goes_out_before_a_provider_wants_to_be_asked_again(status: int, headers: dict[str, str]) -> None:
    clock, asked = Clock(), []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(clock.passed_s)
        return httpx.Response(status, headers=headers, json={}) if len(asked) == 1 else httpx.Response(200, json={})

    polled = client(handler, None, clock)
    with contextlib.suppress(Transient):
        await polled.fetch(TYPES)
    clock.passed_s = 10.0
    with pytest.raises(Transient, match="lumen: types: the provider wants to be left alone") as caught:
        await polled.fetch(TYPES)
    assert caught.value.retry_after_s == polled.rests_s == 20.0
    clock.passed_s = 29.5
    await polled.fetch(TYPES)
    assert asked == [0.0, 30.0]


async def test_counters_count_retries_tokens_and_bytes() -> None:
    polled = client(lambda _: httpx.Response(200, content=b'{"a": 1}'))
    await polled.fetch(TYPES)
    await polled.fetch(TYPES)
    assert (polled.counters.requests, polled.counters.bytes, polled.counters.last_status) == (2, 16, 200)
