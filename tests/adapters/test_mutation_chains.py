"""Answers that went wrong in several ways at once, at random: the same promise as in test_mutations.py, over chains of alterations.

`GPUTICKER_MUTATIONS` says how many, over all sources. Up to 5,000 they are the same in every run; more (`make mutations`) are new ones each
time, and a chain that fails is printed with what makes it happen again.
"""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from adapters.errors import PayloadChanged
from tests.adapters.judged import crashes, is_price, let_pass, polled, with_raw, wrong_prices
from tests.adapters.mutations import CHANGES, HUNDREDFOLD, PAGE_CHANGES, changed, fields, page_changed, page_fields
from tests.adapters.polled import Accepted, Asked
from tests.adapters.support import ADAPTERS

pytestmark = pytest.mark.usefixtures("quiet")

IN_EVERY_RUN = 5_000
EXAMPLES = int(os.environ.get("GPUTICKER_MUTATIONS", IN_EVERY_RUN))
MOST_STEPS = 4
CUT, HTML = "cut", "HTML"
SOON = b"<!doctype html><title>Soon</title>"

Step = tuple[int, int, str, bool]
"""Which field (of all that the answers have), which of its places, what becomes of it, and whether it does so everywhere."""

number = st.integers(0, 9_999)
a_step: st.SearchStrategy[Step] = st.tuples(number, number, st.sampled_from([*CHANGES, CUT, HTML]), st.booleans())


@pytest.mark.parametrize("source", ADAPTERS)
def test_no_chain_of_alterations_makes_a_wrong_price(source: str, accepted: Callable[[str], Accepted]) -> None:
    first = accepted(source)

    @settings(
        max_examples=-(-EXAMPLES // len(ADAPTERS)),
        derandomize=EXAMPLES <= IN_EVERY_RUN,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(a_step, min_size=1, max_size=MOST_STEPS))
    def holds(steps: list[Step]) -> None:
        answers = dict(first.answers)
        done = [what for step in steps if (what := alter(source, answers, step))]
        note(f"{source}: {'; '.join(done)}")
        outcome = polled(first, answers)
        assert not crashes(outcome)
        wrong = wrong_prices(first, outcome)
        assert not wrong or let_pass(source, done, wrong), wrong

    holds()


def alter(source: str, answers: dict[str, Asked], step: Step) -> str:
    """Do this to the answers; what was done, as `kind request: field`."""
    which, where, kind, everywhere = step
    page = list(answers)[where % len(answers)]
    asked = answers[page]
    name = asked.request.name
    if kind in (CUT, HTML):
        answers[page] = with_raw(
            asked, asked.raw[: which * len(asked.raw) // 10_000] if kind == CUT else b"<!doctype html><title>Soon</title>"
        )
        return f"{kind} {name}"
    if asked.request.answer != "json":
        return _alter_page(answers, page, step)
    found = _fields(asked.raw)
    if not found:
        return ""
    field = list(found)[which % len(found)]
    if kind == HUNDREDFOLD and not is_price(source, field):
        return ""
    if everywhere or kind == HUNDREDFOLD:
        for other, one in answers.items():
            if one.request.name == name:
                answers[other] = with_raw(one, changed(one.raw, kind, _fields(one.raw).get(field, [])))
    else:
        answers[page] = with_raw(asked, changed(asked.raw, kind, [found[field][where % len(found[field])]]))
    return f"{kind} {name}: {field}"


def _alter_page(answers: dict[str, Asked], page: str, step: Step) -> str:
    which, where, kind, everywhere = step
    asked = answers[page]
    text = asked.raw.decode(errors="ignore")
    found = page_fields(text)
    if not found:
        return ""
    kind = list(PAGE_CHANGES)[[*CHANGES].index(kind) % len(PAGE_CHANGES)]
    field = list(found)[which % len(found)]
    places = found[field] if everywhere else [found[field][where % len(found[field])]]
    answers[page] = with_raw(asked, page_changed(text, kind, places).encode())
    return f"{kind} {asked.request.name}: {field}"


def _fields(raw: bytes) -> dict[str, list[tuple[str | int, ...]]]:
    """The answer's fields; none where an earlier step left no JSON."""
    try:
        return fields(raw)
    except PayloadChanged:
        return {}
