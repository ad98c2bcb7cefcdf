"""Documents that fail when they lie."""

import re
from pathlib import Path
from typing import get_args

import pytest

from adapters import table
from api.routes import ROUTES
from sim.incidents import Kind

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


def section(title: str) -> str:
    """What stands in architecture.md under a heading of the second level."""
    return (ROOT / "docs" / "architecture.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_architecture_md_has_every_route_and_no_other() -> None:
    told = re.findall(r"^\| `((?:GET|POST) /v1/\w+)`", section("Read API"), re.MULTILINE)
    assert sorted(told) == sorted(f"{route.method} {route.path}" for route in ROUTES)


def test_architecture_md_has_every_redis_key_and_no_other() -> None:
    code = "".join(file.read_text() for room in ("bridge", "api") for file in (ROOT / room).rglob("*.py"))
    used = {key.partition("{")[0] for key in re.findall(r"f?\"(gputicker:[^\"]+)\"", code)} - {"gputicker:"}
    told = {key.partition("{")[0] for key in re.findall(r"^\| `(gputicker:[^`]+)`", section("Redis"), re.MULTILINE)}
    assert used == told


def test_architecture_md_has_every_table_and_view() -> None:
    migrations = "".join(file.read_text() for file in (ROOT / "clickhouse" / "migrations").glob("*.sql"))
    made = set(re.findall(r"^CREATE (?:OR REPLACE )?(?:TABLE|VIEW) (?:IF NOT EXISTS )?(\w+)", migrations, re.MULTILINE))
    assert len(made) > 10
    assert made - set(re.findall(r"`(\w+)`", section("ClickHouse"))) == set()


def test_architecture_md_has_every_kind_of_incident_that_can_be_asked_for() -> None:
    assert set(get_args(Kind)) - set(re.findall(r"`(\w+)`", section("The simulated market's HTTP surface"))) == set()
