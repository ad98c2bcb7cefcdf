"""Query strings and bodies: what is read, and that what is wrong is named."""

from decimal import Decimal

import pytest

from api.errors import BadParameter
from api.params import NoParameters, OffersParameters, Parameters, RefreshBody, WindowsParameters, read_body, read_query


def test_every_parameter_is_read() -> None:
    where = "gpu=H100,L4&gpu=A100&provider=lumen&region=Quebec%2C+CA&country=FI&price_type=spot"
    query = f"{where}&min_gpus=8&max_price=2.5&available=true&sort=-price&limit=5"
    assert read_query(query, OffersParameters) == OffersParameters(
        gpu=("H100", "L4", "A100"),
        provider=("lumen",),
        region=("Quebec, CA",),
        country=("FI",),
        price_type=("spot",),
        min_gpus=8,
        max_price=Decimal("2.5"),
        available=True,
        sort="-price",
        limit=5,
    )


@pytest.mark.parametrize(
    ("query", "kind", "parameter", "words"),
    [
        ("gpus=H100", OffersParameters, "gpus", "unknown parameter"),
        ("a=1", NoParameters, "a", "takes none"),
        ("limit=0", OffersParameters, "limit", ">= 1"),
        ("limit=1001", OffersParameters, "limit", "<= 1000"),
        ("limit=many", OffersParameters, "limit", "'many'"),
        ("limit=1.5", OffersParameters, "limit", "'1.5'"),
        ("limit=1&limit=2", OffersParameters, "limit", "more than once"),
        ("gpu=", OffersParameters, "gpu", "length"),
        ("gpu=H100,,L4", OffersParameters, "gpu", "length"),
        ("country=FIN", OffersParameters, "country", "two letters"),
        ("price_type=cheap", OffersParameters, "price_type", "on_demand, spot"),
        ("sort=cheap", OffersParameters, "sort", "price, -price, age"),
        ("max_price=NaN", OffersParameters, "max_price", "'NaN'"),
        ("max_price=-1", OffersParameters, "max_price", "'-1'"),
        ("max_price=Infinity", OffersParameters, "max_price", "'Infinity'"),
        ("max_price=1e999999", OffersParameters, "max_price", "'1e999999'"),
        ("max_price=two", OffersParameters, "max_price", "'two'"),
        ("available=maybe", OffersParameters, "available", "'maybe'"),
        ("from=2026", WindowsParameters, "from", "RFC 3339"),
        ("to=2026-11-21T08:00:00", WindowsParameters, "to", "RFC 3339"),
        ("scope=world", WindowsParameters, "scope", "provider, market"),
        ("limit=%FF", OffersParameters, "limit", "expected `int`"),
        ("&".join(["gpu=L4"] * 101), OffersParameters, "query", "fields"),
    ],
)
def test_what_is_wrong_is_named(query: str, kind: type[Parameters], parameter: str, words: str) -> None:
    with pytest.raises(BadParameter) as caught:
        read_query(query, kind)
    assert caught.value.parameter == parameter
    assert words in caught.value.message


def test_a_long_value_is_not_told_in_full() -> None:
    with pytest.raises(BadParameter) as caught:
        read_query("limit=" + "9" * 5000, OffersParameters)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (b"", "body"),
        (b"source=lumen", "body"),
        (b"[]", "body"),
        (b"{}", "source"),
        (b'{"source":3}', "source"),
        (b'{"source":"a","b":1}', "b"),
    ],
)
def test_a_bad_body_is_named(body: bytes, parameter: str) -> None:
    with pytest.raises(BadParameter) as caught:
        read_body(body, RefreshBody)
    assert caught.value.parameter == parameter
