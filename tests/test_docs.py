"""Documents that fail when they lie."""

import re
from pathlib import Path

import pytest

from adapters.table import source_table

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)")


def test_the_source_table_of_the_readme_is_the_registry_s() -> None:
    assert source_table() in (ROOT / "README.md").read_text(), "python -m adapters.table prints the table as it should stand"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached:
            continue
        reached.add(document)
        waiting += [path for target in LINK.findall(document.read_text()) if (path := (document.parent / target).resolve()).suffix == ".md"]
    assert reached >= set(DOCUMENTS)
