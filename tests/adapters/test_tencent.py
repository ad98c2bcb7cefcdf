"""Tencent's signature, compared with what the vendor's own library makes, and its errors that come with HTTP 200."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.base import Outgoing, Page
from adapters.errors import AuthFailed, PayloadChanged, ProviderError, Transient
from tests.adapters.support import ADAPTERS, NOW

TENCENT = ADAPTERS["tencent"]
AT = datetime.fromtimestamp(1_551_113_065, UTC)
CREDENTIALS = {"TENCENT_SECRET_ID": "AKIDexample", "TENCENT_SECRET_KEY": "secretexample"}
BODY = b'{"Limit":1,"Filters":[{"Values":["unnamed"],"Name":"instance-name"}]}'


def signed(body: bytes) -> str:
    outgoing = Outgoing(
        method="POST", url="https://cvm.intl.tencentcloudapi.com/", query={}, headers={"content-type": "application/json"}, body=body
    )
    headers = TENCENT.sign(outgoing, CREDENTIALS, AT).headers
    assert headers["x-tc-timestamp"] == "1551113065"
    return headers["authorization"]


def test_the_signature_is_that_of_the_vendors_library() -> None:
    """Made once with tencentcloud-sdk-python-common 3.1 (`Sign.sign_tc3`) from the same request, key and second."""
    scope = "AKIDexample/2019-02-25/cvm/tc3_request"
    signature = "26abde27c3b0614721046f7b31e55a2dbac6d447a53961c54ad5317111ee9b24"
    assert signed(BODY) == f"TC3-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;host, Signature={signature}"
    assert signed(BODY + b" ") != signed(BODY)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AuthFailure.SignatureFailure", AuthFailed),
        ("UnauthorizedOperation", AuthFailed),
        ("RequestLimitExceeded", Transient),
        ("InternalError", Transient),
        ("InvalidParameterValue", PayloadChanged),
        (None, PayloadChanged),
    ],
)
def test_an_error_with_http_200_is_no_empty_answer(code: Any, error: type[ProviderError]) -> None:
    (request,) = TENCENT.slices()[0].requests
    body = {"Response": {"Error": {"Code": code, "Message": "no"}, "RequestId": "1"}}
    with pytest.raises(error, match=str(code)):
        list(TENCENT.parse([Page(request=request, status=200, headers={}, body=body)], NOW))
