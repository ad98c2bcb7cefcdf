"""The gputicker commands that ask a running stack: the read API, ClickHouse, and the topics."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx

from stack.find import find_stack
from stack.settings import CLICKHOUSE_DATABASE, Stack
from stack.shown import data_dir_option, table
from stack.tail import read_topic, topic_sizes

TIMEOUT_S = 10
SQL_TIMEOUT_S = 300
WATCH_EVERY_S = 2.0
OFFER_HEADS = ["$/GPU-hour", "GPU", "GPUs", "type", "provider", "region", "availability", "age s"]


def ask(stack: Stack, path: str, **parameters: Any) -> dict[str, Any]:
    """A GET of the read API. Raises ClickException with the API's own words where it refuses."""
    wanted = {name: value for name, value in parameters.items() if value is not None}
    try:
        response = httpx.get(stack.urls["api"] + path, params=wanted, timeout=TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        raise click.ClickException(f"the API at {stack.urls['api']} does not answer: {error}") from error
    if response.status_code != httpx.codes.OK:
        raise click.ClickException(f"{path} answers {response.status_code}: {_message(response)}")
    answer: dict[str, Any] = response.json()
    return answer


def _message(response: httpx.Response) -> str:
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return response.text[:300]
    return f"{error['parameter']}: {error['message']}" if "parameter" in error else str(error.get("message", error))


def _offer_rows(offers: list[dict[str, Any]]) -> list[list[Any]]:
    return [
        [
            *(offer["usd_per_gpu_hour"], offer["gpu"], offer["gpu_count"], offer["price_type"], offer["provider"], offer["region"]),
            *(offer["availability"], round(float(offer["age_s"]), 1)),
        ]
        for offer in offers
    ]


def _print_offers(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    click.echo(table(OFFER_HEADS, _offer_rows(answer["offers"])))
    left = [f"{one['source']} ({one['reason']})" for one in answer["missing"]]
    click.echo(f"\n{answer['count']} of {answer.get('total', answer['count'])} offers, {answer['market']} market, {answer['as_of']}")
    if left:
        click.echo(f"missing: {', '.join(left)}")


@click.command()
@click.option("--gpu")
@click.option("--provider")
@click.option("--region")
@click.option("--country")
@click.option("--price-type")
@click.option("--min-gpus", type=click.IntRange(1))
@click.option("--max-price", help="USD per GPU-hour.")
@click.option("--available", is_flag=True, help="Only what can be rented now.")
@click.option("--limit", type=click.IntRange(1), default=25, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@data_dir_option
def offers(as_json: bool, available: bool, data_dir: Path | None, **filters: Any) -> None:
    """Offers, cheapest first."""
    _print_offers(ask(find_stack(data_dir), "/v1/offers", sort="price", available="true" if available else None, **filters), as_json)


@click.command()
@click.argument("gpu")
@click.option("--gpus", "min_gpus", type=click.IntRange(1), help="At least so many GPUs in one offer.")
@click.option("--region")
@click.option("--limit", type=click.IntRange(1), default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@data_dir_option
def cheapest(gpu: str, as_json: bool, data_dir: Path | None, **filters: Any) -> None:
    """The cheapest offers of one GPU that can be rented now."""
    _print_offers(ask(find_stack(data_dir), "/v1/offers", gpu=gpu, sort="price", available="true", **filters), as_json)


@click.command()
@click.option("--wide", is_flag=True, help="Also how often it is polled and may be, confidence, terms of use.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list of sources.")
@data_dir_option
def providers(wide: bool, as_json: bool, data_dir: Path | None) -> None:
    """Every source: health, age, offers; whether it is on, and why not."""
    found = ask(find_stack(data_dir), "/v1/providers")["providers"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    heads = ["source", "provider", "health", "age s", "offers"]
    rows = [[one["source"], one["provider"], one["health"], one["age_s"], one["offers"]] for one in found]
    if wide:
        heads += ["every s", "from s", "to s", "changed", "304", "confidence", "terms"]
        facts = ("cadence_s", "cadence_fastest_s", "cadence_slowest_s", "changed", "unchanged_answers", "confidence", "terms")
        rows = [row + [one.get(fact) for fact in facts] for row, one in zip(rows, found, strict=True)]
    rows = [[*row, one.get("error") or ""] for row, one in zip(rows, found, strict=True)]
    click.echo(table([*heads, "error"], rows))


@click.command()
@click.option("--json", "as_json", is_flag=True)
@data_dir_option
def rates(as_json: bool, data_dir: Path | None) -> None:
    """The exchange rates in use: USD per unit, with day and source."""
    answer = ask(find_stack(data_dir), "/v1/rates")
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    rows = [[one["currency"], one["usd"], one["date"], one["source"], "stale" if one["stale"] else ""] for one in answer["rates"]]
    click.echo(table(["currency", "USD", "day", "source", ""], rows))
    click.echo(f"\n{answer['market']} market, last asked {answer['asked_at'] or 'never'}")
    if answer["error"]:
        click.echo(f"not in use: {answer['error']}")


@click.command()
@click.argument("words", nargs=-1)
@click.option("--vendor")
@click.option("--architecture")
@click.option("--form-factor")
@click.option("--offered", is_flag=True, help="Only what there are fresh offers of.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list of GPUs.")
@data_dir_option
def gpus(words: tuple[str, ...], offered: bool, as_json: bool, data_dir: Path | None, **filters: Any) -> None:
    """The canonical GPUs whose id or title holds all WORDS, with fresh offers and the cheapest price on demand."""
    wanted = {"model": " ".join(words) or None, "offered": "true" if offered else None, **filters}
    found = ask(find_stack(data_dir), "/v1/gpus", **wanted)["gpus"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    fields = ("gpu", "title", "vendor", "form_factor", "memory_gib", "architecture", "fresh_offers", "cheapest_on_demand_usd_per_gpu_hour")
    heads = ["GPU", "title", "vendor", "form", "GiB", "architecture", "offers", "from $/GPU-hour"]
    click.echo(table(heads, [[one[field] for field in fields] for one in found]))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As a JSON list of names.")
@data_dir_option
def review(as_json: bool, data_dir: Path | None) -> None:
    """GPU names that nobody knows, by source: the rows and polls that met them."""
    found = ask(find_stack(data_dir), "/v1/review")["names"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    heads = ["source", "provider", "name", "rows", "polls", "first_seen", "last_seen"]
    click.echo(table(heads, [[one[head] for head in heads] for one in found]) if found else "none")


@click.command()
@click.option("--kind")
@click.option("--gpu")
@click.option("--provider")
@click.option("--status")
@click.option("--limit", type=click.IntRange(1), default=25, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@data_dir_option
def anomalies(as_json: bool, data_dir: Path | None, **filters: Any) -> None:
    """Incidents: spikes, repricings, market moves, collector faults."""
    answer = ask(find_stack(data_dir), "/v1/anomalies", **filters)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    found = answer["anomalies"]
    heads = ["opened_at", "kind", "status", "gpu", "price_type", "provider", "z", "message"]
    used = [head for head in heads if any(head in one for one in found)]
    click.echo(table(used, [[one.get(head) for head in used] for one in found]) if found else "none")


@click.command()
@click.argument("statement")
@click.option("--format", "output", default="PrettyCompactMonoBlock", show_default=True, help="Any output format of ClickHouse.")
@data_dir_option
def sql(statement: str, output: str, data_dir: Path | None) -> None:
    """Run SQL in ClickHouse, in the database gputicker."""
    stack = find_stack(data_dir)
    parameters = {"database": CLICKHOUSE_DATABASE, "default_format": output}
    url = stack.urls["clickhouse"]
    try:
        with httpx.stream("POST", url, params=parameters, content=statement, timeout=SQL_TIMEOUT_S, trust_env=False) as response:
            if response.status_code != httpx.codes.OK:
                raise click.ClickException(response.read().decode().strip())
            for chunk in response.iter_bytes():
                click.echo(chunk, nl=False)
    except httpx.HTTPError as error:
        raise click.ClickException(f"ClickHouse at {url} does not answer: {error}") from error


@click.command()
@data_dir_option
def topics(data_dir: Path | None) -> None:
    """The topics: key, records, how long they are kept, what they hold."""
    rows = topic_sizes(find_stack(data_dir))
    click.echo(table(["topic", "key", "partitions", "records", "kept", "about"], rows))


@click.command()
@click.argument("topic")
@click.option("--limit", type=click.IntRange(1), help="Stop after so many records.")
@click.option("-f", "--follow", is_flag=True, help="Go on as more records come.")
@click.option("--latest", is_flag=True, help="Only what comes from now on.")
@data_dir_option
def consume(topic: str, limit: int | None, follow: bool, latest: bool, data_dir: Path | None) -> None:
    """A topic's records as JSON lines, Avro decoded, from the oldest to the newest."""
    for record in read_topic(find_stack(data_dir), topic, follow=follow or latest, latest=latest, limit=limit):
        click.echo(json.dumps(record))


@click.command()
@click.option("--gpu")
@click.option("--times", type=click.IntRange(1), help="Stop after so many pictures.")
@data_dir_option
def watch(gpu: str | None, times: int | None, data_dir: Path | None) -> None:
    """The cheapest price per GPU and price type, drawn again every two seconds."""
    stack = find_stack(data_dir)
    earlier: dict[tuple[str, str], str] = {}
    for answer in _polls(stack, gpu, times):
        rows = []
        for row, offer in zip(_offer_rows(answer["offers"]), answer["offers"], strict=True):
            key = (offer["gpu"], offer["price_type"])
            before = earlier.get(key, offer["usd_per_gpu_hour"])
            rows.append(
                [*row, "up" if float(offer["usd_per_gpu_hour"]) > float(before) else "down" if offer["usd_per_gpu_hour"] != before else ""]
            )
            earlier[key] = offer["usd_per_gpu_hour"]
        click.clear()
        click.echo(f"cheapest rentable now, {answer['market']} market, {answer['as_of']}\n")
        click.echo(table([*OFFER_HEADS, ""], rows))


def _polls(stack: Stack, gpu: str | None, times: int | None) -> Iterator[dict[str, Any]]:
    shown = 0
    while True:
        yield ask(stack, "/v1/cheapest", gpu=gpu)
        shown += 1
        if times and shown >= times:
            return
        time.sleep(WATCH_EVERY_S)


COMMANDS = (offers, cheapest, providers, rates, gpus, review, anomalies, sql, topics, consume, watch)
