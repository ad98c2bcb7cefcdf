"""The gputicker command: every command explains itself, and errors are one sentence with what to do."""

import json
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner

from stack import cli_query
from stack.cli import cli
from stack.settings import Stack
from stack.shown import table
from stack.up import CannotStart

DOCUMENTED = {
    *("up", "down", "status", "logs", "restart", "start", "stop"),
    *(
        "offers",
        "cheapest",
        "providers",
        "rates",
        "gpus",
        "review",
        "anomalies",
        "sql",
        "topics",
        "watch",
        "consume",
        "check-provider",
        "quarantine",
    ),
}
ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(arguments))
    return result.exit_code, result.output if result.exception is None or isinstance(result.exception, SystemExit) else repr(
        result.exception
    )


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, httpx.Response]:
    """Path -> what the read API answers; the stack is always found."""
    found: dict[str, httpx.Response] = {}

    def get(url: str, **_: Any) -> httpx.Response:
        path = httpx.URL(url).path
        if path not in found:
            raise httpx.ConnectError("connection refused")
        return found[path]

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setattr(cli_query, "find_stack", lambda _: Stack())
    return found


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Stack]:
    """What `up` would have started."""
    found: list[Stack] = []

    def start(stack: Stack, *_: object, **__: object) -> int:
        found.append(stack)
        return 0

    monkeypatch.setattr("stack.cli.start_stack", start)
    return found


