"""Offers that several rows state, and rows that stand in groups or under keys."""

from collections.abc import Iterator
from decimal import Decimal

from adapters.models import Offer, Rejected
from adapters.rows import Row, amount, each_in, each_keyed, text
from adapters.statements import Agreed, newest


def _offer(row: Row) -> Offer:
    return Offer(
        offer_key=text(row, "name"),
        gpu="L4-PCIE-24",
        gpu_count=1,
        price_type="spot",
        amount=amount(row, "price"),
        currency="USD",
        unit="hour",
        basis="per_gpu",
        region="",
        provider_time_ms=row.get("at"),
    )


def _row(name: str, price: str, at: int | None = None) -> Row:
    return {"name": name, "price": Decimal(price), "at": at}


def _told(rows: Iterator[Offer | Rejected]) -> list[str]:
    return [f"refused {row.reason}" if isinstance(row, Rejected) else f"{row.offer_key} {row.amount}" for row in rows]


def test_of_two_prices_of_one_offer_neither_is_believed_whatever_a_third_row_says() -> None:
    agreed = Agreed("price")
    rows = [_row("a", "1.5"), _row("b", "2"), _row("a", "1.6"), _row("a", "1.5"), _row("b", "2")]
    assert _told(agreed.each(rows, "rows", lambda row: [_offer(row)])) == ["refused price: price of a is stated twice, also as 1.5"]
    assert _told(iter(agreed)) == ["b 2"]


def _history(*rows: Row) -> list[str]:
    return _told(newest(((row["name"], row, lambda row=row: _offer(row)) for row in rows), "price"))  # type: ignore[misc]


def test_the_newest_statement_counts_in_whichever_order_they_come() -> None:
    assert _history(_row("a", "1", 10), _row("a", "3", 30), _row("a", "2", 20)) == ["a 3"]
    assert _history(_row("a", "3", 30), _row("a", "3", 30)) == ["a 3"]


def test_two_prices_at_one_moment_or_a_row_that_cannot_be_read_leave_the_offer_without_a_price() -> None:
    assert _history(_row("a", "1", 10), _row("a", "2", 10), _row("b", "5", 10)) == [
        "refused price: price of a is stated twice for one moment, also as 1",
        "b 5",
    ]
    assert _history(_row("a", "1", 10), _row("a", "0", 20)) == ["refused price: price is zero"]


def test_a_group_without_its_list_is_refused_and_the_others_are_read() -> None:
    groups = [{"rows": [_row("a", "1"), 7]}, {"rows": None}, "text", {"rows": [_row("b", "2")]}]
    assert _told(each_in(groups, "groups", "rows", lambda _, row: [_offer(row)])) == [
        "a 1",
        "refused rows: a row is not an object",
        "refused rows: list is missing",
        "refused groups: a row is not an object",
        "b 2",
    ]


def test_a_key_names_its_row_and_stands_in_what_is_kept_of_a_refused_one() -> None:
    rows = {"a": {"price": Decimal("1")}, "b": {"price": 0}, "c": 7}
    good, zero, number = each_keyed(rows, "rows", lambda key, row: [_offer({"name": key, **row})])
    assert isinstance(good, Offer) and good.offer_key == "a"
    assert isinstance(zero, Rejected) and zero.raw == '{"b":{"price":0}}'
    assert isinstance(number, Rejected) and number.reason == "rows: a row is not an object"
