"""Answers that went wrong, per provider: every poll of one ends in rejected rows, PayloadChanged or a quarantine, never in a wrong price.

A wrong price: an offer in the book states another GPU, number of GPUs, price type or USD per GPU-hour than the unaltered answer gave it,
or is new there with a statement that no offer of the unaltered answer makes.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from adapters.errors import PayloadChanged
from tests.adapters.judged import EXEMPT, FOLDED, crashes, in_cents, is_exempt, is_price, polled, with_raw, wrong_prices
from tests.adapters.mutations import HUNDREDFOLD, KINDS, PAGE_CHANGES, changed, fields, page_changed, page_fields
from tests.adapters.polled import Accepted, Answers, Asked, Outcome
from tests.adapters.support import ADAPTERS

pytestmark = pytest.mark.usefixtures("quiet")
every_source = pytest.mark.parametrize("source", ADAPTERS)

MOST_OF_A_PAGE = 50
"""Texts and tags of a page that are altered, spread over it: its rows are alike."""


class Altered(NamedTuple):
    """An alteration, as `kind request: field`, and the pages that it altered."""

    what: str
    answers: dict[str, Asked]


def altered(source: str, answers: Answers, *, everywhere: bool) -> Iterator[Altered]:
    """Every field of every request's pages, altered in each way, in the first place that has it or everywhere."""
    for name in dict.fromkeys(asked.request.name for asked in answers.values()):
        pages = {page: asked for page, asked in answers.items() if asked.request.name == name}
        is_json = next(iter(pages.values())).request.answer == "json"
        yield from (_json_altered if is_json else _page_altered)(source, name, pages, everywhere)
        if everywhere:
            yield Altered(f"{HUNDREDFOLD} {name}", in_cents(source, pages))


def _json_altered(source: str, name: str, pages: Answers, everywhere: bool) -> Iterator[Altered]:
    for field in dict.fromkeys(field for asked in pages.values() for field in fields(asked.raw)):
        for kind in [*KINDS, HUNDREDFOLD] if everywhere and is_price(source, field) else KINDS:
            found = {page: fields(asked.raw)[field] for page, asked in pages.items() if field in fields(asked.raw)}
            if not everywhere:
                page, paths = next(iter(found.items()))
                found = {page: paths[:1]}
            raw = {page: changed(pages[page].raw, kind, paths) for page, paths in found.items()}
            yield Altered(f"{kind} {name}: {field}", {page: with_raw(pages[page], raw[page]) for page in raw})


def _page_altered(source: str, name: str, pages: Answers, everywhere: bool) -> Iterator[Altered]:
    for page, asked in pages.items():
        text = asked.raw.decode()
        found = page_fields(text)
        for field in [*found][:: -(-len(found) // MOST_OF_A_PAGE)]:
            places = found[field] if everywhere else found[field][:1]
            for kind in PAGE_CHANGES:
                yield Altered(f"{kind} {name}: {field}", {page: with_raw(asked, page_changed(text, kind, places).encode())})


def as_if_not_listed(first: Accepted, one: Altered, outcome: Outcome) -> bool:
    """Whether the outcome is that of the answer without the altered row."""
    for page, asked in one.answers.items():
        row = re.match(r"\w+ [\w-]+: ((?:[\w-]+)?\[\])", one.what)
        if row is not None:
            without = changed(first.answers[page].raw, "missing", fields(first.answers[page].raw)[row[1]][:1])
            return polled(first, {**first.answers, page: with_raw(asked, without)}).stated == outcome.stated
    return False


@every_source
@pytest.mark.parametrize("everywhere", [False, True], ids=["in one place", "everywhere"])
def test_no_altered_field_makes_a_wrong_price(source: str, everywhere: bool, accepted: Callable[[str], Accepted]) -> None:
    first = accepted(source)
    refused = 0
    found = []
    for one in altered(source, first.answers, everywhere=everywhere):
        if all(asked.raw == first.answers[page].raw for page, asked in one.answers.items()):
            continue
        outcome = polled(first, {**first.answers, **one.answers})
        refused += bool(outcome.errors or outcome.refused)
        wrong = wrong_prices(first, outcome)
        if wrong and not is_exempt(source, one.what) and not (source in FOLDED and as_if_not_listed(first, one, outcome)):
            found.append(f"{one.what}: {wrong}")
        found += [f"{one.what}: {crash}" for crash in crashes(outcome)]
    assert found == []
    assert refused


@every_source
def test_cents_for_dollars_in_every_price_are_a_unit_break(source: str, accepted: Callable[[str], Accepted]) -> None:
    first = accepted(source)
    outcome = polled(first, in_cents(source, first.answers))
    assert outcome.stated == first.stated
    # Google's nanos are billionths: a hundred times as many are no nanos.
    assert outcome.held == ("payload_change" if source == "gcp" else "unit_break")


@pytest.mark.parametrize(("source", "pattern", "reason"), EXEMPT)
def test_each_exemption_is_needed(source: str, pattern: str, reason: str, accepted: Callable[[str], Accepted]) -> None:
    first = accepted(source)
    mutations = (one for everywhere in (True, False) for one in altered(source, first.answers, everywhere=everywhere))
    matching = (one for one in mutations if re.fullmatch(pattern, one.what))
    assert any(wrong_prices(first, polled(first, {**first.answers, **one.answers})) for one in matching), reason


WHOLE_ANSWERS = {
    "HTML": b"<!doctype html><title>Just a moment...</title>",
    "nothing": b"",
    "a word": b'"soon"',
    "null": b"null",
    "no object": b"[]",
    "an empty object": b"{}",
    "an error": b'{"error": {"message": "internal"}}',
    "no UTF-8": b"\xff\xfe{}",
}


@every_source
@pytest.mark.parametrize("name", WHOLE_ANSWERS)
def test_another_answer_altogether_leaves_every_price(source: str, name: str, accepted: Callable[[str], Accepted]) -> None:
    first = accepted(source)
    for page, asked in first.answers.items():
        outcome = polled(first, {**first.answers, page: with_raw(asked, WHOLE_ANSWERS[name])})
        assert not crashes(outcome)
        assert not wrong_prices(first, outcome)
    everything = polled(first, {page: with_raw(asked, WHOLE_ANSWERS[name]) for page, asked in first.answers.items()})
    assert not crashes(everything)
    assert everything.stated == first.stated
    assert everything.errors


@every_source
def test_a_truncated_answer_leaves_every_price(source: str, accepted: Callable[[str], Accepted]) -> None:
    first = accepted(source)
    for page, asked in first.answers.items():
        for part in (0.01, 0.3, 0.6, 0.9, 0.99):
            cut = asked.raw.strip()[: int(len(asked.raw.strip()) * part)]
            outcome = polled(first, {**first.answers, page: with_raw(asked, cut)})
            assert asked.request.aside or any(isinstance(error, PayloadChanged) for error in outcome.errors)
            assert outcome.stated == first.stated