def test_the_commands_are_those_of_the_docs() -> None:
    assert set(cli.commands) == DOCUMENTED
    running = (ROOT / "docs" / "running.md").read_text()
    for name in DOCUMENTED:
        assert f"gputicker {name}" in running or f"`{name}`" in running, f"{name} is not in docs/running.md"


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_every_command_explains_itself(name: str) -> None:
    code, said = run(name, "--help")
    assert code == 0
    assert cli.commands[name].help
    assert ("--data-dir" in said) == any(option.name == "data_dir" for option in cli.commands[name].params)
    assert "--data-dir" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("up", "--without", "kafka"), "only airflow, flink can be left out"),
        (("up", "--bodies", str(ROOT / "docs")), "no index.json"),
        (("up", "--port-base", "65200"), "65092"),
        (("up", "--window", "0"), "--window"),
        (("status", "--data-dir", "/nowhere/at/all"), "gputicker up --sim"),
    ],
)
def test_bad_use_is_one_sentence(arguments: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.cli.start_stack", lambda *_, **__: pytest.fail("started"))
    code, said = run(*arguments)
    assert code != 0
    assert says in said


@pytest.mark.parametrize(
    ("arguments", "market", "history_hours", "interval_s", "folder"),
    [
        ((), "simulated", 24, 5.0, "data"),
        (("--sim", "--interval", "2", "--history-hours", "0.5"), "simulated", 0.5, 2.0, "data"),
        (("--live",), "live", 0, None, "data-live"),
    ],
)
def test_up_means_what_it_says(
    arguments: tuple[str, ...],
    market: str,
    history_hours: float,
    interval_s: float | None,
    folder: str,
    started: list[Stack],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stack.cli.read_dotenv", lambda *_: None)
    assert run("up", *arguments)[0] == 0
    (stack,) = started
    assert (stack.market, stack.history_hours, stack.interval_s, stack.data_dir.name) == (market, history_hours, interval_s, folder)


def test_bodies_mean_the_recorded_market(tmp_path: Path, started: list[Stack]) -> None:
    (tmp_path / "index.json").write_text("{}")
    assert run("up", "--bodies", str(tmp_path), "--without", "flink, airflow")[0] == 0
    (stack,) = started
    assert (stack.market, stack.bodies, stack.history_hours, stack.without) == ("recorded", tmp_path.resolve(), 0, ("airflow", "flink"))


def test_what_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise CannotStart("port 20092 (kafka) is taken by java (pid 1)")

    monkeypatch.setattr("stack.cli.start_stack", refuse)
    code, said = run("up")
    assert (code, said) == (1, "Error: port 20092 (kafka) is taken by java (pid 1)\n")


def test_providers_as_json_are_a_list(answers: dict[str, httpx.Response]) -> None:
    source = {"source": "vast", "provider": "vast", "title": "Vast.ai", "health": "ok", "age_s": 1.5, "offers": 3}
    answers["/v1/providers"] = httpx.Response(200, json={"market": "simulated", "providers": [source], "offers": {}})
    code, said = run("providers", "--json")
    assert code == 0
    assert json.loads(said) == [source]
    assert "vast" in run("providers")[1]


def test_wide_providers_show_pace_and_terms(answers: dict[str, httpx.Response]) -> None:
    source = {"source": "vast", "provider": "vast", "health": "ok", "age_s": 1.5, "offers": 3, "error": None, "confidence": "grounded"}
    pace = {"cadence_s": 38.4, "cadence_fastest_s": 30.0, "cadence_slowest_s": 60.0, "changed": 7, "unchanged_answers": 2}
    told = [{**source, **pace, "terms": "https://vast.example/terms"}]
    answers["/v1/providers"] = httpx.Response(200, json={"market": "simulated", "providers": told, "offers": {}})
    said = run("providers", "--wide")[1]
    assert said.splitlines()[-1].split()[5:] == ["38.4", "30.0", "60.0", "7", "2", "grounded", "https://vast.example/terms"]
    assert "38.4" not in run("providers")[1]


def test_rates_name_day_source_and_what_is_not_in_use(answers: dict[str, httpx.Response]) -> None:
    rate = {"currency": "EUR", "usd": "1.1214", "date": "2026-11-20", "source": "ecb", "stale": True}
    told = {"market": "simulated", "asked_at": None, "error": "TRY: not believed", "rates": [rate]}
    answers["/v1/rates"] = httpx.Response(200, json=told)
    code, said = run("rates")
    assert code == 0
    assert ["EUR", "1.1214", "2026-11-20", "ecb", "stale"] in [line.split() for line in said.splitlines()]
    assert "simulated market, last asked never\nnot in use: TRY: not believed\n" in said
    assert json.loads(run("rates", "--json")[1]) == told


def test_gpus_are_a_table_and_an_empty_review_says_none(answers: dict[str, httpx.Response]) -> None:
    gpu = {
        **{"gpu": "H100-SXM-80", "title": "H100 SXM", "vendor": "NVIDIA", "model": "H100", "form_factor": "SXM", "memory_gib": 80},
        **{"architecture": "Hopper", "slice_of": None, "fresh_offers": 31, "cheapest_on_demand_usd_per_gpu_hour": None},
    }
    answers["/v1/gpus"] = httpx.Response(200, json={"gpus": [gpu]})
    assert "H100-SXM-80" in run("gpus", "h100", "--vendor", "NVIDIA", "--offered")[1]
    assert json.loads(run("gpus", "--json")[1]) == [gpu]
    answers["/v1/review"] = httpx.Response(200, json={"names": []})
    assert run("review") == (0, "none\n")


def test_review_names_source_provider_and_counts(answers: dict[str, httpx.Response]) -> None:
    name = {
        **{"source": "vast", "provider": "vast", "name": "RTX 9999", "rows": 3, "polls": 17},
        **{"first_seen": "2026-11-20T08:00:01.000Z", "last_seen": "2026-11-21T08:00:01.000Z"},
    }
    answers["/v1/review"] = httpx.Response(200, json={"names": [name]})
    code, said = run("review")
    assert code == 0
    assert said.splitlines()[0].split() == ["source", "provider", "name", "rows", "polls", "first_seen", "last_seen"]
    assert said.splitlines()[2].split()[:6] == ["vast", "vast", "RTX", "9999", "3", "17"]
    assert json.loads(run("review", "--json")[1]) == [name]


def test_offers_name_what_is_missing(answers: dict[str, httpx.Response]) -> None:
    offer = {
        **{"usd_per_gpu_hour": "2.490000", "gpu": "H100-SXM-80", "gpu_count": 8, "price_type": "on_demand", "provider": "lambda"},
        **{"region": "us-east-1", "availability": "available", "age_s": 3.14, "freshness": "fresh"},
    }
    envelope = {"market": "simulated", "as_of": "now", "count": 1, "total": 4, "offers": [offer]}
    answers["/v1/offers"] = httpx.Response(200, json={**envelope, "missing": [{"source": "verda", "reason": "expired", "age_s": 99}]})
    said = run("cheapest", "H100-SXM-80")[1]
    assert "2.490000" in said and "1 of 4 offers, simulated market" in said and "missing: verda (expired)" in said


def test_a_refused_parameter_is_named(answers: dict[str, httpx.Response]) -> None:
    answers["/v1/offers"] = httpx.Response(422, json={"error": {"parameter": "gpu", "message": "no such GPU"}})
    code, said = run("cheapest", "H1000")
    assert (code, said) == (1, "Error: /v1/offers answers 422: gpu: no such GPU\n")


def test_an_api_that_is_down_is_one_sentence(answers: dict[str, httpx.Response]) -> None:
    assert not answers
    code, said = run("offers")
    assert code == 1
    assert said.startswith("Error: the API at http://127.0.0.1:20080 does not answer")


def test_tables_align_numbers_to_the_right() -> None:
    assert table(["name", "n"], [["a", 1], ["bb", 1234.5]]) == "name        n\n----  -------\na           1\nbb    1,234.5"


def test_commands_are_click_commands() -> None:
    assert all(isinstance(command, click.Command) for command in cli.commands.values())
