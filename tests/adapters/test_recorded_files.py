"""Every recording beside the project is read by an adapter, or stands in a table with the reason why not."""

import re

import pytest

from adapters.models import Offer
from tests.adapters.recorded import AT, DIRECT, NOT_READ, RECORDED, WITHOUT_OFFERS, files, indexed, recorded_pages
from tests.adapters.support import ADAPTERS, RECORDINGS

pytestmark = pytest.mark.skipif(not (RECORDINGS / "index.json").exists(), reason="no recordings beside the project")


def test_every_file_is_read_or_has_a_reason() -> None:
    read = {*indexed(), *DIRECT}
    reasons = {file: [why for pattern, why in NOT_READ.items() if re.fullmatch(pattern, file)] for file in files()}
    assert [file for file, found in reasons.items() if (file in read) == bool(found)] == []


def test_no_reason_is_left_over() -> None:
    assert [pattern for pattern in NOT_READ if not any(re.fullmatch(pattern, file) for file in files())] == []


def test_these_sources_are_recorded() -> None:
    read = {source for found in indexed().values() for source, _ in found} | {source for source, _ in DIRECT.values()}
    assert sorted(read) == list(RECORDED)


@pytest.mark.parametrize("source", RECORDED)
def test_what_was_recorded_gives_offers(source: str) -> None:
    read = [row for pages in recorded_pages(source) for row in ADAPTERS[source].parse(pages, AT)]
    assert read or source in WITHOUT_OFFERS
    assert any(isinstance(row, Offer) for row in read) == (source not in WITHOUT_OFFERS), read[:3]
