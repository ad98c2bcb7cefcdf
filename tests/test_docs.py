"""Documents that fail when they lie."""

import re
from pathlib import Path

import pytest

from adapters import table

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)")


def test_what_documents_say_of_the_sources_is_the_registry_s() -> None:
    assert table.PAGE.read_text() == table.page(), "python -m adapters.table --write writes it as it should stand"
    assert f"<!-- sources -->\n{table.readme_line()}\n<!-- /sources -->" in table.README.read_text()


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
