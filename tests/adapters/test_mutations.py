"""Answers that went wrong, per provider: every poll of one ends in rejected rows, PayloadChanged or a quarantine, never in a wrong price.

A wrong price: an offer in the book states another GPU, number of GPUs, price type or USD per GPU-hour than the unaltered answer gave it,
or is new there with a statement that no offer of the unaltered answer makes.
"""

import asyncio
import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

import msgspec
import pytest

from adapters.errors import PayloadChanged
from sim.wire.facts import FACTS, PAGES
from tests.adapters.mutations import (
    HUNDREDFOLD,
    KINDS,
    PAGE_CHANGES,
    changed,
    fields,
    page_changed,
    page_fields,
    page_hundredfold,
)
from tests.adapters.polled import Accepted, Answers, Asked, Outcome, key
from tests.adapters.support import ADAPTERS

every_source = pytest.mark.parametrize("source", ADAPTERS)

MOST_OF_A_PAGE = 50
"""Texts and tags of a page that are altered, spread over it: its rows are alike."""

OWN_PRICES = {
    "azure": {"retailPrice", "unitPrice"},
    "gcp": {"unitPrice.units", "unitPrice.nanos"},
    "golem": {"hourly_price_glm", "hourly_price_usd", "golem.com.pricing.model.linear.coeffs[]"},
    "lambda": {"price_cents_per_hour"},
    "runpod": {"securePrice", "communityPrice", "secureSpotPrice", "communitySpotPrice", "price"},
    "scaleway": {"hourly_price", "monthly_price"},
    "thunder": {"pricing.*"},
    "vast": {"dph_base", "dph_total", "min_bid", "storage_cost"},
    "verda": {"price_per_hour", "spot_price"},
}
PRICES = {source: {path.split(".")[-1] for path in facts.prices.split()} for source, facts in FACTS.items()} | OWN_PRICES
"""How each provider names its prices, by the end of their fields."""

MINORITY = "fewer than half of the source's offers, and not all of a price type or slice with three: no unit break as DESIGN.md defines it"
PART = "one of several prices that are added up: the sum moves as a repricing does, by another factor for each offer"
LIKELY = "an answer that the provider may well give"

EXEMPT: tuple[tuple[str, str, str], ...] = (
    ("alibaba-spot", r"(missing|renamed|null) history: NextOffset", "the end of the history, which nobody has recorded: 0, or not there"),
    ("cudo", r"hundredfold machine-types: .*\.(vcpuPriceHr|memoryGibPriceHr|ipv4PriceHr)\.value", PART),
    ("tensordock", r"hundredfold locations: .*\.(per_vcpu_hr|per_gb_ram_hr|per_gb_storage_hr)", PART),
    ("gcore", r"hundredfold virtual(: .*)?", MINORITY),
    ("hotaisle", r"hundredfold bare-metal(: .*)?", MINORITY),
    ("ionet", r"hundredfold caas(: .*)?", MINORITY),
    ("linode", r"hundredfold types: data\[\]\.region_prices\[\]\.hourly", MINORITY),
    ("nebula-block", r"hundredfold products: data\.[\w-]+\.\w+\[\]\.price_per_hour", MINORITY),
    ("sesterce", r"hundredfold offers: \[\]\.hourlySpotPrice", MINORITY),
    ("spheron", r"hundredfold offers: data\[\]\.offers\[\]\.spot_price", MINORITY),
    ("thunder", r"hundredfold pricing: pricing\.\w+", MINORITY),
    ("vultr", r"hundredfold plans-metal(: .*)?", MINORITY),
    (
        "linode",
        r"(list|missing) types: data\[\]\.region_prices(\[\])?",
        f"{LIKELY}: a region without its own prices",
    ),
    ("ovh", r"(list|missing) catalog: addons\[\]\.blobs\.tags(\[\])?", f"{LIKELY}: what is not 'coming_soon' is for sale"),
    ("prime-intellect", r"null gpus: items\[\]\.isSpot", f"{LIKELY}: in the recording every on-demand row has null there"),
)
"""Source, what was altered (a pattern), and why the price that came of it is let pass. A test looks that each is still needed."""

FOLDED = {"gpuai"}
"""Several rows are one offer, the cheapest of them. If that row cannot be read the others stand: the same as if it had not been listed."""


class Altered(NamedTuple):
    """An alteration, as `kind request: field`, and the pages that it altered."""

    what: str
    answers: dict[str, Asked]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tens of thousands of quarantines are no news here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@cache
