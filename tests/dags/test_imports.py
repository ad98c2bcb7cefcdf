"""A DAG file is read again and again by a process that has none of our code: it may load little."""

import ast
import sys
from pathlib import Path

import pytest

DAGS = sorted((Path(__file__).parents[2] / "dags").glob("*.py"))
ALLOWED = {"airflow", "feed", "httpx"} | sys.stdlib_module_names


def test_there_are_dags() -> None:
    assert [path.stem for path in DAGS] == ["cache_warming", "data_quality", "feed", "job_dispatch", "provider_health"]


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
def test_it_imports_nothing_of_ours_and_nothing_heavy(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").partition(".")[0])
    assert imported <= ALLOWED
