"""Which stack a command means: the one in --data-dir, or else the one that runs in a default folder."""

from pathlib import Path

import click

from stack import supervisor
from stack.paths import DATA_DIRS
from stack.settings import STATE_FILE, Stack


class NoStack(click.ClickException):
    """There is no stack to act on; the message says what to do."""


def find_stack(data_dir: Path | None, *, must_run: bool = True) -> Stack:
    """The stack. Raises NoStack where there is none, where it must run and doesn't, or where several run and none was named."""
    if data_dir is None:
        running = [folder for folder in DATA_DIRS.values() if supervisor.running(folder / "run")]
        if len(running) > 1:
            raise NoStack(f"several stacks run; say which with --data-dir: {', '.join(map(str, running))}")
        existing = [folder for folder in DATA_DIRS.values() if (folder / STATE_FILE).exists()]
        data_dir = next(iter([*running, *existing]), DATA_DIRS["simulated"])
    data_dir = data_dir.resolve()
    if not (data_dir / STATE_FILE).exists():
        raise NoStack(f"no stack was ever started in {data_dir}: `gputicker up --sim` starts one")
    if must_run and not supervisor.running(data_dir / "run"):
        raise NoStack(f"the stack in {data_dir} does not run: `gputicker up --sim --detach` starts it")
    return Stack.from_json((data_dir / STATE_FILE).read_text())