def accepted(source: str, runner: asyncio.Runner) -> Accepted:
    return Accepted(source, runner)


def wrong_prices(first: Accepted, outcome: Outcome) -> list[str]:
    true = set(first.stated.values())
    return [
        f"{offer_key}: {first.stated.get(offer_key, 'new')} -> {stated}"
        for offer_key, stated in outcome.stated.items()
        if (stated != first.stated[offer_key] if offer_key in first.stated else stated not in true)
    ]


def crashes(outcome: Outcome) -> list[str]:
    """Anything but PayloadChanged that the adapter itself raised."""
    return [str(error) for error in outcome.errors if not isinstance(error, PayloadChanged) or "answer cannot be read:" in str(error)]


def polled(first: Accepted, answers: Mapping[str, Asked]) -> Outcome:
    return first.poll(lambda request: answers.get(key(request)))


def with_raw(asked: Asked, raw: bytes) -> Asked:
    return msgspec.structs.replace(asked, raw=raw)


def is_price(source: str, field: str) -> bool:
    return any(field == name or field.endswith(f".{name}") or field.endswith(f"]{name}") for name in PRICES.get(source, ())) or (
        source == "thunder" and field.startswith("pricing.")
    )


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


def in_cents(source: str, pages: Answers) -> dict[str, Asked]:
    """These pages with every price a hundred times what it was."""
    found = {}
    for page, asked in pages.items():
        if asked.request.answer == "json":
            prices = [path for field, paths in fields(asked.raw).items() if is_price(source, field) for path in paths]
            found[page] = with_raw(asked, changed(asked.raw, HUNDREDFOLD, prices))
        else:
            found[page] = with_raw(asked, page_hundredfold(asked.raw.decode(), PAGES[source].thousands).encode())
    return found


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
def test_no_altered_field_makes_a_wrong_price(source: str, everywhere: bool, runner: asyncio.Runner) -> None:
    first = accepted(source, runner)
    refused = 0
    found = []
    for one in altered(source, first.answers, everywhere=everywhere):
        if all(asked.raw == first.answers[page].raw for page, asked in one.answers.items()):
            continue
        outcome = polled(first, {**first.answers, **one.answers})
        refused += bool(outcome.errors or outcome.refused)
        wrong = wrong_prices(first, outcome)
        if wrong and not is_exempt(source, one.what) and not (source in FOLDED and as_if_not_listed(first, one, outcome)):
            found.append(f"{one.what}: {wrong[0]}")
        found += [f"{one.what}: {crash}" for crash in crashes(outcome)]
    assert found == []
    assert refused


@every_source
def test_cents_for_dollars_in_every_price_are_a_unit_break(source: str, runner: asyncio.Runner) -> None:
    first = accepted(source, runner)
    outcome = polled(first, in_cents(source, first.answers))
    assert outcome.stated == first.stated
    # Google's nanos are billionths: a hundred times as many are no nanos.
    assert outcome.held == ("payload_change" if source == "gcp" else "unit_break")


def is_exempt(source: str, what: str) -> bool:
    return any(source == exempt and re.fullmatch(pattern, what) for exempt, pattern, _ in EXEMPT)


@pytest.mark.parametrize(("source", "pattern", "reason"), EXEMPT)
def test_each_exemption_is_needed(source: str, pattern: str, reason: str, runner: asyncio.Runner) -> None:
    first = accepted(source, runner)
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
def test_another_answer_altogether_leaves_every_price(source: str, name: str, runner: asyncio.Runner) -> None:
    first = accepted(source, runner)
    for page, asked in first.answers.items():
        outcome = polled(first, {**first.answers, page: with_raw(asked, WHOLE_ANSWERS[name])})
        assert not crashes(outcome)
        assert not wrong_prices(first, outcome)
    everything = polled(first, {page: with_raw(asked, WHOLE_ANSWERS[name]) for page, asked in first.answers.items()})
    assert not crashes(everything)
    assert everything.stated == first.stated
    assert everything.errors


@every_source
def test_a_truncated_answer_leaves_every_price(source: str, runner: asyncio.Runner) -> None:
    first = accepted(source, runner)
    for page, asked in first.answers.items():
        for part in (0.01, 0.3, 0.6, 0.9, 0.99):
            cut = asked.raw.strip()[: int(len(asked.raw.strip()) * part)]
            outcome = polled(first, {**first.answers, page: with_raw(asked, cut)})
            assert asked.request.aside or any(isinstance(error, PayloadChanged) for error in outcome.errors)
            assert outcome.stated == first.stated
