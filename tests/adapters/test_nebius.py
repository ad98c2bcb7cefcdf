"""Nebius: announced prices, what is no price, headings and titles that are not understood."""

from datetime import UTC, datetime

import msgspec
import pytest

from adapters.base import Page
from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from tests.adapters.support import ADAPTERS, NOW, fixture_slices

H100 = "nvidia-hgx-h100/on_demand"


def read(change: tuple[str, str] = ("", ""), now: datetime = NOW) -> tuple[dict[str, Offer], list[str]]:
    (page,) = fixture_slices("nebius")[""]
    assert change[0] in page.body
    changed: Page = msgspec.structs.replace(page, body=page.body.replace(*change) if change[0] else page.body)
    rows = list(ADAPTERS["nebius"].parse([changed], now))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row.reason for row in rows if isinstance(row, Rejected)]


@pytest.mark.parametrize(
    ("now", "amount"),
    [
        (datetime(2026, 9, 30, 23, 59, tzinfo=UTC), "3.60"),
        (datetime(2026, 10, 1, tzinfo=UTC), "4.40"),
        (datetime(2029, 12, 31, tzinfo=UTC), "4.40"),
        (datetime(2030, 1, 1, tzinfo=UTC), "4.70"),
    ],
)
def test_an_announced_price_counts_from_its_day_on(now: datetime, amount: str) -> None:
    offers, _ = read(now=now)
    assert offers[H100].amount == amount


def test_a_column_for_both_kinds_in_one_table() -> None:
    """As the page stood in 2026-08: "Preemptible, GPU-hour" beside "On-demand, GPU-hour"."""
    offers, _ = read(("GPU-hour (Effective January 1, 2030)", "Preemptible, GPU-hour"))
    assert (offers[H100].amount, offers["nvidia-hgx-b300/preemptible"].amount) == ("4.40", "9.90")


@pytest.mark.parametrize("cell", ["Contact us", "––", "-", "from $4.40", "from $4.40**"])
def test_what_is_no_price_is_no_offer(cell: str) -> None:
    offers, refused = read(("$4.40", cell))
    assert H100 not in offers
    assert "nvidia-hgx-h100/preemptible" in offers
    assert len(refused) == 3


@pytest.mark.parametrize("cell", ["", "4.40", "€4.40", "$4,4", "$4.40/hr", "$4.40 $5", "up to $4.40", "$0.00"])
def test_a_cell_of_another_form_is_refused(cell: str) -> None:
    offers, refused = read(("$4.40", cell))
    assert H100 not in offers
    assert len(refused) == 4


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">NVIDIA GPU Instances<", ">NVIDIA GPUs<"),
        (">Preemptible NVIDIA GPU Instances<", ">Spot<"),
        (">On-demand, GPU-hour<", ">On-demand, node-hour<"),
        (">On-demand, GPU-hour<", ">Reserved, GPU-hour<"),
        ("(Effective January 1, 2030)", "(Effective Januar 1, 2030)"),
        ("(Effective January 1, 2030)", "(Effective February 31, 2030)"),
        ("(Effective January 1, 2030)", "(Effective October 1, 2026)"),
        (">RAM, GB<", ">GPUs<"),
        (">Spot price, GPU-hour*<", ">Price per hour<"),
    ],
)
def test_a_title_or_heading_that_is_not_understood_changes_the_payload(old: str, new: str) -> None:
    with pytest.raises(PayloadChanged):
        read((old, new))


def test_storage_and_cpus_are_no_gpus() -> None:
    offers, refused = read()
    assert not [key for key in offers if "weka" in key or "epyc" in key]
    assert not [reason for reason in refused if "WEKA" in reason or "EPYC" in reason]
