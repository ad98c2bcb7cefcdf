"""What the two sources of Alibaba Cloud ECS share: instance types, regions, the signature of its RPC API, and what its errors mean.

Signature version 1 (HMAC-SHA1): https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism - a few lines in place of an SDK;
a test compares them with the example that Alibaba Cloud publishes.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from adapters.base import Outgoing, Request
from adapters.errors import AuthFailed, PayloadChanged, Transient
from adapters.families.sigv4 import encoded

VERSION = "2014-05-26"

# A stated list: one call or more is needed for each type and region. https://www.alibabacloud.com/help/en/ecs/user-guide/gpu-accelerated-
# compute-optimized-and-vgpu-accelerated-instance-families-1 - vgn6i, sgn7i and others with a share of a card are left out: how the API
# states the share has not been seen.
SIZES = {
    "T4-PCIE-16": "gn6i-c4g1.xlarge:1 gn6i-c24g1.24xlarge:4",
    "V100-SXM-16": "gn6v-c8g1.2xlarge:1 gn6v-c8g1.16xlarge:8",
    "V100-SXM-32": "gn6e-c12g1.3xlarge:1",
    "A10-PCIE-24": "gn7i-c16g1.4xlarge:1 gn7i-c32g1.32xlarge:4",
    "A100-SXM-80": "gn7e-c16g1.4xlarge:1 gn7e-c16g1.32xlarge:8",
    "L20-PCIE-48": "gn8is.2xlarge:1",
}
SPECS = {
    "T4-PCIE-16": "NVIDIA T4",
    "V100-SXM-16": "NVIDIA V100",
    "V100-SXM-32": "NVIDIA V100",
    "A10-PCIE-24": "NVIDIA A10",
    "A100-SXM-80": "NVIDIA A100",
    "L20-PCIE-48": "NVIDIA L20",
}
"""What `GPUSpec` calls them: it tells neither form nor memory."""


# Beginning of an error's code -> what it means. https://api.alibabacloud.com/document/Ecs/2014-05-26/errorCode
ERRORS: dict[str, type[Transient | AuthFailed]] = {
    "Throttling": Transient,
    "ServiceUnavailable": Transient,
    "InternalError": Transient,
    "InvalidAccessKeyId": AuthFailed,
    "SignatureDoesNotMatch": AuthFailed,
    "IncompleteSignature": AuthFailed,
    "Forbidden": AuthFailed,
}


class Size(NamedTuple):
    gpu: str
    gpus: int


TYPES = {f"ecs.{size.partition(':')[0]}": Size(gpu, int(size.partition(":")[2])) for gpu, sizes in SIZES.items() for size in sizes.split()}
REGIONS = {
    "ap-southeast-1": "SG", "ap-southeast-3": "MY", "ap-southeast-5": "ID", "ap-northeast-1": "JP", "ap-northeast-2": "KR",
    "eu-central-1": "DE", "eu-west-1": "GB", "us-east-1": "US", "us-west-1": "US", "me-east-1": "AE", "cn-hongkong": "HK",
    "cn-shanghai": "CN",
}  # fmt: skip
GPUS_OF_TYPES = {name: size.gpu for name, size in TYPES.items()}


def call(name: str, action: str, region: str, query: Mapping[str, str]) -> Request:
    """A request for one action in one region."""
    stated = {"Action": action, "Version": VERSION, "Format": "JSON", "RegionId": region, **query}
    return Request(name=name, path="/", host=f"ecs.{region}.aliyuncs.com", query=stated)


def signed(request: Outgoing, key_id: str, secret: str, now: datetime) -> Outgoing:
    """The request with its signature; the query moves into the address, encoded as it was signed.

    The nonce, which must differ from request to request, is made of the request and the time, so that the same makes the same.
    """
    query = {
        **request.query,
        "AccessKeyId": key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "Timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    nonce = hashlib.sha256(f"{request.url}?{_canonical(query)} {now.timestamp():.6f}".encode()).hexdigest()[:32]
    query = {"SignatureNonce": nonce, **query}
    query["Signature"] = signature(request.method, query, secret)
    return msgspec.structs.replace(request, url=f"{request.url}?{_canonical(query)}", query={})


def meaning(body: bytes) -> type[Transient | AuthFailed] | None:
    """What an error's code says; throttling comes with status 400, a key that isn't known with 404."""
    try:
        code = msgspec.json.decode(body, type=_Error).code
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return next((error for start, error in ERRORS.items() if code.startswith(start)), None)


def signature(method: str, query: Mapping[str, str], secret: str) -> str:
    """Of a request to `/` with this query, in Base64."""
    to_sign = f"{method}&%2F&{encoded(_canonical(query))}"
    return base64.b64encode(hmac.digest(f"{secret}&".encode(), to_sign.encode(), "sha1")).decode()


def rows(body: Any, field: str, item: str) -> list[Any]:
    """The list within a list's own object, such as `InstanceTypes.InstanceType`. Raises PayloadChanged."""
    inner = body.get(field) if isinstance(body, dict) else None
    found = inner.get(item) if isinstance(inner, dict) else None
    if not isinstance(found, list):
        raise PayloadChanged(f"'{field}.{item}' is no list", field)
    return found


class _Error(msgspec.Struct, rename="pascal"):
    code: str = ""


def _canonical(query: Mapping[str, str]) -> str:
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in sorted(query.items()))
