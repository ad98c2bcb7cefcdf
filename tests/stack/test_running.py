"""Starting, restarting, finding and ending processes: the pieces, without servers of the stack."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from stack import records, supervisor
from stack.find import NoStack, find_stack
from stack.prepare import airflow_login, airflow_secrets, kafka_properties, prepare, write_stack
from stack.probes import probe
from stack.run import _pause_s, _Start
from stack.services import service, services
from stack.settings import STATE_FILE, Stack
from stack.status import status
from stack.up import CannotStart, _check_ports, down, up

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def eventually(what: str, probe: Callable[[], object], within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not probe():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    stack = Stack(data_dir=tmp_path / "data", port_base=42_000)
    for folder in (stack.run_dir, stack.logs_dir):
        folder.mkdir(parents=True)
    return stack


def test_supervisord_reads_the_configuration(stack: Stack) -> None:
    stack = Stack(data_dir=stack.data_dir)
    path = stack.run_dir / "supervisord.conf"
    path.write_text(supervisor.config_text(stack))
    options = ServerOptions()
    options.realize(["-c", str(path)])
    programs = {group.process_configs[0].name: group.process_configs[0] for group in options.process_group_configs}
    assert list(programs) == [one.name for one in services(stack)]
    for one in services(stack):
        program = programs[one.name]
        assert program.stdout_logfile == str(stack.logs_dir / f"{one.name}.log")
        assert program.stdout_logfile_maxbytes > 0
        assert program.startsecs == 0, "stack.run paces restarts; supervisord must not give up"
        assert program.killasgroup
        assert str(stack.data_dir) in program.command


def test_a_long_folder_gets_a_short_socket_that_stands_in_it(tmp_path: Path) -> None:
    run_dir = tmp_path / ("deep" * 30) / "run"
    run_dir.mkdir(parents=True)
    path = supervisor.socket_path(run_dir)
    assert len(str(path)) <= supervisor.SOCKET_PATH_LIMIT
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    assert (run_dir / "supervisor.sock").is_socket()
    path.parent.unlink()


def test_a_second_supervisord_is_refused_while_the_first_lives(stack: Stack) -> None:
    with supervisor.lock(stack.run_dir), pytest.raises(supervisor.AlreadyRunning, match="already runs"):
        supervisor.lock(stack.run_dir)
    assert not supervisor.running(stack.run_dir)


@pytest.mark.parametrize(("backoff", "pause_s"), [(0, 0), (1, 1), (2, 2), (4, 8), (5, 15), (50, 15)])
def test_short_lives_are_paced_and_never_given_up(backoff: int, pause_s: int) -> None:
    assert _pause_s(backoff) == pause_s


@pytest.mark.parametrize(("lived_s", "backoff"), [(1, 3), (60, 0)])
def test_only_short_lives_count_for_the_pause(stack: Stack, lived_s: float, backoff: int) -> None:
    before = records.Record(pid=1, started_ticks=0, state="running", starts=5, at=time.time() - lived_s, backoff=2)
    records.write(stack.run_dir, "bridge", before)
    start = _Start(stack, service(stack, "bridge"))
    assert (start.starts, start.backoff) == (6, backoff)


def test_credentials_reach_the_live_bridge_alone(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUTICKER_LAMBDA_API_KEY", "secret")
    monkeypatch.setenv("GPUTICKER_EUR_USD", "1.2")
    monkeypatch.setenv("GPUTICKER_KAFKA", "elsewhere:9092")
    monkeypatch.setenv("SOMETHING_PRIVATE", "x")
    live = Stack(market="live", history_hours=0, data_dir=stack.data_dir)
    for chosen in (stack, live):
        for one in services(chosen):
            given = _Start(chosen, one)._environment()
            assert ("GPUTICKER_LAMBDA_API_KEY" in given) == (chosen is live and one.name == "bridge"), one.name
            assert "SOMETHING_PRIVATE" not in given
            assert given.get("GPUTICKER_KAFKA") != "elsewhere:9092", "an address of the table gives way to nothing"
            assert given["GPUTICKER_EUR_USD"] == "1.2"


def test_generated_secrets_are_kept_and_private(stack: Stack) -> None:
    (user, password), keys = airflow_login(stack), airflow_secrets(stack)
    prepare(stack, "airflow")
    assert (airflow_login(stack), airflow_secrets(stack)) == ((user, password), keys)
    assert user == "admin" and len(password) >= 12
    for file in ("passwords.json", "secrets.json"):
        assert (stack.data_dir / "airflow" / file).stat().st_mode & 0o077 == 0


def test_kafka_listens_on_loopback(stack: Stack) -> None:
    found = kafka_properties(stack)
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:42092,CONTROLLER://127.0.0.1:42093"
    assert found["advertised.listeners"] == "PLAINTEXT://127.0.0.1:42092"


def test_a_taken_port_is_named_with_its_holder(stack: Stack) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", stack.port("kafka")))
        holder.listen()
        with pytest.raises(CannotStart, match=rf"port 42092 \(kafka\) is taken by .*pid {os.getpid()}.*--port-base"):
            _check_ports(stack)


def test_up_without_set_up_says_so(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.up.REGISTRY", Path(__file__).parents[2] / "nowhere")
    with pytest.raises(CannotStart, match="run `make setup`"):
        up(stack, lambda _: None, detach=True)


@pytest.mark.parametrize("name", ["with space", "100%", "it's", "a:b"])
def test_a_folder_that_the_start_scripts_cannot_take_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotStart, match="--data-dir"):
        up(Stack(data_dir=tmp_path / name), lambda _: None, detach=True)


def test_commands_without_a_stack_say_what_to_do(tmp_path: Path, stack: Stack) -> None:
    with pytest.raises(NoStack, match="gputicker up --sim"):
        find_stack(tmp_path / "empty")
    write_stack(stack, stack.data_dir / STATE_FILE)
    with pytest.raises(NoStack, match="does not run"):
        find_stack(stack.data_dir)
    assert find_stack(stack.data_dir, must_run=False) == stack


@pytest.mark.parametrize("name", [one.name for one in services(Stack())])
def test_every_probe_can_fail(stack: Stack, name: str) -> None:
    assert probe(stack, name) != ""


def test_redis_is_ready_only_when_it_answers(stack: Stack) -> None:
    prepare(stack, "redis")
    command = service(stack, "redis").command(stack)
    assert shutil.which(command[0])
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        eventually("redis ready", lambda: probe(stack, "redis") == "")
    finally:
        server.terminate()
        server.wait(10)
    assert probe(stack, "redis") != ""


def test_a_record_knows_its_process_from_another_with_the_same_pid() -> None:
    process = subprocess.Popen(SLEEP)
    try:
        ticks = records.started_ticks(process.pid)
        assert ticks is not None
        assert records.Record(pid=process.pid, started_ticks=ticks, state="running").alive
        assert not records.Record(pid=process.pid, started_ticks=ticks - 1, state="running").alive
    finally:
        process.kill()
        process.wait()
    assert records.started_ticks(process.pid) is None


def test_processes_of_a_stack_are_found_by_mark_also_in_a_session_of_their_own(stack: Stack) -> None:
    env = os.environ | {records.MARK: str(stack.data_dir)}
    processes = [subprocess.Popen(SLEEP, env=env), subprocess.Popen(SLEEP, env=env, start_new_session=True), subprocess.Popen(SLEEP)]
    try:
        eventually("both found", lambda: sorted(records.processes_of(stack.data_dir)) == sorted(one.pid for one in processes[:2]))
    finally:
        for one in processes:
            one.kill()
            one.wait()
    assert records.processes_of(stack.data_dir) == []


def test_a_session_of_another_boot_or_leader_is_not_ours(stack: Stack) -> None:
    process = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        records.write_session(stack.run_dir, process.pid)
        assert records.processes_of(stack.data_dir) == [process.pid]
        path = stack.run_dir / records.SESSION_FILE
        path.write_text(path.read_text().replace('"started_ticks": ', '"started_ticks": 1'))
        assert records.processes_of(stack.data_dir) == []
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def only_redis(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A real supervisord that runs one real service of the table."""
    monkeypatch.setattr(supervisor, "services", lambda given: (service(given, "redis"),))
    write_stack(stack, stack.data_dir / STATE_FILE)
    process = supervisor.start(stack)
    yield stack
    for pid in records.processes_of(stack.data_dir):
        os.kill(pid, signal.SIGKILL)
    process.wait(10)


