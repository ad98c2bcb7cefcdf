"""Set-up: what is due, what an interrupted or failed run leaves, what the Java parts' lock holds. Nothing is downloaded."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from stack import jars, setup
from stack.jars import Jar, JarsFailed, read_lock
from stack.paths import JARS_LOCK


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(setup, "STAMPS", tmp_path / "stamps")
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "LOG", tmp_path / "setup.log")
    (tmp_path / "input").write_text("1")
    return tmp_path


def steps(sandbox: Path, ran: list[str], fails: str = "") -> list[setup.Step]:
    def step(name: str) -> setup.Step:
        def run() -> None:
            if name == fails:
                setup._run(sys.executable, "-c", "import sys; print('the disk is full'); sys.exit(3)")
            ran.append(name)
            (sandbox / name).touch()

        return setup.Step(name, f"the {name}", (sandbox / "input",), (sandbox / name,), run, "Do something.")

    return [step("first"), step("second")]


def test_a_second_run_has_nothing_to_do(sandbox: Path) -> None:
    ran: list[str] = []
    assert setup._run_steps(steps(sandbox, ran)) == 0
    assert setup._run_steps(steps(sandbox, ran)) == 0
    assert ran == ["first", "second"]


def test_changed_inputs_and_missing_outputs_are_made_again(sandbox: Path) -> None:
    ran: list[str] = []
    setup._run_steps(steps(sandbox, ran))
    (sandbox / "second").unlink()
    setup._run_steps(steps(sandbox, ran))
    assert ran == ["first", "second", "second"]
    (sandbox / "input").write_text("2")
    setup._run_steps(steps(sandbox, ran))
    assert ran == ["first", "second", "second", "first", "second"]


def test_a_failure_names_the_step_and_the_next_run_goes_on_with_it(sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []
    assert setup._run_steps(steps(sandbox, ran, fails="second")) == 1
    said = capsys.readouterr().err
    assert "set-up failed at: the second" in said
    assert "the disk is full" in said and "ended with 3" in said and "Do something." in said
    assert setup._run_steps(steps(sandbox, ran)) == 0
    assert ran == ["first", "second"]


def test_an_interrupted_step_leaves_no_stamp(sandbox: Path) -> None:
    ran: list[str] = []

    def interrupted() -> None:
        (sandbox / "second").touch()
        raise KeyboardInterrupt

    first, second = steps(sandbox, ran)
    with pytest.raises(KeyboardInterrupt):
        setup._run_steps([first, setup.Step("second", second.says, second.inputs, second.outputs, interrupted, "")])
    setup._run_steps([first, second])
    assert ran == ["first", "second"]


def test_a_step_that_leaves_nothing_has_failed(sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = steps(sandbox, [])
    assert setup._run_steps([setup.Step("first", first.says, first.inputs, first.outputs, lambda: None, "")]) == 1
    assert "it left no" in capsys.readouterr().err


def test_it_runs_on_a_bare_python() -> None:
    code = "import sys; sys.argv = ['setup.py', '--help']; import runpy; runpy.run_path('stack/setup.py', run_name='__main__')"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--without" in done.stdout


def test_the_locked_requirements_of_one_package_have_hashes(tmp_path: Path) -> None:
    file = tmp_path / "dev.txt"
    file.write_text("ruff==1 \\\n    --hash=sha256:aa\nuv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n    # via x\nyarl==3\n")
    assert setup._locked("uv", file) == "uv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    with pytest.raises(setup.StepFailed, match="no nope"):
        setup._locked("nope", file)


def test_the_lock_holds_what_is_wanted_by_digest_and_no_address() -> None:
    locked = read_lock()
    assert {jar.set for jar in locked} == set(jars.WANTED)
    coordinates = {jar.coordinate for jar in locked}
    for wanted in jars.WANTED.values():
        assert set(wanted) <= coordinates
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in locked)
    assert len(coordinates) == len(locked)
    assert "//" not in JARS_LOCK.read_text()


def test_kafkas_own_jars_are_of_one_version() -> None:
    versions = {jar.coordinate.split(":")[-1] for jar in read_lock() if jar.coordinate.startswith("org.apache.kafka:")}
    assert len(versions) == 1, "jgo resolves mixed versions when the logging bridge stands beside kafka_2.13"


def test_a_damaged_lock_is_refused_with_its_line(tmp_path: Path) -> None:
    lock = tmp_path / "jars.lock"
    lock.write_text("# fine\nkafka only-two\n")
    with pytest.raises(JarsFailed, match="line 2"):
        read_lock(lock)


def test_a_wrong_jar_is_thrown_away_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jgo.maven import MavenContext

    monkeypatch.setattr(jars, "ATTEMPTS", 1)
    file = tmp_path / "org" / "x" / "y" / "1" / "y-1.jar"
    file.parent.mkdir(parents=True)
    file.write_text("half a download")
    with pytest.raises(JarsFailed, match="sha256"):
        jars._fetch(MavenContext(repo_cache=tmp_path, offline=True), Jar("kafka", "org.x:y:jar::1", "0" * 64))
    assert not file.exists()


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    source, folder = tmp_path / "a.jar", tmp_path / "jars" / "kafka"
    source.write_text("a")
    folder.mkdir(parents=True)
    (folder / "old.jar").touch()
    (folder.parent / ".kafka-interrupted").mkdir()
    jars._fill(folder, [("a.jar", source)])
    assert [path.name for path in folder.iterdir()] == ["a.jar"]
    assert [path.name for path in folder.parent.iterdir()] == ["kafka"]
