"""The table of services against docs/architecture.md, and against itself."""

import re
from collections import Counter
from pathlib import Path

import pytest

from stack.probes import PROBES
from stack.services import READ_BY, STOP_ORDER, environment, service, services
from stack.settings import HOST, PORT_BASE, PORTS, Stack

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
FULL = Stack()


def test_settings_and_who_reads_them_are_as_architecture_md_says() -> None:
    table = ARCHITECTURE.split("## Settings")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`GPUTICKER_.*?) \| .* \| (.*?) \|$", table, re.MULTILINE)
    readers = {name: who.split(", ") for names, who in rows for name in re.findall(r"GPUTICKER_\w+", names)}
    assert {name: readers.get(name) for name in READ_BY} == {name: list(who) for name, who in READ_BY.items()}


@pytest.mark.parametrize("market", ["simulated", "recorded", "live"])
def test_each_service_gets_every_variable_it_reads(market: str) -> None:
    stack = Stack(market=market, bodies=Path("/bodies") if market == "recorded" else None, history_hours=24 if market == "simulated" else 0)
    unset = {
        "simulated": {"GPUTICKER_BODIES"},
        "recorded": set[str](),
        "live": {"GPUTICKER_BODIES", "GPUTICKER_UPSTREAM_URL", "GPUTICKER_UPSTREAM_CA"},
    }[market]
    for one in services(stack):
        given = environment(stack, one)
        wanted = {name for name, readers in READ_BY.items() if one.name in readers} - unset
        assert wanted <= given.keys(), f"{one.name} lacks {wanted - given.keys()}"
        assert all(isinstance(value, str) and value != "None" for value in given.values())


def test_a_live_bridge_is_given_no_simulated_address() -> None:
    given = environment(Stack(market="live", history_hours=0), service(Stack(market="live", history_hours=0), "bridge"))
    assert not [name for name in given if "UPSTREAM" in name]


def test_ports_do_not_clash_and_are_all_somebodys() -> None:
    assert [offset for offset, times in Counter(PORTS.values()).items() if times > 1] == []
    owned = [port for one in services(FULL) for port in one.ports]
    assert sorted(owned) == sorted(PORTS)


def test_architecture_md_has_the_main_ports() -> None:
    table = ARCHITECTURE.split("## Processes")[1].split("## Settings")[0]
    for one in services(FULL):
        row = next(line for line in table.splitlines() if f"`{one.name}`" in line)
        if one.ports:
            ranges = re.findall(r"(\d+)(?:-(\d+))?", row.split("|")[3])
            written = {port for first, last in ranges for port in range(int(first), int(last or first) + 1)}
            assert PORTS[one.ports[0]] in written, f"{one.name}: {row}"


def test_two_stacks_side_by_side_share_no_port_and_no_address() -> None:
    other = Stack(port_base=PORT_BASE + 1000, data_dir=Path("/other"))
    assert not set(FULL.urls.values()) & set(other.urls.values())
    for one in services(FULL):
        twin = service(other, one.name)
        shared = {
            name: value
            for name, value in environment(FULL, one).items()
            if environment(other, twin).get(name) == value and (str(FULL.port_base)[:2] + "0" in value or str(FULL.data_dir) in value)
        }
        assert not shared, f"{one.name}: {shared}"


def test_everything_listens_on_loopback() -> None:
    for one in services(FULL):
        for name, value in environment(FULL, one).items():
            assert "0.0.0.0" not in value, f"{one.name}: {name}"
        if "GPUTICKER_PORT" in environment(FULL, one):
            assert environment(FULL, one)["GPUTICKER_HOST"] == HOST


def test_needs_name_services_that_start_before() -> None:
    started: set[str] = set()
    for one in services(FULL):
        assert {*one.needs, *one.after} <= started | {"flink-job"}, one.name
        started.add(one.name)


def test_the_fresh_path_waits_for_nothing_of_the_history_path() -> None:
    history = {"kafka", "registry", "topics", "clickhouse", "loader", "backfill", "flink-jobmanager", "flink-taskmanager", "flink-job"}
    for name in ("redis", "sim", "bridge", "api"):
        one = service(FULL, name)
        assert not history & {*one.needs, *one.after}


def test_every_service_is_stopped_once_and_probed() -> None:
    names = [one.name for one in services(FULL)]
    assert sorted(name for tier in STOP_ORDER for name in tier) == sorted(names)
    assert sorted(PROBES) == sorted(names)


def test_who_writes_to_kafka_or_clickhouse_stops_before_it() -> None:
    position = {name: tier for tier, names in enumerate(STOP_ORDER) for name in names}
    for one in services(FULL):
        for needed in one.needs:
            assert position[one.name] < position[needed] or one.once or needed in ("airflow-db", "topics"), f"{one.name}, {needed}"


@pytest.mark.parametrize(
    ("stack", "absent"),
    [
        (Stack(without=("airflow",)), {"airflow", "airflow-db", "airflow-scheduler", "airflow-dag-processor"}),
        (Stack(without=("flink",)), {"flink-jobmanager", "flink-taskmanager", "flink-job"}),
        (Stack(market="live", history_hours=0), {"sim", "backfill"}),
        (Stack(history_hours=0), {"backfill"}),
    ],
)
def test_parts_can_be_left_out(stack: Stack, absent: set[str]) -> None:
    assert {one.name for one in services(FULL)} - {one.name for one in services(stack)} == absent
    assert not set(stack.urls) & absent


def test_an_unknown_service_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"no service 'nope'.*bridge"):
        service(FULL, "nope")


def test_a_stack_survives_its_file() -> None:
    stack = Stack(market="recorded", bodies=Path("/b"), data_dir=Path("/d"), without=("airflow",), window_s=10, interval_s=None)
    assert Stack.from_json(stack.to_json()) == stack
