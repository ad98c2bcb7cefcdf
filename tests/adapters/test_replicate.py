"""Replicate: prices stated per second and per hour, machines of several GPUs, and names that leave the card open."""

import msgspec
import pytest

from adapters.errors import PayloadChanged
from adapters.models import Offer, Rejected
from adapters.pages import document
from adapters.providers.replicate import Replicate
from sim.market import Listing
from sim.wire.facts import PAGES
from sim.wire.page import PageWire
from tests.adapters.support import ADAPTERS, NOW, RECORDINGS, decode, fixture_slices

REPLICATE = ADAPTERS["replicate"]


def read(old: str, new: str) -> tuple[dict[str, Offer], list[Rejected]]:
    """The page with other words in one place."""
    (page,) = fixture_slices("replicate")[""]
    assert old in page.body
    rows = list(REPLICATE.parse([msgspec.structs.replace(page, body=page.body.replace(old, new))], NOW))
    return {row.offer_key: row for row in rows if isinstance(row, Offer)}, [row for row in rows if isinstance(row, Rejected)]


@pytest.mark.parametrize(
    ("old", "new"),
    [("$0.000230/sec", "$0.000240/sec"), ("$0.828/hr", "$0.83/hr"), ("$0.000230/sec", "$0.0138/min"), ("$0.000230/sec", "$0.023/sec")],
)
def test_a_price_that_its_hour_contradicts_is_not_believed(old: str, new: str) -> None:
    offers, rejected = read(old, new)
    assert "gpu-t4/serverless" not in offers
    assert [row.field for row in rejected].count("Price") == 3


def test_an_hour_may_have_zeros_at_its_end_or_brackets() -> None:
    for hour in ("$0.8280/hr", "($0.828/hr)"):
        offers, _ = read("$0.828/hr", hour)
        assert offers["gpu-t4/serverless"].amount == "0.000230"


def test_memory_is_the_total_of_the_machine() -> None:
    offers, rejected = read("<td>96GB</td><td>144GB</td>", "<td>48GB</td><td>144GB</td>")
    assert "gpu-a40-large-2x/serverless" not in offers
    assert "24 GiB, which is not A40-PCIE-48" in " ".join(row.reason for row in rejected)


def test_a_card_whose_form_is_open_is_no_offer() -> None:
    offers, rejected = read("Nvidia T4 GPU", "Nvidia H100 GPU")
    assert {offer.gpu for offer in offers.values()} == {"A40-PCIE-48", "L40S-PCIE-48"}
    assert not [row for row in rejected if "H100" in row.raw]


@pytest.mark.parametrize(("old", "new"), [("<th>GPU RAM</th>", "<th>VRAM</th>"), ("<th>Hardware</th>", ""), ("<table>", "<div>")])
def test_another_table_is_a_changed_payload(old: str, new: str) -> None:
    with pytest.raises(PayloadChanged, match="0 tables"):
        read(old, new)


def test_a_note_in_place_of_cells_costs_its_row() -> None:
    offers, rejected = read("<td>1x</td><td>4x</td><td>16GB</td><td>16GB</td>", '<td colspan="4">Sold out</td>')
    assert "gpu-t4/serverless" not in offers
    assert "3 cells under 6 headings" in " ".join(row.reason for row in rejected)


class Dearer:
    """A market in which everything costs 7 % more."""

    def micros(self, listing: Listing, at_ms: int) -> int:
        return listing.micros * 107 // 100


def test_the_simulated_page_moves_the_second_and_the_hour_together() -> None:
    (part,) = PageWire(REPLICATE, PAGES["replicate"]).compiled.slices[""]
    body = part.template.render(Dearer(), 0).decode()  # type: ignore[arg-type]
    rows = list(REPLICATE.parse([msgspec.structs.replace(part.page, body=body)], NOW))
    prices = {row.offer_key: row.amount for row in rows if isinstance(row, Offer)}
    assert len(prices) == len(rows) == 9
    # 0.000230 and 0.000980 times 1.07, to the page's six decimals
    assert (prices["gpu-t4/serverless"], prices["gpu-l40s/serverless"]) == ("0.000246", "0.001049")


@pytest.mark.skipif(not (RECORDINGS / "replicate" / "hardware.json").exists(), reason="no recordings beside the project")
def test_recorded_names_are_the_pages() -> None:
    rows = decode((RECORDINGS / "replicate" / "hardware.json").read_bytes())
    on_the_page = document(fixture_slices("replicate")[""][0].body).text
    for row in rows:
        assert f"{row['name']}{row['sku']}" in on_the_page
    assert {row["sku"] for row in rows} - {"cpu"} == {"gpu-t4", "gpu-a40-small", "gpu-a40-large"}
    assert not set(Replicate.ignored) & {row["name"] for row in rows}
