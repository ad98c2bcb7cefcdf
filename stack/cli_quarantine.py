"""`gputicker quarantine`: which sources the bridge holds back and why, and an operator's word on it. Talks to the bridge through Redis."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import redis

from bridge.quarantine_keys import ANSWERS, HOLDS, ORDERS
from stack.find import find_stack
from stack.settings import Stack
from stack.shown import data_dir_option, table

ANSWERED_WITHIN_S = 10.0
LOOK_S = 0.1
HEADS = ["source", "since", "kind", "waits for", "reason"]


@click.command()
@click.argument("action", type=click.Choice(["list", "show", "accept", "refuse"]), default="list")
@click.argument("source", required=False)
@click.option("--json", "as_json", is_flag=True, help="list, show: as JSON.")
@data_dir_option
def quarantine(action: str, source: str | None, as_json: bool, data_dir: Path | None) -> None:
    """Sources held back because their answers are not believed.

    list: all of them. show SOURCE: the evidence, and where the bodies are kept. accept SOURCE: the new answers are right; later ones are
    judged against them. refuse SOURCE: drop what is kept; it stays held until its answers agree with the last accepted ones.
    """
    stack = find_stack(data_dir)
    if action != "list" and source is None:
        raise click.UsageError(f"{action} needs a SOURCE")
    try:
        with redis.Redis.from_url(stack.urls["redis"], socket_timeout=ANSWERED_WITHIN_S, decode_responses=True) as client:
            if action in ("accept", "refuse"):
                click.echo(_order(client, str(source), action))
            else:
                _tell(_holds(client), source, as_json, details=action == "show")
    except redis.RedisError as error:
        raise click.ClickException(f"redis of the stack in {_where(stack)} does not answer: {error}") from error


def _holds(client: "redis.Redis") -> dict[str, dict[str, Any]]:
    found: Any = client.hgetall(HOLDS)
    return {name: json.loads(hold) for name, hold in sorted(found.items())}


def _order(client: "redis.Redis", source: str, verb: str) -> str:
    client.hdel(ANSWERS, source)
    client.hset(ORDERS, source, json.dumps({"verb": verb}))
    deadline = time.monotonic() + ANSWERED_WITHIN_S
    while time.monotonic() < deadline:
        answer: Any = client.hget(ANSWERS, source)
        if answer is not None:
            return str(answer)
        time.sleep(LOOK_S)
    return f"{source}: {verb} is noted; the bridge does not run, and carries it out when it does"


def _tell(holds: dict[str, dict[str, Any]], source: str | None, as_json: bool, *, details: bool) -> None:
    if source is not None:
        holds = {name: hold for name, hold in holds.items() if name == source}
    if as_json:
        click.echo(json.dumps(list(holds.values()), indent=2))
    elif not holds:
        click.echo(f"{source} is not in quarantine" if source else "nothing is in quarantine")
    elif details:
        for name, hold in holds.items():
            click.echo(_details(name, hold))
    else:
        rows = [[name, _moment(hold["since_ms"]), hold["now"], _waits_for(hold), hold["reason_now"][:100]] for name, hold in holds.items()]
        click.echo(table(HEADS, rows))


def _details(name: str, hold: dict[str, Any]) -> str:
    lines = [
        f"{name}: {hold['kind'].replace('_', ' ')} since {_moment(hold['since_ms'])}, incident {hold['incident']}",
        f"  {hold['reason']}",
        f"  now: {hold['now'].replace('_', ' ')}: {hold['reason_now']}" if hold["reason_now"] != hold["reason"] else "",
        f"  field {hold['field']}, body {hold['digest']}",
        *(f"  {fact}: {value}" for fact, value in hold["evidence"].items() if fact != "examples"),
        *(f"  such as {example}" for example in hold["evidence"].get("examples", ())),
        f"  waits for: {_waits_for(hold)}",
        f"  kept in {hold['folder']}" if hold["folder"] else "  nothing is kept",
    ]
    return "\n".join(line for line in lines if line)


def _waits_for(hold: dict[str, Any]) -> str:
    parts = len(hold["outstanding"])
    return "its answer to agree again" if parts == 1 else f"{parts} parts to agree again"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _where(stack: Stack) -> str:
    return str(stack.data_dir)