def test_a_killed_service_comes_back_and_down_ends_everything(only_redis: Stack) -> None:
    eventually("redis ready", lambda: probe(only_redis, "redis") == "")
    first = status(only_redis)["services"]["redis"]
    assert (first["state"], first["restarts"]) == ("running", 0)
    assert first["pss_mb"] > 0
    os.kill(first["pid"], signal.SIGKILL)
    eventually("redis back", lambda: probe(only_redis, "redis") == "" and status(only_redis)["services"]["redis"]["restarts"] == 1)
    supervisor.Supervisor(only_redis.run_dir).stop_and_wait("redis")
    assert status(only_redis)["services"]["redis"]["state"] == "stopped"
    supervisor.Supervisor(only_redis.run_dir).start("redis")
    eventually("redis started", lambda: probe(only_redis, "redis") == "")
    said: list[str] = []
    assert down(only_redis, said.append)
    assert "nothing is left running" in said[-1]
    assert records.processes_of(only_redis.data_dir) == []
    assert not down(only_redis, said.append)


def test_down_ends_what_a_killed_supervisord_left(only_redis: Stack) -> None:
    eventually("redis ready", lambda: probe(only_redis, "redis") == "")
    os.kill(int((only_redis.run_dir / "supervisord.pid").read_text()), signal.SIGKILL)
    eventually("the lock is free", lambda: not supervisor.running(only_redis.run_dir))
    assert probe(only_redis, "redis") == "", "redis overwrites its own environment, and runs on"
    assert down(only_redis, lambda _: None)
    assert probe(only_redis, "redis") != ""
    assert records.processes_of(only_redis.data_dir) == []
