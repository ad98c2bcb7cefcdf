"""The `gputicker` command: start, stop and look at a stack. Questions to its data are in cli_query."""

import json
import os
from pathlib import Path

import click

from stack import cli_query, supervisor
from stack.cli_quarantine import quarantine
from stack.dotenv import read_dotenv
from stack.find import find_stack
from stack.paths import DATA_DIRS, ROOT
from stack.services import services
from stack.settings import OPTIONAL_PARTS, PORT_BASE, STATE_FILE, Stack
from stack.shown import data_dir_option, table
from stack.status import status as status_of
from stack.up import CannotStart
from stack.up import down as stop_stack
from stack.up import up as start_stack

HIGHEST_OFFSET = 443


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def cli() -> None:
    """A live market-data feed for rented GPUs. Without --data-dir a command acts on the stack that runs."""


@cli.command()
@click.option("--sim", "market", flag_value="simulated", help="Over a simulated market (the default).", default=True)
@click.option("--live", "market", flag_value="live", help="Over the real providers; credentials from the environment or .env.")
@click.option(
    "--bodies", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Over recorded answers: a folder with an index.json."
)
@click.option("--detach", is_flag=True, help="Come back when it is ready, and leave it running.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where all its data goes.")
@click.option("--port-base", type=click.IntRange(1024, 65535 - HIGHEST_OFFSET), default=PORT_BASE, show_default=True)
@click.option("--without", default="", metavar="PARTS", help=f"Leave out, separated by commas: {', '.join(OPTIONAL_PARTS)}.")
@click.option("--window", "window_s", type=click.IntRange(1), default=300, show_default=True, help="Length of a window in seconds.")
@click.option("--history-hours", type=click.FloatRange(0), help="Hours of history to publish first. [default: 24 with --sim, else 0]")
@click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(0, min_open=True),
    help="Longest time between polls, in seconds.  [default: 5; live: each source's own]",
)
@click.option("--seed", type=int, default=1, show_default=True, envvar="GPUTICKER_SEED", help="Of the simulated market.")
def up(
    market: str,
    bodies: Path | None,
    detach: bool,
    data_dir: Path | None,
    port_base: int,
    without: str,
    window_s: int,
    history_hours: float | None,
    interval_s: float | None,
    seed: int,
) -> None:
    """Start the whole stack, and wait until it is ready."""
    market = "recorded" if bodies else market
    parts = tuple(sorted({part.strip() for part in without.split(",") if part.strip()}))
    if unknown := set(parts) - set(OPTIONAL_PARTS):
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: only {', '.join(OPTIONAL_PARTS)} can be left out", param_hint="--without")
    if bodies and not (bodies / "index.json").is_file():
        raise click.BadParameter(f"{bodies} has no index.json", param_hint="--bodies")
    if history_hours is None:
        history_hours = 24 if market == "simulated" else 0
    if interval_s is None and market != "live":
        interval_s = 5.0
    if market == "live":
        read_dotenv(ROOT / ".env", os.environ)
    stack = Stack(
        market=market,
        data_dir=(data_dir or DATA_DIRS[market]).resolve(),
        port_base=port_base,
        without=parts,
        window_s=window_s,
        history_hours=history_hours,
        interval_s=interval_s,
        bodies=bodies and bodies.resolve(),
        seed=seed,
    )
    try:
        code = start_stack(stack, click.echo, detach=detach)
    except CannotStart as error:
        raise click.ClickException(str(error)) from error
    raise SystemExit(code)


@cli.command()
@data_dir_option
def down(data_dir: Path | None) -> None:
    """Stop a stack that runs in the background."""
    folders = [data_dir.resolve()] if data_dir else [folder for folder in DATA_DIRS.values() if (folder / STATE_FILE).exists()]
    stopped = [stop_stack(find_stack(folder, must_run=False), click.echo) for folder in folders]
    if not any(stopped):
        click.echo("Nothing runs.")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@data_dir_option
def status(as_json: bool, data_dir: Path | None) -> None:
    """What runs: states, memory, restarts, addresses, freshness."""
    found = status_of(find_stack(data_dir))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    rows = [
        [
            name,
            one["state"] + (f" (waits for {', '.join(one['waiting_for'])})" if one.get("waiting_for") else ""),
            one["pid"] or "",
            one["pss_mb"] or "",
            one["restarts"],
        ]
        for name, one in found["services"].items()
    ]
    total = sum(one["pss_mb"] for one in found["services"].values()) + found["supervisor"]["pss_mb"]
    rows.append(["supervisord", "running", found["supervisor"]["pid"], found["supervisor"]["pss_mb"], ""])
    click.echo(f"{found['market']} market, data in {found['data_dir']}\n")
    click.echo(table(["service", "state", "pid", "PSS MB", "restarts"], rows))
    click.echo(f"\n{total:,.0f} MB in all\n")
    click.echo(table(["door", "address"], [[name, url] for name, url in found["urls"].items()]))
    offers = found["offers"]
    click.echo(
        f"\noffers: {', '.join(f'{count} {name}' for name, count in offers.items())}" if offers else "\noffers: the API does not answer"
    )


@cli.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on as more is written.")
@click.option("-n", "--lines", default=100, show_default=True)
@data_dir_option
def logs(name: str, follow: bool, lines: int, data_dir: Path | None) -> None:
    """The end of a service's log."""
    stack = find_stack(data_dir, must_run=False)
    path = stack.logs_dir / f"{_known(stack, name, 'supervisord')}.log"
    if not path.exists():
        raise click.ClickException(f"{name} has not written a log yet ({path})")
    os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), str(path)])  # noqa: S606 - becomes tail


@cli.command()
@click.argument("name")
@data_dir_option
def restart(name: str, data_dir: Path | None) -> None:
    """Stop one service and start it again."""
    control = _control(name, data_dir)
    control.stop_and_wait(name)
    control.start(name)


@cli.command()
@click.argument("name")
@data_dir_option
def stop(name: str, data_dir: Path | None) -> None:
    """Stop one service and leave it stopped."""
    _control(name, data_dir).stop_and_wait(name)


@cli.command()
@click.argument("name")
@data_dir_option
def start(name: str, data_dir: Path | None) -> None:
    """Start one service that is stopped."""
    _control(name, data_dir).start(name)


def _control(name: str, data_dir: Path | None) -> supervisor.Supervisor:
    stack = find_stack(data_dir)
    _known(stack, name)
    return supervisor.Supervisor(stack.run_dir)


def _known(stack: Stack, name: str, *more: str) -> str:
    names = [one.name for one in services(stack)] + list(more)
    if name not in names:
        raise click.ClickException(f"no service {name!r} in this stack; there are: {', '.join(names)}")
    return name


@cli.command("check-provider")
@click.argument("name")
@click.option("--live", is_flag=True, help="Ask the real provider, also where a simulated or recorded stack runs.")
@data_dir_option
def check_provider(name: str, live: bool, data_dir: Path | None) -> None:
    """Ask one source now: offers, rejected rows, age.

    In the running stack's market, or the real provider where none runs.
    """
    from stack.check import check  # Adapters and their HTTP client: half a second that no other command needs.

    check(name, data_dir, live=live)


for query in (*cli_query.COMMANDS, quarantine):
    cli.add_command(query)


def main() -> None:
    """Entry point."""
    cli()
