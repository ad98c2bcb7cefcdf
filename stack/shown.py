"""What every command shares: the --data-dir option, and tables as aligned text."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def data_dir_option(command: F) -> F:
    """Adds `--data-dir DIR`, passed on as `data_dir`."""
    return click.option(
        "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="The stack's folder, where it isn't a default one."
    )(command)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns two spaces apart; numbers to the right, text to the left."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max([len(head), *(len(row[i]) for row in cells)]) for i, head in enumerate(heads)]
    right = [bool(rows) and all(isinstance(row[i], int | float) or row[i] in ("", None) for row in rows) for i in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        return "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)).rstrip()

    return "\n".join([line(heads), line(["-" * width for width in widths]), *map(line, cells)])


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
